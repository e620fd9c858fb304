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
The whole loop in one process, or learning here and playing in others at the same time.

It is the reference for the ROS 2 graph: same policy, same learner, the same functions between.
"""

from collections import deque

import numpy as np

from rpl_ros.experiments.players import Played, Players, Weights
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.tensor_file import check_layout
from rpl_ros.policy.weights import check_fit, unpack, WeightsError


def _layout(arrays):
    """Return {name: (dtype, shape)} that arrays of Loop.state() have, as many rows as these."""
    layout = {name: (np.uint8, (value.size,)) for name, value in arrays.items()
              if name.startswith('weights/')}
    for name in ('burn_in', 'pending'):
        layout[name] = np.int64, (arrays.get(name, np.empty(0)).size // 2, 2)
    return {**layout, 'next': (np.int64, (3,))}


class Loop:
    """
    Plays episodes and learns from them, in the order of their numbers.

    With `actors` processes, as many episodes are under way while the learner trains: number n is
    played with what was learned from those before n - actors. So a run follows from its settings
    and the number of actors alone, not from how fast anybody was.
    """

    def __init__(self, settings, actors=0, players=None):
        """Take {node name: settings}; `players` where they are there already."""
        self.settings = settings['learner_node']
        self.learner = Learner(self.settings)
        self.players = players or Players(settings, actors)
        self._most = max(actors, 1)
        self._overlap = actors > 0
        self.next = settings['sim_node'].first_episode
        self._pending = deque()
        self._weights, self._updates = None, -1

    def weights(self):
        """Return the Weights of this moment."""
        if self._updates != self.learner.updates:
            data = self.learner.publish()
            self._weights = Weights(self.learner.version, self.learner.on_trial, data)
            self._updates = self.learner.updates
        return self._weights

    def _submit(self):
        while len(self._pending) < self._most:
            self._ask(self.next, self.weights())
            self.next += 1

    def _ask(self, number, weights):
        self._pending.append((number, weights, self.players.submit('play', number, weights)))

    def play(self) -> Played:
        """Take the next episode to the learner, and return it."""
        self._submit()
        _, _, future = self._pending.popleft()
        played = future.result()
        if self._overlap:
            self._submit()
        self.learner.add(played.episode)
        return played

    def learn(self, stop=lambda: False):
        """Do the updates that are owed, or those until `stop()`."""
        while self.learner.owed and not stop():
            self.learner.update()

    def advance(self):
        """Play an episode and learn from it; return the Played."""
        played = self.play()
        self.learn()
        return played

    def state(self):
        """Return {name: array}: which episodes are under way with which weights."""
        known = {weights.version: weights for _, weights, _ in self._pending}
        if self._weights:
            known[self._weights.version] = self._weights
        version = self._weights.version if self._weights else -1
        arrays = {f'weights/{version}': np.frombuffer(weights.data, np.uint8)
                  for version, weights in known.items()}
        return {
            **arrays, 'next': np.array([self.next, version, self._updates]),
            'burn_in': np.array([[number, known[number].prefer_base] for number in known],
                                np.int64).reshape(-1, 2),
            'pending': np.array([(number, weights.version) for number, weights, _ in
                                 self._pending], np.int64).reshape(-1, 2)}

    def restore(self, arrays):
        """
        Go back to state(); the learner has been restored before.

        WeightsError for arrays that are none of those.
        """
        check_layout({name: (value.dtype, value.shape) for name, value in arrays.items()},
                     _layout(arrays))
        known, pending = dict(self._known(arrays)), arrays['pending'].tolist()
        following, version, updates = arrays['next'].tolist()
        for number, its_version in pending:
            if its_version not in known or not 0 <= number < following:
                raise WeightsError(f'episode {number} is under way with version {its_version}, '
                                   f'expected one of {sorted(known)} and a number below '
                                   f'{following}')
        self.next, self._weights, self._updates = following, known.get(version), updates
        for number, its_version in pending:
            self._ask(number, known[its_version])

    def _known(self, arrays):
        """Yield (version, Weights) in arrays of state(); WeightsError where they do not fit."""
        for version, prefer_base in arrays['burn_in'].tolist():
            content = arrays.get(f'weights/{version}', np.empty(0, np.uint8)).tobytes()
            check_fit(unpack(content)[1], vars(self.learner.shape))
            yield version, Weights(version, bool(prefer_base), content)

    def close(self):
        """End the players."""
        self.players.close()
