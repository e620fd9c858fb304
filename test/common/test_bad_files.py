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

"""Files that are damaged, of another kind, or no files at all: one clear error, no traceback."""

import datetime
import os
import signal
import sqlite3
import subprocess
import sys

from bag_tools import MESSAGES, SPEC, to_sqlite, write_bag, write_mcap
from hypothesis import given, HealthCheck, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_episodes
from rpl_ros.common.assets import share
from rpl_ros.common.brief import brief, MOST, one_line
from rpl_ros.common.files import csv_rows, open_regular, read_bytes
from rpl_ros.common.yaml_file import parse_yaml, read_yaml
from rpl_ros.evaluation import evaluate
from rpl_ros.pets.cached_pets import load_table
from rpl_ros.pets.controller import make_pets
from rpl_ros.policy.checked import check_value, WeightsError
from rpl_ros.reports import curves, lost_rows
from rpl_ros.robot.contract import read_contract
from rpl_ros.ros.sections import require_sections_that_apply
from rpl_ros.runs import record, status, table
from rpl_ros.scene import EvaluationError, read_policy
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings, read_parameter_file
from rpl_ros.settings.recipes import settings_of
from rpl_ros.sweeps import sweep
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.objects.mesh_folder import load_mesh_folder
from rpl_ros.tasks.objects.parts import ObjectError
from rpl_ros.tasks.spec_file import read_spec
from rpl_ros.tasks.specs import TaskError
from run_folders import write_run
import yaml

DIGITS = '9' * 400
"""A whole number that no float holds."""
LONG = '0x' + 'f' * 5000
"""One of more digits than Python writes: only in YAML are hexadecimal ones that long."""
READERS = {
    'parameters': (load_settings, SettingsError), 'contract': (read_contract, SettingsError),
    'sweep': (read_sweep, SettingsError), 'yaml': (read_yaml, (ValueError, OSError)),
    'policy': (lambda path: read_policy(path, {}), EvaluationError),
    'table': (load_table, ValueError), 'model': (make_pets, (ValueError, OSError)),
    'bag': (lambda path: list(read_episodes(path, SPEC, Report())), BagError),
    'sections': (lambda path: require_sections_that_apply(
        ['--params-file', str(path)], 'sim_node', '/sim_node'), SettingsError),
    'csv': (lambda path: list(csv_rows(path)), (ValueError, OSError)),
    'last number': (lambda path: status.last_number(path, 'a'), ()),
}
"""Whoever takes the path of a file, and the errors that are right."""


@pytest.fixture(autouse=True)
def no_hang():
    """End a test that waits: for a pipe, or for all the zeros of a device."""
    def give_up(*_):
        raise AssertionError('it did not end')
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def make_odd(path, what):
    """Make something at `path` that is no file to be read."""
    {'pipe': os.mkfifo, 'folder': lambda path: path.mkdir(),
     'device': lambda path: path.symlink_to('/dev/zero'),
     'loop': lambda path: path.symlink_to(path.name), 'nothing': lambda path: None}[what](path)


@pytest.mark.parametrize('what', ['pipe', 'folder', 'device', 'loop', 'nothing'])
@pytest.mark.parametrize('reader', READERS)
def test_what_is_no_file_is_one_error(tmp_path, reader, what):
    path = tmp_path / 'odd.yaml'
    make_odd(path, what)
    read, right = READERS[reader]
    if not right:
        assert read(path) is None
        return
    with pytest.raises(right) as caught:
        read(path)
    assert 'odd.yaml' in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('what', ['pipe', 'folder', 'device'])
def test_a_mesh_and_a_storage_file_among_others(tmp_path, what):
    make_odd(tmp_path / 'a.stl', what)
    make_odd(tmp_path / 'a.mcap', what)
    with pytest.raises(ObjectError, match=r'a\.stl: cannot be read: is a .*, expected a file'):
        load_mesh_folder(tmp_path, np.random.default_rng(0))
    with pytest.raises(BagError, match=r'a\.mcap: cannot be read: is a .*, expected a file'):
        list(read_episodes(tmp_path, SPEC, Report()))


def test_a_file_is_read_as_ever(tmp_path):
    (tmp_path / 'a').write_bytes(b'\xff1')
    (tmp_path / 'link').symlink_to('a')
    assert read_bytes(tmp_path / 'link') == b'\xff1'
    with open_regular(tmp_path / 'a', 'r', encoding='latin-1') as file:
        assert file.read() == 'ÿ1'
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / 'b')


