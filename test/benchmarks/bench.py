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
`rpl bench`: speed as ratios within one run, since machines and their moods differ.

What is compared is run in turn, and the figure is the median over the pairs.
"""

import argparse
import csv
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import bags, hour, safety_speed, task_speed
from benchmarks.realtime import realtime as measure_realtime
from rpl_ros.common.assets import share
from rpl_ros.common.modules import python_module
from rpl_ros.settings.parameter_file import load_settings, read_parameter_file
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import TASKS
import yaml

EXAMPLES = """examples:
  rpl bench                      about 20 minutes: all parts but recording
  rpl bench sim                  one part of it
  rpl bench learner              updates, replay and loop; against stable-baselines3 where it is
  rpl bench hour                 what 90,000 steps of learning take, and one act of the policy
  rpl bench bags                 reading a bag, against mcap-ros2-support and rosbags
  rpl bench recording            the graph with and without recording, and 1,000 episodes of it:
                                 half an hour
  rpl bench safety               a million hostile inputs through the last stage before a robot:
                                 4 minutes
  rpl bench envs                 Push and PickAndPlace against gymnasium-robotics
  rpl bench --realtime 5         five minutes at 25 Hz with the learner at full load
  rpl bench --task hook --realtime 10 --robot fetch_sim --histogram runs/times.png
"""

LONG = 'recording'
"""The part that takes half an hour, and so is measured only where it is named."""
FULL_UPDATES = {'burn_in': 'none'}  # the actor learns from the start: the dearer kind of update


def in_process(task, episodes, learn):
    """Return env steps per second of the loop in one process, with two threads for updates."""
    from rpl_ros.learning.process import tune_process
    from rpl_ros.training.loop import Loop
    tune_process()
    overrides = {'threads': 2, **(FULL_UPDATES if learn else {'updates_per_step': 0.0})}
    loop = Loop(load_settings(share('config') / f'{task}.yaml', overrides))
    loop.advance()
    begin = time.monotonic()
    for _ in range(1, episodes):
        loop.advance()
    return (episodes - 1) * loop.learner.spec.horizon / (time.monotonic() - begin)


def launch(folder, task, *arguments, settings=None):
    """Run the graph without report; return the rows of its metrics.csv. The log is kept."""
    words = [*python_module('rpl_ros.cli'), 'launch', task, f'out:={folder}',
             'report:=false', 'headless:=true', *arguments]
    if settings:
        content = yaml.safe_load((share('config') / f'{task}.yaml').read_text(encoding='utf-8'))
        for section in content.values():  # a node's own section would win over the shared one
            for name in settings:
                section['ros__parameters'].pop(name, None)
        content['/**']['ros__parameters'].update(settings)
        path = Path(f'{folder}.yaml')
        path.write_text(yaml.safe_dump(content), encoding='utf-8')
        words.append(f'params_file:={path}')
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        said = done.stdout[-2000:] + done.stderr[-2000:]
        raise RuntimeError(f'{" ".join(words)} failed:\n{said}')
    with open(Path(folder) / 'metrics.csv', newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def graph_rate(rows, warm=2):
    """Return env steps per second from a run's rows, its first episodes left out."""
    first, last = rows[warm - 1], rows[-1]
    steps = int(last['total_steps']) - int(first['total_steps'])
    return steps / (float(last['wall_time_s']) - float(first['wall_time_s']))


def loop_ratio(task, learn, pairs, episodes=20):
    """Return figures of the lock-step graph against the same loop in one process."""
    here, graph = [], []
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(pairs):
            here.append(in_process(task, episodes, learn))
            rows = launch(f'{folder}/{pair}', task, f'episodes:={episodes}',
                          f'learn:={str(learn).lower()}', settings=FULL_UPDATES)
            graph.append(graph_rate(rows))
    ratios = [two / one for one, two in zip(here, graph)]
    return {'in_process_steps_per_second': round(statistics.median(here), 1),
            'graph_steps_per_second': round(statistics.median(graph), 1),
            'ratio': round(statistics.median(ratios), 3)}


def realtime(options):
    """Return the figures of bench_realtime for the command line."""
    if options.robot == 'fetch_sim':
        contract = share('config') / 'robot/fetch.yaml'
        horizon = read_parameter_file(contract)['fetch_adapter_node']['horizon']
        arguments = ['robot:=fetch_sim']
    else:
        horizon, arguments = task_spec(options.task).horizon, ['mode:=realtime']
    with tempfile.TemporaryDirectory() as folder:
        return measure_realtime(launch, f'{folder}/realtime', options.task, horizon,
                                options.realtime, arguments, options.histogram)


def learner(task, pairs):
    """Return figures of the learner; on Push, whatever the task."""
    from benchmarks.learner_speed import learner_figures
    return learner_figures(pairs)


def recording(task, pairs):
    """Return figures of recording."""
    from benchmarks import recording
    return recording.recording(task, pairs)


PARTS = {
    'sim': task_speed.sim_ratio,
    'learner': learner,
    'hour': hour.hour,
    'graph': lambda task, pairs: loop_ratio(task, True, pairs),
    'transport': lambda task, pairs: loop_ratio(task, False, pairs),
    **{name: lambda _, pairs, name=name: getattr(task_speed, name)(pairs)
       for name in ('envs', 'reset', 'planner', 'workers')},
    'bags': lambda task, pairs: bags.bags(pairs, task),
    'recording': recording,
    'safety': lambda task, pairs: safety_speed.safety(),
}


def make_parser():
    """Return the parser of `rpl bench`."""
    parser = argparse.ArgumentParser(
        prog='rpl bench', description='Measure speed, as ratios within one run.',
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--task', choices=TASKS, default='complex_hook')
    parser.add_argument('part', nargs='?', choices=PARTS,
                        help=f'measure one part (default: all but {LONG})')
    parser.add_argument('--pairs', type=int, default=3,
                        help='pairs of runs to compare (default 3)')
    parser.add_argument('--realtime', type=float, metavar='MINUTES', default=0.0,
                        help='measure only the graph in real time: for this time at 25 Hz, '
                        'with the learner at full load')
    parser.add_argument('--robot', choices=('sim', 'fetch_sim'), default='sim',
                        help='with --realtime: what is driven (default sim)')
    parser.add_argument('--histogram', metavar='FILE', help='with --realtime: PNG of the times')
    return parser


def main(argv=None):
    """Run `rpl bench`; return the exit code."""
    options = make_parser().parse_args(argv)
    os.environ.setdefault('ROS_DOMAIN_ID', '77')  # apart from a graph that may be running
    result = {'task': options.task, 'cores': os.cpu_count()}
    if options.realtime:
        result['realtime'] = realtime(options)
    else:
        for name in [options.part] if options.part else (part for part in PARTS if part != LONG):
            print(f'{name} ...', file=sys.stderr, flush=True)
            result[name] = PARTS[name](options.task, options.pairs)
    for name, figures in result.items():
        print(f'{name:10s} {figures}')
    print(json.dumps(result))
    return 0
