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

"""The description of the graph: arguments, settings of the nodes, run folder."""

from dataclasses import fields, replace

import pytest
from rpl_ros.common import versions
from rpl_ros.common.assets import share
from rpl_ros.launching import graph
from rpl_ros.runs import prepare
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import NODE_SETTINGS
from rpl_ros.tasks.specs import TASKS
import yaml


def names(run):
    """Return the executables of a run."""
    return [process.executable for process in run.processes]


@pytest.mark.parametrize('task', TASKS)
def test_defaults_start_all_nodes(task):
    """Without arguments all six nodes run, and the sim waits for four readers."""
    run = graph.resolve(task, {})
    assert names(run) == list(NODE_SETTINGS)
    assert run.settings['sim_node'].subscribers == 4
    assert {settings.task for settings in run.settings.values()} == {task}
    assert run.folder.parent.name == 'runs' and run.folder.name.startswith(f'{task}_')
    assert run.after[-3:] == ('report', '--in-proportion', str(run.folder))


@pytest.mark.parametrize('given, states, base_actions, commands', [
    ({}, 4, 2, 3), ({'learn': 'false'}, 3, 2, 2), ({'record': 'false'}, 3, 1, 2),
    ({'base': 'false'}, 4, 2, 3), ({'episode_server': 'true'}, 5, 2, 4),
    ({'robot': 'fetch'}, 4, 3, 3)])
def test_nodes_wait_for_the_readers_that_there_will_be(given, states, base_actions, commands):
    """A user's base controller still reads the state; a Fetch reads the base action, too."""
    run = graph.resolve('hook', given)
    off = {'learn': 'learner_node', 'record': 'recorder_node', 'base': 'base_controller_node'}
    for name in given:
        assert off.get(name) not in names(run)
    settings = run.settings
    assert settings[run.main].subscribers == states
    assert settings['base_controller_node'].readers == base_actions
    assert settings['residual_node'].readers == commands
    assert len(settings['residual_node'].announce_after.split()) == commands - 1  # the robot


def test_bags_reach_the_learner(tmp_path):
    """Their paths become absolute, and exist."""
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').mkdir()
    text = f'{tmp_path}/a:{tmp_path}/b'
    assert graph.resolve('hook', {'bags': text}).settings['learner_node'].bags == text
    with pytest.raises(SettingsError, match='bags:=nowhere: .*nowhere: does not exist'):
        graph.resolve('hook', {'bags': 'nowhere'})
    with pytest.raises(SettingsError, match='no node learns from them'):
        graph.resolve('hook', {'bags': text, 'learn': 'false'})


@pytest.mark.parametrize('task', TASKS)
def test_the_file_for_collecting_is_for_every_task(task):
    """Episodes explore around the base controller, and nothing is learned."""
    run = graph.resolve(task, {'params_file': str(share('config') / 'collect.yaml')})
    residual, learner = run.settings['residual_node'], run.settings['learner_node']
    assert residual.base_every == residual.evaluate_every == 0 < residual.noise_std
    assert learner.warmup_transitions == 10**9 and learner.burn_in == 'none'


@pytest.mark.parametrize('given, text, expected', [
    ({}, '', True), ({'autostart': 'false'}, '', False),
    ({}, '/**:\n  ros__parameters: {autostart: false}\n', False),
    ({'autostart': 'true'}, '/**:\n  ros__parameters: {autostart: false}\n', True)])
def test_the_nodes_that_act_start_by_themselves_or_all_wait(tmp_path, given, text, expected):
    if text:
        (tmp_path / 'own.yaml').write_text(text)
        given = {**given, 'params_file': str(tmp_path / 'own.yaml')}
    run = graph.resolve('hook', {'robot': 'fetch_sim', **given})
    found = {node for node, settings in run.settings.items()
             if getattr(settings, 'autostart', None) == expected}
    assert found == {*NODE_SETTINGS, 'fetch_adapter_node', 'fetch_sim_node'} - {
        'recorder_node', 'dashboard_node'}


@pytest.mark.parametrize('name, value', [
    ('episodes', '7'), ('seed', '3'), ('mode', 'realtime'), ('objects', 'unseen'),
    ('controller', 'reactive_hook'), ('out', 'runs/other'), ('headless', 'false'),
    ('learn', 'false'), ('record', 'false'), ('base', 'false'), ('autostart', 'false'),
    ('namespace', 'robot1'), ('report', 'false'), ('episode_server', 'true'),
    ('robot', 'fetch_sim'), ('robot', 'fetch')])
