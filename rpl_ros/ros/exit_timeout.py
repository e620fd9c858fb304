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

"""Forces the process to end with the right exit code if the shutdown of DDS hangs."""

import ctypes
import faulthandler

CLOCK_MONOTONIC = 1
SIGEV_THREAD = 2
MARGIN = 0.5
"""Time, s, before the forced end at which the tracebacks of all threads are printed."""


class _Event(ctypes.Structure):
    """POSIX `struct sigevent` in the layout of Linux: 64 bytes, of which we set the first."""

    _fields_ = [('value', ctypes.c_size_t), ('signal', ctypes.c_int), ('notify', ctypes.c_int),
                ('function', ctypes.c_void_p), ('rest', ctypes.c_char * 40)]


class _Times(ctypes.Structure):
    """POSIX `struct itimerspec`, s and ns: once, after a delay."""

    _fields_ = [('period', ctypes.c_long * 2), ('delay', ctypes.c_long * 2)]


def leave_in_time(code: int, seconds: float = 10.0) -> None:
    """
    End the process with `code` if it still runs after `seconds`.

    The shutdown of DDS was seen to hang, also while it held Python's global lock, so that no
    Python code of any thread could run. Therefore a timer of the C library calls its _exit().
    Call this after the node has written all its files. OSError where there is no such timer.
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
