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

"""YAML that people write: keys that stand twice, aliases, and what is no YAML at all."""

from hypothesis import given, strategies as st
import pytest
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.ros.sections import require_sections_that_apply
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings, read_parameter_file
from rpl_ros.sweeps.grid import read_sweep
import yaml

NODE = 'sim_node:\n  ros__parameters:\n'


@pytest.mark.parametrize('text, words', [
    ('a: 1\nb: 2\na: 3\n', 'a is given twice, in lines 1 and 3'),
    ('x:\n  a: 1\n  a: 1\n', 'a is given twice, in lines 2 and 3'),
    ('x: {a: 1, "a": 2}\n', 'a is given twice, in lines 1 and 1'),
    ('x:\n- {b: 1}\n- {b: 1, b: 2}\n', 'b is given twice, in lines 3 and 3'),
    ('a: &a [1]\nb: *a\n', 'found the alias *a: write the value itself'),
    ('a: &a {b: 1}\nc:\n  <<: *a\n', 'the alias *a'),
    ('a: &a [*a]\n', 'the alias *a'), ('a: [1\n', 'expected'), ('a: 2026-13-45\n', 'month'),
    ('[' * 100_000, 'nested too deeply'), (b'a: \xff\n', "can't decode byte"),
    (b'a: \x00\n', 'special characters'), ('a: 1\n---\na: 2\n', 'single document'),
    ('? [1]\n: 2\n', 'unhashable')])
def test_what_cannot_be_meant_is_one_error_in_a_line(tmp_path, text, words):
    path = tmp_path / 'file.yaml'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError) as caught:
        read_yaml(path)
    assert words in str(caught.value) and '\n' not in str(caught.value)
    with pytest.raises(SettingsError, match='file.yaml: cannot be read as a ROS parameter file'):
        read_parameter_file(path)


KEYS = st.text('abc', min_size=1, max_size=2)
TREES = st.recursive(st.integers() | st.booleans() | KEYS | st.floats(allow_nan=False),
                     lambda tree: st.lists(tree) | st.dictionaries(KEYS, tree), max_leaves=20)


@given(TREES)
def test_all_else_is_read_as_ever(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp('yaml') / 'file.yaml'

    class Dumper(yaml.SafeDumper):

        def ignore_aliases(self, data):
            return True

    path.write_text(yaml.dump(tree, Dumper=Dumper))
    assert read_yaml(path) == yaml.safe_load(path.read_text()) == tree


def test_a_node_of_ros_refuses_such_a_file_too(tmp_path):
    # ROS itself would take the last one.
    path = tmp_path / 'own.yaml'
    path.write_text(NODE + '    seed: 1\n    seed: 2\n')
    with pytest.raises(SettingsError, match='own.yaml: seed is given twice, in lines 3 and 4'):
        require_sections_that_apply(['--params-file', str(path)], 'sim_node', '/sim_node')


def test_so_does_a_sweep(tmp_path):
    path = tmp_path / 'sweep.yaml'
    path.write_text('task: push\nruns: []\ntask: hook\n')
    with pytest.raises(SettingsError, match='as a sweep: task is given twice, in lines 1 and 3'):
        read_sweep(path)


@pytest.mark.parametrize('parameters, words', [
    ('    seed: 1\n    seed: 2\n', 'seed is given twice, in lines 3 and 4'),
    ('    1: 2\n', 'unknown setting 1')])
def test_the_parameter_file_of_a_task_is_read_so(tmp_path, parameters, words):
    path = tmp_path / 'own.yaml'
    path.write_text(NODE + parameters)
    with pytest.raises(SettingsError, match=words):
        load_settings(path)
