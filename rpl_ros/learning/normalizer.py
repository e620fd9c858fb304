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

"""Running mean and standard deviation of observations and goals (authors' code)."""

import numpy as np

STD_FLOOR = 0.01


class Normalizer:
    """Weighted running moments of rows (..., size), kept as float64 sums."""

    def __init__(self, size: int) -> None:
        """Start with mean 0 and standard deviation 1."""
        self.count, self.sum, self.squares = 0.0, np.zeros(size), np.zeros(size)

    def add(self, rows: np.ndarray, weight: float = 1.0) -> None:
        """Add rows (n, size), each with this weight; rows with NaN are ignored."""
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        self.count += weight * len(rows)
        self.sum += weight * rows.sum(axis=0)
        self.squares += weight * (rows ** 2).sum(axis=0)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the three sums as float64 arrays: (size,), (size,) and (1,)."""
        return {'sum': self.sum, 'squares': self.squares, 'count': np.array([self.count])}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what state_dict() returned."""
        self.sum, self.squares = state['sum'].copy(), state['squares'].copy()
        self.count = float(state['count'][0])

    def set_moments(self, mean: np.ndarray, std: np.ndarray, count: float) -> None:
        """Continue as if `count` rows had given these moments, (size,) each."""
        mean, std = mean.astype(np.float64), std.astype(np.float64)
        self.count, self.sum, self.squares = count, mean * count, (std ** 2 + mean ** 2) * count

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (mean, std), float32 arrays (size,); std is at least STD_FLOOR."""
        if not self.count:
            return np.zeros_like(self.sum, np.float32), np.ones_like(self.sum, np.float32)
        mean = self.sum / self.count
        variance = np.maximum(self.squares / self.count - mean ** 2, 0.0)
        return mean.astype(np.float32), np.maximum(np.sqrt(variance), STD_FLOOR).astype(np.float32)
