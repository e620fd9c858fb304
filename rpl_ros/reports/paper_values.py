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

"""Results in the text of the paper about its figures 3 and 4 (section V-E); it has no table."""

PAPER: dict[str, dict[str, tuple[float | None, str]]] = {
    'push': {
        'initial': (0.5, 'around 0.5'),
        'residual': (1.0, 'perfect; 0.9 with a tenth of the samples of scratch'),
        'scratch': (1.0, 'nearly 1.0 after roughly 2 million steps'),
        'expert_explore': (None, 'better than scratch, slightly slower than residual'),
    },
    'slippery_push': {
        'initial': (0.45, 'around 0.45'),
        'residual': (1.0, 'perfect, like scratch'),
        'scratch': (1.0, 'perfect'),
    },
    'pick_and_place': {
        'initial': (0.5, 'roughly 0.5'),
        'residual': (1.0, '1.0 after roughly 1 million steps'),
        'scratch': (1.0, '1.0 after nearly 10 times as many steps'),
        'expert_explore': (None, 'between residual and scratch'),
    },
    'noisy_hook': {
        'initial': (0.15, 'roughly 0.15'),
        'residual': (0.8, 'roughly 0.8, quickly'),
        'scratch': (None, 'never nontrivial'),
        'expert_explore': (None, 'nontrivial only after 5 million steps'),
    },
    'complex_hook': {
        'initial': (0.55, '0.55'),
        'residual': (0.8, 'just below 0.8'),
        'scratch': (None, 'not nontrivial'),
        'expert_explore': (None, 'eventually slightly above initial'),
    },
    'mbrl_pusher': {
        'initial': (None, 'slightly below PETS'),
        'residual': (None, 'substantially above PETS, faster than scratch'),
    },
}
"""Task -> method -> (number in the text or None, its words)."""

REFERENCES = {'mbrl_pusher': (-74.9, 'PETS')}
"""Task -> (level, name) of one more line: a mean of 10 trials in the authors' plot script."""

MODEL_STEPS = {'mbrl_pusher': 15_500}
"""Task -> env steps for making the base controller: 15,000 for the model, 500 for the table.

They move all curves but that of scratch to the right, as in figure 4c."""
