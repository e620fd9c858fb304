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

"""The launch argument policy: which policy acts or is trained on, and whether it fits."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rpl_ros.runs.layout import POLICY
from rpl_ros.runs.learned_in import is_base, SAME_AS_BASE
from rpl_ros.runs.policies import CRITICS, find_start, NETWORK, SCENE, Start
from rpl_ros.settings.recipes import DEFAULT, recipe_file

SETS = ('residual_node.policy', 'base_every', 'evaluate_every', 'learner_node.start_from', *SCENE,
        *NETWORK, *CRITICS)
"""Settings that depend on the argument: see launching.graph.Argument.sets."""


@dataclass(frozen=True)
class ChosenPolicy:
    """
    What a run starts with; without `learns` it only acts.

    `settings` are those of its training that the run takes over, `lines` say where they come from.
    """

    start: Start
    learns: bool
    settings: dict[str, Any]
    lines: tuple[str, ...]

    def changes(self, settings: dict[str, Any], arguments: dict[str, str],
                folder: Path) -> dict[str, Any]:
        """
        Return {setting: value} with which the nodes of a run in `folder` use the policy.

        SettingsError where the policy was learned for something else than `settings`.
        """
        self.start.require_fit(settings, self.learns, arguments['base'] == 'false')
        if self.learns:
            return {'learner_node.start_from': self.start.file_in(folder)}
        return {'residual_node.policy': str(folder / POLICY), 'base_every': 0,
                'evaluate_every': 1}


def choose_policy(task: str, arguments: dict[str, str]) -> ChosenPolicy | None:
    """
    Return the policy of the launch argument policy, or None without one.

    SettingsError where there is no such policy, or where it is not for the task.
    """
    if not arguments['policy']:
        return None
    learns, file = arguments['learn'] == 'true', recipe_file(task, DEFAULT)
    start = find_start(arguments['policy'], task)
    settings = start.scene
    if arguments['robot'] != 'sim':  # the contract tells speed and horizon, and the arm is real
        settings = {name: settings[name] for name in ('residual_scale', 'controller')
                    if name in settings}
    settings = settings | (start.settings if learns else {})
    if arguments['params_file'] != str(file):
        settings = {}  # the file of the user tells everything
    notes = [f'policy {start.path}', start.origin]
    notes += [SAME_AS_BASE] if is_base(start.policy) else []
    return ChosenPolicy(start if learns else replace(start, learner=None), learns, settings,
                        tuple(notes))