def test_a_node_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    done = subprocess.run([sys.executable, '-m', 'rpl_ros.nodes.sim_node', '--ros-args',
                           '--params-file', str(tmp_path / 'pipe')], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert 'is a pipe or device, expected a file' in done.stderr


NODE = '/**:\n  ros__parameters:\n    task: push\n'


@pytest.mark.parametrize('text, words', [
    (f'{NODE}    residual_scale: {DIGITS}\n', 'residual_scale is 9999'),
    (f'{NODE}    seed: {DIGITS}\n', 'expected 0 to 2147483647'),
    (f'{NODE}    seed: {LONG}\n', 'seed is a number of 20000 bits'),
    (f'{NODE}    1: 2\n', r'unknown setting 1 of /\*\*, expected a name'),
    (f'{NODE}    null: 2\n', 'unknown setting None'), (f'{NODE}    {DIGITS}: 2\n', 'unknown'),
    ('1: {ros__parameters: {}}\n', 'a section is called 1, expected the name of a node'),
    ('2026-11-27: {ros__parameters: {}}\n', 'a section is called datetime.date'),
    (f'{NODE}    seed: !!int ""\n', 'a value does not fit its tag'),
    (f'{NODE}    seed: !!bool x\n', 'a value does not fit its tag'),
    (f'{NODE}    seed: !!timestamp x\n', 'a value does not fit its tag'),
    (f'{NODE}    controller: {"x" * 200_000}\n    seed: {"y" * 200_000}\n', 'seed is .yyy'),
    (f'{"{a: " * 60}1{"}" * 60}', 'nested too deeply'), ('- ' * 20_000, 'nested too deeply')])
def test_a_parameter_file(tmp_path, text, words):
    path = tmp_path / 'own.yaml'
    path.write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_number_in_a_contract_and_in_a_sweep(tmp_path):
    text = (share('config') / 'robot/fetch.yaml').read_text()
    (line,) = [line for line in text.splitlines() if line.strip().startswith('speed_limit:')]
    path = tmp_path / 'own.yaml'
    path.write_text(text.replace(line, f'{line.partition(":")[0]}: {DIGITS}'))
    with pytest.raises(SettingsError, match='speed_limit is 9999.*, which is too large'):
        read_contract(path)
    path.write_text(f'runs: [{{task: push, steps: {LONG}}}]')
    with pytest.raises(SettingsError, match='steps is a number of 20000 bits, expected 1 to'):
        read_sweep(path)


@pytest.mark.parametrize('text', ['[', '!!int ""', '&a [*a]'])
def test_a_setting_on_the_command_line_that_is_no_yaml(text):
    path = share('config') / 'push.yaml'
    with pytest.raises(SettingsError, match='setting seed: .* cannot be read'):
        settings_of('push', 'residual', path, {'seed': text})


@pytest.mark.parametrize('value', [
    10**400, 16**6000, 'x' * 10**6, [10**5000], {10**5000: 1}], ids=type)
def test_values_are_short_in_errors(value):
    assert len(brief(value)) <= MOST and '\n' not in brief(value)
    with pytest.raises(WeightsError) as caught:
        check_value('name', value, float, 0.0, 1.0)
    assert len(str(caught.value)) < 400


def test_a_whole_number_that_no_float_holds_is_no_weight():
    with pytest.raises(WeightsError, match='expected a smaller number'):
        check_value('reward', 10**400, float)
    assert one_line(ValueError('a\n  b ' + 'c' * 1000)) == 'a b ' + 'c' * 496


# Tables and facts of run folders.

def folder_of(tmp_path):
    """Return the file of a sweep of one run, and the folder of that run, which is there."""
    file = tmp_path / 'grid.yaml'
    file.write_text(yaml.safe_dump({'out': str(tmp_path / 'out'), 'runs': [
        {'task': 'push', 'steps': 1000, 'settings': {'batch_size': 32}}]}))
    folder = read_sweep(file)[1][0].folder
    write_run(folder, [0.1, 0.5], recipe='robot_hour')
    return str(file), folder


@pytest.mark.parametrize('name, value, words', [
    ('seed', None, 'seed is None, expected a value of type int'),
    ('method', 3, 'method is 3, expected a value of type str'),
    ('recipe', ['a'], "recipe is ['a'], expected a value of type str"),
    ('task', 'hool', 'hool'), ('command', 'a "b', 'No closing quotation'),
    ('seed', DIGITS, 'expected a value of type int')])
def test_facts_of_a_run_that_is_drawn(tmp_path, name, value, words):
    write_run(tmp_path / 'good', [0.1, 0.5])
    write_run(tmp_path / 'run', [0.1, 0.5], seed=1)
    path = tmp_path / 'run/run.yaml'
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), name: value}))
    runs, notes = curves.find_runs([str(tmp_path)])
    assert [run.folder.name for run in runs] == ['good']
    assert len(notes) == 1 and words in notes[0] and str(tmp_path) in notes[0]


