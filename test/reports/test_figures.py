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

"""`rpl plot`: what it reads, how it averages, what it draws, and that CSV and YAML are enough."""

import csv
import subprocess
import sys

from hypothesis import given, strategies as st
import numpy as np
import pytest
from rpl_ros.reports.curves import base_level, find_runs, mean_curve, read_run, shared_command
from rpl_ros.reports.figures import by_method, draw, main, panel_order, short
from rpl_ros.reports.paper_values import MODEL_STEPS, PAPER, REFERENCES
from rpl_ros.settings.recipes import METHODS
from rpl_ros.tasks.specs import TASKS
from run_folders import write_run


def several(folder):
    """Write runs of all methods on two tasks; return the folder."""
    for task in ('push', 'mbrl_pusher'):
        for method, values in (('initial', [0.5]), ('scratch', [0, 0.5, 1]),
                               ('residual', [0.4, 0.8, 0.9]), ('expert_explore', [0.1, 0.2, 0.3])):
            for seed in range(3):
                write_run(folder / task / f'{method}-paper' / f'seed{seed}',
                          [value * (1 - 0.1 * seed) for value in values], task, method, seed=seed)
    return folder


def test_mean_and_deviation_by_hand(tmp_path):
    runs = [read_run(write_run(tmp_path / 'a', [0.0, 0.5, 1.0], every=1000)),
            read_run(write_run(tmp_path / 'b', [0.5, 0.5], every=1500, seed=1))]
    curve = mean_curve(runs, offset=7)
    assert curve.steps.tolist() == [7, 1007, 1507, 2007]
    assert curve.count.tolist() == [2, 2, 2, 1]
    assert curve.mean == pytest.approx([0.25, 0.5, 0.625, 1.0])
    assert curve.std == pytest.approx([0.125**0.5, 0, 0.125 * 2**0.5, 0])
    assert curve.finals.tolist() == [1.0, 0.5]


