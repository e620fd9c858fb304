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

"""The file of a sweep: what it expands to, and one clear error for each thing that is wrong."""

from pathlib import Path

import pytest
from rpl_ros.common.assets import share
from rpl_ros.runs.names import label_of, variant
from rpl_ros.settings.fields import parse_words, SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import recipe_file
from rpl_ros.sweeps.grid import METHODS, read_sweep
from rpl_ros.tasks.specs import TASKS
import yaml

GRID = """
out: somewhere
recipe: paper
seeds: [0, 1]
evaluate_every: 10000
runs:
  - {task: push, method: residual, steps: 100000}
  - {task: [push, hook], method: [scratch, expert_explore], steps: 2000, seeds: 4, actors: 2,
     settings: {updates_per_step: 0.00001, critics: 2, objects: ''}}
  - {task: push, recipe: robot_hour, label: v2, steps: 7, seeds: [5]}
"""


def write(folder, text):
    """Return the path of a sweep's file with `text`."""
    path = folder / 'grid.yaml'
    path.write_text(text)
    return path


def test_the_grid_is_the_product_of_the_lists_and_first_seeds_come_first(tmp_path):
    out, jobs = read_sweep(write(tmp_path, GRID))
    assert out == Path('somewhere')
    assert [job.name for job in jobs] == [
        'push/residual-paper/seed0', 'push/scratch-paper/seed4', 'push/expert_explore-paper/seed4',
        'hook/scratch-paper/seed4', 'hook/expert_explore-paper/seed4', 'push/residual-v2/seed5',
        'push/residual-paper/seed1']
    assert jobs[0].words('here') == [
        'push', '--method', 'residual', '--recipe', 'paper', '--seed', '0', '--steps', '100000',
        '--out', 'here', '--evaluate-every', '10000', '--actors', '0']
    assert [job.cores for job in jobs] == [1, 3, 3, 3, 3, 1, 1]


def test_settings_are_read_back_as_they_were_given(tmp_path):
    words = [word for word in read_sweep(write(tmp_path, GRID))[1][1].words('here')
             if ':=' in word]
    found = {name: yaml.safe_load(text) for name, text in parse_words(words, 'setting').items()}
    assert found == {'updates_per_step': 0.00001, 'critics': 2, 'objects': ''}


def test_settings_of_an_entry_come_on_top_of_the_common_ones(tmp_path):
    _, (job,) = read_sweep(write(tmp_path, 'settings: {critics: 2, layer_norm: true}\nruns:\n'
                                 '  - {task: push, steps: 5, settings: {critics: 3}}'))
    assert dict(job.settings) == {'critics': 3, 'layer_norm': True}
    assert (job.method, job.recipe, job.seed) == ('residual', 'robot_hour', 0)
    assert job.options == (('actors', 0),)  # each run its own core


@pytest.mark.parametrize('text, words', [
    ('', 'expected a mapping'), ('{', 'cannot be read as a sweep'),
    ('out: x', 'runs is missing'), ('runs: []', 'expected a list'), ('runs: 3', 'runs is 3'),
    ('out: 3\nruns: [{task: push, steps: 1}]', 'out is 3'),
    ('run: [{task: push, steps: 1}]', "unknown key 'run' (did you mean 'runs'?)"),
    ('runs: [{task: push, steps: 1, methd: scratch}]', "entry 1 of runs: unknown key 'methd' "
     "(did you mean 'method'?)"),
    ('runs: [push]', 'entry 1 of runs: expected a mapping'),
    ('runs: [{task: push}]', 'steps is missing'), ('runs: [{steps: 1}]', 'task is missing'),
    ('runs: [{task: psh, steps: 1}]', "unknown task 'psh' (did you mean 'push'?)"),
    ('runs: [{task: push, steps: 1, method: residul}]',
     "unknown method 'residul' (did you mean 'residual'?)"),
    ('runs: [{task: push, steps: 1, recipe: papr}]', "unknown recipe 'papr' (did you mean 'pap"),
    ('runs: [{task: [push, 3], steps: 1}]', 'task is 3, expected a value of type str'),
    ('runs: [{task: push, steps: many}]', "steps is 'many', expected a value of type int"),
    ('runs: [{task: push, steps: 0}]', 'steps is 0, expected 1 to'),
    ('runs: [{task: push, steps: [1, 2]}]', 'steps is [1, 2], expected a value of type int'),
    ('runs: [{task: push, steps: 1, seeds: []}]', 'seeds is an empty list'),
    ('runs: [{task: push, steps: 1, seeds: [0, -1]}]', 'seeds is -1, expected 0 to'),
    ('runs: [{task: push, steps: 1, seeds: [0, 0]}]', 'push/residual/seed0 is also in entry 1'),
    ('runs: [{task: push, steps: 1}, {task: push, steps: 2}]', 'in entry 1: give one of them a '
     'label'),
    ('runs: [{task: push, steps: 1, device: gpu}]', "device is 'gpu', expected one of auto, cpu"),
    ('runs: [{task: push, steps: 1, label: ../x}]', 'expected letters'),
    ('runs: [{task: push, steps: 1, settings: 3}]', 'settings is 3, expected a mapping'),
    ('runs: [{task: push, steps: 1, settings: {critcs: 2}}]', "did you mean 'critics'"),
    ('runs: [{task: push, steps: 1, settings: {critics: 0}}]', 'critics is 0, expected 1 to 10'),
    ('runs: [{task: push, steps: 1, settings: {seed: 2}}]', 'give it as seeds'),
])
def test_a_bad_file_is_one_clear_error(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_sweep(path)
    assert words in str(caught.value) and str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('label', ['', 'v2', 'a_b.c'])
@pytest.mark.parametrize('recipe', ['robot_hour', 'paper'])
@pytest.mark.parametrize('method', METHODS)
def test_the_label_is_found_again_in_the_folder(method, recipe, label):
    folder = Path('runs') / variant(method, recipe, label) / 'seed3'
    assert label_of(folder, method, recipe) == label


def test_folders_of_ones_own_name_a_curve_only_around_seeds():
    assert label_of(Path('runs/mine'), 'residual', 'robot_hour') == ''
    assert label_of(Path('runs/mine/seed0'), 'residual', 'robot_hour') == 'mine'


def test_the_shipped_sweep_is_the_grid_of_the_papers_figures():
    _, jobs = read_sweep(share('config') / 'sweep.yaml')
    tasks = {'push', 'slippery_push', 'pick_and_place', 'noisy_hook', 'complex_hook',
             'mbrl_pusher'}
    assert {(job.task, job.method, job.seed) for job in jobs} == {
        (task, method, seed) for task in tasks for method in METHODS for seed in range(5)}
    assert len(jobs) == len(tasks) * len(METHODS) * 5
    assert {job.recipe for job in jobs} == {'paper'}


def test_the_sweep_of_the_robot_hour_has_the_recipe_itself_and_one_change_at_a_time():
    _, jobs = read_sweep(share('config') / 'sweep_robot_hour.yaml')
    plain = {(job.task, job.seed) for job in jobs if not job.label}
    assert plain == {(task, seed) for task in TASKS if task != 'hook' for seed in range(3)}
    for job in jobs:
        assert job.recipe == 'robot_hour' and bool(job.label) == bool(job.settings)
        nodes = load_settings(recipe_file(job.task, job.recipe))
        mine = {name: value for node in ('learner_node', 'residual_node')
                for name, value in vars(nodes[node]).items()}
        for name, value in job.settings:
            assert mine[name] != value, f'{job.name} changes nothing'
