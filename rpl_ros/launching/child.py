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

"""One child process: started in a group of its own, that ends with its parent."""

from contextlib import suppress
import ctypes
import os
import signal
import subprocess
import sys

LAUNCHER = 'RPL_LAUNCHER'
"""Environment variable with the launcher's process number: a node ends when that is gone."""
PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == 'linux' else None


def _become_child(parent):
    """Run in the child before its program: own group; SIGINT when the parent is gone."""
    # Own group: Ctrl-C in the terminal reaches the parent alone, which ends the nodes in order.
    os.setpgid(0, 0)
    # A parent may have been started with SIGINT blocked or ignored (Ray's workers, nohup): the
    # child would inherit that and never write its checkpoint.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:   # it died before the line above
            os._exit(1)


def start(command, log=None, screen=False, environment=None):
    """
    Start `command` and return its Popen.

    Its output is appended to the file `log`; with `screen` its stdout stays the terminal's.
    To be called in the main thread: the parent's death is noticed by thread.
    """
    parent = os.getpid()
    output = open(log, 'ab') if log else None
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=None if screen else output, stderr=output,
            env=environment, preexec_fn=lambda: _become_child(parent))
    finally:
        if output:
            output.close()


def kill_group(popen, sort=signal.SIGKILL):
    """Send a signal to what is left of a child's group, even after the child itself is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, sort)


def how_it_ended(code):
    """Return the exit code of a child in words, with the signal's name."""
    if code >= 0:
        return f'exit code {code}'
    try:
        return f'killed by {signal.Signals(-code).name}'
    except ValueError:
        return f'killed by signal {-code}'


def shell_code(code):
    """Return a child's exit code as a shell shows it: 128 + number for a signal."""
    return code if code >= 0 else 128 - code


def tail(path, lines=15):
    """Return the last lines of a text file, or an empty string."""
    with suppress(OSError):
        return '\n'.join(path.read_text(errors='replace', encoding='utf-8').splitlines()[-lines:])
    return ''