def test_a_field_of_a_table_that_is_too_large(tmp_path):
    write_run(tmp_path / 'run', [0.1, 0.5])
    path = tmp_path / 'run/evaluation.csv'
    path.write_text(path.read_text().replace('0.5', 'x' * 200_000))
    runs, notes = curves.find_runs([str(tmp_path)])
    assert not runs and f'{path}: expected numbers' in notes[0]
    columns = ('episode', 'total_steps')
    metrics = tmp_path / 'metrics.csv'
    metrics.write_text(f'episode,total_steps\n0,50\n1,{"9" * 200_000}\n2,150\n')
    with pytest.raises(SettingsError, match='metrics.csv: cannot be read after row 1: not CSV'):
        table.Table(metrics, columns, 'total_steps', 1000)
    assert '2,150' in metrics.read_text()  # nothing is cut off where it cannot be read
    metrics.write_text('episode,mode,success,burn_in,total_steps,wall_time_s\n0,base,1,0,50,1.5\n'
                       f'1,base,1,0,{"x" * 200_000},2\n')
    rows, problem = record.read_metrics(tmp_path, task_spec('push').measure)
    assert len(rows) == 1 and 'row 2 and all after it are not used' in problem


@pytest.mark.parametrize('cell', ['', 'nan', '1.5', '²', 'x', '9' * 5000])
def test_a_row_without_its_numbers_is_left_out(tmp_path, cell):
    path = tmp_path / 'metrics.csv'
    path.write_text(f'mode,total_steps,wall_time_s\nbase,50,1\nbase,{cell},2\nbase,150,3\n')
    rows = table.Table(path, ('mode', 'total_steps', 'wall_time_s'), 'total_steps', 1000)
    rows.close()
    assert [row['wall_time_s'] for row in rows.rows] == ['1', '3']


@pytest.mark.parametrize('name, text', [
    ('run.yaml', 'steps: null\n'), ('run.yaml', '[' * 10_000), ('run.yaml', 'a: 1\na: 2\n'),
    ('config.yaml', '- ' * 10_000), ('config.yaml', 'a: !!float ""\n'),
    ('run.yaml', b'\xff'), ('config.yaml', b'a: \0')])
def test_a_sweep_names_the_damaged_file_of_a_run(tmp_path, capsys, name, text):
    file, folder = folder_of(tmp_path)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert sweep.main([file, '--dry-run']) == 2
    assert f'rpl sweep: {folder / name}: ' in capsys.readouterr().err


@pytest.mark.parametrize('name, text', [
    ('config.yaml', 'learner_node: {ros__parameters: null}\n'), ('metrics.csv', 'a\nb\n'),
    ('metrics.csv', 'episode,total_steps\n0,inf\n'), ('metrics.csv', b'\xff\0\n\n\n'),
    ('evaluation.csv', 'env_steps,success\n1e999,nan\n'), ('sweep.log', b'\xff\n')])
def test_what_tells_how_far_a_run_is_may_be_damaged(tmp_path, name, text):
    file, folder = folder_of(tmp_path)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert sweep.main([file, '--status']) == 0
    assert sweep.main([file, '--dry-run']) == 0


def test_one_wrong_number_of_an_episode_takes_no_memory():
    assert lost_rows.gaps(0, [0, 1, 4, 10**15, 10**15 + 1]) == [(2, 3), (5, 10**15 - 1)]
    assert lost_rows.gaps(5, [7, 3, 7]) == [(5, 6)] and lost_rows.gaps(5, []) == []
    assert lost_rows.in_words([(2, 3), (5, 5)]) == '2 to 3, 5'


# Bags whose tables and records hold what no recorder writes.

def sqlite_bag(tmp_path):
    """Write a small sqlite3 bag; return its file."""
    write_bag(tmp_path / 'bag', MESSAGES[:110])
    (path,) = to_sqlite(tmp_path / 'bag', tmp_path / 'sql').glob('*.db3')
    return path


@pytest.mark.parametrize('change, words', [
    ('UPDATE messages SET data = NULL WHERE id = 9', 'message 9 is damaged: its time is 1'),
    ("UPDATE messages SET data = 'text' WHERE id = 9", 'its data are of type str'),
    ("UPDATE messages SET timestamp = 'now' WHERE id = 9", "its time is 'now'"),
    ('UPDATE messages SET timestamp = NULL WHERE id = 9', 'its time is None'),
    ('UPDATE messages SET topic_id = NULL WHERE id = 9', ''),
    ('UPDATE message_definitions SET encoded_message_definition = NULL', 'is damaged'),
    ('UPDATE topics SET name = NULL WHERE id = 1', 'table topics is damaged: a row is (1, None'),
    ("UPDATE topics SET type = x'ff'", 'table topics is damaged'),
    ('UPDATE topics SET id = NULL', '')])
