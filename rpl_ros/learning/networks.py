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

"""Actor and critics in torch; the actor's last layer starts at zero (paper, section IV-A)."""

import numpy as np
from rpl_ros.policy.weights import PolicyShape
import torch
from torch import nn


def _hidden(size_in: int, layers: int, width: int, layer_norm: bool) -> list[nn.Module]:
    """Return the hidden layers: linear, LayerNorm with `layer_norm`, ReLU."""
    modules: list[nn.Module] = []
    for _ in range(layers):
        linear = nn.Linear(size_in, width)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        # inplace: no gradient needs the earlier values, and the memory is still in the cache.
        modules += [linear, *([nn.LayerNorm(width)] if layer_norm else []), nn.ReLU(inplace=True)]
        size_in = width
    return modules


class Actor(nn.Module):
    """The actor: input (B, I), or (frames, B, I) to average over -> residual (B, A)."""

    def __init__(self, shape: PolicyShape, zero: bool) -> None:
        """Draw random weights; with `zero` the output is zero for all inputs."""
        super().__init__()
        last = nn.Linear(shape.hidden_size, shape.action_size)
        (nn.init.zeros_ if zero else nn.init.xavier_uniform_)(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            *_hidden(shape.input_size, shape.hidden_layers, shape.hidden_size, False), last)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return residuals in [-1, 1]; frames are averaged before the tanh (authors' code)."""
        return torch.tanh(_average(self.layers(inputs), 2))


def _average(values: torch.Tensor, dims: int) -> torch.Tensor:
    """Return values (B, ...) of `dims` dimensions: the mean over frames where there are any."""
    return values.mean(dim=0) if values.dim() > dims else values


def actor_tensors(actor: Actor) -> dict[str, np.ndarray]:
    """Return {name: numpy array} of an actor's layers, named as in PolicyShape.tensors()."""
    linear = [module for module in actor.layers if isinstance(module, nn.Linear)]
    return {f'layer{n}.{name}': value.detach().cpu().numpy().copy()
            for n, module in enumerate(linear) for name, value in module.named_parameters()}


def set_actor_tensors(actor: Actor, tensors: dict[str, np.ndarray]) -> None:
    """Give an actor the layers that actor_tensors() returned for another one."""
    linear = [module for module in actor.layers if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for n, module in enumerate(linear):
            for name, value in module.named_parameters():
                value.copy_(torch.from_numpy(tensors[f'layer{n}.{name}']))


class Critics(nn.Module):
    """One or more critics: input (B, I) or (frames, B, I), action (B, A) -> Q (critics, B)."""

    def __init__(self, shape: PolicyShape, count: int, layer_norm: bool) -> None:
        """Draw random weights of `count` critics."""
        super().__init__()
        size_in = shape.input_size + shape.action_size
        self.members = nn.ModuleList()
        for _ in range(count):
            last = nn.Linear(shape.hidden_size, 1)
            nn.init.xavier_uniform_(last.weight)
            nn.init.zeros_(last.bias)
            self.members.append(nn.Sequential(
                *_hidden(size_in, shape.hidden_layers, shape.hidden_size, layer_norm), last))

    def forward(self, inputs: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Return Q values (critics, B)."""
        both = torch.cat([inputs, action.expand(*inputs.shape[:-1], -1)], dim=-1)
        return torch.stack([_average(member(both).squeeze(-1), 1) for member in self.members])
