# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The whole loop in one process, or learning here and playing in others at the same time.

It is the reference for the ROS 2 graph: same policy, same learner, the same functions between.
"""

from collections import deque

import numpy as np

from rpl_ros.experiments.players import Played, Players, Weights
from rpl_ros.learning.learner import Learner


class Loop:
    """Plays episodes and learns from them, in the order of their numbers.

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
            'burn_in': np.array([[number, known[number].burn_in] for number in known],
                                np.int64).reshape(-1, 2),
            'pending': np.array([(number, weights.version) for number, weights, _ in
                                 self._pending], np.int64).reshape(-1, 2)}

    def restore(self, arrays):
        """Go back to state(); the learner has been restored before."""
        known = {version: Weights(version, bool(burn_in), arrays[f'weights/{version}'].tobytes())
                 for version, burn_in in arrays['burn_in'].tolist()}
        self.next, version, self._updates = arrays['next'].tolist()
        self._weights = known.get(version)
        for number, version in arrays['pending'].tolist():
            self._ask(number, known[version])

    def close(self):
        """End the players."""
        self.players.close()