def test_an_argument_changes_the_settings_that_it_declares_and_no_others(name, value):
    given = {'out': 'runs/one', 'headless': 'true'}
    before, after = (graph.resolve('complex_hook', words) for words in (
        given, {**given, name: value}))
    argument, = (one for one in graph.describe('complex_hook').arguments if one.name == name)
    changed = {(node, key) for node, settings in before.settings.items()
               for key, text in vars(settings).items()
               if key != 'run' and text != getattr(after.settings[node], key)}
    assert all({key, f'{node}.{key}'} & set(argument.sets) for node, key in changed), changed
    assert changed or name in ('namespace', 'report')


@pytest.mark.parametrize('robot, node', [('sim', 'sim_node'), ('fetch', 'fetch_adapter_node')])
def test_with_the_server_episodes_begin_on_request_and_have_no_last_one(robot, node, tmp_path):
    run = graph.resolve('hook', {'robot': robot, 'episode_server': 'true',
                                 'out': str(tmp_path / 'run')})
    assert 'episode_server_node' in names(run)
    server, main = run.settings['episode_server_node'], run.settings[node]
    assert (server.robot, server.task, server.run) == (node, 'hook', run.run_id)
    assert (server.horizon, server.max_ee_speed) == (main.horizon, main.max_ee_speed)
    assert main.on_request and main.episodes == 0 and main.subscribers == 5
    assert main.wait_for.split()[-1] == 'episode_server_node'
    prepare.prepare(run)
    again = graph.resolve('hook', {'robot': robot, 'params_file': str(run.config)})
    assert again.settings[node].on_request and 'episode_server_node' not in names(again)
    four = graph.resolve('hook', {'robot': robot, 'episode_server': 'true', 'episodes': '4'})
    assert four.settings[node].episodes == 4


def test_no_learner_is_not_waited_for():
    """Without a learner the sim does not wait for owed updates."""
    assert graph.resolve('hook', {'learn': 'false'}).settings['sim_node'].max_owed_updates == 0
    assert graph.resolve('hook', {}).settings['sim_node'].max_owed_updates > 0


def test_arguments_reach_every_node_that_has_the_setting(tmp_path):
    """Episodes go to sim and dashboard, the seed to all, folders to those that write."""
    run = graph.resolve('hook', {'episodes': '7', 'seed': '3', 'out': str(tmp_path / 'run')})
    assert run.settings['sim_node'].episodes == run.settings['dashboard_node'].episodes == 7
    assert {settings.seed for settings in run.settings.values()} == {3}
    for node, part in (('learner_node', 'checkpoints'), ('recorder_node', 'bag'),
                       ('dashboard_node', '')):
        assert run.settings[node].out == str(tmp_path / 'run' / part)


def test_parameter_file_counts_where_no_argument_is_given(tmp_path):
    """A file's values hold, except where an argument overrides them."""
    path = tmp_path / 'mine.yaml'
    path.write_text('/**: {ros__parameters: {seed: 5, episodes: 9}}')
    run = graph.resolve('hook', {'params_file': str(path), 'episodes': '2'})
    assert (run.settings['sim_node'].seed, run.settings['sim_node'].episodes) == (5, 2)


@pytest.mark.parametrize('headless, display, window', [
    ('auto', ':0', True), ('auto', '', False), ('true', ':0', False), ('false', '', True)])
def test_headless(monkeypatch, headless, display, window):
    """A window opens where there is a display, or as told."""
    monkeypatch.setenv('DISPLAY', display)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    assert graph.resolve('hook', {'headless': headless}).settings['sim_node'].window == window


@pytest.mark.parametrize('given, parts', [
    ({'epsiodes': '3'}, ["'epsiodes'", "did you mean 'episodes'", 'params_file']),
    ({'mode': 'fast'}, ['mode:=fast', 'lockstep, realtime']),
    ({'learn': 'True'}, ['learn:=True', "'true'"]),
    ({'episodes': 'many'}, ['episodes:=many', 'whole number']),
    ({'episodes': '-1'}, ['episodes', '-1', '0 to']),
    ({'objects': '/no/such/folder'}, ['objects:=/no/such/folder']),
    ({'params_file': 'nowhere.yaml'}, ['nowhere.yaml'])])
def test_bad_arguments_are_named(given, parts):
    """One error says what is wrong and what is expected."""
    with pytest.raises(SettingsError) as error:
        graph.resolve('hook', given)
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize('text, part', [
    ('/**: {ros__parameters: {task: complex_hook}}', 'complex_hook'),
    ('residual_node: {ros__parameters: {residual_scale: 2.0}}', 'residual_scale')])
def test_bad_parameter_files_are_named(tmp_path, text, part):
    """A file for another task or with two residual scales is refused."""
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(SettingsError, match=part):
        graph.resolve('hook', {'params_file': str(path)})


@pytest.mark.parametrize('robot, processes', [
    ('fetch_sim', ['fetch_adapter_node', 'fetch_sim_node']), ('fetch', ['fetch_adapter_node'])])