@given(st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_mean_lies_within_the_runs_and_one_run_is_its_own_mean(tmp_path_factory, lists):
    folder = tmp_path_factory.mktemp('runs')
    runs = [read_run(write_run(folder / str(seed), values, seed=seed, every=1 + seed))
            for seed, values in enumerate(lists)]
    curve = mean_curve(runs)
    everything = np.concatenate(lists)
    assert (curve.mean >= everything.min() - 1e-9).all()
    assert (curve.mean <= everything.max() + 1e-9).all()
    assert (curve.std[curve.count == 1] == 0).all()
    alone = mean_curve(runs[:1])
    assert np.array_equal(alone.mean, runs[0].values)
    assert np.array_equal(alone.steps, runs[0].steps)


def test_runs_are_found_at_any_depth_and_what_is_no_run_is_named(tmp_path):
    folder = several(tmp_path / 'all')
    write_run(tmp_path / 'all/x/y/z', [0.1], 'hook')
    write_run(tmp_path / 'all/again', [0.1, 0.2], 'push', seed=0, method='scratch')
    (write_run(tmp_path / 'all/young', [1]) / 'evaluation.csv').unlink()
    (write_run(tmp_path / 'all/text', [1]) / 'evaluation.csv').write_text('env_steps\n0\n')
    write_run(tmp_path / 'all/back', [1, 2], every=-1)
    write_run(tmp_path / 'all/nan', [float('nan')])
    write_run(tmp_path / 'all/strange', [1], 'psh')
    (write_run(tmp_path / 'all/odd', [1]) / 'run.yaml').write_text('{')
    runs, notes = find_runs([folder, folder / 'push'])
    assert len(runs) == 25
    for name, words in (
            ('young', 'no evaluation yet'), ('text', 'columns env_steps and success'),
            ('back', 'increasing env_steps'), ('nan', 'finite'),
            ('odd', 'run.yaml: cannot be read'),
            ('again', 'the same task, method, recipe, label and seed')):
        assert any(name in note and words in note for note in notes), (name, notes)
    assert any("unknown task 'psh'" in note for note in notes) and len(notes) == 7


def test_a_run_over_topics_counts_as_a_residual(tmp_path):
    folder = write_run(tmp_path / 'live', [0.5, 0.6], 'hook')
    (folder / 'run.yaml').write_text('{task: hook, seed: 2, command: /opt/rpl launch hook seed:=2 '
                                     'out:=/home/me/live}')
    (folder / 'report').mkdir()
    (folder / 'evaluation.csv').rename(folder / 'report/evaluation.csv')
    run = read_run(folder)
    assert find_runs([tmp_path])[0][0].folder == folder
    assert run.group == ('hook', 'residual', 'robot_hour', '') and run.seed == 2
    assert run.command == 'rpl launch hook seed:=2'


def test_a_report_counts_more_than_an_older_one_but_less_than_what_training_wrote(tmp_path):
    trained, launched = (write_run(tmp_path / name, [0.25]) for name in ('trained', 'launched'))
    for folder in (trained, launched):
        (folder / 'report').mkdir()
        (folder / 'report/evaluation.csv').write_text('env_steps,success\n0,0.75\n')
    (launched / 'evaluation.csv').write_text('env_steps,success,policy\n0,0.5,base\n')
    assert [list(read_run(folder).values) for folder in (trained, launched)] == [[0.25], [0.75]]


def test_commands_carry_no_folders_of_this_machine():
    assert shared_command("/a/cli.py train push 'objects:=my dir' --out /b/c --seed 1") == (
        "rpl train push 'objects:=my dir' --seed 1")


def test_the_base_is_measured_by_its_own_runs_or_by_a_residual_of_zero(tmp_path):
    scratch = read_run(write_run(tmp_path / 's', [0.0, 1], method='scratch'))
    residual = read_run(write_run(tmp_path / 'r', [0.4, 1]))
    initial = [read_run(write_run(tmp_path / f'i{value}', [value], method='initial'))
               for value in (0.5, 0.6)]
    assert base_level([scratch]) is None
    assert base_level([scratch, residual]) == 0.4
    assert base_level([scratch, residual, *initial]) == pytest.approx(0.55)


def test_pictures_and_table_are_written(tmp_path, capsys):
    folder = several(tmp_path / 'runs')
    assert main([str(folder)]) == 0
    said = capsys.readouterr().out
    assert 'push residual paper: success 0.81 ± 0.09 after 2,000 steps, n = 3; paper: perf' in said
    with (folder / 'learning_curves.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['task'], row['method']) for row in rows] == [
        (task, method) for task in ('push', 'mbrl_pusher') for method in METHODS]
    assert rows[0]['measure'] == 'success' and rows[-1]['measure'] == 'mean_return'
    assert {**rows[0]}.items() >= {
        'seeds': '0 1 2', 'env_steps_least': '2000', 'final_mean': '0.81', 'final_std': '0.09',
        'base': '0.45', 'paper': '1.0', 'command': 'rpl train push --method residual --seed 0'
    }.items()
    assert (folder / 'learning_curves.png').read_bytes().startswith(b'\x89PNG')
    svg = (folder / 'learning_curves.svg').read_text()
    # Text becomes outlines, but the names of what is drawn stay as comments.
    for words in ('residual (n = 3)', 'base controller: 0.45', 'paper: residual, scratch 1.0',
                  'paper: PETS -74.9', 'environment steps (with 15,500 for the model)'):
        assert words in svg, words


@pytest.mark.parametrize('log', [False, True])
def test_the_same_runs_give_the_same_bytes(tmp_path, log):
    runs, _ = find_runs([several(tmp_path / 'runs')])
    first, second = draw(runs, log), draw(runs, log)
    assert first == second
    assert first != draw(runs[1:], log)


@pytest.mark.parametrize('count', [4, 5])
def test_there_is_a_panel_for_each_task_and_no_other(tmp_path, count):
    tasks = list(TASKS)[:count]
    for task in tasks:
        write_run(tmp_path / task, [0.1, 0.2], task=task)
    svg = draw(find_runs([tmp_path])[0])['svg'].decode()
    assert [f'id="axes_{n}"' in svg for n in range(1, 7)] == [n <= count for n in range(1, 7)]


def test_nothing_to_draw_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / 'nowhere')]) == 2
    assert capsys.readouterr().err.count('\n') == 1
    folder = several(tmp_path / 'runs')
    (tmp_path / 'file').touch()
    assert main([str(folder), '--out', str(tmp_path / 'file')]) == 2
    assert str(tmp_path / 'file') in capsys.readouterr().err


def test_it_needs_neither_torch_nor_mujoco(tmp_path):
    code = ('import sys; from rpl_ros.cli import main; main(sys.argv[1:]); '
            'print(sorted({"torch", "mujoco", "rclpy", "gymnasium"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code, 'plot', str(several(tmp_path / 'runs'))],
                          capture_output=True, text=True, check=True)
    assert done.stdout.endswith('learning_curves.csv\n[]\n'), done.stdout


def test_what_the_paper_says_is_about_our_tasks_and_methods():
    assert set(PAPER) == set(TASKS) - {'hook'}
    assert set(REFERENCES) | set(MODEL_STEPS) <= set(PAPER)
    for methods in PAPER.values():
        assert set(methods) <= set(METHODS)
        assert all(value is None or 0 <= value <= 1 for value, _ in methods.values())


def test_order_and_numbers():
    assert panel_order({'hook', 'mbrl_pusher', 'push'}) == ['push', 'mbrl_pusher', 'hook']
    groups = [('push', method, 'paper', '') for method in ('own', 'initial', 'residual')]
    assert [group[1] for group in sorted(groups, key=by_method)] == ['residual', 'initial', 'own']
    assert [short(value) for value in (0, 500, 2e5, 1.5e6)] == ['0', '500', '200k', '1.5M']
