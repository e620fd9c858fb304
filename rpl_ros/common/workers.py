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

"""
A pool of processes that carry out calls for this one, by default with one thread each.

One thread: the number of threads may change the order of the sums in a matrix product, and so its
last bits. Ctrl-C reaches this process alone; when it ends, the pool ends.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import lru_cache
import multiprocessing
import os
from pathlib import Path
import signal
import threading
from types import TracebackType
from typing import Any

from rpl_ros.common.exits import handle_signals

ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that the block starts, then restore them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def hold_interrupt() -> Iterator[None]:
    """
    Delay Ctrl-C until the end of the block; processes that the block starts never get it.

    They inherit the blocked signal, before any line of ours runs there. Only the main thread gets
    Ctrl-C, so in other threads nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[bool] = []
    try:
        with handle_signals(lambda *_: asked.append(True), [signal.SIGINT]):
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        if asked:
            signal.raise_signal(signal.SIGINT)


def _begin(function: Callable | None, arguments: tuple) -> None:
    """
    Make a process of the pool end with its parent, then call the function.

    Without this the processes of a killed parent would wait for work for ever, because they keep
    the pipes of the pool open for each other.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
        os._exit(1)
    threading.Thread(target=leave, daemon=True).start()
    if function:
        function(*arguments)


_kept: list[Callable[[], Any]] = []


def keep(build: Callable[..., object], *arguments: object) -> None:
    """Make a process of a pool keep what build(*arguments) returns, for call_kept()."""
    # Built with the first call: an exception here would not reach the process of the pool.
    _kept[:] = [lru_cache(maxsize=1)(lambda: build(*arguments))]


def call_kept(method: str, *arguments: object) -> Any:
    """Return what a method of the kept object returns."""
    return getattr(_kept[0](), method)(*arguments)


def _descendants(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started, and of theirs."""
    found: list[int] = []
    for path in Path(f'/proc/{pid}/task').glob('*/children'):
        with suppress(OSError):
            for child in map(int, path.read_text(encoding='ascii').split()):
                found += [child, *_descendants(child)]
    return found


class Workers:
    """
    A pool of processes, for a `with` block or with close().

    If the block ends with an error or Ctrl-C, the processes are killed: so wait for their results
    within the block. ProcessPoolExecutor alone would wait for ever after an interrupt.
    """

    def __init__(self, count: int, begin: Callable | None = None, *arguments: Any,
                 variables: Mapping[str, str] = ONE_THREAD) -> None:
        """
        Create a pool of up to `count` processes, which start with the first calls.

        Each one first calls `begin(*arguments)`. `variables` are their environment variables.
        """
        self._variables = variables
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context('spawn'),
                                         initializer=_begin, initargs=(begin, arguments))
        self._futures: set[Future] = set()

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Call a function in one of the processes; return the Future of its result."""
        with environment(self._variables), hold_interrupt():
            future = self._pool.submit(function, *arguments)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def close(self) -> None:
        """Cancel calls that have not begun, wait for the others; Ctrl-C kills the processes."""
        try:
            for future in list(self._futures):
                future.cancel()
            wait(list(self._futures))
        except BaseException:
            self.kill()
            raise
        with hold_interrupt():  # short: all processes are idle
            self._pool.shutdown()

    def kill(self) -> None:
        """Kill all processes that multiprocessing has started here, and the ones they started."""
        with hold_interrupt():
            for process in multiprocessing.active_children():
                theirs = _descendants(process.pid) if process.pid else []
                process.kill()
                for pid in theirs:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> 'Workers':
        """Return the pool."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the pool, or kill its processes after an error."""
        if kind is None:
            self.close()
        else:
            self.kill()
