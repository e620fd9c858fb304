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

"""The learner: episodes in, policy weights out; the same code live, in process and offline."""

from dataclasses import replace
import math
from typing import Any

import numpy as np
from rpl_ros.common.versions import version_of
from rpl_ros.data import Episode, Mode
from rpl_ros.learning import her
from rpl_ros.learning.burn_in import BurnIn
from rpl_ros.learning.ddpg import Ddpg
from rpl_ros.learning.normalizer import Normalizer
from rpl_ros.learning.replay import Batch, Replay
from rpl_ros.learning.trial import Trial
from rpl_ros.policy.weights import HIGHEST_VERSION, pack, PolicyShape
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.settings.robots import robot_of
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import rewards_of
from rpl_ros.tasks.score import SUCCESS
from rpl_ros.tasks.spec_file import digest_of_own
from rpl_ros.transitions import held


class LearningError(ArithmeticError):
    """A number that is no longer finite: says in which tensor."""


def _what_is_wrong(learner: 'Learner', batch: Batch[np.ndarray]) -> str:
    """Return in words which part of a batch, which tensor or which figure is not finite."""
    parts = [(f'the replay has {name}', value) for name, value in vars(batch).items()]
    for owner in ('critics', 'target_critics', 'actor', 'target_actor'):
        parts += [(f'{owner} has {name}', value.detach().cpu().numpy())
                  for name, value in getattr(learner.ddpg, owner).named_parameters()]
    for name, value in parts:
        if not np.isfinite(value).all():
            return f'{name} that is not finite'
    return f'the figures are {learner.figures}, though all tensors are finite'


