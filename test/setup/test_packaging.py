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

"""Package files agree with each other and with the tree."""
import ast
import configparser
from pathlib import Path
import re
import xml.etree.ElementTree as ElementTree

from packaging.requirements import Requirement
from page_tools import console_scripts
import pytest
from rpl_ros.setup import prerequisites as pre

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = [ROOT / 'package.xml', ROOT / 'rpl_msgs' / 'package.xml']
SETUP = (ROOT / 'setup.py').read_text()
MESSAGES = sorted((ROOT / 'rpl_msgs').glob('msg/*.msg'))


def imported_packages():
    """Return the names of all modules that rpl_ros and the launch files import, top level."""
    names = set()
    files = list((ROOT / 'rpl_ros').rglob('*.py'))
    for path in [*files, *(ROOT / 'launch').glob('*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split('.')[0])
    return names


@pytest.mark.parametrize('group', sorted(pre.read_pins()))
def test_pins_are_exact_and_no_name_applies_twice(group):
    pins = [pre.split_pin(line) for line in pre.read_pins()[group]]
    assert pins
    names = [name for name, _, applies in pins if applies]
    assert len(names) == len(set(names))


def test_what_is_pinned_is_within_the_ranges_of_the_package():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / 'setup.cfg')
    pins, extras = pre.read_pins(), config['options.extras_require']
    for text, group, more in ((config['options']['install_requires'], 'lock', {'etils'}),
                              (extras['export'], 'test', None)):
        ranges = {found.name: found for found in map(Requirement, text.split())}
        pinned = [pre.split_pin(line) for line in pins[group]]
        if more is not None:
            assert {name for name, *_ in pinned} - more == {*ranges}
        for name, version, _ in pinned:
            assert name not in ranges or ranges[name].specifier.contains(version), name
            # No upper bound: a user's environment decides, and what breaks is reported.
            assert name not in ranges or str(ranges[name].specifier).startswith('>=')


@pytest.mark.parametrize('line', ['numpy', 'numpy>=2', 'numpy==2.*', 'a==1; extra == "x"'])
def test_loose_pins_are_refused(line):
    with pytest.raises(ValueError, match='not an exact version'):
        pre.split_pin(line)


def test_every_program_has_its_function():
    scripts = console_scripts()
    assert {'rpl', 'sim_node', 'base_controller_node', 'residual_node', 'learner_node',
            'recorder_node', 'dashboard_node', 'player_node', 'fetch_sim_node',
            'fetch_adapter_node', 'robot_adapter_node', 'episode_server_node'} == set(scripts)
    for target in scripts.values():
        module, function = target.split(':')
        tree = ast.parse((ROOT / (module.replace('.', '/') + '.py')).read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} | {
            name.id for node in tree.body if isinstance(node, ast.Assign) for name in node.targets}
        assert function in names, target


def test_one_version_everywhere():
    versions = {ElementTree.parse(path).findtext('version') for path in MANIFESTS}
    versions |= set(re.findall(r"version='([\d.]+)'", SETUP))
    assert len(versions) == 1
    assert versions.pop() in (ROOT / 'CHANGELOG.rst').read_text()
    # setup.py and package.xml are enough: a third place could only disagree.
    assert not re.search(r'^version\s*=', (ROOT / 'setup.cfg').read_text(), re.MULTILINE)


@pytest.mark.parametrize('path', MANIFESTS, ids=['rpl_ros', 'rpl_msgs'])
def test_manifest(path):
    root = ElementTree.parse(path).getroot()
    assert root.get('format') == '3'
    assert root.findtext('license') == 'Apache-2.0'
    assert re.fullmatch(r'[\w.-]+@[\w-]+(\.[\w-]+)+', root.find('maintainer').get('email'))


def test_manifest_names_what_is_imported():
    kinds = ('depend', 'exec_depend')
    root = ElementTree.parse(MANIFESTS[0]).getroot()
    depends = {node.text for kind in kinds for node in root.iter(kind)}
    ros = re.compile(r'rclpy|launch|launch_ros|ament_index_python|\w+_(msgs|srvs|interfaces)')
    imported = {name for name in imported_packages() if ros.fullmatch(name)} - {'rpl_msgs'}
    assert len(imported) > 10
    assert imported <= depends


def test_messages_are_built_with_the_package():
    # colcon, rosdep and bloom see this package only: whatever rpl_msgs needs, it needs.
    here, there = (ElementTree.parse(path).getroot() for path in MANIFESTS)
    needed = {node.text for node in there if node.tag.endswith('depend')}
    named = {node.text for node in here if node.tag.endswith('depend')}
    assert {'std_msgs', 'rosidl_default_generators'} <= needed <= named
    assert 'rpl_msgs' not in named
    assert 'add_subdirectory(rpl_msgs)' in (ROOT / 'CMakeLists.txt').read_text()


def test_marker_and_licence():
    assert (ROOT / 'resource' / 'rpl_ros').is_file()
    assert 'Version 2.0, January 2004' in (ROOT / 'LICENSE').read_text()


@pytest.mark.parametrize('path', MESSAGES, ids=lambda path: path.stem)
def test_every_field_of_a_message_has_a_comment(path):
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    assert lines[0].startswith('# ')
    for line in lines:
        assert re.search(r'#\s*\S', line), line


def test_source_files_name_their_licence():
    files = [*(ROOT / 'rpl_ros').rglob('*.py'), *(ROOT / 'test').rglob('*.py'), ROOT / 'setup.py']
    bad = [str(path) for path in files
           if 'Licensed under the Apache License, Version 2.0' not in path.read_text()[:200]]
    assert not bad
