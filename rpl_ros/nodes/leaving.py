# Copyright 2026 rpl_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Ends a process whose middleware does not come down, with the exit code that it has earned."""

import ctypes
import faulthandler

CLOCK_MONOTONIC = 1
SIGEV_THREAD = 2
MARGIN = 0.5
"""How long before the end the traces of all threads are printed, s."""


class _Event(ctypes.Structure):
    """POSIX `struct sigevent` as Linux lays it out: 64 bytes, of which these are set."""

    _fields_ = [('value', ctypes.c_size_t), ('signal', ctypes.c_int), ('notify', ctypes.c_int),
                ('function', ctypes.c_void_p), ('rest', ctypes.c_char * 40)]


class _Times(ctypes.Structure):
    """POSIX `struct itimerspec`, s and ns: once, after a delay."""

    _fields_ = [('period', ctypes.c_long * 2), ('delay', ctypes.c_long * 2)]


def leave_in_time(code, seconds=10.0):
    """
    End the process with `code` if it still runs after `seconds`.

    Taking DDS down was seen to hang, also while it held Python's lock, so that no Python code
    could run any more, that of a thread included. So the C library's own timer calls its _exit().
    All that a node writes must be written by then. OSError where there is no such timer.
    """
    faulthandler.dump_traceback_later(max(seconds - MARGIN, 0.1))
    library = ctypes.CDLL(None, use_errno=True)
    event = _Event(value=code, notify=SIGEV_THREAD,
                   function=ctypes.cast(library._exit, ctypes.c_void_p))
    timer = ctypes.c_void_p()
    times = _Times(delay=(int(seconds), int(seconds % 1 * 1e9)))
    if (library.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer))
            or library.timer_settime(timer, 0, ctypes.byref(times), None)):
        raise OSError(ctypes.get_errno(), 'no timer of the C library')
