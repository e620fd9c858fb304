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

"""Says on the standard error that a call takes long, so that no wait is silent."""

import sys
import threading
import time
import weakref

LONG = 10.0
"""Time, s, after which a call is long; it is told again after twice the time, four times, ..."""
PERIOD = 1.0
_WATCHED: 'weakref.WeakSet[Watch]' = weakref.WeakSet()
_LOCK = threading.Lock()


class Watch:
    """One kind of call, such as those of a controller; a thread of the process watches all."""

    def __init__(self, what: str) -> None:
        """Watch; `what` says what is called, for people."""
        self.what = what
        self._since, self._told = 0.0, LONG
        with _LOCK:
            if not _WATCHED:
                threading.Thread(target=_watch, name='watch', daemon=True).start()
            _WATCHED.add(self)

    def begin(self) -> None:
        """Note that a call begins."""
        self._since, self._told = time.monotonic(), LONG

    def end(self) -> None:
        """Note that it has ended."""
        self._since = 0.0

    def tell(self) -> None:
        """Print a line if the call has taken long."""
        since = self._since
        if since and time.monotonic() - since >= self._told:
            print(f'{self.what} has taken {self._told:.0f} s so far', file=sys.stderr, flush=True)
            self._told *= 2.0


def _watch() -> None:
    while True:
        time.sleep(PERIOD)
        with _LOCK:
            watched = list(_WATCHED)
            if not watched:
                return  # the next Watch starts another thread
        for one in watched:
            one.tell()
