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

"""The numbers of a run, and that every way to show them works."""

from types import SimpleNamespace

import pytest
from rich.console import Console
from rpl_ros.common.progress import clock
from rpl_ros.data import Mode
from rpl_ros.launching import screen
from rpl_ros.runs.layout import GRAPH_METRICS
from rpl_ros.tasks.find import task_spec


def result(episode, mode=Mode.EXPLORE, success=True, **changes):
    """Return what an EpisodeResult looks like."""
    values = {'episode': episode, 'steps': 100, 'mode': mode, 'policy_version': 2,
              'success': success, 'episode_return': -80.0, 'missed': 0, 'fallbacks': 0,
              'duration': 0.2, 'command_age_max': 0.003, 'problem': ''}
    return SimpleNamespace(**{**values, **changes})


def status(**changes):
    """Return what a LearnerStatus looks like."""
    values = {'updates': 1234, 'owed_updates': 5, 'updates_per_second': 51.0, 'rejected': 0,
              'policy_version': 30, 'burn_in': True, 'on_trial': False, 'critic_loss': 0.01,
              'mean_q': -12.3, 'mean_residual': 0.05, 'error': ''}
    return SimpleNamespace(**{**values, **changes})


def filled(episodes=20):
    """Return the numbers of a run with one result every 0.2 s from 1 s on."""
    numbers = screen.RunStatistics(100, 5, 0.0)
    for episode in range(episodes):
        numbers.add_result(result(episode), 1.0 + 0.2 * episode)
    return numbers


def test_rates_and_time_left():
    """100 steps each 0.2 s are 500 steps/s; 80 episodes are left."""
    numbers = filled()
    assert numbers.rates(5.0, 10.0) == pytest.approx((500.0, 5.0))
    assert numbers.seconds_left(5.0) == pytest.approx(16.0)


def test_rate_falls_when_nothing_comes():
    """After a silence longer than the window, time without results counts."""
    assert filled().rates(4.8 + 20.0, 10.0)[0] < 10.0


def test_rates_before_there_are_any():
    """Before the first result nothing is known, and no speed of 0 is shown."""
    numbers = screen.RunStatistics(100, 5, 0.0)
    assert numbers.rates(3.0, 10.0) == (0.0, 0.0) and numbers.seconds_left(3.0) is None
    assert ' | first episode under way | ' in screen.plain_line(numbers, 3.0)
    assert 'first episode under way' in dict(screen.screen_rows(numbers, 3.0))['env steps']


def test_one_result_is_enough_for_a_rate():
    """It says how long its episode took: 100 steps in 4 s, in real time."""
    numbers = screen.RunStatistics(11, 5, 0.0)
    numbers.add_result(result(0, duration=4.0), 9.0)
    assert numbers.rates(10.0, 10.0) == pytest.approx((25.0, 0.25))
    assert numbers.seconds_left(10.0) == pytest.approx(40.0)
    assert '25 steps/s (x1.0)' in screen.plain_line(numbers, 10.0)


def test_the_rate_stays_throughout_a_long_episode():
    """700 steps in 28 s: none of it is a silence."""
    numbers = screen.RunStatistics(0, 5, 0.0)
    for episode in range(3):
        numbers.add_result(result(episode, steps=700, duration=28.0), 30.0 + 28.0 * episode)
    for seconds in (0.0, 14.0, 27.0, 50.0):
        assert numbers.rates(86.0 + seconds, 10.0)[0] == pytest.approx(25.0)
    assert numbers.rates(86.0 + 100.0, 10.0)[0] < 10.0


def test_results_that_come_in_a_burst_give_the_rate_at_which_they_were_made():
    """To a dashboard that starts late: three episodes of 0.2 s at once."""
    numbers = screen.RunStatistics(0, 5, 0.0)
    for episode in range(3):
        numbers.add_result(result(episode), 7.0)
    assert numbers.rates(7.1, 10.0) == pytest.approx((500.0, 5.0))


def test_success_counts_each_mode_over_its_own_window():
    """The last five episodes of a mode count, whatever came between."""
    numbers = screen.RunStatistics(0, 5, 0.0)
    for episode in range(20):
        mode = (Mode.BASE, Mode.EVALUATE)[episode % 2]
        numbers.add_result(result(episode, mode, success=episode >= 16), float(episode))
    words = numbers.means(', ')
    assert words == 'base 40 % of 5, residual 40 % of 5, exploring none yet'
    assert f'success: {words} |' in screen.plain_line(numbers, 20.0)


def test_a_task_that_is_judged_by_return_shows_its_return():
    """Screen and plain line show the mean return and nothing about success."""
    numbers = screen.RunStatistics(0, 2, 0.0, task_spec('mbrl_pusher').measure)
    for episode, value in enumerate([-90.0, -80.0, -70.5]):
        numbers.add_result(result(episode, Mode.BASE, episode_return=value), float(episode))
    shown = dict(screen.screen_rows(numbers, 3.0))
    assert shown['return'].startswith('base -75.2 over 2   residual none yet')
    line = screen.plain_line(numbers, 3.0)
    assert 'return: base -75.2 over 2, residual none yet' in line
    assert 'success' not in shown and 'success' not in line


