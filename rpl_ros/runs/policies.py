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
Which policy a text of the user means: a file, a run folder, or the one that we ship.

A new run can begin with it: Start says with what, and in which folder the run keeps a copy.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpl_ros.common.assets import share
from rpl_ros.common.files import read_bytes, write_file
from rpl_ros.policy.checked import WeightsError
from rpl_ros.policy.tensor_file import digest, read_head
from rpl_ros.policy.weights import (check_fit, expected_of, MisfitError, PolicyHeader, PolicyShape,
                                    read_header)
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import (CHECKPOINTS, CONFIG, LEARNER, LEARNER_KINDS, numbered, POLICY,
                                 START)
from rpl_ros.runs.learned_in import IN_FILE, learned_in
from rpl_ros.scene import EvaluationError, read_policy, Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, READY, recipe_file
from rpl_ros.tasks.find import task_spec

NETWORK = ('hidden_layers', 'hidden_size', 'history', 'history_keep', 'residual_hold',
           'whole_action', 'history_features', 'actor_sees_base')
"""Settings of the networks: a policy does not fit others."""
CRITICS = ('critics', 'layer_norm', 'critic_action', 'discount', 'normalise')
"""Settings that the critics learned with: the file of a learner does not fit others."""
SCENE = (*IN_FILE, 'arm', 'controller')
"""Settings of the scene that come from the training of a policy."""


def find_policy(text: str, task: str) -> Path:
    """
    Return the absolute path of the policy file that `text` means for a task.

    `text` is a policy file, a run folder (its newest policy), or READY. SettingsError where there
    is none. The file itself is not read.
    """
    if text == READY:
        return _ready(task)
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        return path  # who reads it says what is wrong with a pipe or a device
    if not path.is_dir():
        raise SettingsError(f'policy {text}: no such file or run folder')
    found = numbered(path / CHECKPOINTS, 'policy')
    if not found:
        raise SettingsError(f'policy {text}: this folder has no {CHECKPOINTS}/policy_*.safetensors'
                            ': give a policy file, or the folder of a run that has learned')
    return found[-1][1]


def read_any_policy(text: str, task: str = '') -> tuple[Path, bytes, PolicyHeader]:
    """
    Return (path, bytes, header) of the policy that `text` means, of `task` or of any for ''.

    SettingsError where there is none, or where it cannot be used or is of another task.
    """
    if text == READY and not task:
        raise SettingsError(f'policy {READY}: name the task, too')
    path = find_policy(text, task)
    try:
        content, _ = read_policy(path, {'task': task} if task else {})
    except EvaluationError as error:
        raise SettingsError(str(error)) from None
    return path, content, read_header(content)


def task_of(text: str) -> str:
    """Return the task of the policy in a file or run folder; errors: see read_any_policy()."""
    return read_any_policy(text)[2].shape.task


@dataclass(frozen=True)
class Start:
    """
    The policy at `path` with which a run begins, as bytes, and its PolicyShape.

    `learner` is what its learner saved, None for a policy file alone. `settings` are those of the
    learner that a run must share to learn from there on. `scene` has those of SCENE that are
    known, and `origin` says where they come from.
    """

    path: Path
    policy: bytes
    shape: PolicyShape
    learner: bytes | None
    settings: dict[str, Any]
    scene: dict[str, Any]
    origin: str

    def require_fit(self, settings: dict[str, Any], learns: bool = True,
                    own_controller_node: bool = False) -> None:
        """
        Raise SettingsError where a run with {node name: settings} cannot begin with it.

        Without `learns` it only acts, and with a controller node of the user, it may have been
        learned on top of any controller.
        """
        scene, learner = Scene.of(settings), settings['learner_node']
        try:
            check_fit(self.shape, scene.expected(task_spec(scene.task, scene.horizon)))
            for name, value in self.settings.items() if learns else ():
                wanted = getattr(learner, name)
                if value != wanted:
                    raise MisfitError(f'it has {name} {value!r}, expected {wanted!r}')
        except MisfitError as error:
            raise SettingsError(f'policy {self.path} does not fit this run: {error}') from None
        its = self.scene.get('controller', scene.controller)
        if its != scene.controller and not own_controller_node:
            raise SettingsError(f'policy {self.path} was learned on top of the controller {its}, '
                                f'and this run has {scene.controller}')

    @property
    def facts(self) -> dict[str, str]:
        """Return what run.yaml says of it: the file that the run begins with, and its digest."""
        if self.learner is None:
            return {'file': str(self.path), 'sha256': digest(self.policy)}
        return {'file': str(self.path.parent / LEARNER), 'sha256': digest(self.learner)}

    def file_in(self, folder: Path) -> str:
        """Return the path of the copy in a run folder with which its learner begins."""
        return str(folder / (POLICY if self.learner is None else START))

    def copy_to(self, folder: Path) -> None:
        """Write the copies into a run folder: the originals may change or move."""
        write_file(folder / POLICY, self.policy)
        if self.learner is not None:
            write_file(folder / START, self.learner)


