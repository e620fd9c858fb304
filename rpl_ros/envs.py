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
The tasks as Gymnasium goal environments; importing this module registers them.

    import gymnasium, rpl_ros.envs
    env = gymnasium.make('rpl/Push-v0')

Episode n with seed s is the same scene as episode n of `rpl train` and of sim_node with seed s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import os
import time
from typing import Any, TYPE_CHECKING

import gymnasium
from gymnasium.envs.registration import EnvSpec
import numpy as np
from rpl_ros.data import State
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import reward_inputs, reward_of
from rpl_ros.tasks.specs import CONTROL_PERIOD, TASKS

if TYPE_CHECKING:
    import mujoco
    from rpl_ros.tasks.window import Window

IDS = {name: task_spec(name).env_id for name in TASKS}
PICTURE = (480, 640)  # pixels, height and width
Observation = dict[str, np.ndarray]
Info = dict[str, Any]


class TaskEnv(gymnasium.Env):
    """
    A task as a goal environment: see docs/observations.md for observations and actions.

    `truncated` ends each episode after the task's horizon. `info` holds `is_success` and, after a
    step, what compute_reward() needs of it: in MBRLPusher `tip` (3,), m, and `action` (7,).
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (an attribute of gymnasium.Env)
        'render_modes': ['human', 'rgb_array'], 'render_fps': round(1 / CONTROL_PERIOD)}

    def __init__(self, task: str, render_mode: str | None = None, objects: str = '',
                 horizon: int = 0, max_ee_speed: float = 0.0) -> None:
        """
        Build the scene of `task`; `objects` is a folder of meshes for complex_hook.

        `horizon`, steps of an episode, and `max_ee_speed`, m/s of the gripper under a held action
        of 1, are the paper's where they are 0.

        ValueError for an unknown task or render mode.
        """
        if render_mode not in (None, *self.metadata['render_modes']):
            raise ValueError(f'render_mode is {render_mode!r}, expected None, '
                             f'{" or ".join(self.metadata["render_modes"])}')
        if render_mode == 'rgb_array' and not os.environ.get('DISPLAY'):
            os.environ.setdefault('MUJOCO_GL', 'egl')  # MuJoCo reads it when it is imported
        self.render_mode = render_mode
        self._spec: EnvSpec | None = None
        self.task = make_task(task, 0, objects, horizon, max_ee_speed)
        sizes = self.task.spec
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (sizes.action_size,), np.float32)
        self.observation_space = gymnasium.spaces.Dict({
            name: gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float64) for name, size in (
                ('observation', sizes.observation_size), ('achieved_goal', sizes.goal_size),
                ('desired_goal', sizes.goal_size))})
        self._state: State | None = None
        self._window: Window | None = None
        self._has_display = True  # until a window could not be opened
        self._renderer: mujoco.Renderer | None = None
        self._episode = -1
        self._drawn_at = 0.0

    def _set_spec(self, spec: EnvSpec | None) -> None:
        """
        Keep the EnvSpec of gymnasium.make(), with the horizon for wrappers that ask for it.

        The environment itself truncates: no TimeLimit is needed.
        """
        self._spec = spec and dataclasses.replace(spec, max_episode_steps=self.task.spec.horizon)

    spec = property(lambda self: self._spec, _set_spec)

    def reset(self, *, seed: int | None = None,
              options: Mapping[str, Any] | None = None) -> tuple[Observation, Info]:
        """
        Return (observation, info) of the next episode; of the first one with a new `seed`.

        `options` may hold the number of an `episode` to play instead; ValueError for other keys.
        """
        super().reset(seed=seed)
        options = options or {}
        if set(options) - {'episode'}:
            raise ValueError(f'options are {sorted(options)}, expected none but episode')
        if seed is not None or self._episode < 0:
            self.task.seed = int(self.np_random.integers(2**31) if seed is None else seed)
            self._episode = -1
        self._episode = int(options.get('episode', self._episode + 1))
        if self._episode < 0:
            raise ValueError(f'the episode is {self._episode}, expected 0 or more')
        return self._take(self.task.reset(self._episode))

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, Info]:
        """
        Do a control step of 40 ms with `action` (A,), clipped to [-1, 1] as on the robot.

        Return (observation, reward, terminated, truncated, info). Where MuJoCo warned, the
        episode is truncated and `info['problem']` gives the reason. ValueError for an action of
        another shape or not finite, RuntimeError where the episode is over.
        """
        given, size = np.asarray(action, dtype=np.float64), self.task.spec.action_size
        if given.shape != (size,) or not np.isfinite(given).all():
            raise ValueError(f'the action is {action}, expected {size} finite numbers')
        given = np.clip(given, -1.0, 1.0)
        if self._state is None or self._state.last:
            raise RuntimeError('no episode is running: call reset() first')
        state = self.task.step(given)
        observation, info = self._take(state)
        inputs = reward_inputs(self.task.spec, state.observation, given)
        info.update((name, value.copy()) for name, value in inputs.items())
        if self.task.problem:
            info['problem'] = self.task.problem
        return observation, state.reward, state.terminated, state.truncated, info

    def _take(self, state: State) -> tuple[Observation, Info]:
        """Make `state` the present one; return (observation, info)."""
        self._state = state
        if self.render_mode == 'human':
            self.render()
        return observation_of(state), {'is_success': state.success}

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                       info: Info | Sequence[Info] | np.ndarray) -> np.ndarray:
        """
        Return the rewards (...) for goals (..., 3), m.

        `info` is what step() returned, or an array or list of those, one for each goal. Only the
        dense reward of MBRLPusher uses it: ValueError where it does not hold what that needs.
        """
        return reward_of(self.task.spec, achieved_goal, desired_goal, self._inputs(info))

    def _inputs(self, info: Info | Sequence[Info] | np.ndarray) -> Observation:
        """Return what the reward needs out of one `info`, or of an array or list of them."""
        dense = self.task.spec.dense_reward
        names = dense.inputs if dense else ()
        try:
            if isinstance(info, dict):
                return {name: np.asarray(info[name]) for name in names}
            return {name: np.array([one[name] for one in info]) for name in names}
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'the reward of {self.task.spec.name} needs {" and ".join(names)} in each info, '
                'as step() returns it (HerReplayBuffer: copy_info_dict=True)') from error

    def save(self) -> dict[str, Any]:
        """Return the full state of task and simulator, for restore() of any such environment."""
        return {'task': self.task.snapshot(), 'state': self._state}

    def restore(self, saved: Mapping[str, Any]) -> Observation:
        """Go back to what save() returned; return the observation there."""
        self.task.rewind(saved['task'])
        self._state, self._episode = saved['state'], saved['task']['episode']
        return observation_of(saved['state'])

    def render(self) -> np.ndarray | None:
        """Return a picture (H, W, 3) uint8 in mode rgb_array; in mode human, show the window."""
        if self.render_mode == 'rgb_array':
            return self._draw()
        if self.render_mode == 'human':
            self._show()
        return None

    def _draw(self) -> np.ndarray:
        import mujoco
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self.task.model, *PICTURE)
        mujoco.mj_camlight(self.task.model, self.task.data)
        self._renderer.update_scene(self.task.data, 'overview')
        return self._renderer.render()

    def _show(self) -> None:
        """Show the present state at the pace of the real robot."""
        if self._window is None and self._has_display:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(self.task)
            self._has_display = self._window is not None
        if self._window:
            self._window.show()
            time.sleep(max(0.0, self._drawn_at + CONTROL_PERIOD - time.monotonic()))
            self._drawn_at = time.monotonic()

    def close(self) -> None:
        """Close window and renderer."""
        for part in (self._window, self._renderer):
            if part:
                part.close()
        self._window = self._renderer = None


def observation_of(state: State) -> Observation:
    """Return the observation of a goal environment, arrays of its own."""
    return {'observation': state.observation.copy(), 'achieved_goal': state.achieved_goal.copy(),
            'desired_goal': state.desired_goal.copy()}


for _task, _id in IDS.items():
    if _id not in gymnasium.registry:
        # No wrappers of Gymnasium: TaskEnv itself refuses bad actions and steps before a reset.
        gymnasium.register(_id, entry_point='rpl_ros.envs:TaskEnv', kwargs={'task': _task},
                           order_enforce=False, disable_env_checker=True)
