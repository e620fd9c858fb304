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
Make a ready policy and its card from a run of `rpl train`: config/ready/<task>.{safetensors,yaml}.

python test/make_ready_policy.py RUN [EPISODES [REMARK]]
"""

from contextlib import redirect_stdout
import io
import json
from pathlib import Path
import platform
import re
import shlex
import sys

from rpl_ros.common.files import write_file
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.policy.weights import pack, unpack
from rpl_ros.reports.compare import main as compare
from rpl_ros.runs.about_run import about_run
from rpl_ros.runs.facts import read_facts, read_mapping
from rpl_ros.runs.policies import read_any_policy
from rpl_ros.tasks.find import task_spec

FOLDER = Path(__file__).parents[1] / 'config/ready'
FIRST = 20
FIGURES = {'success': 'success_rate', **{name: name for name in (
    'low', 'high', 'mean_return', 'return_low', 'return_high')}}


def command_of(facts):
    """Return how a run was trained, without the paths of this machine."""
    words = shlex.split(facts['command'])[1:]
    place = words.index('--out') if '--out' in words else len(words)
    return shlex.join(['rpl', *words[:place], *words[place + 2:]])


def processor():
    """Return the name of the processor."""
    found = re.search(r'model name\s*: (.*)', Path('/proc/cpuinfo').read_text())
    return found[1] if found else platform.machine()


def file_of(run):
    """Return the newest policy of a run, with all that the run tells of its training."""
    _, content, header = read_any_policy(str(run))
    summary, versions = read_mapping(run / 'summary.yaml'), read_mapping(run / 'run.yaml')
    about = {**about_run(run), 'transitions': summary['env_steps'], 'updates': summary['updates'],
             'package': versions['versions']['rpl_ros'], **header.about}
    tensors, shape = unpack(content)
    return pack(tensors, shape, header.version, header.prefer_base, about)


def figures_of(player):
    """Return the figures of a player of `rpl compare --json`, rounded."""
    return {name: round(player[key], 6) for name, key in FIGURES.items()}


def first_of(values, measure):
    """Return how many of the first episodes were solved, or their mean return."""
    values = values[:FIRST]
    return int(sum(values)) if measure.rate else round(sum(values) / FIRST, 6)


def make(run, episodes=200, remark=''):
    """Write the policy of a run folder and its card."""
    facts, summary = read_facts(run), read_mapping(run / 'summary.yaml')
    task = facts['task']
    write_file(FOLDER / f'{task}.safetensors', file_of(run))
    words = ['base', 'ready', '--task', task, '--episodes', str(episodes)]
    with redirect_stdout(io.StringIO()) as out:
        assert compare([*words, '--json']) == 0
    told = json.loads(out.getvalue())
    (base, ready), (paired,) = told['players'], told['differences']
    measure = task_spec(task).measure
    about = about_run(run)
    write_file(FOLDER / f'{task}.yaml', to_yaml({
        'task': task, 'sha256': ready['digest'], 'licence': 'Apache-2.0',
        **({'remark': remark} if remark else {}),
        'trained': {
            'command': command_of(facts), 'commit': facts['commit'], 'date': facts['date'],
            **{name: about[name] for name in ('method', 'recipe', 'controller', 'arm', 'seed')},
            'steps': summary['env_steps'], 'updates': summary['updates'],
            'seconds': summary['seconds'], 'processor': processor(),
            'versions': facts['versions']},
        'evaluated': {
            'command': shlex.join(['rpl', 'compare', *words]), 'episodes': told['episodes'],
            'seed': told['seed'], 'objects': told['objects'], **figures_of(ready),
            'base': figures_of(base), 'difference': {
                **{name: round(paired[name], 6) for name in ('value', 'low', 'high')},
                'verdict': paired['verdict']},
            f'first_{FIRST}': {
                'measure': 'solved' if measure.rate else 'mean return',
                'base': first_of(base['values'], measure),
                'policy': first_of(ready['values'], measure)}}}))


if __name__ == '__main__':
    make(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 200, ' '.join(sys.argv[3:]))
