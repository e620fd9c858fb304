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

"""Publishers told apart by the numbers of their messages, where rclpy does not name them."""

from hypothesis import given, strategies as st
import pytest
from rpl_ros.ros.distribution import Numbering, publisher_of

pytestmark = pytest.mark.graph


def feed(numbering, numbers, publishers, run='ours', sender=None):
    """Return the identities that messages with these numbers get from so many publishers."""
    found = [numbering.publisher_of({'publication_sequence_number': number}, run,
                                    lambda: publishers, (run, sender)) for number in numbers]
    assert {name for name, _ in found} == {run}
    return [identity for _, identity in found]


def test_what_rclpy_tells_counts():
    assert publisher_of({'publisher_gid': {'data': b'a' * 16}}) == b'a' * 16
    assert publisher_of({'publication_sequence_number': 3}) is None


def test_one_publisher_is_one_whatever_was_lost():
    assert feed(Numbering(), [5, 6, 9, 10, 200], 1) == [1] * 5


def test_a_second_publisher_is_another_one():
    numbering = Numbering()
    assert feed(numbering, [1, 2, 3, 4], 1) == [1] * 4
    assert feed(numbering, [1, 5, 2, 3, 6, 7], 2) == [2, 1, 2, 2, 1, 1]


def test_a_restarted_publisher_is_another_one_and_forgets_the_first():
    numbering = Numbering()
    assert feed(numbering, [1, 2, 3], 1) == [1] * 3
    assert feed(numbering, [1, 2, 3, 4, 5], 1) == [2] * 5


def test_a_restarted_publisher_stays_the_same_where_the_killed_one_was():
    # One that was killed is among the publishers of the topic for up to 20 s more.
    numbering = Numbering()
    assert feed(numbering, range(1, 58), 1) == [1] * 57
    assert feed(numbering, range(1, 120), 2) == [2] * 119


def test_of_two_with_equal_numbers_it_is_the_sender():
    numbering = Numbering()
    assert feed(numbering, [1, 2, 3], 1) == [1] * 3
    assert feed(numbering, [1, 2, 3], 2) == [2] * 3
    assert feed(numbering, [4, 5], 2, sender=1) == [1] * 2


def test_a_publisher_of_another_run_is_not_taken_for_one_whose_message_was_lost():
    numbering = Numbering()
    assert feed(numbering, [1, 2, 3], 2) == [1] * 3
    assert feed(numbering, [7, 8], 2, 'other') == [2] * 2
    assert feed(numbering, [6, 7, 20], 2) == [1] * 3
    assert feed(numbering, [9, 30], 2, 'other') == [2] * 2
    assert feed(numbering, [40], 1) == [1]


def test_one_that_has_left_takes_nothing_from_one_that_stays():
    numbering = Numbering()
    assert feed(numbering, [1, 2, 3], 1) == [1] * 3
    assert feed(numbering, [1], 1) == [2]  # what it sent before it left
    assert feed(numbering, [4, 5], 1) == [1] * 2


def test_without_numbers_all_are_one():
    assert feed(Numbering(), [None, None], 2) == [0, 0]


@given(st.data(), st.lists(st.integers(0, 10**6), min_size=1, max_size=4, unique=True))
def test_publishers_are_kept_apart_as_long_as_their_numbers_differ(data, starts):
    numbering, last, identity = Numbering(), dict(enumerate(starts)), {}
    for publisher in data.draw(st.lists(st.sampled_from(range(len(starts))), max_size=60)):
        number = last[publisher] + 1
        if number in last.values():  # what the docstring excludes
            continue
        last[publisher] = number
        found = numbering.publisher_of({'publication_sequence_number': number}, 'ours',
                                       lambda: len(starts))
        assert identity.setdefault(publisher, found) == found
    assert len(set(identity.values())) == len(identity)
