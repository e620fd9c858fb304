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

"""`rpl policy info`: a file alone, a run and a card tell all that is known, and no more."""

import json
import subprocess
import sys

import pytest
from rpl_ros.common.assets import share
from rpl_ros.common.files import write_file
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.tensor_file import digest
from rpl_ros.policy.weights import pack, read_header, unpack
from rpl_ros.runs.about_run import about_run
from rpl_ros.runs.layout import EVALUATION, REPORT, RUN, SUMMARY
from rpl_ros.runs.policy import facts_of, main
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import LearnerSettings

COLUMNS = 'env_steps,success,low,high,mean_return,return_low,return_high,policy,on_trial'
BASE = '0,0.5,0.4,0.6,-70.0,-75.0,-65.0,base,0'
LEARNED = '100,0.9,0.8,0.95,-40.0,-45.0,-35.0,policy_0000100.safetensors,0'
OF_BASE = {'success': 0.5, 'low': 0.4, 'high': 0.6, 'mean_return': -70.0, 'return_low': -75.0,
           'return_high': -65.0}
OF_LEARNED = {'success': 0.9, 'low': 0.8, 'high': 0.95, 'mean_return': -40.0,
              'return_low': -45.0, 'return_high': -35.0}


@pytest.fixture
def run(tmp_path):
    """Make the folder of a run of `rpl train` that was evaluated; return it."""
    folder = tmp_path / 'run'
    write_file(folder / 'config.yaml', '/**:\n  ros__parameters:\n    task: hook\n    seed: 7\n'
               '    arm: joints\n    objects: unseen\n    hidden_size: 8\n')
    write_file(folder / RUN, 'task: hook\nmethod: residual\nrecipe: /etc/own_recipe.yaml\n'
               'evaluate_episodes: 200\n')
    learner = Learner(LearnerSettings(task='hook', seed=7, hidden_size=8))
    learner.about, learner.transitions = about_run(folder), 100
    write_file(folder / 'checkpoints/policy_0000100.safetensors', learner.policy())
    write_file(folder / EVALUATION, '\n'.join((COLUMNS, BASE, LEARNED)) + '\n')
    return folder


def test_a_run_tells_how_its_policy_was_evaluated(run, capsys):
    facts = facts_of(str(run), 'hook')
    path = run / 'checkpoints/policy_0000100.safetensors'
    assert facts['file'] == str(path) and facts['digest'] == digest(path.read_bytes())
    assert facts['evaluations'] == [{
        'source': str(run / EVALUATION), 'episodes': 200, 'seed': 7, 'objects': 'unseen',
        **OF_LEARNED, 'base': OF_BASE}]
    assert main(['info', str(run)]) == 0
    told = capsys.readouterr().out
    assert ('success 90.0% (95 % interval 80.0% to 95.0%); base controller 50.0% (95 % interval '
            '40.0% to 60.0%); episodes 200, seed 7, objects unseen') in told
    assert f'rpl launch hook policy:={path} learn:=false' in told


def test_a_report_is_told_beside_the_evaluation_of_the_training(run):
    write_file(run / REPORT / EVALUATION, '\n'.join((COLUMNS, LEARNED)) + '\n')
    write_file(run / REPORT / SUMMARY, 'episodes: 50\nseed: 3\nobjects: ""\n')
    *_, found = facts_of(str(run))['evaluations']
    assert found == {'source': str(run / REPORT / EVALUATION), 'episodes': 50, 'seed': 3,
                     'objects': '', **OF_LEARNED, 'base': None}


