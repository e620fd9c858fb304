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
The launch argument resume: a live run goes on, after Ctrl-C, a kill or a new boot.

Each part of a run has an id, a bag and a configuration of its own: messages of nodes of an earlier
part are ignored, and nothing is written into a bag that is there. An episode that was cut off is
played again, with its number and its scene.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_number, bags_setting
from rpl_ros.common.brief import brief
from rpl_ros.common.files import InUseError, LOCK, lock_folder
from rpl_ros.launching.played import Played, played_in, repair_metrics
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import (CHECKPOINTS, CONFIG, CONFIG_BEGUN, LAST_EPISODE, NEXT_EPISODES,
                                 POLICY, robot_folder, RUN, START)
from rpl_ros.runs.status import in_use
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings, read_parameter_file
from rpl_ros.settings.robots import shares
from rpl_ros.tasks.find import task_spec

MAY_CHANGE = ('episodes', 'headless', 'report')
"""Arguments that may differ from those with which the run began."""


@dataclass(frozen=True)
class Resumed:
    """
    A run that goes on: the folder, which is locked, and what it has so far.

    `began` are the arguments with which it began, `part` is the number of the part that begins
    now, `played` tells of each robot. `total` is the number of all episodes that were asked for
    last, 'auto' if only its configuration tells.
    """

    folder: Path
    lock: TextIO = field(repr=False)
    began: dict[str, str]
    run_id: str
    part: int
    total: str
    played: tuple[Played, ...]

    @property
    def config(self) -> Path:
        """Return the path of the parameter file of this part."""
        return self.folder / CONFIG.replace('.', f'_{self.part}.')

    @property
    def arguments(self) -> dict[str, str]:
        """Return the launch arguments of this part; the settings come from config.yaml."""
        return {**self.began, 'episodes': self.total, 'resume': str(self.folder),
                'out': str(self.folder), 'params_file': str(self.folder / CONFIG)}

    def shares(self, sim: Any) -> dict[int, tuple[int, int]]:
        """
        Return {robot: (number of its first episode, how many it plays)} of this part.

        `sim` are the settings of sim_node for the whole run. SettingsError where all episodes are
        done; a robot that has no more to play is left out.
        """
        whole = shares(len(self.played), sim.first_episode, sim.episodes)
        left = {one.robot: (one.first, begin + count - one.first if sim.episodes else 0)
                for one in self.played for begin, count in [whole[one.robot]]}
        found = {robot: share for robot, share in left.items() if not sim.episodes or share[1] > 0}
        if not found:
            done = sum(one.first - whole[one.robot][0] for one in self.played)
            raise SettingsError(
                f'{self.folder}: all of its {sim.episodes} episodes are done: for more, give a '
                f'number above {done} with episodes:=')
        return found

    def changes(self, settings: dict[str, Any], arguments: dict[str, str]) -> dict[str, Any]:
        """Return {setting: value} of this part, for the settings of the whole run."""
        total, learner = settings['sim_node'].episodes, settings['learner_node']
        bags = [bag for one in self.played for bag in one.bags]
        inside = {'learner_node.start_from': learner.start_from,
                  'residual_node.policy': settings['residual_node'].policy}
        try:
            earlier = bags_setting(bags if arguments['learn'] == 'true' else ())
        except BagError as error:
            raise SettingsError(f'launch argument resume:={self.folder}: {error}') from None
        # Of several robots, the launcher gives each its own numbers.
        share = self.shares(settings['sim_node']).get(0)
        alone = dict(zip(('first_episode', 'episodes'), share)) if share else {}
        number = max([self.part, *(bag_number(bag) + 1 for bag in bags)])
        return {**{name: str(self.folder / Path(path).name)  # the folder may have moved
                   for name, path in inside.items() if Path(path).name in (POLICY, START)},
                **alone, 'dashboard_node.episodes': total, 'dashboard_node.goes_on': True,
                'recorder_node.out': str(self.folder / f'bag_{number}'),
                'learner_node.catch_up': earlier,
                'learner_node.catch_up_to': ' '.join(str(one.first) for one in self.played),
                'run': f'{self.run_id}_{self.part}'}

    def facts(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return what run.yaml says of this part."""
        first = [one.first for one in self.played]
        return {'part': self.part, 'run': settings['sim_node'].run,
                'first_episode': first if len(first) > 1 else first[0],
                'episodes': settings['dashboard_node'].episodes}

    @property
    def lines(self) -> Iterator[str]:
        """Yield in words what goes on."""
        numbers = ', '.join(str(one.first) for one in self.played)
        yield f'{self.folder} goes on with episode {numbers}: part {self.part}'
        if not any(one.bags for one in self.played):
            yield ('it has no bag: what the learner received after its last checkpoint is not '
                   'learned from')

    def repair(self, settings: dict[str, Any]) -> None:
        """Let metrics.csv and the numbers of the next episodes fit what was played."""
        ends = {one.robot: one.first for one in self.played}
        repair_metrics(self.folder, f'metrics_of_part_{self.part - 1}.csv', self.played, ends,
                       task_spec(settings['sim_node'].task).measure)
        # An episode that was cut off is played again: its number must not count as used.
        for robot in ends:
            (robot_folder(self.folder, robot) / LAST_EPISODE).unlink(missing_ok=True)
        (self.folder / CHECKPOINTS / NEXT_EPISODES).unlink(missing_ok=True)


def find_resumed(task: str, given: dict[str, str], defaults: dict[str, str]) -> Resumed | None:
    """
    Return what the argument resume names, and lock it; None without that argument.

    SettingsError where that is no live run of the task, where it is in use, was edited, or where
    `given` asks for something else than it began with; `defaults` are those of the arguments.
    """
    if not given.get('resume'):
        return None
    folder = Path(given['resume']).expanduser().absolute()
    facts = _facts(folder, task)
    began = {**defaults, **{name: str(value) for name, value in facts['arguments'].items()}}
    if set(given) == set(defaults):  # launch_ros gives all of them
        given = {name: text for name, text in given.items() if text != defaults[name]}
    settings = _settings(folder)
    _check_same(folder, given, began, settings)
    if began['part'] != defaults['part']:
        raise SettingsError(f'launch argument resume:={folder}: a run on several machines cannot '
                            'go on; policy:= with its folder begins a new run with its policy')
    lock = _lock(folder)
    _check_not_edited(folder)
    parts = facts.get('parts', [])
    last = parts[-1].get('episodes') if parts and isinstance(parts[-1], dict) else None
    total = given.get('episodes', str(last) if type(last) is int else defaults['episodes'])
    began.update({name: defaults[name] for name in settings if name in defaults})
    began.update({name: given[name] for name in MAY_CHANGE if name in given})
    now = load_settings(folder / CONFIG)
    return Resumed(folder, lock, began, str(facts.get('run', '')), len(parts) + 2, total,
                   played_in(folder, now['learner_node'].robots, now['sim_node'].first_episode))


def _facts(folder: Path, task: str) -> dict[str, Any]:
    """Return the facts of the live run in a folder; SettingsError where there is none."""
    where = f'launch argument resume:={folder}'
    lacks = ' and '.join(name for name in (CONFIG, RUN) if not (folder / name).is_file())
    if lacks and (folder / LOCK).is_file():
        _lock(folder).close()
        raise SettingsError(f'{where}: it has no {lacks}: this run was stopped while it started, '
                            'before its first episode: delete the folder and begin a new run')
    if lacks:
        raise SettingsError(f'{where}: not the folder of a run: it has no {lacks}')
    facts = read_facts(folder)
    if not facts.get('arguments'):
        raise SettingsError(f'{where}: it is a run of rpl train, not of rpl launch: to continue '
                            'it, repeat its command')
    if facts.get('task') != task:
        raise SettingsError(f'{where}: it is a run of {brief(facts.get("task"))}, not of {task}')
    return facts


def _settings(folder: Path) -> dict[str, set[str]]:
    """Return {setting: its values in config.yaml as texts, of all nodes that have it}."""
    found: dict[str, set[str]] = {}
    for section in read_parameter_file(folder / CONFIG).values():
        for name, value in section.items():
            found.setdefault(name, set()).add(str(value))
    return found


def _check_same(folder: Path, given: dict[str, str], began: dict[str, str],
                settings: dict[str, set[str]]) -> None:
    """Raise SettingsError where an argument is neither that of the run nor free to change."""
    for name, text in given.items():
        known = {began.get(name, ''), *settings.get(name, ())}
        if name in began and name not in (*MAY_CHANGE, 'resume') and text not in known:
            raise SettingsError(
                f'launch argument {name}:={text}: {folder} has {name} '
                f'{" and ".join(sorted(settings.get(name, [began[name]]))) or "empty"}, and a run '
                f'goes on as it began: only {", ".join(MAY_CHANGE)} may change')


def _lock(folder: Path) -> TextIO:
    """Lock a run folder; SettingsError where a run, or a node of it, still uses it."""
    try:
        lock = lock_folder(folder)
    except InUseError as error:
        raise SettingsError(f'{error}: the run goes on there') from None
    except OSError as error:
        raise SettingsError(f'{folder}: cannot be written to: {error.strerror}') from None
    if in_use(folder / CHECKPOINTS):
        lock.close()
        raise SettingsError(f'{folder / CHECKPOINTS} is in use by a learner_node: wait until it '
                            'has ended')
    return lock


def _check_not_edited(folder: Path) -> None:
    """Raise SettingsError where config.yaml is not as it was when the run began."""
    if not (folder / CONFIG_BEGUN).is_file():
        return
    now, then = (read_parameter_file(folder / name) for name in (CONFIG, CONFIG_BEGUN))
    for node in sorted({*now, *then}):
        one, two = now.get(node, {}), then.get(node, {})
        for name in sorted({*one, *two}):
            if one.get(name) != two.get(name):
                raise SettingsError(
                    f'{folder / CONFIG} was edited: {name} of {node} is {brief(one.get(name))}, '
                    f'and the run began with {brief(two.get(name))} ({folder / CONFIG_BEGUN})')
