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

"""A program that behaves as `rpl train` towards a sweep, but learns nothing and takes no time."""

from pathlib import Path
import sys
import threading
import time

import yaml

STAND_IN = r"""
import argparse, csv, fcntl, os, pathlib, signal, sys, time
import yaml

parser = argparse.ArgumentParser()
parser.add_argument('task')
parser.add_argument('settings', nargs='*')
for name in ('method', 'recipe', 'out', 'device'):
    parser.add_argument('--' + name)
for name in ('seed', 'steps', 'evaluate-every', 'evaluate-episodes', 'actors'):
    parser.add_argument('--' + name, type=int)
options = parser.parse_args()
out = pathlib.Path(options.out)
out.mkdir(parents=True, exist_ok=True)
lock = open(out / 'run.lock', 'a')
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit('rpl train: ' + str(out) + ' is in use by another process')
before = out / 'run.yaml'
if (out / 'summary.yaml').exists() and (
        yaml.safe_load(before.read_text())['steps'] >= options.steps):
    print('finished already')
    sys.exit(0)
checkpoint = out / 'checkpoints' / 'learner.yaml'
done = yaml.safe_load(checkpoint.read_text()) if checkpoint.exists() else 0
facts = {name: getattr(options, name) for name in ('task', 'method', 'recipe', 'seed', 'steps')}
facts.update(command=' '.join(sys.argv), threads=os.environ['OMP_NUM_THREADS'])
(out / 'run.yaml').write_text(yaml.safe_dump(facts))
values = {name: yaml.safe_load(text) for name, text in (
    word.split(':=') for word in options.settings)}
(out / 'config.yaml').write_text(yaml.safe_dump({'learner_node': {'ros__parameters': values}}))


def append(name, **row):
    new = not (out / name).exists()
    with open(out / name, 'a') as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


def save(*_):
    checkpoint.parent.mkdir(exist_ok=True)
    part = checkpoint.with_suffix('.part')
    part.write_text(str(done))
    os.replace(part, checkpoint)


def leave(number, _):
    save()
    print('checkpoint written')
    sys.exit(130)


signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, leave)
pause = float(os.environ.get('STAND_IN_PAUSE', 0))
print('starting at', done)
row = dict(low=0, high=1, mean_return=-5, return_low=-6, return_high=-4, policy='x', updates=0,
           seconds=0)
if not done:
    append('evaluation.csv', env_steps=0, success=0.25, **row)
while done < options.steps:
    if os.environ.get('STAND_IN_CRASH', 'nothing') in str(out) and done >= 200:
        print('out of luck')
        sys.exit(7)
    time.sleep(pause)
    done += 50
    append('metrics.csv', episode=done // 50, mode='explore', success=1, burn_in=0, steps=50,
           total_steps=done, episode_return=-5, updates=0, wall_time_s=0)
    if done % 100 == 0:
        save()
        append('evaluation.csv', env_steps=done, success=min(1, 0.25 + done / 1000), **row)
(out / 'summary.yaml').write_text('done: true')
"""


def stand_in(folder):
    """Write the program into `folder`; return the words that start it."""
    path = folder / 'stand_in.py'
    path.write_text(STAND_IN)
    return [sys.executable, str(path)]


def sweep_file(folder, **content):
    """Write a sweep's file; return its path as text."""
    path = folder / 'grid.yaml'
    path.write_text(yaml.safe_dump({'out': str(folder / 'out'), **content}))
    return str(path)


def wait_for(condition, patience=60.0):
    """Wait until `condition()` holds, for `patience` s at most."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, 'it never happened'
        time.sleep(0.02)


def read_until(process, words, patience=60.0):
    """Return what a Popen says up to the line with `words`; kill it after `patience`, s."""
    timer, said = threading.Timer(patience, process.kill), ''
    timer.start()
    for line in process.stdout:
        said += line
        if words in line:
            break
    timer.cancel()
    assert words in said, said
    return said


def starts(folder):
    """Return the env steps at which the attempts at a run began, from its log."""
    text = (Path(folder) / 'sweep.log').read_text()
    return [int(line.split()[-1]) for line in text.splitlines() if line.startswith('starting at')]
