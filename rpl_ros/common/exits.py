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

"""How programs end: their exit codes, and the signals that ask them to stop."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import signal
import sys
from types import FrameType

BAD_SETTINGS = 2
"""Exit code for a bad command line, setting or input: the same command cannot work again."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, 130, as a shell reports it."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handle_signals(handler: Callable[[int, FrameType | None], object],
                   numbers: Iterable[int] = STOP_SIGNALS) -> Iterator[None]:
    """Call `handler(number, frame)` for signals in the block; then restore the old handlers."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def run_command(name: str, work: Callable[[], int | None], errors: tuple[type[Exception], ...],
                interrupted: str = 'interrupted') -> int:
    """
    Do the work of the command `rpl NAME`; return its exit code: that of `work`, 0 for None.

    One of `errors` becomes one line and BAD_SETTINGS, Ctrl-C the line `interrupted` and
    INTERRUPTED.
    """
    try:
        return work() or 0
    except errors as error:
        print(f'rpl {name}: {error}', file=sys.stderr)
        return BAD_SETTINGS
    except KeyboardInterrupt:
        print(f'rpl {name}: {interrupted}', file=sys.stderr)
        return INTERRUPTED
