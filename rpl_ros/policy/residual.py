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
From a state and its base action to the command: the paper's a = pi(s) + f(s), section IV.

This is the whole robot side of residual policy learning; residual_node and the in-process
rollout both call it. Whatever is wrong with the learned part, the base action remains; whatever
is wrong with state or base action, the command is a stop.
"""

import numpy as np

from rpl_ros import data
from rpl_ros.brief import brief
from rpl_ros.policy.actor import remember
from rpl_ros.policy.checked import WeightsError


def compose(base_action, residual, scale):
    """
    Return (total, sent) for a base action and a residual (A,), no units.

    total = base_action + scale * residual; sent = total clipped to [-1, 1].
    """
    total = base_action + scale * residual
    return total, np.clip(total, -1.0, 1.0)


def episode_mode(settings, episode, prefer_base, rng):
    """
    Return data.BASE, EVALUATE or EXPLORE: how episode number `episode` is driven.

    Every n-th episode measures the base controller or the residual policy without noise. With
    `prefer_base`, in burn-in or on trial, others are also driven by the base action, each with the
    probability in `settings`.
    """
    if settings.base_every and episode % settings.base_every == settings.base_every // 2:
        return data.BASE
    every = settings.evaluate_every
    if every and episode % every == every - 1:
        return data.EVALUATE
    if prefer_base and rng.random() < settings.burn_in_base_probability:
        return data.BASE
    return data.EXPLORE


def explore(residual, settings, rng, expert):
    """
    Return the residual (A,) with exploration noise, in [-1, 1].

    With probability random_probability it is drawn uniformly instead (authors' code), or, of
    these, with expert_probability it is `expert` (A,): what sends the base action alone.
    """
    noisy = residual + settings.noise_std * rng.standard_normal(residual.shape)
    uniform = rng.uniform(-1.0, 1.0, residual.shape)
    if rng.random() >= settings.random_probability:
        return np.clip(noisy, -1.0, 1.0)
    if settings.expert_probability and rng.random() < settings.expert_probability:
        return np.clip(expert, -1.0, 1.0)
    return uniform


class ResidualPolicy:
    """Composes commands, and keeps what lasts for an episode: mode, noise, policy, history."""

    def __init__(self, settings, spec):
        """Take the ResidualSettings and the TaskSpec; starts without a policy."""
        self._settings = settings
        self._spec = spec
        self._next = None
        self._actor, self.version, self._prefer_base = None, 0, True
        self._offered = 0, ''  # version and digest of the newest weights
        self.problem = ''  # why the last residual was bad
        self._episode = None
        self._remembered = None
        self._rng = None
        self.mode = data.BASE

    def knows(self, version, digest=''):
        """
        Return whether weights are those that were offered last, by version and digest.

        WeightsError where they are others, but not newer: a version means one policy only.
        """
        newest, theirs = self._offered
        if version == newest and newest and digest == theirs:
            return True
        if version <= newest:
            raise WeightsError('versions count from 1' if not version else
                               f'version {newest} is here already, and '
                               + ('it was another policy' if version == newest else 'newer'))
        return False

    def offer(self, actor, version, prefer_base, digest=''):
        """
        Take new weights as an Actor; they are used from the next episode on.

        Those that it knows are left alone. WeightsError for a version that is not newer.
        """
        if not self.knows(version, digest):
            self._next, self._offered = (actor, version, prefer_base), (version, digest)

    def _begin(self, episode):
        """Start an episode: newest weights, its own random numbers, its mode."""
        if self._next is not None:
            (self._actor, self.version, self._prefer_base), self._next = self._next, None
        self._episode = episode
        self._remembered = None
        self._rng = np.random.default_rng([self._settings.seed, episode, 2])
        self.mode = episode_mode(self._settings, episode, self._prefer_base, self._rng)
        if self._actor is None:
            self.mode = data.BASE  # there is nothing else yet

    def command(self, state, base_action):
        """Return the Command for a State and the base action (A,), or None where none came."""
        if state.episode != self._episode:
            self._begin(state.episode)
        if not self._usable_state(state):
            return self._stop(state, base_action, data.STOP_BAD_STATE)
        remembered = state.observation if self._remembered is None else self._remembered
        keep = self._actor.shape.history_keep if self._actor else 0.0
        self._remembered = remember(self._remembered, state.observation, keep)
        if base_action is None:
            return self._stop(state, None, data.STOP_NO_BASE)
        if base_action.shape != (self._spec.action_size,) or not np.isfinite(base_action).all():
            return self._stop(state, base_action, data.STOP_BAD_BASE)
        residual, status = np.zeros(self._spec.action_size), data.EPISODE_END
        if not state.last:
            residual, status = self._residual(state, remembered, base_action)
        if self._whole and status in (data.RESIDUAL, data.EXPLORING):
            total, sent = compose(np.zeros(self._spec.action_size), residual, 1.0)
        else:
            total, sent = compose(base_action, residual, self._settings.residual_scale)
        return self._make(state, base_action, residual, total, sent, status)

    @property
    def _whole(self):
        """Return whether the policy gives the whole action, as the paper's baselines do."""
        return self._actor is not None and self._actor.shape.whole_action

    def asks_base(self, episode):
        """Return whether the commands of an episode depend on the base action."""
        if episode != self._episode:
            self._begin(episode)
        exploring = self.mode == data.EXPLORE and self._settings.expert_probability > 0
        return not self._whole or self.mode == data.BASE or exploring

    def _usable_state(self, state):
        return (state.observation.shape == (self._spec.observation_size,)
                and state.desired_goal.shape == (self._spec.goal_size,)
                and np.isfinite(state.observation).all() and np.isfinite(state.desired_goal).all())

    def _residual(self, state, remembered, base_action):
        """Return (residual (A,), status) for a usable state and base action."""
        zero = np.zeros(self._spec.action_size)
        if self._actor is None:
            return zero, data.NO_POLICY
        if self.mode == data.BASE:
            return zero, data.BASE_EPISODE
        residual = self._act(state, remembered, base_action)
        if residual is None:
            return zero, data.BAD_RESIDUAL
        status = data.RESIDUAL
        if self.mode == data.EXPLORE:
            expert = base_action if self._whole else zero
            residual = explore(residual, self._settings, self._rng, expert)
            status = data.EXPLORING
        return residual, status

    def _act(self, state, remembered, base_action):
        """Return the policy's residual (A,), or None with a `problem` where it gives none."""
        size = self._spec.action_size
        try:
            residual = np.asarray(self._actor.act(state.observation, remembered,
                                                  state.desired_goal, base_action), np.float64)
            if residual.shape != (size,) or not (np.abs(residual) <= 1.0).all():
                raise ValueError(f'{brief(residual.tolist())}, expected {size} numbers in [-1, 1]')
            return residual
        except Exception as error:  # whatever it is, the robot goes on with the base action
            self.problem = f'{type(error).__name__}: {error}'
            return None

    def _stop(self, state, base_action, status):
        nothing = np.zeros(self._spec.action_size)
        base_action = np.empty(0) if base_action is None else base_action
        return self._make(state, base_action, nothing, nothing, nothing, status)

    def _make(self, state, base_action, residual, total, sent, status):
        return data.Command(
            episode=state.episode, step=state.step, mode=self.mode, policy_version=self.version,
            base_action=base_action, residual=residual,
            residual_scale=1.0 if self._whole else self._settings.residual_scale,
            total=total, sent=sent, status=status)
