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

This is the whole robot side of residual policy learning; residual_node and the rollout in one
process both call it. When the learned part fails, the base action remains; when the state or the
base action cannot be used, the command is a stop.
"""

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.data import Command, Mode, State, Status
from rpl_ros.policy.actor import Actor, remember
from rpl_ros.policy.checked import WeightsError
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.specs import TaskSpec


def compose(base_action: np.ndarray, residual: np.ndarray,
            scale: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Return (total, sent) for a base action and a residual (A,), no units.

    total = base_action + scale * residual; sent = total clipped to [-1, 1].
    """
    total = base_action + scale * residual
    return total, np.clip(total, -1.0, 1.0)


def episode_mode(settings: ResidualSettings, episode: int, prefer_base: bool,
                 rng: np.random.Generator | None) -> Mode:
    """
    Return how episode number `episode` is driven; a policy from a file never explores.

    Every n-th episode measures the base controller or the residual policy without noise. With
    `prefer_base` (burn-in or trial) each other episode uses the base action alone with
    the probability in `settings`; only then is `rng` needed.
    """
    if settings.base_every and episode % settings.base_every == settings.base_every // 2:
        return Mode.BASE
    if settings.policy:
        return Mode.EVALUATE
    every = settings.evaluate_every
    if every and episode % every == every - 1:
        return Mode.EVALUATE
    if prefer_base and rng and rng.random() < settings.burn_in_base_probability:
        return Mode.BASE
    return Mode.EXPLORE


def explore(residual: np.ndarray, settings: ResidualSettings, rng: np.random.Generator,
            expert: np.ndarray) -> np.ndarray:
    """
    Return the residual (A,) with exploration noise, in [-1, 1].

    With random_probability it is drawn uniformly instead (authors' code). In expert_probability
    of these cases it is `expert` (A,), with which the base action alone is sent.
    """
    noisy = residual + settings.noise_std * rng.standard_normal(residual.shape)
    uniform = rng.uniform(-1.0, 1.0, residual.shape)
    if rng.random() >= settings.random_probability:
        return np.clip(noisy, -1.0, 1.0)
    if settings.expert_probability and rng.random() < settings.expert_probability:
        return np.clip(expert, -1.0, 1.0)
    return uniform


