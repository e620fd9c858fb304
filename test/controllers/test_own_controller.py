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

"""A controller of one's own that fails: each command says what was wrong, and in which line."""

import os

from experiment_tools import make_run
import numpy as np
import pytest
from rpl_ros.controllers import find_controller, prepare
from rpl_ros.controllers.function import ControllerError
from rpl_ros.controllers.guard import Guard, MOST_FAILURES
from rpl_ros.evaluation import evaluate
from rpl_ros.reports import report
from rpl_ros.training import train

FAILS = """import numpy


def act(observation, goal):
    return [0.0] * 4 / 2


def deep(observation, goal):
    return numpy.linalg.inv(numpy.zeros((2, 2)))


def wordy(observation, goal):
    raise ValueError('one\\n  two')


class Made:
    def __init__(self):
        self.gains = {}['p']


class Reset:
    ready = False

    def reset(self, episode):
        if not self.ready:
            raise OSError('no link')

    def __call__(self, observation, goal):
        return [0.0] * 4


class Slow(Reset):
    def prepare(self):
        return 1 / 0


def now_and_then(observation, goal):
    now_and_then.calls += 1
    if now_and_then.calls % 30 == 0:
        raise RuntimeError('a short stop')
    return numpy.zeros(4)


now_and_then.calls = 0
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that makes a module my_ctrl_<n> of some text, here and in processes."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    made = []

    def make(text):
        made.append(f'my_ctrl_{abs(hash(str(tmp_path)))}_{len(made)}')
        (tmp_path / f'{made[-1]}.py').write_text(text)
        return made[-1]
    return make


@pytest.mark.parametrize('text, what, line', [
    ('def act(:\n', 'SyntaxError: ', 1), ('\n1 / 0\n', 'ZeroDivisionError: division by zero', 2),
    ('import math\nmath.sine(1)\n', "AttributeError: module 'math' has no attribute 'sine'", 2),
    ('import no_such_thing\n', "ModuleNotFoundError: No module named 'no_such_thing'", 1),
    ('from math import sine\n', "ImportError: cannot import name 'sine'", 1),
    ('\n\nopen("/no/such/file")\n', 'FileNotFoundError', 3),
    ('raise SystemExit(3)\n', 'SystemExit: 3', 1)])
def test_a_module_that_cannot_be_imported(text, what, line, module):
    name = module(text)
    with pytest.raises(ControllerError) as caught:
        find_controller(f'{name}:act')
    assert f"controller '{name}:act' cannot be imported: " in str(caught.value)
    assert what in str(caught.value) and f'{name}.py:{line})' in str(caught.value)


def test_what_is_not_there_needs_no_line(module):
    name = module('def move(observation, goal):\n    return [0.0] * 4\n')
    with pytest.raises(ControllerError, match=f"{name}.py has no 'mov' .did you mean 'move'.."):
        find_controller(f'{name}:mov')
    with pytest.raises(ControllerError, match="imported: No module named 'nothing_here'$"):
        find_controller('nothing_here.sub:act')


def line_of(text):
    """Return the number of the line of FAILS that holds this text."""
    return next(number for number, line in enumerate(FAILS.splitlines(), 1) if text in line)


def test_a_class_that_cannot_be_made_or_prepared(module):
    name = module(FAILS)
    with pytest.raises(ControllerError, match=f"cannot be made: KeyError: 'p' .*{name}.py:"
                                              f'{line_of("self.gains")}'):
        find_controller(f'{name}:Made')
    with pytest.raises(ControllerError, match=f'cannot be prepared: ZeroDivisionError.*{name}.py:'
                                              f'{line_of("1 / 0")}'):
        prepare(find_controller(f'{name}:Slow'), 'Slow')


def call(guard):
    """Return whether a Guard gave an action."""
    return np.isfinite(guard(np.zeros(40), np.zeros(3))).all()


def test_the_line_is_the_users_and_not_that_of_a_library_it_calls(module):
    name = module(FAILS)
    guard = Guard(find_controller(f'{name}:deep'), 4)
    assert not call(guard)
    assert guard.problem.endswith(f'{name}.py:{line_of("linalg.inv")})')


def test_what_was_raised_is_one_line(module):
    guard = Guard(find_controller(f'{module(FAILS)}:wordy'), 4)
    assert not call(guard) and guard.problem.startswith('ValueError: one two (')


def test_a_controller_whose_reset_failed_is_not_asked_in_that_episode(module):
    guard = Guard(find_controller(f'{module(FAILS)}:Reset'), 4)
    guard.reset(0)
    guard.problem = ''
    assert not call(guard) and 'its reset() failed: OSError: no link (' in guard.problem
    guard.controller.controller.ready = True
    guard.reset(0)
    assert call(guard)


def test_a_reset_without_the_number_of_the_episode_is_named_at_the_start(module):
    name = module('class Old:\n    def reset(self):\n        pass\n\n'
                  '    def __call__(self, observation, goal):\n        return [0.0] * 4\n')
    with pytest.raises(ControllerError, match='Old must take the number of the episode, as in '
                                              '.def reset.self, episode..'):
        find_controller(f'{name}:Old')


def test_only_failures_in_a_row_end_a_run():
    answers = [[np.nan] * 4] * (MOST_FAILURES - 1) + [[0.0] * 4] + [[np.nan] * 4] * MOST_FAILURES
    guard = Guard(lambda observation, goal, left=iter(answers): next(left), 4, 'mine')
    for _ in range(len(answers) - 1):
        call(guard)
    with pytest.raises(ControllerError, match='controller mine gave no usable action 50 times'):
        call(guard)


def one_line(capsys):
    """Return the only line of standard error."""
    said = capsys.readouterr().err
    assert said.count('\n') == 1, said
    return said.strip()


@pytest.mark.parametrize('workers', ['0', '1'])
def test_rpl_train_names_the_line(workers, module, tmp_path, capfd):
    name = module(FAILS)
    assert train.main(['hook', f'controller:={name}:act', '--steps', '200', '--actors', workers,
                       '--out', str(tmp_path / 'run')]) == 2
    line = one_line(capfd)
    assert line.startswith(f'rpl train: controller {name}:act gave no usable action 50 times')
    assert 'TypeError: ' in line and f'{name}.py:{line_of("/ 2")})' in line


def test_rpl_train_goes_on_where_a_controller_fails_now_and_then(module, tmp_path, capsys):
    name = module(FAILS)
    assert train.main(['hook', f'controller:={name}:now_and_then', '--steps', '300', '--actors',
                       '0', '--evaluate-episodes', '0', '--out', str(tmp_path / 'run')]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert out.count('warning: episode 0: the controller gave no usable action in 3 of') == 1
    assert f'RuntimeError: a short stop ({tmp_path}/{name}.py:{line_of("short stop")})' in out


def test_rpl_evaluate_and_rpl_report_name_the_line(module, tmp_path, capfd):
    name = module(FAILS)
    assert evaluate.main(['hook', '--controller', f'{name}:act', '--episodes', '2']) == 2
    line = one_line(capfd)
    assert line.startswith(f'rpl evaluate: controller {name}:act gave no usable action 50 times')
    assert f'{name}.py:{line_of("/ 2")})' in line
    run = make_run(tmp_path / 'run', episodes=1)
    with open(run / 'config.yaml', 'a') as file:
        file.write(f'    controller: {name}:act\n')
    assert report.main([str(run), '--episodes', '2', '--no-video']) == 2
    line = one_line(capfd)
    assert line.startswith('rpl report: controller ') and f'{name}.py:{line_of("/ 2")})' in line
