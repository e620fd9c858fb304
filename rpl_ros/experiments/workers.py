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
Processes that do calls for this one, mostly with one thread each.

One thread: the order in which a matrix product is summed, and so its last bits, may change with
the number of threads. Ctrl-C is for this process alone, whose end is that of all.
"""

from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
import multiprocessing
import os
from pathlib import Path
import signal
import threading

ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


@contextmanager
def environment(variables):
    """Set environment variables for the processes that are started within, then set them back."""
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
def hold_interrupt():
    """
    Let Ctrl-C wait until the end of the block; processes that are started in it never get any.

    Their signal is blocked from their first moment, before any line of ours runs there. Outside
    of the main thread, which Ctrl-C does not interrupt, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = []
    before = signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if asked:
            signal.raise_signal(signal.SIGINT)


def _begin(function, arguments):
    """
    Make a process of a pool end when its parent is gone, then call the function.

    The processes of a pool keep its pipes open for each other, so that those of a parent that was
    killed would wait for work for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave():
        multiprocessing.parent_process().join()
        os._exit(1)
    threading.Thread(target=leave, daemon=True).start()
    if function:
        function(*arguments)


def _descendants(number):
    """Return the numbers of the processes that a process has started, and theirs; Linux only."""
    found = []
    for path in Path(f'/proc/{number}/task').glob('*/children'):
        with suppress(OSError):
            for child in map(int, path.read_text(encoding='ascii').split()):
                found += [child, *_descendants(child)]
    return found


class Workers:
    """
    A pool of processes, to be used in a `with` block or closed.

    Where the block ends with an error or Ctrl-C, the processes are killed: whoever wants what they
    do waits for it in the block. An interrupted wait for ProcessPoolExecutor itself would never
    end.
    """

    def __init__(self, count, begin=None, *arguments, variables=ONE_THREAD):
        """
        Start up to `count` processes with the first calls; each calls `begin` first.

        `variables` are environment variables for them.
        """
        self._variables = variables
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context('spawn'),
                                         initializer=_begin, initargs=(begin, arguments))
        self._futures = set()

    def submit(self, function, *arguments):
        """Return the Future of what a function returns."""
        with environment(self._variables), hold_interrupt():
            future = self._pool.submit(function, *arguments)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def close(self):
        """Drop what has not begun and wait for what has; Ctrl-C meanwhile kills the processes."""
        try:
            for future in list(self._futures):
                future.cancel()
            wait(list(self._futures))
        except BaseException:
            self.kill()
            raise
        with hold_interrupt():  # not long: all of them are idle
            self._pool.shutdown()

    def kill(self):
        """Kill the processes, all that multiprocessing has started here, and what they started."""
        with hold_interrupt():
            for process in multiprocessing.active_children():
                theirs = _descendants(process.pid)
                process.kill()
                for number in theirs:
                    with suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
            self._pool.shutdown(cancel_futures=True)

    def __enter__(self):
        """Return the pool."""
        return self

    def __exit__(self, kind, *_):
        """Close the pool, or kill its processes after an error."""
        if kind is None:
            self.close()
        else:
            self.kill()
