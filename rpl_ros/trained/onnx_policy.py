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

"""`onnx:FILE.onnx`: a policy in the format ONNX; needs onnxruntime."""

from typing import Any

import numpy as np
from rpl_ros.common.brief import one_line
from rpl_ros.common.files import read_bytes
from rpl_ros.controllers.function import ControllerError
from rpl_ros.tasks.specs import TaskSpec
from rpl_ros.trained.library import bounds, library, to_unit

TYPES = {'tensor(float)': np.float32, 'tensor(double)': np.float64}
UNIT, ENVIRONMENT = 'unit', 'environment'


class OnnxPolicy:
    """
    The Controller of a model with one or two inputs, whose first output is the action.

    One input is the observation (O,), or observation and desired goal in one vector (O + G,): its
    size tells. Two inputs are the observation and the desired goal, in this order. Each may have
    one axis of size 1, or of any size, before its numbers. The output is (A,), a chunk (n, A), or
    one of these behind an axis of size 1.
    """

    name = 'onnx'

    def __init__(self, path: str, actions: str = UNIT) -> None:
        """
        Load a file; ControllerError for one that is no such model, OSError.

        `actions` says what its actions are: `unit`, within [-1, 1] as those of any controller, or
        `environment`, within the bounds of the environment of the task.
        """
        if actions not in (UNIT, ENVIRONMENT):
            raise ControllerError(f'actions is {actions!r}, expected {UNIT} or '
                                  f'{ENVIRONMENT}')
        self._actions, content = actions, read_bytes(path)
        runtime = library('onnxruntime', 'onnxruntime')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(content, options,
                                                     providers=['CPUExecutionProvider'])
        except Exception as error:  # the file may hold anything
            raise ControllerError(f'not a model in the format ONNX: {one_line(error)}'
                                  ) from error
        self._inputs = self._session.get_inputs()

    def for_task(self, spec: TaskSpec) -> None:
        """Raise ControllerError where the inputs are not those of the task."""
        both = spec.observation_size + spec.goal_size
        wanted = [(spec.observation_size, spec.goal_size)] if len(self._inputs) == 2 else (
            [(spec.observation_size,), (both,)])
        found = tuple(self._size(one) for one in self._inputs)
        if found not in wanted or 0 in found:
            raise ControllerError(
                f'its inputs have the sizes {list(found)}, expected '
                f'[{spec.observation_size}], the observation, [{both}], with the desired goal '
                f'behind it, or [{spec.observation_size}, {spec.goal_size}]')
        output = self._session.get_outputs()[0]
        size = output.shape[-1] if output.shape else 0
        if output.type not in TYPES or isinstance(size, int) and size != spec.action_size:
            raise ControllerError(
                f'its output {output.name} is a {output.type} of shape {output.shape}, expected '
                f'float or double of shape (1, {spec.action_size}), or (1, n, {spec.action_size}) '
                'for a chunk')
        self._together = len(found) == 1 and found[0] == both
        self._low, self._high = bounds(spec)

    def _size(self, given: Any) -> int:
        """Return how many numbers an input takes; ControllerError where it does not tell."""
        *axes, size = given.shape or [None]
        if given.type not in TYPES or len(axes) > 1 or not isinstance(size, int) or any(
                isinstance(axis, int) and axis != 1 for axis in axes):
            raise ControllerError(
                f'its input {given.name} is a {given.type} of shape {given.shape}, '
                'expected float or double of shape (n,) or (1, n), with n a number')
        return size

    def reset(self, episode: int) -> None:
        """Do nothing: a model has no memory."""

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (A,), or a chunk (n, A), of observation (O,) and goal (G,)."""
        values = ([np.concatenate([observation, desired_goal])] if self._together
                  else [observation, desired_goal])
        feed = {one.name: value.astype(TYPES[one.type]).reshape([1] * (len(one.shape) - 1) + [-1])
                for one, value in zip(self._inputs, values)}
        found = np.asarray(self._session.run(None, feed)[0], np.float64)
        found = found[0] if found.ndim == 3 and len(found) == 1 else found
        return to_unit(found, self._low, self._high) if self._actions == ENVIRONMENT else found
