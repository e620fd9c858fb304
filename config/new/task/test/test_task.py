"""The task fits its environment, and a short run learns."""

from pathlib import Path

from my_package.controller import base
import numpy as np
from rpl_ros.evaluation.evaluate import main as evaluate
from rpl_ros.tasks import make_task
from rpl_ros.training.train import main as train

TASK = str(Path(__file__).parents[1] / 'my_package' / 'task.yaml')


def test_an_episode_is_the_same_again():
    """Otherwise two runs with one seed would differ."""
    one, two = make_task(TASK, 0), make_task(TASK, 0)
    first, second = one.reset(3), two.reset(3)
    for _ in range(one.spec.horizon):
        assert np.array_equal(first.observation, second.observation)
        action = base(first.observation, first.desired_goal)
        first, second = one.step(action), two.step(action)
    assert first.truncated


def test_it_can_be_evaluated_and_learned(tmp_path):
    """For real training: rpl train my_package/task.yaml."""
    assert evaluate([TASK, '--episodes', '3', '--workers', '1']) == 0
    assert train([TASK, 'hidden_size:=16', '--steps', '180', '--evaluate-episodes', '2',
                  '--actors', '0', '--out', str(tmp_path / 'run')]) == 0
