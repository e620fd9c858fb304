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

"""An environment in an interpreter of its own plays the same episodes as in this one."""

from dataclasses import replace
from datetime import date
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.tasks import make_task, remote_environment
from rpl_ros.tasks.environments import describe
from rpl_ros.tasks.remote_environment import RemoteEnvironment
from rpl_ros.tasks.spec_file import spec_digest, spec_tree
from rpl_ros.tasks.specs import TaskError

EXAMPLES = Path(__file__).resolve().parents[2] / 'docs' / 'examples'
ODD = """
import os
import sys
import time
import gymnasium
from gymnasium import spaces
import numpy as np


class Odd(gymnasium.Env):
    def __init__(self, how):
        print('said while it is made')
        self.how, self.action_space = how, spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = spaces.Box(-9.0, 9.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=2).astype(np.float32), {}

    def step(self, action):
        print('said in a step')
        if self.how == 'raise':
            raise RuntimeError('broke on purpose')
        if self.how == 'die':
            print('last words', file=sys.stderr)
            os._exit(7)
        if self.how == 'hang':
            time.sleep(1.0 if action[0] else 1e4)
        if self.how == 'nan':
            return np.full(2, np.nan, np.float32), 0.0, False, False, {}
        return np.array([0.1, action[0]], np.float32), 0.5, True, False, {'success': np.True_}
"""


@pytest.fixture(autouse=True)
def examples(monkeypatch, tmp_path):
    """Let this process and the interpreters that it starts find the examples and `odd`."""
    (tmp_path / 'odd.py').write_text(ODD)
    for folder in (EXAMPLES, tmp_path):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv('PYTHONPATH', f'{EXAMPLES}{os.pathsep}{tmp_path}')


@pytest.mark.parametrize('name', ['point_reach:make', 'Pendulum-v1'])
def test_it_plays_the_same_episodes_to_the_last_bit(name, tmp_path):
    here, there = describe(name), describe(name, python=sys.executable)
    assert there == replace(here, environment=replace(here.environment, python=sys.executable))
    assert spec_digest(here) == spec_digest(there)
    path = tmp_path / 'there.yaml'
    path.write_text(to_yaml(spec_tree(there)))
    one, two = make_task(name, 3), make_task(str(path), 3)
    rng = np.random.default_rng(0)
    for episode in (0, 7):
        states = [(one.reset(episode), two.reset(episode))]
        while not states[-1][0].last:
            action = rng.uniform(-1.2, 1.2, here.action_size)
            states.append((one.step(action), two.step(action)))
        for first, second in states:
            assert first.observation.tobytes() == second.observation.tobytes()
            assert first.achieved_goal.tobytes() == second.achieved_goal.tobytes()
            assert first.desired_goal.tobytes() == second.desired_goal.tobytes()
            assert (first.reward, first.success, first.last) == (
                second.reward, second.success, second.last)
    assert len(states) > 10


def test_ids_of_gymnasium_robotics_need_no_prefix():
    env = RemoteEnvironment(sys.executable, 'PointMaze_UMaze-v3', {})
    assert env.action_space.shape == (2,) and env.observation_space['desired_goal'].shape == (2,)
    with pytest.raises(TaskError, match="NoMaze.*doesn't exist"):
        RemoteEnvironment(sys.executable, 'NoMaze-v3', {})


def make_odd(how):
    found = RemoteEnvironment(sys.executable, 'odd:Odd', {'how': how})
    assert found.reset(seed=1)[0].shape == (2,)
    return found


def test_what_it_prints_is_no_answer_and_float32_is_kept():
    env = make_odd('')
    observation, reward, terminated, truncated, info = env.step(np.array([0.3]))
    np.testing.assert_array_equal(observation, np.array([0.1, 0.3], np.float32))
    assert (reward, terminated, truncated, info) == (0.5, True, False, {'success': 1.0})
    env.close()


@pytest.mark.parametrize('how, words', [
    ('raise', 'RuntimeError: broke on purpose'), ('die', 'ended with exit code 7: last words')])
def test_an_environment_that_fails_is_one_error(how, words):
    env = make_odd(how)
    with pytest.raises(TaskError, match=words):
        env.step(np.array([0.3]))
    env.close()


def test_an_answer_that_comes_late_is_not_that_to_the_next_request(monkeypatch):
    env = make_odd('hang')
    monkeypatch.setattr(remote_environment, 'ANSWER_TIMEOUT', 0.1)
    with pytest.raises(TaskError, match='no answer within'):
        env.step(np.array([0.3]))
    monkeypatch.undo()
    with pytest.raises(TaskError, match='ended with exit code -9'):
        env.reset(seed=2)
    env.close()


def test_options_that_json_does_not_have_are_one_error():
    with pytest.raises(TaskError, match='type date is not JSON serializable'):
        RemoteEnvironment(sys.executable, 'odd:Odd', {'how': date(2020, 1, 1)})


def test_a_program_that_is_no_interpreter_is_one_error(tmp_path):
    program = tmp_path / 'program'
    program.write_text('#!/bin/sh\nread request\necho "{}"\n')
    program.chmod(0o755)
    with pytest.raises(TaskError, match='its process answered {}'):
        RemoteEnvironment(str(program), 'odd:Odd', {})


def test_files_of_rpl_ros_do_not_hide_modules_of_the_same_name(tmp_path):
    (tmp_path / 'rewards.py').write_text(ODD)
    RemoteEnvironment(sys.executable, 'rewards:Odd', {'how': ''}).close()


def test_after_an_exception_it_can_be_used_again():
    env = make_odd('raise')
    with pytest.raises(TaskError):
        env.step(np.array([0.3]))
    assert env.reset(seed=2)[0].shape == (2,)
    env.close()


@pytest.mark.parametrize('python, make, words', [
    ('/nothing/python', 'odd:Odd', 'cannot be started'),
    ('/bin/false', 'odd:Odd', 'ended with exit code 1'),
    ('/bin/cat', 'odd:Odd', 'ended with exit code'),
    (sys.executable, 'odd:Even', 'AttributeError'), (sys.executable, 'nothing:x', 'ModuleNot'),
    (sys.executable, 'Nothing-v0', 'NameNotFound'),
    (sys.executable, 'CartPole-v1', r'its actions are Discrete\(2\)')])
def test_what_cannot_be_made_is_one_error(python, make, words):
    options = {'how': ''} if make == 'odd:Odd' else {}
    with pytest.raises(TaskError, match=words) as caught:
        RemoteEnvironment(python, make, options)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('then', ['', 'env.reset(); env.step([0.0])'])
def test_its_process_ends_with_the_one_that_started_it(then):
    code = ('import sys, time\n'
            'from rpl_ros.tasks.remote_environment import RemoteEnvironment\n'
            'env = RemoteEnvironment(sys.executable, "odd:Odd", {"how": "hang"})\n'
            'print(env._process.pid, flush=True)\n'
            f'{then}\n'
            'time.sleep(60)\n')
    root = str(EXAMPLES.parents[1])
    started = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, 'PYTHONPATH': os.pathsep.join(
                                   [root, os.environ['PYTHONPATH']])})
    number = int(started.stdout.readline())
    time.sleep(0.5 if then else 0.0)  # it is in the step then
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    end = time.monotonic() + 20.0
    while Path(f'/proc/{number}').exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f'/proc/{number}').exists()