def test_several_robots_have_a_line_each_and_are_counted_together():
    numbers = screen.RunStatistics(10, 5, 0.0, robots=(1, 2))
    rows = [numbers.add_result(result(episode, success=episode < 20_000_000), float(second))
            for second, episode in enumerate([10_000_000, 20_000_000, 10_000_001], 1)]
    assert [row[GRAPH_METRICS.index('robot')] for row in rows] == [1, 2, 1]
    assert [row[GRAPH_METRICS.index('total_steps')] for row in rows] == [100, 200, 300]
    shown = dict(screen.screen_rows(numbers, 3.0))
    assert shown['robot1'].startswith('2 episodes   200 steps')
    assert 'exploring 100 % of 2' in shown['robot1'] and 'no episode for' not in shown['robot1']
    assert 'exploring 0 % of 1' in shown['robot2']
    assert 'no episode for 98 s' in dict(screen.screen_rows(numbers, 100.0))['robot2']
    assert screen.plain_line(numbers, 3.0).endswith('| robot1 2 | robot2 1')
    alone = dict(screen.screen_rows(screen.RunStatistics(10, 5, 0.0, robots=(0,)), 3.0))
    assert not any(label.startswith('robot') for label in alone)


def test_rows_of_the_table():
    """A row has one value for each column; a repeated result gives none."""
    numbers = screen.RunStatistics(10, 5, 100.0)
    numbers.add_status(status(), 101.0)
    row = numbers.add_result(result(4, Mode.BASE), 102.5)
    assert dict(zip(GRAPH_METRICS, row, strict=True)) == {
        'episode': 4, 'steps': 100, 'total_steps': 100, 'mode': 'base', 'policy_version': 2,
        'success': 1, 'return': -80.0, 'missed': 0, 'fallbacks': 0, 'duration_s': 0.2,
        'command_age_max_s': 0.003, 'updates': 1234, 'burn_in': 1,
        'on_trial': 0, 'problem': '', 'wall_time_s': 2.5, 'robot': 0}
    assert numbers.add_result(result(4, Mode.BASE), 103.0) is None
    assert numbers.episodes == 1


@pytest.mark.parametrize('latest, words', [
    (None, 'no learner_status received'),
    (status(on_trial=True), 'burn-in: only the critic learns, base action used'),
    (status(), 'burn-in: only the critic learns, residual used'),  # that of policy:=FILE
    (status(burn_in=False), 'actor learns, residual used'),
    (status(burn_in=False, updates=0), 'no update yet'),
    (status(burn_in=False, on_trial=True), 'residual on trial, base action used'),
    (status(error='loss is not finite'), 'stopped: loss is not finite')])
@pytest.mark.parametrize('expected', [0, 100])
def test_every_state_can_be_shown(latest, words, expected):
    """Screen and plain line say what the learner does, with and without a known end."""
    numbers = filled()
    numbers.expected = expected
    numbers.warnings.append('sim_node: [odd] text that is no markup')
    if latest:
        numbers.add_status(latest, 4.9)
    console = Console(width=100, record=True, file=open('/dev/null', 'w'))
    console.print(screen.draw(numbers, 5.0, 'hook'))
    drawn = console.export_text()
    assert words in drawn and '[odd] text' in drawn and '500/s' in drawn
    assert words in screen.plain_line(numbers, 5.0)


def test_a_residual_on_trial_is_called_so():
    """Beside its success, too: it is not yet what counts."""
    numbers = filled()
    numbers.add_result(result(20, Mode.EVALUATE), 5.0)
    numbers.add_status(status(burn_in=False, on_trial=True), 5.0)
    assert 'residual on trial 100 % of 1' in screen.plain_line(numbers, 5.0)
    numbers.add_status(status(on_trial=True), 5.0)
    assert 'residual in burn-in 100 % of 1' in screen.plain_line(numbers, 5.0)
    numbers.add_status(status(burn_in=False, on_trial=True), 5.0)
    row = dict(zip(GRAPH_METRICS, numbers.add_result(result(21), 5.1)))
    assert (row['burn_in'], row['on_trial']) == (0, 1)
    numbers.add_status(status(burn_in=False), 6.0)
    assert 'residual 100 % of 1' in screen.plain_line(numbers, 6.0)


def test_a_silent_learner_is_shown():
    """A learner that has stopped to report is not shown as learning."""
    numbers = filled()
    numbers.add_status(status(), 0.0)
    assert screen.learning_state(numbers, 60.0) == 'silent for 60 s'


def test_clock():
    """Times are shown as mm:ss, with hours where there are any."""
    assert [clock(value) for value in (None, 0, 61.4, 3661)] == [
        '--:--', '00:00', '01:01', '1:01:01']
