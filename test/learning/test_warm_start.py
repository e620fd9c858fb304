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

"""A learner that begins with a policy: what it takes over, and what it does not."""

import numpy as np
import pytest
from rpl_ros.data import Episode, Mode
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.learning.warm_start import warm_start
from rpl_ros.policy.weights import MisfitError, unpack, WeightsError
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings

SMALL = {'task': 'push', 'hidden_layers': 2, 'hidden_size': 8, 'batch_size': 16,
         'burn_in': 'updates', 'burn_in_check': 4, 'updates_per_step': 1.0, 'trial_episodes': 2}


def learner(**changes):
    """Return a small Learner of push."""
    return Learner(make_settings(LearnerSettings, {**SMALL, **changes}))


def episode(number, rng, mode=Mode.EXPLORE, success=False):
    """Return an Episode of push of 5 steps, with random numbers."""
    def rows(count, size):
        return rng.normal(1.0, 2.0, (count, size))
    return Episode(
        episode=number, observations=rows(6, 25), achieved_goals=rows(6, 3),
        desired_goal=rows(1, 3)[0], base_actions=rng.uniform(-1, 1, (6, 4)),
        residuals=rng.uniform(-1, 1, (5, 4)), sent=rng.uniform(-1, 1, (5, 4)),
        executed=rng.uniform(-1, 1, (5, 4)), valid=np.ones(5, bool), success=success, mode=mode)


def trained(**changes):
    """Return a Learner after its burn-in and its trial."""
    found, rng = learner(**changes), np.random.default_rng(0)
    for number, mode in enumerate([Mode.BASE, Mode.EVALUATE, Mode.EVALUATE]):
        found.add(episode(number, rng, mode, success=mode == Mode.EVALUATE))
    for _ in range(12):
        found.update()
    assert not found.prefer_base
    return found


def tensors_of(one):
    """Return {name: array} of a Learner's policy."""
    return unpack(one.policy())[0]


def same(one, two):
    """Assert that {name: array} are equal to the last bit."""
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)


def test_the_first_policy_is_that_of_the_file_or_run_to_the_last_bit():
    source = trained()
    assert any(np.abs(value).max() > 0 for name, value in tensors_of(source).items()
               if name.startswith('layer2'))
    for content in (source.policy(), dump(source)):
        new = learner(seed=7)
        warm_start(new, content)
        same(tensors_of(new), tensors_of(source))
        assert not new.prefer_base
        assert (new.episodes, new.transitions, new.updates, new.version, new.owed) == (0,) * 5
        assert new.replay.size == 0 and not new.trial.recent and not new.trial.base_count


def test_a_run_brings_its_critics_and_a_file_needs_a_burn_in():
    source = trained()
    critics = {name: value for name, value in source.ddpg.state_dict().items()
               if 'critics' in name and 'optimizer' not in name}
    from_run, from_file = learner(), learner()
    warm_start(from_run, dump(source))
    warm_start(from_file, source.policy())
    found = from_run.ddpg.state_dict()
    same({name: found[name] for name in critics}, critics)
    assert not any('optimizer' in name for name in found)  # fresh ones have no state
    assert not from_run.burn_in.active and from_file.burn_in.active
    # During its burn-in the policy acts and stays as it is, while the critics learn.
    before = {name: value.copy() for name, value in from_file.ddpg.state_dict().items()}
    rng = np.random.default_rng(3)
    from_file.add(episode(0, rng))
    from_file.update()
    after = from_file.ddpg.state_dict()
    same({name: after[name] for name in before if name.startswith('actor/')},
         {name: before[name] for name in before if name.startswith('actor/')})
    assert any((after[name] != before[name]).any() for name in before if 'critics' in name)
    assert not from_file.prefer_base
    for _ in range(3):
        from_file.update()
    assert not from_file.burn_in.active


def test_a_policy_that_is_worse_here_goes_on_trial():
    new, rng = learner(), np.random.default_rng(0)
    warm_start(new, dump(trained()))
    for number, (mode, success) in enumerate([(Mode.BASE, True), (Mode.EVALUATE, False),
                                              (Mode.EVALUATE, False)]):
        assert not new.prefer_base
        new.add(episode(number, rng, mode, success))
    assert new.prefer_base


def test_a_source_that_is_still_on_trial_or_without_residual_has_to_pass_it_here():
    source = learner()
    for content in (source.policy(), dump(source)):
        new = learner()
        warm_start(new, content)
        assert new.prefer_base


def test_that_the_policy_acts_in_the_burn_in_survives_a_checkpoint():
    new, again = learner(), learner()
    warm_start(new, trained().policy())
    restore(again, dump(new))
    assert again.burn_in.active and not again.prefer_base


@pytest.mark.parametrize('changes, wanted', [
    ({'hidden_size': 16}, 'they are for hidden_size 8, expected 16'),
    ({'task': 'slippery_push'}, "they are for task 'push', expected 'slippery_push'"),
    ({'residual_scale': 2.0}, 'they are for residual_scale 1.0, expected 2.0'),
    ({'horizon': 60}, 'they are for horizon 50, expected 60'),
    ({'max_ee_speed': 0.1}, 'they are for max_ee_speed 0.0, expected 0.1')])
def test_another_policy_is_refused_and_changes_nothing(changes, wanted):
    source = trained()
    for content in (source.policy(), dump(source)):
        new = learner(**changes)
        before = dump(new)
        with pytest.raises(MisfitError, match=wanted):
            warm_start(new, content)
        assert dump(new) == before


def test_other_critics_and_damaged_bytes_are_refused():
    new, content = learner(critics=2), dump(trained())
    with pytest.raises(MisfitError, match='they are for critics 1, expected 2'):
        warm_start(new, content)
    for bad in (b'', content[:-1], content[:200], b'x' * 100):
        with pytest.raises(WeightsError):
            warm_start(learner(), bad)
