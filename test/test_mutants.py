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

"""`make mutants`: each fault of its list fits the code, and it tells killed from survived."""

import ast
from collections import Counter

import mutants
import pytest
import yaml

FAULTS = mutants.read_faults()


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_each_fault_can_be_made_and_its_tests_are_there(fault):
    before, after = (ast.dump(ast.parse(text)) for text in (
        (mutants.ROOT / fault.file).read_text(), fault.made(mutants.ROOT)))
    assert before != after, f'{fault.instead!r} means the same as {fault.text!r}'
    for test in fault.tests:
        file, _, name = test.partition('::')
        assert f'def {name}' in (mutants.ROOT / file).read_text()


def test_no_two_faults_have_one_name():
    assert Counter(fault.name for fault in FAULTS).most_common(1)[0][1] == 1


def test_what_is_noticed_and_what_is_not(tmp_path, capsys):
    file, test = 'rpl_ros/robot/twist.py', 'test/robot/test_twist.py'
    test += '::test_the_gripper_is_asked_only_where_it_should_change'
    faults = [{'name': name, 'file': file, 'text': 'CLOSE_BELOW = 0.5', 'tests': [test],
               'instead': f'CLOSE_BELOW = {value}'}
              for name, value in (('noticed', -0.5), ('not noticed', 0.4))]
    path = tmp_path / 'faults.yaml'
    path.write_text(yaml.safe_dump({'compose': faults}))
    before = (mutants.ROOT / file).read_bytes()
    assert mutants.main([], path) == 1
    assert (mutants.ROOT / file).read_bytes() == before
    one, two, end = capsys.readouterr().out.splitlines()
    assert f'killed by {test}' in one
    assert two.endswith('survived') and end == '1 of 2 faults are killed, 1 survive'
    assert mutants.main(['--only', 'nothing like that'], path) == 2


def test_tests_that_do_not_end_have_noticed():
    assert mutants.run_tests(['test/robot/test_twist.py'], limit=0.1)[0] == (
        'killed: the tests did not end')


def test_a_text_that_is_not_there_is_named(tmp_path):
    (tmp_path / 'some.py').write_text('a = 1\n')
    with pytest.raises(ValueError, match="'lost': some.py has its text 0 times, expected once"):
        mutants.Fault('part', 'lost', 'some.py', 'b = 2', '', ()).make(tmp_path)
