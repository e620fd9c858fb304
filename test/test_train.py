# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The loop in one process, and the shortest runs of `rpl train` and `rpl bench`."""

import csv
import json

import pytest

from rpl_ros.assets import share
from rpl_ros.config import load_settings
from rpl_ros.experiments import bench, bench_learner, train

QUICK = {'hidden_size': 16, 'batch_size': 32, 'updates_per_step': 0.1, 'burn_in': 'none'}


def test_a_seeded_run_repeats_exactly():
    settings = load_settings(share('config') / 'noisy_hook.yaml', {**QUICK, 'seed': 3})
    policies = []
    for _ in range(2):
        loop = train.Loop(settings)
        for number in range(4):
            loop.run(number)
        policies.append(loop.learner.policy())
    assert policies[0] == policies[1]
    assert loop.learner.transitions == 400 and loop.learner.updates == 40


def test_rpl_train_writes_its_metrics(tmp_path):
    words = [f'{name}:={value}' for name, value in QUICK.items()]
    assert train.main(['hook', *words, '--episodes', '4', '--evaluate-every', '2',
                       '--evaluate-episodes', '2', '--out', str(tmp_path)]) == 0
    with open(tmp_path / 'metrics.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['episodes'], row['env_steps'], row['updates']) for row in rows] == [
        ('2', '200', '20'), ('4', '400', '40')]
    assert all(0 <= float(row['success']) <= 1 for row in rows)


@pytest.mark.parametrize('words, expected', [
    (['hook', 'sed:=1'], "did you mean 'seed'"), (['hook', 'seed'], 'expected name:=value'),
    (['hook', 'seed:=-1'], 'expected 0 to'), (['hook', '--params-file', 'no.yaml'], 'no.yaml')])
def test_rpl_train_names_what_is_wrong(words, expected, capsys):
    assert train.main(words) == 2
    assert expected in capsys.readouterr().err


def test_rpl_bench_prints_a_ratio(capsys):
    assert bench.main(['--only', 'sim', '--pairs', '1']) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])['sim']
    assert 0.3 < figures['ratio_to_bare_mj_step'] <= 1.0


def test_the_learner_is_measured():
    figures = bench_learner.update_figures('paper', pairs=1, repeats=2)
    assert figures['update_ms'] > 0 and figures['times_faster_than_eager'] > 0
    assert bench_learner.fresh(bench_learner.our_rate, 0, 50) > 0
    rows = bench_learner.flatness(capacity=50_000, repeats=20)
    assert list(rows) == ['1 %', '100 %', '200 %']
    assert abs(rows['200 %']['memory_mb'] - rows['100 %']['memory_mb']) <= 1
