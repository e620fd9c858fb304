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

"""The residual policy in numpy: the robot side runs it without torch."""

from typing import Any

import numpy as np
from rpl_ros.policy.weights import check_fit, PolicyShape, unpack

CLIP = 5.0  # normalised inputs, standard deviations (authors' code)


def normalise(values: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return (values - mean) / std, clipped to five standard deviations; float32."""
    return np.clip((np.asarray(values, np.float32) - mean) / std, -CLIP, CLIP)


def remember(past: np.ndarray | None, observation: np.ndarray, keep: float) -> np.ndarray:
    """
    Return what a policy with a history remembers (..., O) after an observation (..., O).

    That is keep * past + (1 - keep) * observation, a low-pass filter: with `keep` 0 the
    observation itself. `past` is the result of the step before, None or NaN at the first step. An
    observation with NaN was lost, and the result is then `past`.
    """
    if past is None:
        return observation
    new = np.where(np.isnan(past), observation, keep * past + (1.0 - keep) * observation)
    return np.where(np.isnan(observation).any(axis=-1, keepdims=True), past, new)


class Actor:
    """The residual policy without noise, for one observation at a time."""

    def __init__(self, tensors: dict[str, np.ndarray], shape: PolicyShape) -> None:
        """Use the float32 arrays and their shape, as weights.unpack() returns them."""
        self.shape = shape
        self._tensors = tensors
        self._layers = [(tensors[f'layer{n}.weight'], tensors[f'layer{n}.bias'])
                        for n in range(shape.hidden_layers + 1)]

    def act(self, observation: np.ndarray, remembered: np.ndarray, desired_goal: np.ndarray,
            base_action: np.ndarray) -> np.ndarray:
        """
        Return the residual, or the whole action with `shape.whole_action`: (A,), in [-1, 1].

        `remembered` (O,) is what remember() made of the observations before `observation` (O,); at
        the first step it is `observation`. `desired_goal` (G,), `base_action` (A,).
        """
        tensors = self._tensors
        frames = [normalise(frame, tensors['observation_mean'], tensors['observation_std'])
                  for frame in (observation, remembered)[:1 + self.shape.history]]
        rest = [normalise(desired_goal, tensors['goal_mean'], tensors['goal_std'])]
        if self.shape.sees_base:
            rest.append(np.clip(base_action, -1, 1).astype(np.float32))
        if self.shape.averaged:
            out = np.mean([self._network([frame, *rest]) for frame in frames], axis=0)
        else:
            out = self._network([*frames, *rest])
        return np.tanh(out).astype(np.float64)

    def _network(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return the output of the last layer (A,) for the parts of an input."""
        hidden = np.concatenate(parts)
        for weight, bias in self._layers[:-1]:
            hidden = np.maximum(weight @ hidden + bias, 0)
        weight, bias = self._layers[-1]
        return weight @ hidden + bias


def load_actor(data: bytes, expected: dict[str, Any], digest: str | None = None) -> Actor:
    """
    Return the Actor of a policy's bytes; `expected` is {field of PolicyShape: value}.

    WeightsError for damaged bytes, MisfitError for a policy with other values: see weights.
    """
    tensors, shape = unpack(data, digest)
    check_fit(shape, expected)
    return Actor(tensors, shape)
