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
The pages of the documentation: their commands are accepted as printed, in their order.

Nothing is run: each line goes through the parser of its own command.
"""

import ast
from functools import cache
import importlib
from importlib.util import spec_from_file_location
import os
from pathlib import Path
import re
import sys

from page_tools import (blocks, commands, console_scripts, headings, links, name_of, PAGES, ROOT,
                        spans, split, text_of)
import pytest
from rpl_ros import cli
from rpl_ros.launching.graph import describe
from rpl_ros.ros.qos import TOPICS
from rpl_ros.runs.policies import find_policy
from rpl_ros.settings.fields import parse_words
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.tasks.specs import TASKS
from rpl_ros.training import train

STANDS_FOR = {'TASK': 'complex_hook', 'CONTROLLER': 'reactive_hook', 'NAME': 'reactive_hook',
              'ARM': 'joints', 'V': '0.1', 'N': '400', 'R': '1', 'S': '0', 'BAG...': 'BAG',
              'RUNS...': 'RUNS'}
"""What prose has in place of a value, and a value for it."""
PATHS = ('config/', 'docs/', 'launch/', 'rpl_ros/', 'sim/', 'test/')
OUTPUTS = ('--out', '--output', '--histogram')
EXAMPLES = ROOT / 'docs' / 'examples'
sys.path.append(str(EXAMPLES))  # the page of own tasks is in that folder
each_page = pytest.mark.parametrize('page', PAGES, ids=name_of)


def in_prose(page):
    """
    Return the commands, lists of words, that a page has in its prose and that are whole.

    `rpl train push` names a command in passing; one with options is whole.
    """
    found = []
    for text in spans(page):
        for old, new in STANDS_FOR.items():
            text = re.sub(rf'(?<!\S){re.escape(old)}(?!\S)', new, text)
        if re.match(r'(rpl|make|python) \S', text) and '…' not in text and '...' not in text:
            found += split(text)
    return [words for words in found if words[0] != 'rpl' or len(words) > 3
            or words[1] == 'bench' or words[-1] == '--help']


def all_commands(page):
    """Return the commands of a page, those of its blocks and the whole ones in its prose."""
    return commands(page) + in_prose(page)


def parsed(words):
    """Return what the parser of `rpl COMMAND ...` makes of its words; it exits where it fails."""
    parser = importlib.import_module(cli.COMMANDS[words[1]][0]).make_parser()
    take = parser.parse_intermixed_args if words[1] == 'train' else parser.parse_args
    here = os.getcwd()
    os.chdir(EXAMPLES)
    try:
        return take(words[2:])
    finally:
        os.chdir(here)


def check_launch(task, *words):
    """Check the names and choices of the words of `rpl launch TASK name:=value ...`."""
    if task.startswith('my_robot/'):  # what `rpl new robot my_robot` has written
        task = str(ROOT / 'config' / 'new' / 'robot' / 'my_package' / Path(task).name)
    choices = {argument.name: argument.choices for argument in describe(task).arguments}
    if words[:1] != ('--help',):
        for name, value in parse_words(words, 'launch argument').items():
            assert name in choices and value in (choices[name] or [value]), (name, value)


@cache
def folder_of_sweep(path):
    """Return the folder that the sweep of a file writes into."""
    return str(read_sweep(ROOT / path)[0])


def folder_of(words):
    """Return the run folder that a command of `rpl` makes, or None."""
    if words[1] == 'launch':
        return parse_words(words[3:], '').get('out') if words[3:] != ['--help'] else None
    if words[1] == 'sweep':
        return folder_of_sweep(parsed(words).file)
    if words[1] == 'train':
        options = parsed(words)
        train.complete(options)
        return options.out or (f'runs/{options.task}_{options.method}_{options.recipe}_'
                               f'{options.seed or 0}')
    return parsed(words).out if words[1:3] == ['pets', 'train'] else None


@each_page
def test_commands_of_rpl_are_accepted_by_their_parsers(page):
    for words in all_commands(page):
        if words[0] != 'rpl':
            continue
        assert words[1] in cli.COMMANDS, words
        if {'ready', 'policy:=ready'} & {*words}:
            find_policy('ready', *{*words} & {*TASKS})  # SettingsError: this task has none
        if words[1] == 'launch':
            check_launch(*words[2:])
        elif words[1] not in ('doctor', 'add-ros'):  # which have no options that pages use
            options = parsed(words)
            if words[1] == 'train':
                train.complete(options)
                options.bag, options.start = [], None  # which nobody has here
                train.run_of(options)


@each_page
def test_files_targets_and_programs_that_commands_name_are_there(page):
    targets = re.findall(r'^(\w+):', text_of(ROOT / 'Makefile'), re.MULTILINE)
    for words in all_commands(page):
        for word in words:
            path = word.partition(':=')[2] or word
            assert not path.startswith(PATHS) or (ROOT / path.partition('::')[0]).exists(), words
        if words[0] == 'make' and words[1] != '-C':
            assert words[1] in targets, words
            for word in words[2:] if words[1] == 'run' else ():
                if word.startswith('ARGS='):
                    check_launch('complex_hook', *word.removeprefix('ARGS=').split())
        if words[:3] == ['ros2', 'run', 'rpl_ros']:
            assert words[3] in console_scripts(), words
        if words[:3] == ['ros2', 'launch', 'rpl_ros']:
            assert (ROOT / 'launch' / words[3]).is_file(), words


@each_page
def test_files_and_tests_that_prose_names_are_there(page):
    tests = ''.join(text_of(path) for path in (ROOT / 'test').rglob('test_*.py'))
    for text in spans(page):
        if re.fullmatch(r'(config|docs|launch|rpl_ros|sim|test)/[\w/]+\.\w+', text):
            assert (ROOT / text).is_file(), text
        elif re.fullmatch(r'test_\w+\.py', text):
            assert (ROOT / 'test' / text).is_file(), text
        elif re.fullmatch(r'test_\w+', text):
            assert re.search(rf'def {text}\b', tests), text


@each_page
def test_what_commands_write_lies_in_a_folder_that_git_ignores(page):
    assert '/runs/' in text_of(ROOT / '.gitignore').splitlines()
    for words in all_commands(page):
        written = [after for word, after in zip(words, words[1:]) if word in OUTPUTS]
        written += [word.partition(':=')[2] for word in words if word.startswith('out:=')]
        if words[:2] == ['rpl', 'plot'] and not written:
            written = [words[2]]  # the figures lie beside the runs
        assert all(re.match(r'runs/|DIR$|RUNS$', path) for path in written), words


def test_no_two_commands_use_the_same_run_folder():
    """Where they would, the second one ends with an error, or goes on with the first one's run."""
    used = {}
    for words in (words for page in PAGES for words in commands(page) if words[0] == 'rpl'):
        if folder := folder_of(words):
            # The same sweep is begun on several pages, and goes on.
            what = words[:3] if words[1] == 'sweep' else words
            assert used.setdefault(folder, what) == what, folder


