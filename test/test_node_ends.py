# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""How a node ends when something happens in the middle of a callback."""

import os
import subprocess
import sys

from graph_tools import free_domain
import pytest

NODE = """
import rclpy
from rpl_msgs.msg import LearnerStatus
from rpl_ros.config import DashboardSettings
from rpl_ros.nodes.params import RplNode, run_node
from rpl_ros.nodes.qos import publisher

class Late(RplNode):
    def __init__(self):
        super().__init__('dashboard_node', DashboardSettings)
        self.sender = publisher(self, 'learner_status')
        self.create_timer(0.01, self.on_timer)

    def on_timer(self):
        {what}
        self.sender.publish(LearnerStatus())

raise SystemExit(run_node(Late))
"""


@pytest.mark.parametrize('what, code', [
    ('rclpy.shutdown()', 0),  # what Ctrl-C does, while a callback is about to publish
    ('raise ValueError("an error of its own")', 1)])
def test_a_callback_cut_short_by_the_end_is_no_error(what, code):
    done = subprocess.run([sys.executable, '-c', NODE.format(what=what)], capture_output=True,
                          text=True, env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    assert done.returncode == code, done.stderr
    assert ('an error of its own' in done.stderr) == bool(code)


@pytest.mark.parametrize('code', [0, 1])
def test_a_node_leaves_with_its_code_where_the_shutdown_hangs_with_pythons_lock(code):
    hanging = ('import ctypes\n'
               'from rpl_ros.nodes.leaving import leave_in_time\n'
               f'leave_in_time({code}, 1.0)\n'
               'ctypes.PyDLL(None).sleep(60)\n')  # a PyDLL keeps the lock, unlike a CDLL
    done = subprocess.run([sys.executable, '-c', hanging], capture_output=True, text=True,
                          timeout=50)
    assert done.returncode == code
    assert 'Timeout (0:00:00.5' in done.stderr and 'File "<string>", line 4' in done.stderr
