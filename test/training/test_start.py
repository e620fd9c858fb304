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

"""`rpl train --from`: the first policy is the given one, and which settings come from it."""

import csv
import shutil

from bag_tools import encoded, write_mcap
import numpy as np
import pytest
from rpl_ros.policy.tensor_file import digest
from rpl_ros.policy.weights import pack, unpack
from rpl_ros.runs.train_folder import prepare_folder
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks.find import task_spec
from rpl_ros.training import train
from rpl_ros.training.session import Online
import yaml

TASK = 'slippery_push'
QUICK = [TASK, 'batch_size:=32', 'updates_per_step:=0.1', 'burn_in_check:=5', '--actors', '0',
         '--evaluate-episodes', '2']
OTHER = 'reactive_pick_and_place'  # a base controller that is not that of the task
FILE = 'checkpoints/policy_0000120.safetensors'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Return a run of six short, slow episodes, with a small network of its own."""
    folder = tmp_path_factory.mktemp('trained') / 'run'
    assert train.main([*QUICK, 'hidden_size:=16', 'horizon:=20', 'max_ee_speed:=0.25',
                       'critics:=3', 'trial_episodes:=0', 'arm:=joints', f'controller:={OTHER}',
                       '--steps', '120', '--out', str(folder)]) == 0
    return folder


def begin(folder, start, *words):
    """Call `rpl train --from`; return its exit code."""
    return train.main([*QUICK, '--from', str(start), '--out', str(folder), *words])


def rows(folder):
    """Return the rows of evaluation.csv."""
    with open(folder / 'evaluation.csv', newline='') as file:
        return list(csv.DictReader(file))


def test_a_run_begins_with_the_policy_and_what_it_learned_in(trained, tmp_path, capsys):
    folder = tmp_path / 'run'
    assert begin(folder, trained, '--steps', '20') == 0
    text = ' '.join(capsys.readouterr().out.split())
    assert (f'taken from {trained}/{FILE}: horizon 20, max_ee_speed 0.25, arm joints, controller '
            f'{OTHER}, hidden_size 16, critics 3') in text
    assert 'begins with actor, critics and statistics of another run' in text
    assert 'the policy acts from the first episode on' in text
    assert '0 steps: residual: success' in text
    assert [row['policy'] for row in rows(folder)] == ['policy.safetensors',
                                                       'policy_0000020.safetensors']
    with open(folder / 'metrics.csv', newline='') as file:
        metrics = list(csv.DictReader(file))
    assert [(row['mode'], row['burn_in'], row['on_trial']) for row in metrics] == [
        ('explore', '0', '0')]
    settings = load_settings(folder / 'config.yaml')
    assert settings['sim_node'].arm == 'joints' and settings['learner_node'].critics == 3
    its = trained / 'checkpoints/learner.safetensors'
    assert (folder / 'start.safetensors').read_bytes() == its.read_bytes()
    assert yaml.safe_load((folder / 'run.yaml').read_text())['policy'] == {
        'from': str(trained), 'file': str(its), 'sha256': digest(its.read_bytes())}


@pytest.mark.parametrize('start', ['', FILE])
def test_before_the_first_episode_its_policy_is_the_given_one(trained, tmp_path, start):
    options = train.make_parser().parse_intermixed_args([
        *QUICK, '--from', str(trained / start), '--out', str(tmp_path)])
    train.complete(options)
    folder, run = train.run_of(options)
    prepare_folder(folder, run)
    session = Online(options, run['settings'], folder)
    found, wanted = (unpack(content)[0] for content in (
        session.learner.policy(), (trained / FILE).read_bytes()))
    session.close()
    assert np.abs(wanted['layer3.weight']).max() > 0.0 and found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_what_the_user_says_remains(trained, tmp_path):
    folder = tmp_path / 'run'
    assert begin(folder, trained, 'arm:=paper', '--steps', '20') == 0
    assert load_settings(folder / 'config.yaml')['sim_node'].arm == 'paper'


@pytest.mark.parametrize('words, wanted', [
    (['horizon:=50'], 'they are for horizon 20, expected 50'),
    (['max_ee_speed:=0.1'], 'they are for max_ee_speed 0.25, expected 0.1'),
    (['residual_scale:=0.5'], 'they are for residual_scale 1.0, expected 0.5'),
    (['hidden_size:=32'], 'it has hidden_size 16, expected 32'),
    (['critics:=2'], 'it has critics 3, expected 2'),
    (['discount:=0.9'], 'it has discount 0.98, expected 0.9'),
    (['controller:=reactive_push'],
     f'learned on top of the controller {OTHER}, and this run has reactive_push'),
    (['--method', 'scratch'], 'it has whole_action False, expected True'),
    (['--method', 'initial'], '--from: the method initial learns nothing')])
def test_what_does_not_fit_is_named_before_a_folder_is_made(trained, tmp_path, capsys, words,
                                                            wanted):
    folder = tmp_path / 'run'
    assert begin(folder, trained, *words) == 2
    error = capsys.readouterr().err
    assert wanted in error and len(error.splitlines()) == 1
    assert not folder.exists()


def test_a_damaged_file_of_a_learner_is_named_before_a_folder_is_made(trained, tmp_path, capsys):
    shutil.copytree(trained, damaged := tmp_path / 'damaged')
    path = damaged / 'checkpoints/learner.safetensors'
    for content in (path.read_bytes()[:-9], b'', (trained / FILE).read_bytes()):
        path.write_bytes(content)
        assert begin(tmp_path / 'run', damaged) == 2
        error = capsys.readouterr().err
        assert f'{path}: cannot be used: ' in error and len(error.splitlines()) == 1
        assert not (tmp_path / 'run').exists()
    assert begin(tmp_path / 'run', damaged / FILE, '--steps', '20') == 0


def test_no_policy_of_this_task_is_named(trained, tmp_path, capsys):
    for start, wanted in ((tmp_path / 'nowhere', 'no such file or run folder'),
                          (tmp_path, 'this folder has no checkpoints/policy_'),
                          (trained / 'run.yaml', 'not a policy that can be used')):
        assert begin(tmp_path / 'run', start) == 2
        assert wanted in capsys.readouterr().err
    assert train.main(['push', '--from', str(trained), '--out', str(tmp_path / 'run')]) == 2
    assert "they are for task 'slippery_push', expected 'push'" in capsys.readouterr().err


def test_the_same_command_continues_it_without_the_first_policy(trained, tmp_path, capsys):
    start, folder = tmp_path / 'start', tmp_path / 'run'
    shutil.copytree(trained, start)
    assert begin(folder, start, '--steps', '20') == 0
    shutil.rmtree(start)
    assert begin(folder, start, '--steps', '60') == 0
    assert [row['env_steps'] for row in rows(folder)] == ['0', '20', '60']
    assert 'begins with' not in capsys.readouterr().out.split('20 steps', 1)[1]
    assert begin(folder, trained, '--steps', '60') == 2
    assert 'policy.from is' in capsys.readouterr().err


def test_bags_improve_a_policy_that_exists(trained, tmp_path, capsys):
    bag = write_mcap(tmp_path / 'a.mcap', encoded(task_spec(TASK, 20), 3))
    folder = tmp_path / 'run'
    assert begin(folder, trained, 'max_ee_speed:=0.25', '--bag', str(bag), '--updates', '20') == 0
    assert 'critics and statistics of another run' in capsys.readouterr().out
    first, last = rows(folder)
    assert (first['policy'], last['updates']) == ('policy.safetensors', '20')
    learner = load_settings(folder / 'config.yaml')['learner_node']
    assert (learner.hidden_size, learner.data_weight) == (16, 2.0)
    assert begin(tmp_path / 'online', trained, 'max_ee_speed:=0.25', '--bag', str(bag), '--online',
                 '--steps', '20') == 0


def test_a_file_alone_acts_while_the_critics_learn(trained, tmp_path, capsys):
    path, folder = tmp_path / 'mailed.safetensors', tmp_path / 'run'
    shutil.copy(trained / FILE, path)
    assert begin(folder, path, '--steps', '20') == 0
    assert load_settings(folder / 'config.yaml')['base_controller_node'].controller == OTHER
    text = capsys.readouterr().out
    assert 'actor and statistics of a policy; the critics begin anew' in text
    assert (folder / 'policy.safetensors').read_bytes() == path.read_bytes()
    assert not (folder / 'start.safetensors').exists()
    with open(folder / 'metrics.csv', newline='') as file:
        (row,) = csv.DictReader(file)
    assert (row['mode'], row['burn_in'], row['on_trial']) == ('explore', '1', '0')
    path.write_bytes(pack(*unpack(path.read_bytes())))  # it does not tell its controller
    assert begin(tmp_path / 'other', path, '--steps', '20') == 0
    assert 'The controller of its training is not known' in capsys.readouterr().out
