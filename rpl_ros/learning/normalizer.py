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

    def __init__(self, size):
        """Start with mean 0 and standard deviation 1."""
        self.count, self.sum, self.squares = 0.0, np.zeros(size), np.zeros(size)

    def add(self, rows, weight=1.0):
        """Count rows (n, size), each `weight` times; rows with NaN are left out."""
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        self.count += weight * len(rows)
        self.sum += weight * rows.sum(axis=0)
        self.squares += weight * (rows ** 2).sum(axis=0)

    def moments(self):
        """Return (mean, std), float32 arrays (size,); std is at least 0.01."""
        if not self.count:
            return np.zeros_like(self.sum, np.float32), np.ones_like(self.sum, np.float32)
        mean = self.sum / self.count
        variance = np.maximum(self.squares / self.count - mean ** 2, 0.0)
        return mean.astype(np.float32), np.maximum(np.sqrt(variance), STD_FLOOR).astype(np.float32)
