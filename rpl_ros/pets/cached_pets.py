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
CachedPETS: the torque that PETS chose in the nearest of 500 stored states (paper, section V-B).

The table is made by `rpl pets cache`; see docs/tasks_mbrl_pusher.md.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile
import zlib

import numpy as np
from rpl_ros.common.assets import share
from rpl_ros.common.files import open_regular
from rpl_ros.controllers.function import Act, for_observations

LAYOUT = 'rpl_pets_cache_1'
SIZES = (20, 7)  # observation and action of mbrl_pusher


def shipped_table() -> Path:
    """Return the path of the table that comes with the package."""
    return share('sim') / 'mbrl_pusher_cache.npz'


def save_table(path: str | Path | BinaryIO, states: np.ndarray, actions: np.ndarray,
               origin: dict[str, Any]) -> None:
    """Write states (n, 20) and actions (n, 7) to an npz file; `origin` is a dict, as JSON."""
    content = {'layout': LAYOUT, **origin}
    np.savez_compressed(path, states=states.astype(np.float32), actions=actions.astype(np.float32),
                        origin=np.array(json.dumps(content, sort_keys=True)))


def load_table(path: str | Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """
    Return (states (n, 20), actions (n, 7), origin) of a table.

    ValueError says what is wrong with it: given and expected layout.
    """
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as content:
            origin = json.loads(str(content['origin']))
            states, actions = content['states'], content['actions']
    except (OSError, ValueError, KeyError, EOFError, TypeError, NotImplementedError,
            RecursionError, BadZipFile, zlib.error) as error:
        raise ValueError(f'{path}: cannot be read as a table of CachedPETS, expected an npz file '
                         f'with states, actions and origin: {error}') from error
    if not isinstance(origin, dict) or origin.get('layout') != LAYOUT:
        raise ValueError(f'{path}: the layout is {origin}, expected {LAYOUT!r}')
    if (states.dtype, actions.dtype) != (np.float32, np.float32):
        raise ValueError(f'{path}: states are {states.dtype}, actions {actions.dtype}, expected '
                         'float32')
    rows = len(states) if states.ndim else 0
    if not rows or (states.shape, actions.shape) != ((rows, SIZES[0]), (rows, SIZES[1])):
        raise ValueError(f'{path}: states {states.shape} and actions {actions.shape}, expected '
                         f'(n, {SIZES[0]}) and (n, {SIZES[1]}) with the same n')
    if not (np.isfinite(states).all() and np.isfinite(actions).all()):
        raise ValueError(f'{path}: holds numbers that are not finite')
    return states.astype(np.float64), actions.astype(np.float64), origin


def nearest(states: np.ndarray, actions: np.ndarray) -> Act:
    """
    Return a controller that looks up the action of the nearest state.

    Nearest by Euclidean distance of the raw numbers, rad, rad/s and m alike, as in the paper.
    """
    @for_observations(SIZES[0])
    def cached_pets(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (7,), 1 = 1 N m, for an observation (20,); takes any goal."""
        return actions[np.square(states - observation).sum(axis=1).argmin()].copy()
    return cached_pets


def make_cached_pets(path: str = '') -> Act:
    """Return the controller of the table at `path` (empty: the shipped one); see load_table."""
    states, actions, _ = load_table(path or shipped_table())
    return nearest(states, actions)
