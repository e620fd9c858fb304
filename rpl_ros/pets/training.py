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
The loop of PETS: one episode with the present model, then fit the model to all episodes so far.

Random torques act in the first episode. The random numbers of an episode follow from (seed,
episode) alone, so a stopped run continues as if it had not stopped.
"""

from pathlib import Path

import numpy as np
from rpl_ros.common.files import read_bytes, set_aside, write_file
from rpl_ros.contracts import Controller, Task
from rpl_ros.controllers.function import Act, as_controller
from rpl_ros.pets.ensemble import Ensemble, Shape
from rpl_ros.pets.model_file import dump, MODEL, restore, TRAINING
from rpl_ros.pets.planner import Planner, PlanSettings
from rpl_ros.policy.checked import check_value, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import check_layout
from rpl_ros.streams import generator, Stream

MODEL_FILE, TRAINING_FILE = 'model.safetensors', 'training.safetensors'
BEFORE = 'training_before.safetensors'


def play(task: Task, controller: Controller | Act,
         number: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Play episode `number`; return observations (T + 1, O), actions (T, A) and the return."""
    controller = as_controller(controller)
    controller.reset(number)
    state = task.reset(number)
    observations, actions, total = [state.observation], [], 0.0
    while not state.last:
        action = controller(state.observation, state.desired_goal)
        state = task.step(action)
        observations.append(state.observation)
        actions.append(np.clip(action, -1.0, 1.0))
        total += state.reward
    return np.array(observations), np.array(actions), total


class Training:
    """Model and data of a run in a folder; resumes the run that is there."""

    def __init__(self, task: Task, seed: int, folder: str | Path, settings: PlanSettings,
                 hidden_size: int = 200) -> None:
        """Continue the run in `folder`, or begin one; WeightsError if it is another run's."""
        self._task, self._seed, self._folder = task, seed, Path(folder)
        self._settings = settings
        spec = task.spec
        shape = Shape(spec.observation_size, spec.action_size, hidden_size)
        self.header = {'task': spec.name, 'seed': seed, 'plan': vars(settings)}
        self.ensemble = Ensemble(shape, generator(seed, Stream.PETS_WEIGHTS))
        self.observations = np.empty((0, spec.horizon + 1, spec.observation_size))
        self.actions = np.empty((0, spec.horizon, spec.action_size))
        self.returns = np.empty(0)
        self.notes: list[str] = []  # about damaged files
        self._resume()

    def _resume(self) -> None:
        """Continue from the newest good file; WeightsError tells why no file is good."""
        problems: list[str] = []
        for name in (TRAINING_FILE, BEFORE):
            path = self._folder / name
            try:
                if path.is_file():
                    self._restore(read_bytes(path))
                    if problems:
                        moved = set_aside(self._folder, [self._folder / TRAINING_FILE])
                        self.notes += [*problems,
                                       f'continues from {BEFORE}; the other is in {moved}']
                    return
            except MisfitError as error:
                raise MisfitError(f'{path}: {error}: take another folder') from error
            except WeightsError as error:
                problems.append(f'{path}: {error}')
        if problems:
            raise WeightsError('; '.join(problems))

    def _restore(self, content: bytes) -> None:
        """Set ensemble and data to those in a file."""
        own = self.ensemble.shape
        ensemble, header, arrays = restore(content, TRAINING, own.state_size, own.action_size)
        found = {name: header.get(name) for name in self.header}
        if found != self.header or ensemble.shape != own:
            raise MisfitError(f'a run with {found} and {ensemble.shape}, expected {self.header} '
                              f'and {own}')
        count = check_value('episodes', header.get('episodes'), int, 1, 10**6)
        check_layout({name: (value.dtype, value.shape) for name, value in arrays.items()}, {
            'observations': (np.float64, (count, *self.observations.shape[1:])),
            'actions': (np.float64, (count, *self.actions.shape[1:])),
            'returns': (np.float64, (count,))})
        self.ensemble = ensemble
        self.observations, self.actions = arrays['observations'], arrays['actions']
        self.returns = arrays['returns']

    @property
    def episodes(self) -> int:
        """Return how many episodes are done."""
        return len(self.returns)

    def advance(self) -> float:
        """Play one episode, fit the model, write a checkpoint; return the episode's return."""
        number = self.episodes
        observations, actions, total = play(self._task, self._driver(number), number)
        self.observations = np.concatenate([self.observations, observations[None]])
        self.actions = np.concatenate([self.actions, actions[None]])
        self.returns = np.append(self.returns, total)
        size_s, size_a = observations.shape[1], actions.shape[1]
        self.ensemble.fit(self.observations[:, :-1].reshape(-1, size_s),
                          self.actions.reshape(-1, size_a),
                          self.observations[:, 1:].reshape(-1, size_s),
                          generator(self._seed, Stream.PETS_FIT, number))
        self._save()
        return total

    def _driver(self, number: int) -> Act:
        """Return the function that gives the actions of episode `number`."""
        rng = generator(self._seed, Stream.PETS_PLAN, number)
        if not number:
            return lambda observation, goal: rng.uniform(-1.0, 1.0, self._task.spec.action_size)
        planner = Planner(self.ensemble, self._settings)
        planner.begin(int(rng.integers(2**63)))
        return planner.act

    def _save(self) -> None:
        header = {**self.header, 'episodes': self.episodes}
        arrays = {'observations': self.observations, 'actions': self.actions,
                  'returns': self.returns}
        write_file(self._folder / TRAINING_FILE, dump(self.ensemble, TRAINING, header, arrays),
                   before=self._folder / BEFORE)
        write_file(self._folder / MODEL_FILE, dump(self.ensemble, MODEL, header))
