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
The dynamics model of PETS: networks that each predict a Gaussian over the next change of state.

K. Chua et al., 2018. The variance of one network models the noise of the system; the differences
between networks tell where data is missing. One batched product computes all networks.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import silu, softplus

NETWORKS, LAYERS = 5, 3
DECAYS = (2.5e-4, 5e-4, 5e-4, 7.5e-4)  # of each layer's weights, as in the code of PETS
BOUND_WEIGHT = 0.01  # of the bounds of the log variance in the loss
CONSTANT = 1e-5  # a number that varies less never changes: the height of the pusher's object


@dataclass(frozen=True)
class Shape:
    """Sizes of an ensemble: state and action, units in each hidden layer."""

    state_size: int
    action_size: int
    hidden_size: int


def _layer_sizes(shape: Shape) -> list[int]:
    """Return the widths of all layers, input first; the last holds means and log variances."""
    return [shape.state_size + shape.action_size, *[shape.hidden_size] * LAYERS,
            2 * shape.state_size]


class Ensemble:
    """
    Networks on (state, action) with their scalers and optimiser.

    `parameters` are weight0 (5, I, H), bias0 (5, 1, H), ... and the learned bounds of the log
    variance; `scalers` are means and standard deviations of inputs and of changes of state.
    """

    def __init__(self, shape: Shape, rng: np.random.Generator,
                 learning_rate: float = 1e-3) -> None:
        """Draw the first weights from `rng`: truncated normal of std 1 / (2 sqrt(inputs))."""
        self.shape = shape
        self.parameters: dict[str, torch.Tensor] = {}
        self.scalers: dict[str, torch.Tensor] = {}
        sizes = _layer_sizes(shape)
        for n, (size_in, size_out) in enumerate(zip(sizes, sizes[1:])):
            drawn = rng.standard_normal((NETWORKS, size_in, size_out)).clip(-2, 2)
            self.parameters[f'weight{n}'] = _tensor(drawn / (2 * np.sqrt(size_in)))
            self.parameters[f'bias{n}'] = torch.zeros(NETWORKS, 1, size_out)
        self.parameters['highest'] = torch.full((shape.state_size,), 0.5)
        self.parameters['lowest'] = torch.full((shape.state_size,), -10.0)
        for name, size in (('input', sizes[0]), ('change', shape.state_size)):
            self.scalers[f'{name}_mean'] = torch.zeros(size)
            self.scalers[f'{name}_std'] = torch.ones(size)
        for value in self.parameters.values():
            value.requires_grad_()
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=learning_rate)

    def predict(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log variance, each (5, B, S) and scaled, for scaled inputs (5, B, I)."""
        values = inputs
        for n in range(LAYERS):
            values = silu(torch.baddbmm(self.parameters[f'bias{n}'], values,
                                        self.parameters[f'weight{n}']))
        out = torch.baddbmm(self.parameters[f'bias{LAYERS}'], values,
                            self.parameters[f'weight{LAYERS}'])
        mean, raw = out.split(self.shape.state_size, dim=2)
        highest, lowest = self.parameters['highest'], self.parameters['lowest']
        # Soft bounds: away from the data a network could name any variance.
        raw = highest - softplus(highest - raw)
        return mean, lowest + softplus(raw - lowest)

    def loss(self, inputs: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
        """Return the loss, summed over the networks, of scaled inputs (5, B, I), changes."""
        mean, log_variance = self.predict(inputs)
        likelihood = (mean - changes).square() * torch.exp(-log_variance) + log_variance
        # Otherwise the likelihood of constant elements would outweigh all others in the end.
        likelihood = likelihood * (self.scalers['change_std'] > 0)
        bounds = (self.parameters['highest'] - self.parameters['lowest']).sum()
        decay = sum(factor / 2 * self.parameters[f'weight{n}'].square().sum()
                    for n, factor in enumerate(DECAYS))
        return likelihood.mean(dim=(1, 2)).sum() + BOUND_WEIGHT * bounds + decay

    def fit(self, states: np.ndarray, actions: np.ndarray, next_states: np.ndarray,
            rng: np.random.Generator, epochs: int = 5, batch_size: int = 32) -> float:
        """
        Train on transitions (n, S), (n, A), (n, S); return the mean loss of the last epoch.

        Each network gets its own bootstrap sample. Epochs and batch as in PETS.
        """
        inputs = self._scale('input', np.concatenate([states, actions], axis=1))
        changes = self._scale('change', next_states - states)
        size = len(inputs)
        chosen = rng.integers(size, size=(NETWORKS, size))
        for _ in range(epochs):
            chosen = rng.permuted(chosen, axis=1)
            losses = []
            for start in range(0, size, batch_size):
                rows = torch.from_numpy(chosen[:, start:start + batch_size])
                loss = self.loss(inputs[rows], changes[rows])
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
        return float(np.mean(losses))

    def _scale(self, name: str, rows: np.ndarray) -> torch.Tensor:
        """Fit the scaler `name` to rows (n, size); return them with mean 0 and deviation 1."""
        mean, std = rows.mean(axis=0), rows.std(axis=0)
        varies = std > CONSTANT
        # Constant inputs are scaled to 0; constant changes get std 0 and never enter the loss.
        self.scalers[f'{name}_mean'] = _tensor(mean)
        self.scalers[f'{name}_std'] = _tensor(np.where(varies, std, name == 'input'))
        return _tensor(np.where(varies, (rows - mean) / np.where(varies, std, 1.0), 0.0))

    def likelihood(self, states: np.ndarray, actions: np.ndarray,
                   next_states: np.ndarray) -> tuple[float, float]:
        """
        Return the mean log likelihood per number and the mean squared error of the mean.

        Both in scaled changes of state, where predicting the mean change has an error of 1.
        """
        rows = _tensor(np.concatenate([states, actions], axis=1))
        changes = _tensor(next_states - states)
        inputs = (rows - self.scalers['input_mean']) / self.scalers['input_std']
        varies = self.scalers['change_std'] > 0
        changes = ((changes - self.scalers['change_mean']) / self.scalers['change_std'])[:, varies]
        with torch.no_grad():
            mean, log_variance = (part[..., varies] for part in self.predict(
                inputs.expand(NETWORKS, -1, -1)))
            error = (mean - changes).square()
            likelihood = -0.5 * (error * torch.exp(-log_variance) + log_variance
                                 + np.log(2 * np.pi))
        return likelihood.mean().item(), (mean.mean(dim=0) - changes).square().mean().item()


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
