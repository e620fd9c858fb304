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

"""Several robots: names, blocks of episode numbers, shares; numbers written by hand."""

import pytest
from rpl_ros.evaluation.episodes import FRESH
from rpl_ros.settings import robots
from rpl_ros.settings.fields import SettingsError


def test_one_robot_is_as_before_and_several_have_blocks():
    assert robots.robot_numbers(1) == (0,) and robots.robot_numbers(3) == (1, 2, 3)
    assert [robots.place_of(robot) for robot in (0, 2)] == ['', 'robot2/']
    assert [robots.name_of(robot) for robot in (0, 12)] == ['', 'robot12']
    assert robots.first_episode_of(0, 7) == 7
    assert robots.first_episode_of(2, 7) == 20_000_007
    assert [robots.robot_of(number) for number in (0, 9_999_999, 10_000_000, 20_000_007)] == [
        0, 0, 1, 2]


def test_no_number_is_that_of_an_evaluation_or_too_large_for_the_messages():
    assert robots.robot_of(FRESH + 100_000) == 0
    assert robots.first_episode_of(robots.MOST + 1, 0) <= 2**32


def test_the_shares_are_all_episodes():
    assert [robots.share_of(robot, 4, 10) for robot in (1, 2, 3, 4)] == [3, 3, 2, 2]
    assert [robots.share_of(robot, 2, 0) for robot in (1, 2)] == [0, 0]  # without an end


@pytest.mark.parametrize('given, part', [
    ((4, 0, 3), 'episodes is 3, but robots is 4'),
    ((2, 9_999_999, 4), 'the numbers of one robot would exceed 10,000,000')])
def test_numbers_that_do_not_fit_are_refused(given, part):
    with pytest.raises(SettingsError, match=part):
        robots.check_numbers(*given)
    robots.check_numbers(1, *given[1:])
