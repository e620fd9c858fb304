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

"""The text that names a controller: factories with arguments, what is wrong with them."""

import os

import numpy as np
import pytest
from rpl_ros.controllers import controller_for, find_controller
from rpl_ros.controllers.arguments import LONGEST, parse_text
from rpl_ros.controllers.function import base_action, ControllerError
from rpl_ros.data import State
from rpl_ros.evaluation import evaluate
from rpl_ros.policy.weights import read_header
from rpl_ros.tasks.find import task_spec
from rpl_ros.training import train

PROGRAM = """import numpy


def make(*, gain, mode='slow', rows=(1.0, 0.0, 0.0, 0.0)):
    scale = {'slow': 0.1, 'fast': 1.0}[mode]
    return lambda observation, goal: scale * gain * numpy.array(rows)


class Made:
    def __init__(self, gain=0.5):
        self.gain = gain

    def reset(self, episode):
        self.episode = episode

    def act(self, observation, goal):
        return [self.gain, self.episode, 0.0, 0.0]


class OnlyActs:
    observation_size = 25

    def act(self, observation, goal):
        return [0.25, 0.0, 0.0, 0.0]


class Chooses(Made):
    def for_task(self, spec):
        if spec.name != 'push':
            raise OSError('no gains for this task')
        self.gain = 0.125


class Sees:
    sees_achieved_goal = True

    def __call__(self, observation, goal, achieved):
        return [*(goal - achieved), 0.0]


def nothing(gain):
    return None


def one_argument(observation):
    return [0.0] * 4


NUMBER = 3
"""
SEEN = np.zeros(25), np.zeros(3)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the name of a module made of PROGRAM, here and in processes."""
    name = f'my_factory_{abs(hash(str(tmp_path)))}'
    (tmp_path / f'{name}.py').write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    return name


def line_of(text):
    """Return the number of the line of PROGRAM that holds this text."""
    return next(number for number, line in enumerate(PROGRAM.splitlines(), 1) if text in line)


@pytest.mark.parametrize('text, name, arguments', [
    ('push', 'push', {}), ('a.b:c', 'a.b:c', {}),
    ('a.b:c gain=3.0 mode=fast on=true', 'a.b:c', {'gain': 3.0, 'mode': 'fast', 'on': True}),
    ('  a:b   rows=[1, 2.5,  3]  who="a b" ', 'a:b', {'rows': [1, 2.5, 3], 'who': 'a b'}),
    ('a:b e=1e-3 f=-2E5 g=1.5e+3 n=7 t={p: 1}', 'a:b',
     {'e': 0.001, 'f': -2e5, 'g': 1500.0, 'n': 7, 't': {'p': 1}}),
    ('sb3:my file.zip algo=SAC', 'sb3:my file.zip', {'algo': 'SAC'}),
    ('a:b x=', 'a:b', {'x': None}), ('a:b t=p==q', 'a:b', {'t': 'p==q'})])
def test_arguments_are_yaml_and_end_where_the_next_begins(text, name, arguments):
    assert parse_text(text) == (name, arguments)


def first(text):
    """Return the first action of the controller of a text in episode 2 of push."""
    controller = controller_for(task_spec('push'), text)
    controller.reset(2)
    return np.asarray(controller(*SEEN)).tolist()


def test_a_factory_is_called_with_its_arguments(module):
    assert first(f'{module}:make gain=3.0 mode=fast') == [3.0, 0.0, 0.0, 0.0]
    assert first(f'{module}:make gain=3 rows=[0, 0, 0, 1]') == [0, 0, 0, 3 * 0.1]
    assert first(f'{module}:Made gain=-1.0') == [-1.0, 2.0, 0.0, 0.0]
    assert first(f'{module}:Made') == [0.5, 2.0, 0.0, 0.0]
    assert first(f'{module}:OnlyActs') == [0.25, 0.0, 0.0, 0.0]
    assert first(f'{module}:Chooses gain=9') == [0.125, 2.0, 0.0, 0.0]


def test_each_caller_has_an_object_of_its_own(module):
    one, other = (find_controller(f'{module}:Made gain=1.0') for _ in range(2))
    one.reset(0)
    other.reset(5)
    assert (one(*SEEN)[1], other(*SEEN)[1]) == (0.0, 5.0)


def test_a_controller_may_ask_for_the_achieved_goal(module):
    state = State(0, 0, np.zeros(25), np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 2.0]))
    action = base_action(find_controller(f'{module}:Sees'), state)
    assert action.tolist() == [0.5, 0.0, -1.0, 0.0]
    assert base_action(find_controller(f'{module}:OnlyActs'), state).tolist()[0] == 0.25


@pytest.mark.parametrize('words, problem', [
    (':make', 'must take (observation, desired_goal): too many positional arguments'),
    (':make gain=1 gian=3.0', "got an unexpected keyword argument 'gian', expected those of "
     "make(*, gain, mode='slow', rows=(1.0, 0.0, 0.0, 0.0))"),
    (':make mode=fast', "missing a required argument: 'gain', expected those of make(*, gain"),
    (':make gain=1 gain=2', 'gain is given twice'),
    (':make gain=[1', 'gain is not YAML: '),
    (':make gain 3', "'gain 3' follows {module}:make, expected name=value"),
    (':make gain = 3', "'gain = 3' follows {module}:make, expected name=value"),
    (':make gain=1 mode=odd', "cannot be made: KeyError: 'odd' ({file}:{line})"),
    (':nothing gain=1', 'is a NoneType, expected a function (observation, desired_goal)'),
    (':NUMBER', 'is a int, expected a function (observation, desired_goal)'),
    (':NUMBER gain=1', 'is a int, expected a function or class that takes the arguments'),
    (':one_argument', 'must take (observation, desired_goal): too many positional arguments'),
    (':Chooses every=0', 'every is 0, expected a whole number from 1 to 10000'),
    (':Chooses every=1.5', 'every is 1.5, expected a whole number'),
    (':Chooses every=true', 'every is True, expected a whole number'),
    (f':make gain={"1" * LONGEST}', 'characters long, expected at most 1000 in one line'),
    (':make gain=1\n2', 'in one line')])
def test_what_is_wrong_is_one_clear_error(module, tmp_path, words, problem):
    problem = problem.format(module=module, file=tmp_path / f'{module}.py',
                             line=line_of("{'slow'"))
    with pytest.raises(ControllerError) as caught:
        find_controller(f'{module}{words}')
    assert problem in str(caught.value) and '\n' not in str(caught.value)


def test_built_in_ones_take_no_arguments_and_a_task_may_be_refused(module):
    with pytest.raises(ControllerError, match='reactive_push takes no argument but every'):
        find_controller('reactive_push gain=3')
    with pytest.raises(ControllerError, match='expected those of cached_pets'):
        find_controller('cached_pets:table.npz gain=3')
    with pytest.raises(ControllerError, match='does not fit the task hook: OSError: no gains'):
        controller_for(task_spec('hook'), f'{module}:Chooses')


def test_the_same_text_trains_evaluates_and_stands_in_records_and_policy_files(
        module, tmp_path, capsys):
    text = f'{module}:make gain=3.0 mode=fast'
    run = tmp_path / 'run'
    assert train.main(['push', f'controller:={text}', '--steps', '150', '--actors', '1',
                       '--evaluate-episodes', '2', '--out', str(run)]) == 0
    assert f'controller: "{text}"' in (run / 'config.yaml').read_text()
    policy = max((run / 'checkpoints').glob('policy_*.safetensors'))
    assert read_header(policy.read_bytes()).about['controller'] == text
    capsys.readouterr()
    assert evaluate.main(['push', '--policy', str(policy), '--episodes', '2']) == 0
    assert text in capsys.readouterr().out  # taken from the run
    assert evaluate.main(['push', '--controller', f'{module}:make gain=1 gian=1',
                          '--episodes', '2']) == 2
    assert "unexpected keyword argument 'gian'" in capsys.readouterr().err