def test_a_file_alone_tells_its_training(run, tmp_path, capsys):
    path = (run / 'checkpoints/policy_0000100.safetensors').rename(tmp_path / 'mailed.safetensors')
    facts = facts_of(str(path))
    training = facts['training']
    assert training.pop('package') and facts['evaluations'] == [] and facts['run'] is None
    assert training == {
        'controller': 'reactive_hook', 'robot': 'sim', 'arm': 'joints', 'objects': 'unseen',
        'seed': 7, 'method': 'residual', 'recipe': 'own_recipe', 'begun_from': None,
        'transitions': 100, 'updates': 0}
    assert main(['info', str(path), '--json']) == 0
    assert json.loads(capsys.readouterr().out) == facts_of(str(path))


def test_a_file_without_facts_says_that_they_are_unknown(run, tmp_path, capsys):
    old = tmp_path / 'old.safetensors'
    old.write_bytes(pack(*unpack((run / 'checkpoints/policy_0000100.safetensors').read_bytes())))
    assert set(facts_of(str(old))['training'].values()) == {None}
    assert main(['info', str(old)]) == 0
    told = capsys.readouterr().out
    for words in ('controller unknown', 'evaluated   unknown', 'run         unknown',
                  'the residual is zero', 'unknown transitions'):
        assert words in told


def test_a_card_counts_for_its_own_file_alone(run, tmp_path):
    path = (run / 'checkpoints/policy_0000100.safetensors').rename(tmp_path / 'one.safetensors')
    figures = ', '.join(f'{name}: {value}' for name, value in OF_LEARNED.items())
    for sha256, count in ((digest(path.read_bytes()), 1), ('0' * 64, 0)):
        path.with_suffix('.yaml').write_text(
            f'sha256: "{sha256}"\nevaluated: {{episodes: 20, seed: 0, objects: "", {figures}, '
            f'base: {{{figures}}}}}\n')
        assert len(facts_of(str(path))['evaluations']) == count


def test_a_run_with_a_controller_node_of_the_user_and_a_real_robot(run):
    write_file(run / RUN, 'arguments: {base: "false", robot: fetch}\n'
               f'policy: {{file: x, sha256: "{"a" * 64}"}}\n')
    assert about_run(run) == {'robot': 'fetch', 'seed': 7, 'objects': 'unseen',
                              'method': 'residual', 'begun_from': 'a' * 64}
    assert about_run(run / 'checkpoints') == {}


@pytest.mark.parametrize('file, recipe', [
    (share('config') / 'hook.yaml', 'robot_hour'), (share('config') / 'paper/hook.yaml', 'paper'),
    ('/home/me/mine.yaml', 'mine')])
def test_a_live_run_tells_its_recipe(run, file, recipe):
    write_file(run / RUN, f'arguments: {{params_file: {file}}}\n')
    about = about_run(run)
    assert (about['method'], about['recipe']) == ('residual', recipe)


def test_equal_learners_write_equal_files(run):
    one, two = (Learner(LearnerSettings(task='hook', hidden_size=8)) for _ in range(2))
    one.about = two.about = about_run(run)
    assert one.policy() == two.policy() and 'about' not in one.new_version()[:400].decode('latin1')
    assert read_header(one.policy()).about['recipe'] == 'own_recipe'


@pytest.mark.parametrize('words, expected', [
    (['ready'], 'policy ready: name the task, too'), (['nowhere'], 'no such file or run folder'),
    (['{run}', 'push'], "they are for task 'hook', expected 'push'")])
def test_bad_input(words, expected, run, capsys):
    assert main(['info', *(word.format(run=run) for word in words)]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('rpl policy: ') and expected in line


def test_a_damaged_table_beside_a_policy_is_named(run):
    write_file(run / EVALUATION, f'{COLUMNS}\n1,much\n')
    with pytest.raises(SettingsError, match=f'{run / EVALUATION}: an evaluation cannot be read'):
        facts_of(str(run))


def test_it_needs_neither_torch_nor_mujoco_nor_ros(run):
    code = ('import sys; from rpl_ros.runs.policy import main; '
            f'assert main(["info", {str(run)!r}]) == 0; '
            'assert not {"torch", "mujoco", "rclpy"} & set(sys.modules)')
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)
