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

"""No number of an episode is used twice: the file of the robot, and the learner's status."""

from types import SimpleNamespace

import pytest
from rpl_ros.ros.episode_file import (continue_above, first_episode, keep_episode, require_status,
                                      STATUS)
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import SimSettings


def settings(path, first=20_000_000, **more):
    """Return the settings of a sim_node whose file has this path."""
    return make_settings(SimSettings, {'first_episode': first, 'last_episode_file': str(path),
                                       **more})


class Node:
    """What is needed of a node."""

    def __init__(self, found):
        self.settings, self.failure = found, ''

    def fail(self, why):
        """Note why."""
        self.failure = why


def test_a_node_continues_above_the_number_in_its_file(tmp_path):
    found = settings(tmp_path / 'robot2' / 'last_episode')
    assert first_episode(found) == 20_000_000
    keep_episode(Node(found), 20_000_004)
    assert (tmp_path / 'robot2' / 'last_episode').read_text() == '20000004\n'
    assert first_episode(found) == 20_000_005
    assert first_episode(settings('')) == 20_000_000
    assert first_episode(settings(tmp_path / 'robot2' / 'last_episode', 30_000_000)) == 30_000_000


@pytest.mark.parametrize('content', [b'', b'-3', b'1e5', b'\xff\xff', b'4294967295', b'7 8'])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / 'last_episode'
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=f'last_episode_file: {path}: .* is no number'):
        first_episode(settings(path))


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(SettingsError, match='is a folder'):
        first_episode(settings(tmp_path))
    node = Node(settings(tmp_path))
    keep_episode(node, 20_000_000)
    assert f'cannot write {tmp_path}' in node.failure


@pytest.mark.parametrize('number, theirs, expected', [
    (20_000_000, [10_000_009, 20_000_007], 20_000_007),
    (20_000_030, [10_000_009, 20_000_007], 20_000_030),  # its own file knows more
    (20_000_000, [10_000_009, 0], 20_000_000),  # never heard of
    (20_000_000, [10_000_009], 20_000_000),
    (20_000_000, [10_000_009, 30_000_000], 20_000_000),  # of no robot 2
    (5, [9], 5)])  # a robot alone
def test_a_robot_continues_above_what_the_learner_knows(number, theirs, expected):
    gate = SimpleNamespace(missing={STATUS})
    assert continue_above(number, theirs, gate) == expected
    assert not gate.missing


@pytest.mark.parametrize('first, wait_for, waits', [
    (20_000_000, 'residual_node learner_node', True), (20_000_000, 'residual_node', False),
    (0, 'residual_node learner_node', False)])
def test_one_of_several_robots_waits_for_the_status(first, wait_for, waits):
    gate = SimpleNamespace(missing=set())
    require_status(Node(settings('', first, wait_for=wait_for)), gate)
    assert (STATUS in gate.missing) == waits
