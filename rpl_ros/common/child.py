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

"""A child process: in a process group of its own, and asked to stop when its parent ends."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
import ctypes
import os
from pathlib import Path
import signal
import subprocess
import sys

LAUNCHER = 'RPL_LAUNCHER'
"""Environment variable with the launcher's process id: a node ends when the launcher is gone."""
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>: the signal that a process gets when its parent ends
_prctl = ctypes.CDLL(None).prctl if sys.platform == 'linux' else None


def _prepare_child(parent: int) -> None:
    """Set up the child before its program starts; `parent` is the parent's process id."""
    # Own group: Ctrl-C in the terminal reaches the parent alone, which stops the nodes in order.
    os.setpgid(0, 0)
    # The parent may run with SIGINT blocked or ignored (Ray's workers, nohup). The child would
    # inherit that and never write its checkpoint.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # the parent ended before the line above
            os._exit(1)


def start(command: Sequence[str], log: Path | None = None, screen: bool = False,
          environment: Mapping[str, str] | None = None,
          inherited: Sequence[int] = ()) -> subprocess.Popen:
    """
    Start `command`, which inherits these file descriptors, and return its Popen.

    Its output is appended to the file `log`; with `screen` only its stderr is. Call this in the
    main thread: Linux sends the child its SIGINT when the thread that started it ends.
    """
    parent = os.getpid()
    output = open(log, 'ab') if log else None
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=None if screen else output, stderr=output,
            env=environment, pass_fds=inherited, preexec_fn=lambda: _prepare_child(parent))
    finally:
        if output:
            output.close()


def kill_group(popen: subprocess.Popen, number: int = signal.SIGKILL) -> None:
    """Send a signal to all processes of a child's group that still run."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, number)


def how_it_ended(code: int) -> str:
    """Return a child's exit code in words; for a signal its name."""
    if code >= 0:
        return f'exit code {code}'
    try:
        return f'killed by {signal.Signals(-code).name}'
    except ValueError:
        return f'killed by signal {-code}'


def shell_code(code: int) -> int:
    """Return a child's exit code as a shell does: 128 + number for a signal."""
    return code if code >= 0 else 128 - code


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a text file; an empty string where it cannot be read."""
    with suppress(OSError):
        return '\n'.join(path.read_text(errors='replace', encoding='utf-8').splitlines()[-lines:])
    return ''