@each_page
def test_what_commands_read_was_made_by_earlier_ones(page):
    made = []
    for words in commands(page):
        read = [path for word in words if word.rpartition('=')[2].startswith('runs/')
                for path in word.rpartition('=')[2].split(':')]
        makes = [after for word, after in zip(words, words[1:]) if word in OUTPUTS]
        makes += [folder_of(words)] if words[0] == 'rpl' else []
        makes += [word.partition(':=')[2] for word in words if word.startswith('out:=')]
        for path in read:
            assert path in makes or any(f'{path}/'.startswith(f'{folder}/') for folder in made), (
                words, path)
        made += filter(None, makes)


@each_page
def test_the_first_block_with_rpl_says_where_it_comes_from(page):
    lines = [words for words in commands(page) if words[0] in ('rpl', '.')]
    if any(words[0] == 'rpl' for words in lines):
        assert lines[0] == ['.', '.venv/bin/activate']


@each_page
def test_links_lead_to_pages_and_headings(page):
    for path, anchor in links(page):
        assert path.exists(), path
        assert not anchor or anchor in headings(path), (path, anchor)


@each_page
def test_python_blocks_can_be_compiled(page):
    for text in blocks(page, 'python'):
        compile(text, name_of(page), 'exec')


def rows_of(page, heading):
    """Return the cells of the table below a heading of a page, without its own heading."""
    _, _, text = text_of(page).partition(f'## {heading}\n')
    lines = [line for line in text.partition('\n## ')[0].splitlines() if line.startswith('|')]
    return [[cell.strip().replace('`', '') for cell in line.strip('|').split('|')]
            for line in lines[2:]]


def defined_in(path):
    """Return the names that a source file defines, also those of methods."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_the_walks_through_the_code_lead_where_they_say():
    walks = rows_of(ROOT / 'docs' / 'architecture.md', 'Five walks')
    assert len(walks) == 5
    for question, path, name in walks:
        for each in name.split(', '):
            assert each in defined_in(ROOT / path), (question, each)


def test_the_page_on_architecture_names_each_folder():
    named = set(spans(ROOT / 'docs' / 'architecture.md'))
    folders = {f'{path.parent.name}/' for path in (ROOT / 'rpl_ros').glob('*/__init__.py')}
    assert folders <= named, folders - named


def test_the_picture_of_the_data_flow_is_that_of_the_code():
    place = ROOT / 'docs' / 'draw_data_flow.py'
    module = importlib.util.module_from_spec(spec_from_file_location('draw_data_flow', place))
    module.__spec__.loader.exec_module(module)
    assert module.PICTURE.read_text(encoding='utf-8') == module.draw(), f'run {place}'
    assert 'policy_weights' in module.calls('learner_node')['publishes']
    assert set(module.TOPICS) == set(TOPICS)