class Learner:
    """Owns replay, networks and counters; knows neither ROS nor a simulator."""

    def __init__(self, settings: LearnerSettings) -> None:
        """Start with an empty replay and weights drawn from the seed in the settings."""
        if settings.history and settings.residual_hold > 1:
            raise SettingsError(f'history is {settings.history}, expected 0 with residual_hold '
                                f'{settings.residual_hold}')
        self.settings = settings
        self.spec = task_spec(settings.task, settings.horizon)
        self.shape = PolicyShape(
            task=self.spec.name, observation_size=self.spec.observation_size,
            goal_size=self.spec.goal_size, action_size=self.spec.action_size,
            hidden_layers=settings.hidden_layers, hidden_size=settings.hidden_size,
            history=settings.history, history_keep=settings.history_keep,
            sees_base=settings.actor_sees_base,
            averaged=bool(settings.history) and settings.history_features == 'averaged',
            whole_action=settings.whole_action, residual_scale=settings.residual_scale,
            horizon=self.spec.horizon, max_ee_speed=settings.max_ee_speed,
            task_digest=digest_of_own(self.spec), residual_hold=settings.residual_hold)
        # The episodes that are learned from: with a step for each residual.
        spec = replace(self.spec, horizon=math.ceil(self.spec.horizon / settings.residual_hold))
        self.rng = generator(settings.seed, Stream.LEARNER)
        keep = settings.history_keep if settings.history else None
        self.replay = Replay(spec, settings.buffer_transitions, keep)
        # Episodes of bags have a replay of their own, so that fresh episodes do not overwrite
        # them. `bags` is the digest of all bags, '' without any.
        self.recorded, self.bags = Replay(spec, settings.buffer_transitions, keep), ''
        self.ddpg = Ddpg(settings, spec, self.shape)
        self.burn_in = BurnIn(settings)
        self.acts_in_burn_in = False  # the policy: true where it was learned before
        self.trial = Trial(settings.trial_episodes)
        self._observations = Normalizer(self.spec.observation_size)
        self._goals = Normalizer(self.spec.goal_size)
        self.episodes = self.transitions = self.updates = self.version = 0
        self.last_episodes: dict[int, int] = {}  # by robot: highest number of a fresh episode
        self.owed_exactly = 0.0
        self.saved_episodes = 0  # of the replay, that are already in files
        self.figures = {'critic_loss': 0.0, 'mean_q': 0.0, 'mean_residual': 0.0}
        self.about: dict[str, Any] = {}  # facts of the run, for the files of its policies

    @property
    def owed(self) -> int:
        """Return how many gradient updates the transitions so far still require."""
        if self.transitions < max(self.settings.warmup_transitions, 1):
            return 0
        return int(self.owed_exactly)

    def add(self, episode: Episode) -> int:
        """Store a fresh Episode; return the number of its complete transitions."""
        count = self._store(self.replay, episode)
        robot = robot_of(episode.episode)
        self.last_episodes[robot] = max(self.last_episodes.get(robot, -1), episode.episode)
        if count:
            self._judge_episode(episode)
            self.episodes += 1
            self.transitions += count
            self.owed_exactly += count * self.settings.updates_per_step
        return count

    def _judge_episode(self, episode: Episode) -> None:
        """Give the trial the score of an Episode; while the residual is zero, it is the base's."""
        success = self.spec.measure == SUCCESS
        score = float(episode.success if success else rewards_of(self.spec, episode).sum())
        if not episode.ended or not np.isfinite(score):
            return  # messages were lost, so its score is unknown
        still = episode.mode == Mode.EVALUATE and not episode.residuals.any()
        self.trial.observe(Mode.BASE if still else episode.mode, score)

    @property
    def prefer_base(self) -> bool:
        """Return whether the base controller should still drive: in burn-in, or on trial."""
        burns_in = self.burn_in.active and not self.acts_in_burn_in
        return burns_in or not self.trial.passed

    def add_recorded(self, episode: Episode) -> int:
        """
        Store an Episode of a bag; return the number of its complete transitions.

        It does not change `owed`: only fresh transitions ask for updates.
        """
        return self._store(self.recorded, episode)

    def _store(self, replay: Replay, episode: Episode) -> int:
        """Add an Episode to a Replay and to the moments; return its complete transitions."""
        episode = held(episode, self.settings.residual_hold)
        count = replay.add(episode)
        if count and self.settings.normalise:
            ratio = 0.0 if self.spec.recorded_reward else self.settings.her_ratio
            self._observations.add(episode.observations)
            self._goals.add(episode.achieved_goals[1:], ratio)
            self._goals.add(episode.desired_goal[None], (1.0 - ratio) * episode.steps)
        if count:
            self.set_moments()
        return count

    def recorded_share(self) -> int:
        """Return how many transitions of a batch come from bags."""
        size = self.settings.batch_size
        if not self.recorded.size:
            return 0
        return round(self.settings.bag_ratio * size) if self.replay.size else size

    def sample(self) -> Batch[np.ndarray]:
        """Return the Batch of an update: transitions of bags first."""
        settings, count = self.settings, self.recorded_share()
        return Batch.join([
            her.sample(replay, size, settings.her_ratio, settings.her_goal, self.spec, self.rng)
            for replay, size in ((self.recorded, count),
                                 (self.replay, settings.batch_size - count)) if size])

    def update(self) -> None:
        """Do one gradient update; LearningError where a number is no longer finite."""
        batch = self.sample()
        self.figures = self.ddpg.update(batch, train_actor=not self.burn_in.active)
        if not np.isfinite(self.figures['critic_loss'] + self.figures['mean_q']):
            raise LearningError(f'after update {self.updates} {_what_is_wrong(self, batch)}')
        self.burn_in.observe(self.figures['critic_loss'], self.figures['mean_q'])
        self.updates += 1
        self.owed_exactly = max(0.0, self.owed_exactly - 1.0)
        if self.updates % self.settings.target_every == 0:
            self.ddpg.update_targets()

    def policy_tensors(self) -> dict[str, np.ndarray]:
        """Return the policy as {name: float32 array}, including the moments of the inputs."""
        names = ('observation_mean', 'observation_std', 'goal_mean', 'goal_std')
        moments = (*self._observations.moments(), *self._goals.moments())
        return {**dict(zip(names, moments)), **self.ddpg.policy_tensors()}

    def policy(self) -> bytes:
        """Return the file of the policy to use outside of training; on trial its residual is 0."""
        tensors = self.policy_tensors()
        if not self.trial.passed:
            last = f'layer{self.shape.hidden_layers}'
            tensors.update({name: np.zeros_like(value) for name, value in tensors.items()
                            if name.startswith(f'{last}.')})
        return pack(tensors, self.shape, self.version, self.prefer_base, {
            **self.about, 'transitions': self.transitions, 'updates': self.updates,
            'package': version_of('rpl_ros')})

    def new_version(self) -> bytes:
        """Increase the version and return the policy for training episodes as bytes."""
        self.version += 1
        return pack(self.policy_tensors(), self.shape, self.version, self.prefer_base)

    def skip_to(self, version: int) -> None:
        """
        Continue the versions above `version`, which an earlier learner may have published.

        A number in the upper half of the range is ignored: it is an error, and would leave no
        room above it.
        """
        if version <= HIGHEST_VERSION // 2:
            self.version = max(self.version, version)

    def normalizers(self) -> dict[str, Normalizer]:
        """Return {name: Normalizer} of observations and goals."""
        return {'observation': self._observations, 'goal': self._goals}

    def set_moments(self) -> None:
        """Pass the current moments of observations and goals to the networks."""
        self.ddpg.set_moments(self._observations.moments(), self._goals.moments())
