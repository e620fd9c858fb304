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
The folder of `rpl train`: what is in it, whether a run may go on in it, and its tables.

Checkpoints are written whole or not at all. The tables grow by a line at a time; what they hold
beyond the checkpoint is cut off when a run goes on.
"""

from contextlib import suppress
import csv
import io

from rpl_ros.brief import brief
from rpl_ros.config import load_settings, SettingsError
from rpl_ros.data import MODE_NAMES
from rpl_ros.experiments.run_status import finished, LOG, SUMMARY
from rpl_ros.files import csv_rows, InUseError, LOCK, lock_folder, write_file
from rpl_ros.launching.run_folder import circumstances, parameter_file, to_yaml
from rpl_ros.yaml_file import read_yaml

METRICS = ('episode', 'mode', 'success', 'burn_in', 'on_trial', 'steps', 'total_steps', 'return',
           'policy_version', 'updates', 'critic_loss', 'mean_q', 'mean_residual', 'wall_time_s')
OFFLINE_METRICS = ('updates', 'burn_in', 'critic_loss', 'mean_q', 'mean_residual',
                   'wall_time_s')
EVALUATION = ('env_steps', 'success', 'low', 'high', 'mean_return', 'return_low', 'return_high',
              'policy', 'on_trial', 'updates', 'wall_time_s')
NEW = {'on_trial': ''}
"""Columns that the tables of version 0.1 may lack, and what stands there for its rows."""

TEXTS, COUNTS = ('mode', 'policy'), ('env_steps', 'total_steps', 'updates')
"""Columns that hold no numbers, and those whose numbers are whole."""


def take(folder):
    """
    Make `folder` if need be and lock it; return the open lock file.

    SettingsError where another process uses it.
    """
    try:
        return lock_folder(folder)
    except InUseError as error:
        raise SettingsError(f'{error}, another run: wait for it, or give another folder with '
                            '--out') from error


def begin(folder, run):
    """
    Write config.yaml and run.yaml, or check that those there are of the same run.

    `run` is a dict with task, method, recipe, seed, actors, offline, bags, settings, steps and
    updates; only the last two may be more than before. Return whether as many are done already.
    SettingsError for a folder with a run of another configuration, or with something else.
    """
    facts = {name: value for name, value in run.items() if name != 'settings'}
    if (folder / 'run.yaml').exists():
        try:
            difference = _compare(folder, run)
            if not difference and finished(folder, run['steps'], run['updates']):
                return True
        except (OSError, ValueError) as error:
            raise SettingsError(f'{folder}: its run.yaml or config.yaml cannot be read: {error}; '
                                'give another folder with --out') from error
        if difference:
            raise SettingsError(f'{folder} holds a run with another configuration: {difference}; '
                                'give another folder with --out')
    elif any(path.name not in (LOCK, LOG) for path in folder.iterdir()):
        raise SettingsError(f'{folder} holds something else: give another folder with --out')
    (folder / SUMMARY).unlink(missing_ok=True)
    write_file(folder / 'config.yaml', parameter_file(run['settings']))
    write_file(folder / 'run.yaml', to_yaml({**facts, **circumstances()}))
    return False


def _compare(folder, run):
    """Return in words how `run` differs from what is in `folder`, or ''."""
    before = read_yaml(folder / 'run.yaml')
    if not isinstance(before, dict):
        raise SettingsError(f'{folder / "run.yaml"}: expected a mapping')
    if 'arguments' in before:
        return 'it is one of rpl launch'
    config = load_settings(folder / 'config.yaml')
    names = ('task', 'method', 'seed', 'actors', 'offline', 'bags')
    return (_difference({name: run[name] for name in names},
                        {name: before.get(name) for name in names})
            or _difference(_tree(run['settings']), _tree(config)))


def _tree(settings):
    """Return {node: {name: value}} of {node: settings}."""
    return {node: vars(one) for node, one in settings.items()}


def _difference(wanted, found, where=''):
    """Return in words the first difference of two trees, or ''."""
    for name in sorted({*wanted, *found}, key=str):
        one, two = wanted.get(name), found.get(name)
        if isinstance(one, dict) and isinstance(two, dict):
            text = _difference(one, two, f'{where}{name}.')
            if text:
                return text
        elif one != two:
            return f'{where}{name} is {brief(two)} there, {brief(one)} asked for'
    return ''


def _read_rows(path, columns, key, end):
    """
    Return the whole rows of a CSV file, as dicts, whose `key` is at most `end`.

    SettingsError where it has not the `columns`.
    """
    rows = []
    try:
        for row in csv_rows(path):
            missing = sorted(set(columns) - set(row) - set(NEW))
            if missing:
                raise SettingsError(f'{path}: has no column {missing[0]!r}, expected '
                                    f'{",".join(columns)}')
            if _is_whole(row) and int(row[key]) <= end:
                rows.append({**NEW, **row})
    except SettingsError:
        raise
    except (ValueError, OSError) as error:
        raise SettingsError(f'{path}: cannot be read after row {len(rows)}: {error}') from error
    return rows


def _is_whole(row):
    """Return whether a row has all of its numbers: the last one may have been cut off."""
    with suppress(TypeError, ValueError):
        for name, text in row.items():
            if name not in TEXTS and text != NEW.get(name):
                float(text)
            if name in COUNTS:
                int(text)
        return None not in row and None not in row.values()
    return False


class Table:
    """A CSV file that grows by rows."""

    def __init__(self, path, columns, key, end):
        """Open it; rows whose `key` is beyond `end` are cut off. `rows` holds those there."""
        self.columns, self.rows = columns, []
        if path.exists():
            self.rows = _read_rows(path, columns, key, end)
        text = io.StringIO()
        csv.writer(text).writerows([columns, *([row[name] for name in columns]
                                               for row in self.rows)])
        write_file(path, text.getvalue())
        self._file = path.open('a', newline='', encoding='utf-8')

    def add(self, row):
        """Append a dict."""
        self.rows.append(row)
        csv.writer(self._file).writerow([row[name] for name in self.columns])
        self._file.flush()

    def close(self):
        """Close the file."""
        self._file.close()


def who(row):
    """Return who drove the fresh episodes of a row of evaluation.csv."""
    if row['policy'] in ('base', 'untrained'):
        return row['policy']
    return 'base (on trial)' if row['on_trial'] in (1, '1') else 'residual'


def evaluation_in_words(row, measure):
    """Return a row of evaluation.csv in words: who, and by what Measure."""
    return f'{who(row)}: {measure.label} {measure.exact(float(row[measure.column]))}'


def metrics_row(played, learner, seconds):
    """Return the row of metrics.csv for a Played that was handed to a Learner just now."""
    episode = played.episode
    return {'episode': episode.episode, 'mode': MODE_NAMES[played.mode],
            'success': int(episode.success),
            'steps': episode.steps, 'total_steps': learner.transitions,
            'return': round(played.outcome.episode_return, 4),
            'policy_version': played.policy_version, 'on_trial': int(learner.on_trial),
            **offline_row(learner, seconds)}


def offline_row(learner, seconds):
    """Return the row of metrics.csv for the last update of a Learner."""
    return {'burn_in': int(learner.burn_in.active), 'updates': learner.updates,
            'wall_time_s': round(seconds, 1),
            **{name: float(f'{value:.6g}') for name, value in learner.figures.items()}}
