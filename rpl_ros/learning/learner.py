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

import numpy as np
from rpl_ros import data
from rpl_ros.learning import her
from rpl_ros.learning.burn_in import BurnIn
from rpl_ros.learning.ddpg import Ddpg, keep_freed_memory, use_fast_products
from rpl_ros.learning.normalizer import Normalizer
from rpl_ros.learning.replay import Batch, Replay
from rpl_ros.learning.trial import Trial
from rpl_ros.policy.weights import HIGHEST_VERSION, pack, PolicyShape
from rpl_ros.rewards import rewards_of
from rpl_ros.tasks.specs import spec as find_spec
import torch


class LearningError(ArithmeticError):
    """Numbers that are no longer finite: says which tensor."""


def _what_is_wrong(learner, batch):
    """Return which part of a batch, or which tensor, or else which figure is not finite."""
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

    def __init__(self, settings):
        """Take the LearnerSettings."""
        self.settings = settings
        self.spec = find_spec(settings.task, settings.horizon)
        self.shape = PolicyShape(
            task=settings.task, observation_size=self.spec.observation_size,
            goal_size=self.spec.goal_size, action_size=self.spec.action_size,
            hidden_layers=settings.hidden_layers, hidden_size=settings.hidden_size,
            history=settings.history, history_keep=settings.history_keep,
            sees_base=settings.actor_sees_base,
            averaged=bool(settings.history) and settings.history_features == 'averaged',
            whole_action=settings.whole_action, residual_scale=settings.residual_scale,
            horizon=self.spec.horizon, max_ee_speed=settings.max_ee_speed)
        torch.set_num_threads(1)  # more gain less than actor and critics side by side
        use_fast_products()
        keep_freed_memory()
        self.rng = np.random.default_rng([settings.seed, 3])
        keep = settings.history_keep if settings.history else None
        self.replay = Replay(self.spec, settings.buffer_transitions, keep)
        # Of bags, kept apart so that fresh episodes do not push them out; `bags` is the digest of
        # all of them, '' without any.
        self.recorded, self.bags = Replay(self.spec, settings.buffer_transitions, keep), ''
        self.ddpg = Ddpg(settings, self.spec, self.shape)
        self.burn_in = BurnIn(settings)
        self.trial = Trial(settings.trial_episodes)
        self._observations = Normalizer(self.spec.observation_size)
        self._goals = Normalizer(self.spec.goal_size)
        self.episodes = self.transitions = self.updates = self.version = 0
        self.owed_exactly = 0.0
        self.saved_episodes = 0  # of the replay, that lie in files already
        self.figures = {'critic_loss': 0.0, 'mean_q': 0.0, 'mean_residual': 0.0}

    @property
    def owed(self):
        """Return how many gradient updates the transitions taken so far still ask for."""
        if self.transitions < max(self.settings.warmup_transitions, 1):
            return 0
        return int(self.owed_exactly)

    def add(self, episode):
        """Take an Episode; return how many transitions of it were of use."""
        count = self._keep(self.replay, episode)
        if count:
            self._try(episode)
            self.episodes += 1
            self.transitions += count
            self.owed_exactly += count * self.settings.updates_per_step
        return count

    def _try(self, episode):
        """Let the trial see how an Episode went; until the actor moves, all are the base's."""
        success = self.spec.measure == 'success'
        score = float(episode.success if success else rewards_of(self.spec, episode).sum())
        if not episode.ended or not np.isfinite(score):
            return  # a part of it was lost, so that nobody knows how it went
        still = episode.mode == data.EVALUATE and not episode.residuals.any()
        self.trial.observe(data.BASE if still else episode.mode, score)

    @property
    def on_trial(self):
        """Return whether the base controller is still to be preferred: in burn-in, or on trial."""
        return self.burn_in.active or not self.trial.passed

    def add_recorded(self, episode):
        """
        Take an Episode of a bag; return how many transitions of it were of use.

        It asks for no updates: those follow from fresh transitions, or from who learns offline.
        """
        return self._keep(self.recorded, episode)

    def _keep(self, replay, episode):
        """Put an Episode into a Replay and the moments; return its transitions."""
        count = replay.add(episode)
        if count and self.settings.normalise:
            ratio = self.settings.her_ratio
            self._observations.add(episode.observations)
            self._goals.add(episode.achieved_goals[1:], ratio)
            self._goals.add(episode.desired_goal[None], (1.0 - ratio) * episode.steps)
        if count:
            self.set_moments()
        return count

    def recorded_share(self):
        """Return how many transitions of a batch come from bags."""
        size = self.settings.batch_size
        if not self.recorded.size:
            return 0
        return round(self.settings.bag_ratio * size) if self.replay.size else size

    def sample(self):
        """Return the Batch of an update: those of bags first."""
        settings, count = self.settings, self.recorded_share()
        return Batch.join([
            her.sample(replay, size, settings.her_ratio, settings.her_goal, self.spec, self.rng)
            for replay, size in ((self.recorded, count),
                                 (self.replay, settings.batch_size - count)) if size])

    def update(self):
        """Do one gradient update."""
        batch = self.sample()
        self.figures = self.ddpg.update(batch, train_actor=not self.burn_in.active)
        if not np.isfinite(self.figures['critic_loss'] + self.figures['mean_q']):
            raise LearningError(f'after update {self.updates} {_what_is_wrong(self, batch)}')
        self.burn_in.observe(self.figures['critic_loss'], self.figures['mean_q'])
        self.updates += 1
        self.owed_exactly = max(0.0, self.owed_exactly - 1.0)
        if self.updates % self.settings.target_every == 0:
            self.ddpg.update_targets()

    def policy_tensors(self):
        """Return the policy as {name: float32 array}, the normaliser's moments included."""
        names = ('observation_mean', 'observation_std', 'goal_mean', 'goal_std')
        moments = (*self._observations.moments(), *self._goals.moments())
        return {**dict(zip(names, moments)), **self.ddpg.policy_tensors()}

    def policy(self):
        """Return the policy to use as safetensors bytes; on trial its residual is zero."""
        tensors = self.policy_tensors()
        if not self.trial.passed:
            last = f'layer{self.shape.hidden_layers}'
            tensors.update({name: np.zeros_like(value) for name, value in tensors.items()
                            if name.startswith(f'{last}.')})
        return pack(tensors, self.shape, self.version, self.on_trial)

    def publish(self):
        """Count the version up and return the policy to drive training episodes with, as bytes."""
        self.version += 1
        return pack(self.policy_tensors(), self.shape, self.version, self.on_trial)

    def skip_to(self, version):
        """
        Publish above `version` from now on: one that is in use, perhaps of a learner before.

        One in the upper half of the numbers is not believed: there must be room above it.
        """
        if version <= HIGHEST_VERSION // 2:
            self.version = max(self.version, version)

    def normalizers(self):
        """Return {name: Normalizer} of observations and goals."""
        return {'observation': self._observations, 'goal': self._goals}

    def set_moments(self):
        """Tell the networks the present moments of observations and goals."""
        self.ddpg.set_moments(self._observations.moments(), self._goals.moments())
