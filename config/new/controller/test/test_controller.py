"""The controller acts in whole episodes of its task."""

from my_package.controller import Controller
import numpy as np
from rpl_ros.evaluation.evaluate import main as evaluate


def test_an_action_is_four_finite_numbers():
    """And a new episode begins without the memory of the last one."""
    controller = Controller()
    controller.reset(0)
    action = controller(np.zeros(25), np.array([0.1, 0.0, 0.0]))
    assert action.shape == (4,) and np.isfinite(action).all()


def test_it_plays_episodes():
    """For its success: rpl evaluate push --controller my_package.controller:Controller."""
    assert evaluate(['push', '--controller', 'my_package.controller:Controller',
                     '--episodes', '3', '--workers', '1']) == 0
