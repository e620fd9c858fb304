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
The loop of reinforcement learning, without ROS 2: act, store, update.

It is the reference for the graph, with the same policy, the same learner, and the same functions
between them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
from rpl_ros.learning.learner import Learner, LearningError
from rpl_ros.policy.tensor_file import check_layout
from rpl_ros.policy.weights import check_fit, unpack, WeightsError
from rpl_ros.training.players import PlayedEpisode, Players, Weights

MOST_UNUSABLE = 50
"""Episodes in a row without a usable transition after which a run ends with an error."""


class Loop:
    """
    Plays episodes and learns from them, in the order of their numbers.

    With `actors` processes, this many episodes are played while the learner updates: the policy of
    episode n has learned from the episodes before n - actors. The result depends on the settings
    and the number of actors alone, not on the speed of any process.
    """

    def __init__(self, settings: dict[str, Any], actors: int = 0,
                 players: Players | None = None) -> None:
        """Build the learner of {node name: settings}, and players where none are given."""
        self.settings = settings['learner_node']
        self.learner = Learner(self.settings)
        self.players = players or Players(settings, actors)
        self._actors = actors
        self._next = settings['sim_node'].first_episode
        self._playing: deque[tuple[int, Weights, Future]] = deque()
        self._weights: Weights | None = None
        self._unusable = 0  # episodes since the last one with a usable transition
        self._updates = -1  # of the learner when it gave out self._weights

    def advance(self) -> PlayedEpisode:
        """Act for one episode, store it, and do the updates that follow; return the episode."""
        played = self.act()
        self.store(played)
        self.update()
        return played

    def act(self) -> PlayedEpisode:
        """Return the next episode, played with the current policy and its exploration noise."""
        self._start_episodes()
        _, _, future = self._playing.popleft()
        played = future.result()
        if self._actors:
            self._start_episodes()
        return played

    def store(self, played: PlayedEpisode) -> None:
        """
        Put the transitions of an episode into the replay; the learner owes updates for them.

        LearningError where MOST_UNUSABLE episodes in a row had none.
        """
        if self.learner.add(played.episode):
            self._unusable = 0
            return
        self._unusable += 1
        if self._unusable == MOST_UNUSABLE:
            raise LearningError(f'{MOST_UNUSABLE} episodes in a row had no usable transition: '
                                f'{played.episode.problem or "no action was executed"}')

    def update(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Do the gradient updates that the learner owes, until `stop()` returns True."""
        while self.learner.owed and not stop():
            self.learner.update()

    def weights(self) -> Weights:
        """Return the current policy."""
        if self._weights is None or self._updates != self.learner.updates:
            data = self.learner.new_version()
            self._weights = Weights(self.learner.version, self.learner.prefer_base, data)
            self._updates = self.learner.updates
        return self._weights

    def _start_episodes(self) -> None:
        while len(self._playing) < max(self._actors, 1):
            self._start(self._next, self.weights())
            self._next += 1

    def _start(self, number: int, weights: Weights) -> None:
        self._playing.append((number, weights, self.players.submit('play', number, weights)))

    def close(self) -> None:
        """End the processes that play."""
        self.players.close()

    # The rest continues a run: which episodes were being played, and with which weights.

    def state(self) -> dict[str, np.ndarray]:
        """Return {name: array} that restore() needs, in addition to the learner's checkpoint."""
        known = {weights.version: weights for _, weights, _ in self._playing}
        if self._weights:
            known[self._weights.version] = self._weights
        version = self._weights.version if self._weights else -1
        arrays = {f'weights/{version}': np.frombuffer(weights.data, np.uint8)
                  for version, weights in known.items()}
        return {
            **arrays, 'next': np.array([self._next, version, self._updates]),
            'burn_in': np.array([[number, known[number].prefer_base] for number in known],
                                np.int64).reshape(-1, 2),
            'pending': np.array([(number, weights.version) for number, weights, _ in
                                 self._playing], np.int64).reshape(-1, 2)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """
        Restore what state() returned and start its episodes again; restore the learner before.

        WeightsError where the arrays are not those of state().
        """
        check_layout({name: (value.dtype, value.shape) for name, value in arrays.items()},
                     _layout(arrays))
        known, pending = dict(self._known_weights(arrays)), arrays['pending'].tolist()
        following, version, updates = arrays['next'].tolist()
        for number, its_version in pending:
            if its_version not in known or not 0 <= number < following:
                raise WeightsError(f'episode {number} is played with version {its_version}, '
                                   f'expected one of {sorted(known)} and a number below '
                                   f'{following}')
        self._next, self._weights, self._updates = following, known.get(version), updates
        for number, its_version in pending:
            self._start(number, known[its_version])

    def _known_weights(self, arrays: dict[str, np.ndarray]) -> Iterator[tuple[int, Weights]]:
        """Yield (version, Weights) of arrays of state(); WeightsError for another network."""
        for version, prefer_base in arrays['burn_in'].tolist():
            content = arrays.get(f'weights/{version}', np.empty(0, np.uint8)).tobytes()
            check_fit(unpack(content)[1], vars(self.learner.shape))
            yield version, Weights(version, bool(prefer_base), content)


def _layout(arrays: dict[str, np.ndarray]) -> dict[str, tuple]:
    """Return {name: (dtype, shape)} of Loop.state(), with the numbers of rows of these arrays."""
    layout: dict[str, tuple] = {name: (np.uint8, (value.size,)) for name, value in arrays.items()
                                if name.startswith('weights/')}
    for name in ('burn_in', 'pending'):
        layout[name] = np.int64, (arrays.get(name, np.empty(0)).size // 2, 2)
    return {**layout, 'next': (np.int64, (3,))}
