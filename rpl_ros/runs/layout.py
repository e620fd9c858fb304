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
A run folder: the names of its files, and the columns of its tables.

Everything that reads or writes a run folder takes them from here.
"""

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any

from rpl_ros.settings.robots import name_of, robot_of

CONFIG = 'config.yaml'
"""All settings of all nodes, as a ROS parameter file."""
CONFIG_BEGUN = 'log/config.yaml'
"""CONFIG as it was when the run began: a run of `rpl launch` that was edited cannot go on."""
RUN = 'run.yaml'
"""How the run was made: task, command, date, commit, versions. See facts.py."""
TASK = 'task.yaml'
"""What the task is, where it is not built in: see tasks/spec_file.py."""
CONTRACT = 'contract.yaml'
"""The contract with a robot other than a Fetch: see robot/own/contract.py."""
METRICS = 'metrics.csv'
"""One row for each training episode, or for some of the updates of a run from bags alone."""
EVALUATION = 'evaluation.csv'
"""One row for each evaluated policy."""
SUMMARY = 'summary.yaml'
"""The results. `rpl train` writes it last: it marks the run as complete."""
CHECKPOINTS = 'checkpoints'
"""Folder of policy_<transitions>.safetensors and of what the learner continues from."""
REPORT = 'report'
"""Folder of `rpl report`. It holds another evaluation.csv and summary.yaml."""
LEARNER = 'learner.safetensors'
"""Name, in CHECKPOINTS, of the file that a learner continues from, next to its replay."""
LEARNER_KINDS = 'rpl_learner_4', 'rpl_learner_3'
"""Kinds of LEARNER that are read; the first is written. The other does not name its critics."""
POLICY = 'policy.safetensors'
"""Copy of the policy that a run uses, or with which it begins to learn."""
START = 'start.safetensors'
"""Copy of the learner's file of another run, with which this run begins to learn."""
LAST_EPISODE = 'last_episode'
"""Number of the newest episode of a robot, in the folder of the robot: see robot_folder()."""
NEXT_EPISODES = 'next_episodes'
"""Name, in CHECKPOINTS, of the file with the next number of each of several robots."""
SWEEP_LOG = 'sweep.log'
"""Output of a run that `rpl sweep` started."""

# metrics.csv of a graph, of `rpl train`, and of `rpl train --bag` without --online.
GRAPH_METRICS = ('episode', 'steps', 'total_steps', 'mode', 'policy_version', 'success', 'return',
                 'missed', 'fallbacks', 'duration_s', 'command_age_max_s', 'updates', 'burn_in',
                 'on_trial', 'problem', 'robot', 'wall_time_s')
TRAIN_METRICS = ('episode', 'mode', 'success', 'burn_in', 'on_trial', 'steps', 'total_steps',
                 'return', 'policy_version', 'updates', 'critic_loss', 'mean_q', 'mean_residual',
                 'problem', 'wall_time_s')
BAG_METRICS = ('updates', 'burn_in', 'critic_loss', 'mean_q', 'mean_residual', 'wall_time_s')

# evaluation.csv of `rpl report` and of `rpl train`.
REPORT_EVALUATION = ('env_steps', 'success', 'low', 'high', 'mean_return', 'return_low',
                     'return_high', 'policy', 'on_trial')
TRAIN_EVALUATION = (*REPORT_EVALUATION, 'updates', 'wall_time_s')

ADDED = {'on_trial': '', 'problem': '', 'robot': '0'}
"""Columns that the tables of version 0.1 do not have, and the value for its rows."""
TEXTS, WHOLE = ('mode', 'policy', 'problem'), ('env_steps', 'total_steps', 'updates')
"""Columns that hold text, and those that hold whole numbers. All others hold floats."""


def numbered(folder: Path | str, kind: str) -> list[tuple[int, Path]]:
    """Return [(number, path)] of the files kind_<number>.safetensors in a folder, in order."""
    found = ((re.fullmatch(rf'{kind}_(\d{{1,15}})', path.stem), path)
             for path in Path(folder).glob(f'{kind}_*.safetensors'))
    return sorted((int(match[1]), path) for match, path in found if match)


def last_episodes(header: Mapping[str, Any]) -> Any:
    """
    Return the highest number of an episode of each robot in the header of LEARNER, not checked.

    Earlier files tell one number for all robots.
    """
    one = header.get('last_episode')
    alone = type(one) is int and one >= 0 and not robot_of(one)
    return header.get('last_episodes', [one] if alone else [])


def robot_folder(folder: Path, robot: int) -> Path:
    """Return the folder of one of several robots in a run folder; of one alone, `folder`."""
    return folder / name_of(robot)


def evaluation_row(env_steps: int, figures: Mapping[str, float], policy: str,
                   on_trial: bool) -> dict[str, Any]:
    """Return the row of REPORT_EVALUATION for the figures that summarise() returns."""
    return {'env_steps': env_steps, 'success': figures['success_rate'],
            **{name: round(figures[name], 6) for name in REPORT_EVALUATION[2:7]},
            'policy': policy, 'on_trial': int(on_trial)}


def driver_of(row: Mapping[str, Any]) -> str:
    """Return what acted in the episodes of a row of evaluation.csv, such as 'residual'."""
    if row['policy'] in ('base', 'untrained'):
        return row['policy']
    return 'base (on trial)' if row['on_trial'] in (1, '1') else 'residual'
