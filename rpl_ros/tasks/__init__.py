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

"""The simulated tasks by name."""


def make_task(name, seed, objects='', horizon=0, max_ee_speed=0.0, arm='paper'):
    """
    Return the simulated task called `name`; its episode n is always the same for one seed.

    `horizon`, control steps, and `max_ee_speed`, m/s of a held action of 1, are the paper's where
    they are 0. `arm` says how a Fetch is simulated: 'paper', pulled by a weld, or 'joints', see
    docs/real_robot.md. ValueError for an unknown name, unusable `objects` (a folder of meshes for
    complex_hook), and for speed or arm where the robot is no Fetch.
    """
    # Imported here because rpl_ros.tasks.specs is for machines without MuJoCo, too.
    from rpl_ros.tasks.block import BlockTask
    from rpl_ros.tasks.hook import HookTask, NOISE_STD
    from rpl_ros.tasks.mbrl_pusher import PusherTask
    from rpl_ros.tasks.specs import spec
    kinds = {'push': BlockTask, 'slippery_push': BlockTask, 'pick_and_place': BlockTask,
             'hook': HookTask, 'noisy_hook': HookTask, 'complex_hook': HookTask,
             'mbrl_pusher': PusherTask}
    if name not in kinds:
        raise ValueError(f'unknown task {name!r}: expected one of {", ".join(kinds)}')
    if name == 'mbrl_pusher' and (max_ee_speed or arm != 'paper'):
        raise ValueError('task mbrl_pusher has another arm, driven by torques: max_ee_speed and '
                         'arm are for the tasks of the Fetch')
    task = kinds[name](name, seed, objects)
    task.spec = spec(name, horizon)
    if arm == 'joints':
        from rpl_ros.tasks.fetch_sim import Sensors
        from rpl_ros.tasks.fetch_sim_task import FetchSimTask
        noise = NOISE_STD if name == 'noisy_hook' else 0.0
        return FetchSimTask(task, max_ee_speed, Sensors(noise=noise))
    if max_ee_speed:
        task.set_speed(max_ee_speed)
    return task
