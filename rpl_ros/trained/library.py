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

"""What policies of other libraries have in common: their library, sizes, and bounds."""

from importlib import import_module
from types import ModuleType

import numpy as np
from rpl_ros.controllers.function import ControllerError
from rpl_ros.tasks.specs import TaskSpec

TOLERANCE = 1e-5
"""Greatest difference of two bounds that are the same, relative to their distance."""


def library(module: str, package: str) -> ModuleType:
    """Return an optional library; ControllerError says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ControllerError(f'the controller needs {package}: pip install {package} ({error})'
                              ) from error


def bounds(spec: TaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """Return what an action of -1 and of 1 is in the environment of a task, each (A,)."""
    if spec.environment is None:
        return np.full(spec.action_size, -1.0), np.ones(spec.action_size)
    return np.array(spec.environment.low), np.array(spec.environment.high)


def to_unit(action: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return an environment's own action (..., A), of these bounds, as one within [-1, 1]."""
    return 2.0 * (np.asarray(action, np.float64) - low) / (high - low) - 1.0


def require_bounds(low: np.ndarray, high: np.ndarray, spec: TaskSpec) -> None:
    """Raise ControllerError where bounds (A,) of a policy's actions are not those of the task."""
    its = bounds(spec)
    span = its[1] - its[0]
    if low.shape != span.shape:
        raise ControllerError(f'its actions have {low.size} elements, those of the task '
                              f'{span.size}')
    if (np.abs(low - its[0]) > TOLERANCE * span).any() or (
            np.abs(high - its[1]) > TOLERANCE * span).any():
        raise ControllerError(
            f'its actions go from {low.tolist()} to {high.tolist()}, those of the task from '
            f'{its[0].tolist()} to {its[1].tolist()}: make the task of the environment that it '
            'was trained in, with the same wrappers')