class ResidualPolicy:
    """Composes commands; keeps mode, noise, policy and history for an episode."""

    def __init__(self, settings: ResidualSettings, spec: TaskSpec) -> None:
        """Start without a policy: commands are base actions until offer() brings one."""
        self._settings = settings
        self._spec = spec
        self._next: tuple[Actor, int, bool] | None = None
        self._actor: Actor | None = None
        self.version, self._prefer_base = 0, True
        self._offered = 0, ''  # version and digest of the newest weights
        self.problem = ''  # why the last residual could not be used
        self._episode: int | None = None
        self._remembered: np.ndarray | None = None
        self.share = settings.residual_share
        self.use_residual = True  # false: base actions, from the next step on
        self._off = False  # it was false in this episode
        self._held: tuple[int, np.ndarray, Status] | None = None  # number of the hold, residual
        self._rng: np.random.Generator  # of the present episode
        self.mode = Mode.BASE

    def knows(self, version: int, digest: str = '') -> bool:
        """
        Return whether these weights are the newest ones that were offered, by version and digest.

        WeightsError where they differ but are not newer: a version number means one policy only.
        """
        newest, theirs = self._offered
        if version == newest and newest and digest == theirs:
            return True
        if version <= newest:
            raise WeightsError('version numbers begin at 1' if not version else
                               f'version {newest} is here already, and '
                               + ('it was another policy' if version == newest else 'newer'))
        return False

    def offer(self, actor: Actor, version: int, prefer_base: bool, digest: str = '') -> None:
        """
        Use new weights from the next episode on; weights that it knows change nothing.

        `prefer_base`: whether the base controller should still drive most training episodes.
        WeightsError for a version that is not newer.
        """
        if not self.knows(version, digest):
            self._next, self._offered = (actor, version, prefer_base), (version, digest)

    def _begin(self, episode: int) -> None:
        """Begin an episode: newest weights, its own random numbers, its mode."""
        if self._next is not None:
            (self._actor, self.version, self._prefer_base), self._next = self._next, None
        self._episode = episode
        self._remembered = self._held = None
        self._rng = generator(self._settings.seed, Stream.EXPLORATION, episode)
        self.mode = episode_mode(self._settings, episode, self._prefer_base, self._rng)
        self._off = not self.use_residual
        if self._actor is None or self._off:
            self.mode = Mode.BASE  # there is no policy yet, or it is not to be used

    def command(self, state: State, base_action: np.ndarray | None) -> Command:
        """Return the Command for a State and the base action (A,), None where none arrived."""
        if state.episode != self._episode:
            self._begin(state.episode)
        if not self._usable_state(state):
            return self._stop(state, base_action, Status.STOP_BAD_STATE)
        remembered = state.observation if self._remembered is None else self._remembered
        keep = self._actor.shape.history_keep if self._actor else 0.0
        self._remembered = remember(self._remembered, state.observation, keep)
        if base_action is None:
            return self._stop(state, None, Status.STOP_NO_BASE)
        if base_action.shape != (self._spec.action_size,) or not np.isfinite(base_action).all():
            return self._stop(state, base_action, Status.STOP_BAD_BASE)
        residual, status = np.zeros(self._spec.action_size), Status.EPISODE_END
        if not state.last:
            residual, status = self._residual(state, remembered, base_action)
        if self._whole and status in (Status.RESIDUAL, Status.EXPLORING):
            total, sent = compose(np.zeros(self._spec.action_size), residual, 1.0)
        else:
            total, sent = compose(base_action, residual, self._settings.residual_scale)
        return self._make(state, base_action, residual, total, sent, status)

    @property
    def _whole(self) -> bool:
        """Return whether the policy gives the whole action, as the paper's baselines do."""
        return self._actor is not None and self._actor.shape.whole_action

    @property
    def whole_action(self) -> bool:
        """Return whether the newest policy gives the whole action."""
        actor = self._next[0] if self._next else self._actor
        return actor is not None and actor.shape.whole_action

    def _usable_state(self, state: State) -> bool:
        return all(array.shape == (size,) and np.isfinite(array).all() for array, size in (
            (state.observation, self._spec.observation_size),
            (state.desired_goal, self._spec.goal_size)))

    def _residual(self, state: State, remembered: np.ndarray,
                  base_action: np.ndarray) -> tuple[np.ndarray, Status]:
        """Return (residual (A,), status) for a usable state and base action."""
        zero = np.zeros(self._spec.action_size)
        if self._actor is None:
            return zero, Status.NO_POLICY
        if self._is_off():
            return zero, Status.RESIDUAL_OFF
        if self.mode == Mode.BASE:
            return zero, Status.BASE_EPISODE
        hold = state.step // self._actor.shape.residual_hold
        if self._held is None or self._held[0] != hold:
            residual = self._act(self._actor, state, remembered, base_action)
            if residual is None:
                return zero, Status.BAD_RESIDUAL
            status = Status.RESIDUAL
            if self.mode == Mode.EXPLORE:
                expert = base_action if self._whole else zero
                residual = explore(residual, self._settings, self._rng, expert)
                status = Status.EXPLORING
            self._held = hold, residual, status
        _, residual, status = self._held
        return residual if self._whole else self.share * residual, status

    def _is_off(self) -> bool:
        """Return whether the residual is off in this episode; once off, it stays so to its end."""
        if not self.use_residual and not self._off:
            self._off = True
            if self.mode == Mode.EVALUATE:
                self.mode = Mode.EXPLORE  # it measures neither the policy nor the base
        return self._off

    def _act(self, actor: Actor, state: State, remembered: np.ndarray,
             base_action: np.ndarray) -> np.ndarray | None:
        """Return the policy's residual (A,), or None after a failure, which sets `problem`."""
        size = self._spec.action_size
        try:
            residual = np.asarray(actor.act(state.observation, remembered, state.desired_goal,
                                            base_action), np.float64)
            if residual.shape != (size,) or not (np.abs(residual) <= 1.0).all():
                raise ValueError(f'{brief(residual.tolist())}, expected {size} numbers in [-1, 1]')
            return residual
        except Exception as error:  # whatever it is, the robot continues with the base action
            self.problem = f'{type(error).__name__}: {error}'
            return None

    def _stop(self, state: State, base_action: np.ndarray | None, status: Status) -> Command:
        nothing = np.zeros(self._spec.action_size)
        base_action = np.empty(0) if base_action is None else base_action
        return self._make(state, base_action, nothing, nothing, nothing, status)

    def _make(self, state: State, base_action: np.ndarray, residual: np.ndarray,
              total: np.ndarray, sent: np.ndarray, status: Status) -> Command:
        return Command(
            episode=state.episode, step=state.step, mode=self.mode, policy_version=self.version,
            base_action=base_action, residual=residual,
            residual_scale=1.0 if self._whole else self._settings.residual_scale,
            total=total, sent=sent, status=status)
