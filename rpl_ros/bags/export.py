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

"""`rpl bag export`: the episodes of bags as a LeRobot data set."""

from collections.abc import Sequence
import os
from pathlib import Path
import shutil
from types import ModuleType
from typing import Any

from rpl_ros.bags.about import bag_spec, require_no_longer
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_episodes


def load_lerobot() -> ModuleType:
    """Return the module that writes data sets; BagError where pyarrow is not installed."""
    try:
        from rpl_ros.bags import lerobot
        return lerobot
    except ModuleNotFoundError as error:
        if error.name != 'pyarrow':
            raise
        raise BagError('export needs pyarrow, which is not installed here: '
                       'pip install pyarrow') from None


def _refuse(paths: Sequence[Path], out: Path) -> None:
    """Raise BagError where a data set must not be written to `out`."""
    if os.path.lexists(out):
        raise BagError(f'{out}: exists already: name a folder that does not')
    for path in paths:
        if path.resolve() in out.resolve().parents:
            raise BagError(f'{out}: lies in the bag {path}, and a bag is never changed')


def export_lerobot(paths: Sequence[Path], out: Path, horizon: int = 0,
                   run: str = '') -> list[str]:
    """
    Write the whole transitions of bags of one task to the new folder `out`.

    Return lines that say what was written and what was lost. `horizon` is the number of control
    steps of an episode, for bags that do not contain it; `run` is the run to read where a bag has
    several. The folder is there whole or not at all. BagError or OSError say what is wrong.
    """
    lerobot = load_lerobot()
    _refuse(paths, out)
    spec = bag_spec(paths[0], horizon, run)
    part = out.with_name(f'{out.name}.part')
    try:
        part.mkdir(parents=True)
    except FileExistsError:
        raise BagError(f'{part}: exists already: another export writes there, or one was killed; '
                       'then remove it') from None
    report = Report(run=run)
    try:
        data = lerobot.DataSet(part, spec)
        try:
            for number, path in enumerate(paths):
                for episode in read_episodes(path, spec, report):
                    data.add(episode, number)
            require_no_longer(', '.join(map(str, paths)), report.problems)
            if not data.frames:
                raise BagError(f'{", ".join(map(str, paths))}: no transition is whole')
            data.finish()
        finally:
            data.close()
        os.rename(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # half a data set must not look like one
    return _summary(out, data, report)


def _summary(out: Path, data: Any, report: Report) -> list[str]:
    """Return the lines for the user; `data` is the DataSet."""
    return [
        f'{out}: {data.episodes:,} episodes, {data.frames:,} frames',
        *(f'lost: {text}' for text in report.damage),
        *(f'not used: {count:,} messages: {reason}' for reason, count in report.problems.items()),
        *([f'left out: {data.left_out:,} transitions that are not whole; {data.cut:,} of '
           f'{data.recorded:,} recorded episodes were cut there'] if data.cut else []),
        *([f'unfinished: {data.unfinished:,} of {data.recorded:,} recorded episodes have no last '
           'state'] if data.unfinished else [])]
