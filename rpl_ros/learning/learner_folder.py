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
"""The folder of a live learner: with what it begins, and what it leaves for a restart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, IO, Protocol

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_paths
from rpl_ros.common.files import InUseError, lock_folder, read_bytes, write_file
from rpl_ros.learning.catch_up import catch_up
from rpl_ros.learning.checkpoint import (begin_anew, keep_numbers, keep_version, last_numbers,
                                         last_version, resume, save)
from rpl_ros.learning.from_bags import take_bags
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.warm_start import warm_start
from rpl_ros.policy.checked import MisfitError, WeightsError
from rpl_ros.runs.about_run import about_run
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.settings.robots import numbers_by_robot


class _Log(Protocol):
    """What is used of a logger of ROS."""

    def info(self, text: str) -> object: ...
    def warning(self, text: str) -> object: ...
    def error(self, text: str) -> object: ...


class LearnerFolder:
    """The folder `out` of the settings; where it is empty, nothing is read or written."""

    def __init__(self, settings: LearnerSettings, log: _Log) -> None:
        """Do nothing yet: see make_learner(). `log` gets what a user should know."""
        self._settings, self._log = settings, log
        self.path = Path(settings.out) if settings.out else None
        self._lock: IO | None = None
        self._numbers: list[int] = []  # as they are kept

    def make_learner(self) -> Learner:
        """
        Lock the folder and return its learner, or a new one where it has no checkpoint.

        It has the bags of the settings and what came after the checkpoint. SettingsError if that
        is impossible.
        """
        learner = Learner(self._settings)
        learner.about = self._about()
        self._take_bags(learner)
        if not self.path or not self._open(self.path, learner):
            self._warm_start(learner)
        if bags := bag_paths(self._settings.catch_up):
            catch_up(learner, bags, numbers_by_robot(self._settings.catch_up_to), self._log.info)
        return learner

    def keep_version(self, version: int) -> None:
        """Write down which version of the policy is published; call it before publishing."""
        if self.path:
            keep_version(self.path, version)

    def keep_numbers(self, numbers: Sequence[int]) -> None:
        """Write down the number of the next episode of each of several robots."""
        if self.path and list(numbers) != self._numbers:
            self._numbers = list(numbers)
            keep_numbers(self.path, numbers)

    def last_numbers(self) -> list[int]:
        """Return the numbers that keep_numbers() wrote last; [] where they are not known."""
        return last_numbers(self.path) if self.path else []

    def save(self, learner: Learner) -> None:
        """Write the present policy, for evaluation, and the learner, for a restart."""
        if self.path:
            name = f'policy_{learner.transitions:07d}.safetensors'
            write_file(self.path / name, learner.policy())
            save(self.path, learner)

    def close(self) -> None:
        """Unlock the folder."""
        if self._lock:
            self._lock.close()

    def _about(self) -> dict[str, Any]:
        """Return the facts of the run for the files of its policies."""
        try:
            return about_run(self.path.absolute().parent) if self.path else {}
        except SettingsError as error:  # the folder may be in no run folder at all
            self._log.warning(f'policy files will not tell of this run: {error}')
            return {}

    def _take_bags(self, learner: Learner) -> None:
        """Give a learner the data of the bags; SettingsError for bags that do not fit."""
        try:
            taken = take_bags(learner)
        except BagError as error:
            raise SettingsError(f'bags: {error}') from error
        for line in taken.lines() if taken else ():
            self._log.info(line)

    def _warm_start(self, learner: Learner) -> None:
        """Begin with the policy of `start_from`; SettingsError if that is impossible."""
        path = self._settings.start_from
        if not path:
            return
        try:
            what = warm_start(learner, read_bytes(path))
        except (WeightsError, OSError) as error:
            raise SettingsError(f'start_from {path}: {error}') from error
        self._log.info(f'begins with {what}: {path}')

    def _open(self, folder: Path, learner: Learner) -> bool:
        """
        Lock the folder and restore its checkpoint; return whether there is one.

        SettingsError if that is impossible.
        """
        self.close()
        try:
            self._lock = lock_folder(folder)
            restored = self._restore(folder, learner)
            learner.skip_to(self._last_version(folder))
        except (InUseError, MisfitError, OSError) as error:
            raise SettingsError(f'out: {error}; use another folder') from error
        return restored

    def _restore(self, folder: Path, learner: Learner) -> bool:
        """
        Restore the newest good checkpoint; return whether there is one.

        If all are damaged, the learner begins again.
        """
        try:
            if resume(folder, learner, self._log.error) is None:
                return False
        except MisfitError:
            raise
        except WeightsError as error:
            self._log.error(f'the learner begins from zero: {error}; the old files are in '
                            f'{begin_anew(folder)}')
            return False
        self._log.info(f'continues from {folder}: {learner.updates} updates, '
                       f'{learner.replay.whole} episodes')
        return True

    def _last_version(self, folder: Path) -> int:
        """Return the last version that was published from the folder, 0 if it is not known."""
        try:
            return last_version(folder)
        except WeightsError as error:
            self._log.error(f'versions continue from the checkpoint: {error}')
            return 0