def test_a_robot_takes_the_place_of_the_simulator(robot, processes):
    """The adapter is what completes the run; speed and horizon are the contract's everywhere."""
    run = graph.resolve('hook', {'robot': robot, 'episodes': '7', 'seed': '3'})
    assert names(run) == [*processes, *list(NODE_SETTINGS)[1:]]
    assert run.main == 'fetch_adapter_node'
    adapter = run.settings['fetch_adapter_node']
    assert (adapter.episodes, adapter.seed, adapter.subscribers) == (7, 3, 4)
    assert {settings.horizon for settings in run.settings.values()} == {700}
    assert {settings.max_ee_speed for settings in run.settings.values()} == {0.1}
    assert {settings.run for settings in run.settings.values()} == {run.run_id}
    assert adapter.wait_for.split() == ['base_controller_node', 'residual_node', 'learner_node',
                                        'recorder_node']
    assert run.settings['residual_node'].base_timeout == graph.REALTIME_BASE_TIMEOUT
    assert adapter.reset_service == ('reset_scene' if robot == 'fetch_sim' else '')


@pytest.mark.parametrize('text, given, parts', [
    ('/**: {ros__parameters: {horizon: 400}}', {}, ['horizon is 700 in', 'but 400 in']),
    ('sim_node: {ros__parameters: {max_ee_speed: 0.15}}', {},
     ['max_ee_speed is 0.1 in', 'but 0.15 in']),
    ('', {'mode': 'lockstep'}, ['mode:=lockstep', 'real time']),
    ('', {'contract': 'nowhere.yaml'}, ['nowhere.yaml']),
    ('', {'robot': 'fetsch'}, ["did you mean 'fetch'"]),
    ('fetch_adapter_node: {ros__parameters: {speed_limit: 0.5}}', {}, ['speed_limit is 0.5'])])
def test_what_contradicts_the_contract_is_named(tmp_path, text, given, parts):
    """Nothing is started where contract, parameter file and arguments do not agree."""
    path = tmp_path / 'mine.yaml'
    path.write_text(text or '{}')
    with pytest.raises(SettingsError) as error:
        graph.resolve('hook', {'robot': 'fetch', 'params_file': str(path), **given})
    assert all(part in str(error.value) for part in parts), error.value


def test_unknown_task():
    """The nearest task is named."""
    with pytest.raises(SettingsError, match="did you mean 'complex_hook'"):
        graph.describe('complex_hok')


@pytest.mark.parametrize('mode', ['lockstep', 'realtime'])
def test_run_folder(tmp_path, mode):
    """config.yaml holds every parameter of every node; run.yaml the circumstances."""
    run = graph.resolve('hook', {'out': str(tmp_path / 'a/b'), 'mode': mode, 'seed': '4'})
    prepare.prepare(run)
    tree = yaml.safe_load(run.config.read_text())
    for node, cls in NODE_SETTINGS.items():
        values = dict(tree[f'/**/{node}']['ros__parameters'])
        assert set(values) == {spec.name for spec in fields(cls)}
        assert cls(**values) == run.settings[node]
    facts = yaml.safe_load((run.folder / 'run.yaml').read_text())
    assert facts['seed'] == 4 and facts['task'] == 'hook'
    assert set(facts['versions']) == {'python', *versions.PACKAGES}
    with pytest.raises(SettingsError, match='already exists.*out:='):
        prepare.prepare(run)


def test_a_run_can_be_repeated_from_its_config(tmp_path):
    """config.yaml of a run serves as params_file of the next one."""
    first = graph.resolve('hook', {'out': str(tmp_path / 'a'), 'seed': '4', 'episodes': '2'})
    prepare.prepare(first)
    second = graph.resolve('hook', {'out': str(tmp_path / 'a'), 'params_file': str(first.config)})
    assert first.run_id != second.run_id
    for node, settings in second.settings.items():
        assert replace(settings, run=first.run_id) == first.settings[node]


def test_text_that_looks_like_a_number_stays_text(tmp_path):
    """The parser of ROS would read 1e5 as a number: all text is quoted."""
    run = graph.resolve('hook', {'out': str(tmp_path / 'run'), 'controller': '1e5'})
    assert 'controller: "1e5"' in prepare.parameter_file(run.settings)


def test_bad_domain(monkeypatch, tmp_path):
    """A ROS_DOMAIN_ID that is none is named before anything is written."""
    monkeypatch.setenv('ROS_DOMAIN_ID', 'seven')
    with pytest.raises(SettingsError, match='ROS_DOMAIN_ID'):
        prepare.prepare(graph.resolve('hook', {'out': str(tmp_path / 'run')}))
    assert not (tmp_path / 'run').exists()
