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

import dataclasses
import os
import time

import gymnasium
import numpy as np

from rpl_ros.rewards import DETAILS, reward_details, reward_of
from rpl_ros.tasks.specs import CONTROL_PERIOD, spec

IDS = {
    'push': 'rpl/Push-v0', 'slippery_push': 'rpl/SlipperyPush-v0',
    'pick_and_place': 'rpl/PickAndPlace-v0', 'hook': 'rpl/Hook-v0',
    'noisy_hook': 'rpl/NoisyHook-v0', 'complex_hook': 'rpl/ComplexHook-v0',
    'mbrl_pusher': 'rpl/MBRLPusher-v0',
}
PICTURE = (480, 640)  # pixels, height and width


class TaskEnv(gymnasium.Env):
    """
    A task as a goal environment: see docs/observations.md for observations and actions.

    `truncated` ends each episode after the task's horizon; `info` holds `is_success` and, after a
    step, what compute_reward() needs of it: in MBRLPusher `tip` (3,), m, and `action` (7,).
    """

    metadata = {'render_modes': ['human', 'rgb_array'], 'render_fps': round(1 / CONTROL_PERIOD)}

    def __init__(self, task, render_mode=None, objects='', horizon=0, max_ee_speed=0.0):
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
            os.environ.setdefault('MUJOCO_GL', 'egl')  # counts if MuJoCo was not imported before
        from rpl_ros.tasks import make_task  # here: MuJoCo must not be imported earlier
        self.render_mode, self._spec = render_mode, None
        self.task = make_task(task, 0, objects, horizon, max_ee_speed)
        sizes = spec(task)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (sizes.action_size,), np.float32)
        self.observation_space = gymnasium.spaces.Dict({
            name: gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float64) for name, size in (
                ('observation', sizes.observation_size), ('achieved_goal', sizes.goal_size),
                ('desired_goal', sizes.goal_size))})
        self._state = self._window = self._renderer = None
        self._episode = -1
        self._drawn_at = 0.0

    def _set_spec(self, spec):
        """
        Take the EnvSpec of gymnasium.make(), and note the horizon for wrappers that ask for it.

        The environment itself truncates: no TimeLimit is needed.
        """
        self._spec = spec and dataclasses.replace(spec, max_episode_steps=self.task.spec.horizon)

    spec = property(lambda self: self._spec, _set_spec)

    def reset(self, *, seed=None, options=None):
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

    def step(self, action):
        """
        Do a control step of 40 ms with `action` (A,), clipped to [-1, 1] as on the robot.

        Return (observation, reward, terminated, truncated, info). Where MuJoCo was unstable, the
        episode is truncated and `info['problem']` says so. ValueError for an action of another
        shape or not finite, RuntimeError where the episode is over.
        """
        given = np.asarray(action, dtype=np.float64)
        if given.shape != self.action_space.shape or not np.isfinite(given).all():
            raise ValueError(f'the action is {action}, expected {self.action_space.shape[0]} '
                             'finite numbers')
        given = np.clip(given, -1.0, 1.0)
        if self._state is None or self._state.last:
            raise RuntimeError('no episode is running: call reset() first')
        observation, info = self._take(self.task.step(given))
        details = reward_details(self.task.spec, self._state.observation, given)
        info.update((name, value.copy()) for name, value in details.items())
        if self.task.problem:
            info['problem'] = self.task.problem
        return (observation, self._state.reward, self._state.terminated, self._state.truncated,
                info)

    def _take(self, state):
        """Make `state` the present one; return (observation, info)."""
        self._state = state
        if self.render_mode == 'human':
            self.render()
        return self._observation(), {'is_success': state.success}

    def _observation(self):
        state = self._state
        return {'observation': state.observation.copy(),
                'achieved_goal': state.achieved_goal.copy(),
                'desired_goal': state.desired_goal.copy()}

    def compute_reward(self, achieved_goal, desired_goal, info):
        """
        Return the rewards (...) for goals (..., 3), m.

        `info` is what step() returned, or an array or list of those, one for each goal. Only the
        dense reward of MBRLPusher looks at it: ValueError where it lacks what that needs.
        """
        details = self._details(info)
        return reward_of(self.task.spec, achieved_goal, desired_goal, details)

    def _details(self, info):
        """Return what the reward needs out of one `info`, or of an array or list of them."""
        names = DETAILS[self.task.spec.reward]
        try:
            if isinstance(info, dict):
                return {name: np.asarray(info[name]) for name in names}
            return {name: np.array([one[name] for one in info]) for name in names}
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'the reward of {self.task.spec.name} needs {" and ".join(names)} in each info, '
                'as step() returns it (HerReplayBuffer: copy_info_dict=True)') from error

    def save(self):
        """Return the full state of task and simulator, for restore() of any such environment."""
        return {'task': self.task.snapshot(), 'state': self._state}

    def restore(self, saved):
        """Go back to what save() returned; return the observation there."""
        self.task.rewind(saved['task'])
        self._state, self._episode = saved['state'], saved['task']['episode']
        return self._observation()

    def render(self):
        """Return a picture (H, W, 3) uint8 in mode rgb_array; in mode human, show the window."""
        if self.render_mode == 'rgb_array':
            return self._draw()
        if self.render_mode == 'human':
            self._show()
        return None

    def _draw(self):
        import mujoco
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self.task.model, *PICTURE)
        mujoco.mj_camlight(self.task.model, self.task.data)
        self._renderer.update_scene(self.task.data, 'overview')
        return self._renderer.render()

    def _show(self):
        """Show the present state at the pace of the real robot."""
        if self._window is None:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(self.task) or False  # False: there is no display
        if self._window:
            self._window.show()
            time.sleep(max(0.0, self._drawn_at + CONTROL_PERIOD - time.monotonic()))
            self._drawn_at = time.monotonic()

    def close(self):
        """Close window and renderer."""
        for part in (self._window, self._renderer):
            if part:
                part.close()
        self._window = self._renderer = None


for _task, _id in IDS.items():
    if _id not in gymnasium.registry:
        # No wrappers of Gymnasium: TaskEnv itself refuses bad actions and steps before a reset.
        gymnasium.register(_id, entry_point='rpl_ros.envs:TaskEnv', kwargs={'task': _task},
                           order_enforce=False, disable_env_checker=True)
