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

torch takes moments of any shape, and then writes beyond them: so a reader compares them with the
parameters first.
"""

import numpy as np
from rpl_ros.policy.checked import WeightsError
from rpl_ros.policy.tensor_file import check_finite
import torch


def dump_adam(optimizer, prefix, separator='.'):
    """Return {prefix, number of the parameter, separator, name of the moment: array}."""
    return {f'{prefix}{index}{separator}{name}': value.cpu().numpy()
            for index, state in optimizer.state_dict()['state'].items()
            for name, value in state.items()}


def adam_layout(optimizer, prefix, separator='.'):
    """Return {name: (dtype, shape)} of what dump_adam() returns after an update."""
    layout = {}
    for index, parameter in enumerate(optimizer.param_groups[0]['params']):
        layout[f'{prefix}{index}{separator}step'] = np.float32, (1,)  # a file has no scalars
        for name in ('exp_avg', 'exp_avg_sq'):
            layout[f'{prefix}{index}{separator}{name}'] = np.float32, tuple(parameter.shape)
    return layout


def check_adam(tensors, names):
    """Raise WeightsError where the tensors called `names` are no moments and counts of steps."""
    check_finite(tensors, names)
    for name in names:
        if not name.endswith('exp_avg') and (tensors[name] < 0).any():
            raise WeightsError(f'tensor {name!r} holds values below 0')


def restore_adam(optimizer, tensors, prefix, separator='.'):
    """Set an optimiser to what dump_adam() returned; other tensors are left alone."""
    state = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, _, name = key.removeprefix(prefix).partition(separator)
            value = torch.from_numpy(value.copy())
            state.setdefault(int(index), {})[name] = value[0] if name == 'step' else value
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})
