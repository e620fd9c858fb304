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
Begin to learn from a policy that was learned before: from a run, or from a policy file alone.

The file of a learner has the critics, so the burn-in is not needed again. A policy file has none:
then the critics learn alone during the burn-in, while the policy of the file acts.
"""

import numpy as np
from rpl_ros.learning import learner_file
from rpl_ros.learning.learner import Learner
from rpl_ros.policy import weights
from rpl_ros.policy.tensor_file import read_head
from rpl_ros.runs.layout import LEARNER_KINDS

STATISTICS_COUNT = 2.0 ** 16
"""Number of observations that mean and standard deviation in a policy file are worth."""


def warm_start(learner: Learner, content: bytes) -> str:
    """
    Let a new Learner continue from the bytes of a policy or of a learner's file; say with what.

    Its first policy equals that in the bytes. MisfitError for another task, robot or network,
    WeightsError for damaged bytes; both leave the learner unchanged.
    """
    kind = read_head(content, (*weights.FORMATS, *LEARNER_KINDS)).kind
    if kind in LEARNER_KINDS:
        learner_file.restore_networks(learner, content)
        return 'actor, critics and statistics of another run'
    tensors, shape = weights.unpack(content)
    weights.check_fit(shape, vars(learner.shape))
    learner.ddpg.set_actor(tensors)
    for name, normalizer in learner.normalizers().items():
        normalizer.set_moments(tensors[f'{name}_mean'], tensors[f'{name}_std'], STATISTICS_COUNT)
    learner.set_moments()
    last = f'layer{shape.hidden_layers}'
    # A residual that is zero is the base controller: it has to pass the trial as any other.
    learned = any(np.any(tensors[f'{last}.{part}']) for part in ('weight', 'bias'))
    learner.acts_in_burn_in = learned
    learner.trial.passed = learner.trial.passed or learned
    return 'actor and statistics of a policy; the critics begin anew'
