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
The state of an Adam optimiser as arrays, and back.

torch accepts moments of any shape and then writes beyond their end: a reader must compare their
shapes with those of the parameters first.
"""

from collections.abc import Iterable

import numpy as np
from rpl_ros.policy.checked import WeightsError
from rpl_ros.policy.tensor_file import check_finite
import torch


def dump_adam(optimizer: torch.optim.Adam, prefix: str,
              separator: str = '.') -> dict[str, np.ndarray]:
    """Return {prefix, number of the parameter, separator, name of the moment: array}."""
    return {f'{prefix}{index}{separator}{name}': value.cpu().numpy()
            for index, state in optimizer.state_dict()['state'].items()
            for name, value in state.items()}


def adam_layout(optimizer: torch.optim.Adam, prefix: str,
                separator: str = '.') -> dict[str, tuple]:
    """Return {name: (dtype, shape)} of what dump_adam() returns after an update."""
    layout: dict[str, tuple] = {}
    for index, parameter in enumerate(optimizer.param_groups[0]['params']):
        layout[f'{prefix}{index}{separator}step'] = np.float32, (1,)  # a file has no scalars
        for name in ('exp_avg', 'exp_avg_sq'):
            layout[f'{prefix}{index}{separator}{name}'] = np.float32, tuple(parameter.shape)
    return layout


def check_adam(tensors: dict[str, np.ndarray], names: Iterable[str]) -> None:
    """Raise WeightsError where the tensors called `names` cannot be moments or step numbers."""
    check_finite(tensors, names)
    for name in names:
        if not name.endswith('exp_avg') and (tensors[name] < 0).any():
            raise WeightsError(f'tensor {name!r} holds values below 0')


def restore_adam(optimizer: torch.optim.Adam, tensors: dict[str, np.ndarray], prefix: str,
                 separator: str = '.') -> None:
    """Set an optimiser to what dump_adam() returned; other tensors are ignored."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, _, name = key.removeprefix(prefix).partition(separator)
            tensor = torch.from_numpy(value.copy())
            state.setdefault(int(index), {})[name] = tensor[0] if name == 'step' else tensor
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})
