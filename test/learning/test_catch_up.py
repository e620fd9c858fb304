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

"""What a learner takes from the bags of earlier parts of its run; numbers written by hand."""

from bag_tools import encode, episode_items, SPEC, START, write_bag
import numpy as np
from rpl_ros.bags.reader import read_episodes
from rpl_ros.learning.catch_up import catch_up
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings


def learner():
    """Return a small Learner of push for two robots."""
    return Learner(make_settings(LearnerSettings, {
        'task': SPEC.name, 'hidden_size': 8, 'hidden_layers': 1, 'robots': 2,
        'updates_per_step': 0.5}))


def record(folder, numbers, cut=0):
    """Write a bag with the episodes of these numbers, without the last `cut` messages."""
    rng, messages = np.random.default_rng(numbers[0]), []
    for number in numbers:
        for topic, item in episode_items(SPEC, number, rng):
            more = {'task': SPEC.name} if topic == 'state' else {}
            moment = START + len(messages) * 20_000_000
            messages.append((topic, encode(topic, item, moment, **more), moment))
    write_bag(folder, messages[:-cut or None])
    return folder


def test_of_each_robot_the_episodes_after_its_last_one_and_below_its_next_one(tmp_path):
    bags = [record(tmp_path / 'robot1', [10_000_000, 10_000_001, 10_000_002], cut=9),
            record(tmp_path / 'robot2', [20_000_000, 20_000_001])]
    known, said = learner(), []
    first, second, _, third, _ = read_episodes(bags, SPEC)
    known.add(first)
    after = learner()
    restore(after, dump(known))
    after.replay.expect(1)
    assert after.last_episodes == {1: 10_000_000}
    # 10,000,002 was cut off, and the result of 20,000,001 was not recorded: both come again.
    assert catch_up(after, bags, {1: 10_000_002, 2: 20_000_001}, said.append) == 2
    assert after.last_episodes == {1: 10_000_001, 2: 20_000_000}
    assert (after.episodes, after.transitions, after.owed) == (3, 150, 75)
    assert [np.array_equal(after.replay.observations[slot, :51], one.observations.astype('f4'))
            for slot, one in ((1, second), (2, third))] == [True, True]
    assert said == ['2 episodes that the checkpoint does not have come from the bags, and 50 '
                    'updates are owed for them']
    assert catch_up(after, bags, {1: 10_000_002, 2: 20_000_001}, said.append) == 0


def test_a_checkpoint_of_before_that_tells_no_numbers_gets_nothing(tmp_path):
    bag, known, said = record(tmp_path / 'bag', [0, 1]), learner(), []
    known.add(next(read_episodes(bag, SPEC)))
    known.last_episodes = {}
    assert catch_up(known, [bag], {0: 2}, said.append) == 0 and known.episodes == 1
    assert 'does not tell the numbers of its last episodes' in said[0]
