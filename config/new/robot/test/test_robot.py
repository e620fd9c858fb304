"""The contract fits the task, and the base controller moves the tool to the target."""

from pathlib import Path

from my_package.controller import base
import numpy as np
from rpl_ros.robot.own.contract_file import read_robot_contract
from rpl_ros.tasks.find import task_spec

PACKAGE = Path(__file__).parents[1] / 'my_package'


def test_the_contract_fits_the_task():
    """Whatever is wrong with it is named here, before anything moves."""
    spec = task_spec(str(PACKAGE / 'task.yaml'))
    contract = read_robot_contract(PACKAGE / 'robot.yaml', spec)
    assert len(contract.limits) == spec.action_size


def test_the_controller_moves_towards_the_target():
    """Its action has the sign of what is missing."""
    action = base(np.array([0.1, -0.2, 0.0, 0.0]), np.array([0.3, -0.3]))
    assert action[0] > 0.0 > action[1]
