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

"""
How well the joint-level Fetch does what a controller asks: the numbers in docs/fetch_simulated.md.

    python -m benchmarks.tracking hook --max-ee-speed 0.15 --horizon 400 --episodes 50

The task's own controller plays alone, the fresh episodes of seed 0.
"""

import argparse
import json
import sys

import numpy as np
from rpl_ros.common.exits import INTERRUPTED
from rpl_ros.common.intervals import wilson
from rpl_ros.controllers import controller_for
from rpl_ros.evaluation.episodes import FRESH
from rpl_ros.robot.simulated.joints import VELOCITY_LIMIT
from rpl_ros.robot.simulated.sensors import Sensors
from rpl_ros.robot.simulated.task import FetchSimTask
from rpl_ros.robot.twist import grip_velocity
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch import DOWN
from rpl_ros.tasks.specs import CONTROL_PERIOD

SHARES = (50, 95, 99, 100)  # percent


def play(task, controller, speed, number):
    """Play an episode with the controller alone; return (last State, {name: list of numbers})."""
    robot, state = task.sim.robot, task.reset(number)
    found = {'velocity, m/s': [], 'tilt, degrees': [], 'joint lag, rad': [],
             'at the joint speed limit': []}
    while not state.last:
        action = np.clip(controller(state.observation, state.desired_goal), -1.0, 1.0)
        before = task.data.site('robot0:grip').xpos.copy()
        state = task.step(action)
        site = task.data.site('robot0:grip')
        moved = (site.xpos - before) / CONTROL_PERIOD
        found['velocity, m/s'].append(np.linalg.norm(moved - grip_velocity(action, speed)))
        found['tilt, degrees'].append(np.degrees(2 * np.arccos(min(1.0, abs(
            task.data.body('robot0:gripper_link').xquat @ DOWN)))))
        found['joint lag, rad'].append(robot.lag)
        found['at the joint speed limit'].append(robot.asked > VELOCITY_LIMIT)
    return state, found


def main(argv=None):
    """Print one line of JSON for each episode that failed, and one for all."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.tracking',
                                     description=__doc__.strip().splitlines()[0])
    parser.add_argument('task')
    parser.add_argument('--max-ee-speed', type=float, default=0.15, metavar='V')
    parser.add_argument('--horizon', type=int, default=400, metavar='N')
    parser.add_argument('--episodes', type=int, default=50, metavar='N')
    parser.add_argument('--delay', type=float, default=0.0, metavar='S', help='of sensors, s')
    parser.add_argument('--jitter', type=float, default=0.0, metavar='S', help='of sensors, s')
    parser.add_argument('--hook-offset', type=float, default=0.0, metavar='Z', help='added to the '
                        "hook's height in the observation, m")
    options = parser.parse_args(argv)
    task = FetchSimTask(make_task(options.task, 0, horizon=options.horizon), options.max_ee_speed,
                        Sensors(options.delay, options.jitter), (0, 0, options.hook_offset))
    controller, total, wins = controller_for(task.spec, task.spec.controller), {}, 0
    for number in range(FRESH, FRESH + options.episodes):
        state, found = play(task, controller, options.max_ee_speed, number)
        wins += state.success
        for name, values in found.items():
            total.setdefault(name, []).extend(values)
        if not state.success:
            print(json.dumps({
                'failed': number, 'off goal': (state.achieved_goal - state.desired_goal).tolist(),
                'grip': state.observation[:3].tolist(), 'hook': state.observation[25:31].tolist(),
                'joints': task.view.joints.positions[:7].tolist()}), flush=True)
    share = total.pop('at the joint speed limit')
    print(json.dumps({
        **vars(options), 'success': wins, 'interval': wilson(wins, options.episodes),
        'share of steps at the joint speed limit': float(np.mean(share)),
        **{name: dict(zip(map(str, SHARES), np.percentile(values, SHARES)))
           for name, values in total.items()}}))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