def find_start(text: str, task: str) -> Start:
    """Return the Start that `text` means for a task; SettingsError: see find_policy()."""
    path = find_policy(text, task)
    try:
        policy, shape = read_policy(path, expected_of(task_spec(task)))
        settings, learner = _network(shape), None
        run = path.parent.parent
        saved = path.parent / LEARNER
        if text != READY and Path(text).expanduser().is_dir() and saved.is_file():
            learner = read_bytes(saved)
            _check_learner(saved, learner)
            its = load_settings(run / CONFIG)['learner_node']
            settings |= {name: getattr(its, name) for name in CRITICS}
        known, origin = learned_in(
            str(path), policy, ('seed', 'objects'),
            Scene.of(load_settings(recipe_file(task, DEFAULT), {'task': task})))
    except EvaluationError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f'policy {text}: cannot be read: {error}') from None
    scene = {name: known[name] for name in SCENE if name in known}
    return Start(path, policy, shape, learner, settings, scene, origin)


def start_of_run(folder: Path) -> Start:
    """Return the Start that a run began with, from the copies in its folder."""
    try:
        facts, all_settings = read_facts(folder), load_settings(folder / CONFIG)
        its, known = all_settings['learner_node'], vars(Scene.of(all_settings))
        policy, shape = read_policy(folder / POLICY, {'task': its.task})
        learner = read_bytes(folder / START) if (folder / START).is_file() else None
    except (EvaluationError, OSError) as error:
        raise SettingsError(f'{folder}: {error}') from None
    settings = _network(shape) | {name: getattr(its, name) for name in CRITICS if learner}
    return Start(Path(facts.get('policy', {}).get('file', '')), policy, shape, learner, settings,
                 {name: known[name] for name in SCENE}, f'taken from {folder / CONFIG}')


def _network(shape: PolicyShape) -> dict[str, Any]:
    """Return {setting of the learner: value} with which a network has this shape."""
    other = {'history_features': 'averaged' if shape.averaged else 'concatenated',
             'actor_sees_base': shape.sees_base}
    return {name: other[name] if name in other else getattr(shape, name) for name in NETWORK}


def _check_learner(path: Path, content: bytes) -> None:
    """Raise SettingsError where the bytes of a learner's file are cut off or of another kind."""
    try:
        read_head(content, LEARNER_KINDS)
    except WeightsError as error:
        raise SettingsError(f'{path}: cannot be used: {error}; to begin with the policy alone, '
                            f'give a file policy_*.safetensors of {path.parent}') from None


def _ready(task: str) -> Path:
    path = share('config') / 'ready' / f'{task}.safetensors'
    if not path.is_file():
        there = ', '.join(sorted(one.stem for one in path.parent.glob('*.safetensors'))) or 'none'
        raise SettingsError(f'policy {READY}: no ready policy of {task}; there are: {there}')
    return path
