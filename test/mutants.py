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
Do the tests notice mistakes? `make mutants` makes those of mutants.yaml, one at a time.

Each is made in a copy of this folder, never in the folder itself. A fault is killed when one of
its tests fails or does not end; exit code 1 when one survives.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = Path(__file__).parents[1]
FAULTS = ROOT / 'test/mutants.yaml'
LIMIT = 300
"""Most seconds for the tests of a fault."""
RUNNING = set()
"""The test processes under way."""
LEFT_OUT = shutil.ignore_patterns('.*', '__pycache__', '*.egg-info', 'build', 'install', 'log')


@dataclass(frozen=True)
class Fault:
    """
    A mistake: `text` of `file` is replaced by `instead`; one of `tests` should notice.

    `part` is the part of the data flow, a test is a file or file::name.
    """

    part: str
    name: str
    file: str
    text: str
    instead: str
    tests: tuple

    def made(self, folder):
        """Return the content of the file in `folder` with the fault; ValueError if it fits not."""
        content = (Path(folder) / self.file).read_text(encoding='utf-8')
        if content.count(self.text) != 1:
            raise ValueError(f'fault {self.name!r}: {self.file} has its text '
                             f'{content.count(self.text)} times, expected once: {self.text!r}')
        return content.replace(self.text, self.instead)

    def make(self, folder):
        """Make the fault in a copy of this folder; ValueError as for made()."""
        (Path(folder) / self.file).write_text(self.made(folder), encoding='utf-8')


def read_faults(path=FAULTS):
    """Return the Faults of a file."""
    parts = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    return [Fault(part, one['name'], one['file'], one['text'], one['instead'],
                  tuple(one['tests'])) for part, faults in parts.items() for one in faults]


def run_tests(tests, fault=None, limit=LIMIT):
    """Return (verdict, seconds) of tests in a copy of this folder, in which `fault` is made."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='mutant_') as folder:
        copy = Path(folder) / 'rpl_ros'
        shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
        if fault:
            fault.make(copy)
        process = subprocess.Popen(
            [sys.executable, '-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider',
             f'--basetemp={folder}/tests', *tests], cwd=copy, text=True, start_new_session=True,
            env={**os.environ, 'PYTHONPATH': str(copy)}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        RUNNING.add(process)
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            output = None
        finally:
            end_group(process)
            RUNNING.discard(process)
    return verdict_of(process.returncode, output), time.monotonic() - begin


def end_group(process):
    """Kill what a test process has left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def verdict_of(code, output):
    """Return what pytest's exit code and output say, None for tests that did not end."""
    if output is None:
        return 'killed: the tests did not end'
    if code == 0:
        return 'survived'
    if code in (1, 2):
        failed = [line for line in output.splitlines() if line.startswith(('FAILED', 'ERROR'))]
        return f'killed by {failed[0].split()[1]}' if failed else 'killed'
    return f'not tested: pytest ended with {code}: {output.strip()[-500:]}'


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog='make mutants', description=__doc__.split('\n')[1])
    parser.add_argument('--only', metavar='WORDS', help='faults with these words in part or name')
    parser.add_argument('--jobs', type=int, default=1, help='faults at a time (default 1)')
    parser.add_argument('--limit', type=float, default=LIMIT, metavar='SECONDS',
                        help=f'for the tests of a fault (default {LIMIT})')
    parser.add_argument('--list', action='store_true', help='only list them')
    return parser


def main(argv=None, path=FAULTS):
    """Make the faults, print what the tests say; return the exit code."""
    options = make_parser().parse_args(argv)
    faults = [fault for fault in read_faults(path)
              if not options.only or options.only in f'{fault.part} {fault.name}']
    if not faults:
        print(f'no fault has {options.only!r} in its part or name')
        return 2
    if options.list:
        for fault in faults:
            print(f'{fault.part:14} {fault.name:50} {fault.file}')
        return 0
    print('without a fault ...', file=sys.stderr, flush=True)
    # Tests that fail anyway would kill every fault.
    sound, _ = run_tests(sorted({test for fault in faults for test in fault.tests}), limit=3600)
    if sound != 'survived':
        print(f'without a fault: {sound}')
        return 2
    alive, pool = 0, ThreadPoolExecutor(options.jobs)
    try:
        found = pool.map(lambda fault: run_tests(fault.tests, fault, options.limit), faults)
        for fault, (verdict, seconds) in zip(faults, found):
            alive += not verdict.startswith('killed')
            print(f'{fault.part:14} {fault.name:50} {seconds:4.0f} s  {verdict}', flush=True)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in tuple(RUNNING):
            end_group(process)
        return 130
    print(f'{len(faults) - alive} of {len(faults)} faults are killed, {alive} survive')
    return int(alive > 0)


if __name__ == '__main__':
    sys.exit(main())
