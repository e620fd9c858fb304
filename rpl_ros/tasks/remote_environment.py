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
A Gymnasium environment in a process and an interpreter of its own.

An environment may need another MuJoCo, Gymnasium or numpy than rpl_ros. Its interpreter, for
example that of a virtual environment, has these and no rpl_ros: see environment_server.py.
"""

from collections.abc import Mapping
from contextlib import suppress
import json
import os
from pathlib import Path
import select
import subprocess
import tempfile
import time
from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
import numpy as np
from rpl_ros.common.brief import brief, one_line
from rpl_ros.tasks.specs import TaskError

SERVER = Path(__file__).with_name('environment_server.py')
ANSWER_TIMEOUT = 300.0
"""Longest time that an answer takes, s: the first one includes the import of a simulator."""
MOST = 100_000_000  # characters of an answer


class RemoteEnvironment(gymnasium.Env):
    """The environment `make` of the interpreter `python`, whose spaces are flattened."""

    def __init__(self, python: str, make: str, options: Mapping[str, Any]) -> None:
        """Start the process; TaskError where it, or the environment, cannot be started."""
        self._make, self._python, self._rest = make, python, bytearray()
        self._errors = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                [os.path.expanduser(python), str(SERVER)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True)
        except OSError as error:
            self._errors.close()
            raise TaskError(f'task {brief(make)}: its interpreter {brief(python)} cannot be '
                            f'started: {error}') from error
        try:
            self._about(self._ask(make=make, options=dict(options)))
        except BaseException:
            self.close()
            raise

    def _about(self, found: dict[str, Any]) -> None:
        """Take over what the environment says of itself."""
        if not {'sizes', 'low', 'high', 'dt', 'render_fps', 'compute_reward', 'steps'} <= {*found}:
            raise TaskError(f'task {brief(self._make)}: its process answered {brief(found)}')
        boxes: dict[str, spaces.Space[Any]] = {
            part: spaces.Box(-np.inf, np.inf, (size,), np.float64)
            for part, size in found['sizes'].items()}
        self.observation_space = spaces.Dict(boxes) if len(boxes) > 1 else boxes['observation']
        self.action_space = spaces.Box(np.array(found['low']), np.array(found['high']),
                                       dtype=np.float64)
        self.dt, self.metadata = found['dt'], {'render_fps': found['render_fps']}
        if found['compute_reward']:
            self.compute_reward = self._compute_reward
        self.spec = EnvSpec('Remote-v0', max_episode_steps=found['steps'] or None)

    def _ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer of the process to a request; TaskError where it fails."""
        pipe = self._process.stdin
        assert pipe is not None
        try:
            line = json.dumps(request) + '\n'
        except (TypeError, ValueError) as error:
            raise TaskError(f'task {brief(self._make)}: {brief(request)} cannot be sent to its '
                            f'process: {error}') from error
        try:
            pipe.write(line.encode())
            pipe.flush()
            answer = json.loads(self._line())
        except (OSError, ValueError) as error:
            why = self._why(error)
            self._kill()  # an answer that comes late is not one to the next request
            raise TaskError(f'task {brief(self._make)}: {why}') from error
        except BaseException:  # Ctrl-C
            self._kill()
            raise
        if not isinstance(answer, dict):
            raise TaskError(f'task {brief(self._make)}: its process answered {brief(answer)}')
        if 'error' in answer:
            raise TaskError(f'task {brief(self._make)}, in {self._python}: '
                            f'{one_line(answer["error"])}')
        return answer

    def _line(self) -> bytes:
        """Return the next line of the process; ValueError if none comes."""
        assert self._process.stdout is not None
        number, end = self._process.stdout.fileno(), time.monotonic() + ANSWER_TIMEOUT
        more = bytes(self._rest)
        while b'\n' not in more:
            left = end - time.monotonic()
            if left <= 0 or not select.select([number], [], [], left)[0]:
                raise ValueError(f'no answer within {ANSWER_TIMEOUT:g} s')
            more = os.read(number, 1 << 16)
            if not more:
                raise ValueError('it has ended')
            self._rest += more
            if len(self._rest) > MOST:
                raise ValueError('its answer has no end')
        line, _, rest = bytes(self._rest).partition(b'\n')
        self._rest = bytearray(rest)
        return line

    def _why(self, error: Exception) -> str:
        """Return what became of the process, with the last line that it printed."""
        try:
            code: int | None = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        self._errors.seek(0)
        printed = self._errors.read().decode(errors='replace').strip().splitlines()
        about = f'ended with exit code {code}' if code is not None else f'failed: {error}'
        return (f'the process of its environment, {self._python} {SERVER.name}, {about}'
                + (f': {one_line(printed[-1])}' if printed else ''))

    def _arrays(self, found: Mapping[str, Any]) -> Any:
        """Return an observation."""
        arrays = {part: np.array(values, np.float64) for part, values in found.items()}
        return arrays if len(arrays) > 1 else arrays['observation']

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None,
              ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        return self._arrays(self._ask(do='reset', seed=seed)['observation']), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do one step."""
        found = self._ask(do='step', action=np.asarray(action, np.float64).tolist())
        try:
            return (self._arrays(found['observation']), found['reward'], found['terminated'],
                    found['truncated'], found['info'])
        except (KeyError, TypeError, ValueError) as error:
            raise TaskError(f'task {brief(self._make)}: its process answered {brief(found)}: '
                            f'{one_line(error)}') from error

    def _compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                        info: Mapping[str, Any]) -> float:
        """Return the reward for one pair of goals (G,)."""
        return self._ask(do='reward', achieved=np.asarray(achieved_goal).tolist(),
                         desired=np.asarray(desired_goal).tolist())['reward']

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            with suppress(OSError):  # it has ended: what was not sent yet is lost
                self._process.stdin.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()