def test_cells_of_sqlite_of_another_type(tmp_path, change, words):
    path = sqlite_bag(tmp_path)
    with sqlite3.connect(path) as file:
        try:
            file.execute(change)
        except sqlite3.IntegrityError:  # a schema that refuses it: without one, then
            name = change.split()[1]
            file.executescript(f'CREATE TABLE other AS SELECT * FROM {name}; DROP TABLE {name};'
                               f'ALTER TABLE other RENAME TO {name}; {change};')
    file.close()
    report = Report()
    try:
        found = list(read_episodes(path, SPEC, report))
        assert found or not words
    except BagError as error:
        report.damage.append(str(error))
    assert any(words in text for text in report.damage) or not words
    assert all(str(path) in text and '\n' not in text for text in report.damage)


def test_a_damaged_record_of_a_channel_is_a_note(tmp_path):
    path = write_mcap(tmp_path / 'bag.mcap', MESSAGES[:110], use_chunking=False)
    content = bytearray(path.read_bytes())
    place = content.index(b'/command') - 8  # after opcode and length: id, schema, length of name
    assert content[place - 9] == 4
    for change in (b'\xff\xff\xff\xff', b'\0\0\0\0', b'\x09\0\0\0'):
        damaged = bytearray(content)
        damaged[place + 4:place + 8] = change
        path.write_bytes(damaged)
        report = Report()
        try:
            list(read_episodes(path, SPEC, report))
        except BagError as error:
            report.damage.append(str(error))
        assert report.damage and all(str(path) in text for text in report.damage)
    # One whose last bytes lack, in a record that is as short.
    length = int.from_bytes(content[place - 8:place], 'little')
    for cut in range(1, length):
        damaged = content[:place + length - cut] + content[place + length:]
        damaged[place - 8:place] = (length - cut).to_bytes(8, 'little')
        path.write_bytes(damaged)
        try:
            list(read_episodes(path, SPEC, Report()))
        except BagError as error:
            assert str(path) in str(error)


def test_a_definition_that_cannot_be_read_is_told_in_one_line(tmp_path):
    path = write_mcap(tmp_path / 'bag.mcap', MESSAGES[:110], texts={'state': 'int32 x\n%%%\n'})
    with pytest.raises(BagError, match='the definition of rpl_msgs/msg/State cannot') as caught:
        list(read_episodes(path, SPEC, Report()))
    assert '\n' not in str(caught.value)


# And what nobody has thought of: values in the files that people write.

ODD = st.sampled_from([None, True, 10**400, -10**400, 16**6000, float('nan'), float('inf'), '',
                       'x' * 10_000, [], {}, [[]], {1: 2}, {None: 1}, b'\xff\0', -1, 2**64, 5e-324,
                       datetime.date(2026, 11, 27), '\x85', '/dev/zero', 'a: b'])


def places(tree, path=()):
    """Yield the path of each value in a tree of mappings and lists."""
    items = (tree.items() if isinstance(tree, dict) else
             enumerate(tree) if isinstance(tree, list) else ())
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def text_with(tree, path, value):
    """Return YAML of a tree in which `value` stands at `path`."""
    tree = yaml.safe_load(yaml.safe_dump(tree))
    owner = tree
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return yaml.safe_dump(tree, allow_unicode=True)


READ_BY = {'push.yaml': read_parameter_file, 'robot/fetch.yaml': read_contract,
           'sweep.yaml': read_sweep, 'new/task/my_package/task.yaml': read_spec}


@pytest.mark.parametrize('name', READ_BY)
@given(choice=st.data())
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_in_a_file_is_a_traceback(tmp_path, name, choice):
    tree = yaml.safe_load((share('config') / name).read_text())
    path = tmp_path / 'own.yaml'
    value = choice.draw(ODD)
    if value != 16**6000:  # which PyYAML reads, but does not write
        path.write_text(text_with(tree, choice.draw(st.sampled_from(list(places(tree)))), value))
    else:
        path.write_text(f'{NODE}    seed: {LONG}\n')
    try:
        READ_BY[name](path)
    except (SettingsError, TaskError) as error:
        assert str(path) in str(error) and '\n' not in str(error) and len(str(error)) < 2000


@given(content=st.binary(max_size=300))
@settings(deadline=None, max_examples=60)
def test_no_bytes_are_a_traceback(content):
    try:
        parse_yaml(content)
    except ValueError as error:
        assert '\n' not in str(error)


def test_the_command_says_it_with_exit_code_2(tmp_path, capsys):
    os.mkfifo(tmp_path / 'pipe')
    assert evaluate.main(['push', '--policy', str(tmp_path / 'pipe')]) == 2
    assert capsys.readouterr().err == (f'rpl evaluate: {tmp_path / "pipe"}: cannot be read: is a '
                                       'pipe or device, expected a file\n')
