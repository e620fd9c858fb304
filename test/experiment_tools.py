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

"""A small run folder with a really trained, if hardly useful, policy."""

import csv

from rpl_ros.common.files import write_file
from rpl_ros.runs.layout import GRAPH_METRICS as COLUMNS
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.training.loop import Loop

PARAMETERS = """/**:
  ros__parameters:
    task: {task}
    hidden_size: 16
    batch_size: 16
    burn_in: none
"""


def make_run(folder, episodes=3, checkpoints=True, task='hook'):
    """Make a run folder as the graph does, of `episodes` episodes, a checkpoint after each."""
    folder.mkdir()
    (folder / 'config.yaml').write_text(PARAMETERS.format(task=task))
    loop, rows = Loop(load_settings(folder / 'config.yaml')), []
    for number in range(episodes):
        outcome = loop.advance().outcome
        steps = loop.learner.transitions
        rows.append({**dict.fromkeys(COLUMNS, 0), 'episode': number, 'total_steps': steps,
                     'mode': 'explore', 'success': int(outcome.success),
                     'return': outcome.episode_return, 'burn_in': int(number == 0),
                     'problem': ''})
        if checkpoints:
            write_file(folder / 'checkpoints' / f'policy_{steps:07d}.safetensors',
                       loop.learner.policy())
    with (folder / 'metrics.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder
