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

"""What a node says about states that did not arrive."""

from types import SimpleNamespace

from hypothesis import given, strategies as st
import pytest
from rpl_ros.ros.gaps import ADVICE, Gaps

WHOLE = [(episode, step) for episode in range(3) for step in range(4)]


def heard(places):
    """Return what Gaps says, texts that are not empty, of states at places (episode, step)."""
    gaps = Gaps()
    said = [gaps.add(SimpleNamespace(episode=episode, step=step)) for episode, step in places]
    return [text for text in said if text]


@pytest.mark.parametrize('places', [
    WHOLE, WHOLE[4:], [(7, 0), (7, 1), (8, 0)],     # it may begin with any episode
    [(0, 0), (0, 1), (0, 1), (0, 0), (0, 2)],       # sent again
    [(0, 0), (1, 0), (2, 0)]])                      # ended early, as a robot's may
def test_nothing_is_missing(places):
    assert heard(places) == []


@pytest.mark.parametrize('places, words', [
    ([(0, 3), (0, 4), (1, 0)], 'the first state is step 3 of episode 0: steps 0 to 2 of '),
    ([(0, 1)], 'the first state is step 1 of episode 0: step 0 of episode 0 did not arrive'),
    ([(2, 3), (2, 4)], 'steps 0 to 2 of episode 2 and perhaps episodes before it did not arrive'),
    ([(0, 0), (0, 3)], 'the next state is step 3 of episode 0: steps 1 to 2 of episode 0 did'),
    ([(0, 0), (2, 0)], 'the next state is step 0 of episode 2: episode 1 did not arrive'),
    ([(0, 0), (4, 2)], 'episodes 1 to 3 and steps 0 to 1 of episode 4 did not arrive')])
def test_what_is_missing_is_named_once(places, words):
    said = heard(places)
    assert len(said) == 1 and words in said[0]
    assert said[0].endswith(ADVICE) and 'ros2 bag play -d 3' in said[0]


@given(st.sets(st.sampled_from(WHOLE)))
def test_every_loss_but_that_of_ends_and_first_episodes_is_named(lost):
    there = [place for place in WHOLE if place not in lost]
    first = there[0] if there else None
    expected = sum(place[1] > 0 if place == first else
                   place[0] > before[0] + 1 or place[1] != (before[1] + 1) * (
                       place[0] == before[0])
                   for before, place in zip([None, *there], there))
    assert len(heard(there)) == expected
