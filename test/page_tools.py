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

"""Read the pages of the documentation: their commands, links and headings."""

import configparser
from pathlib import Path
import re
import shlex

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
ENDS = {';', '&', '&&', '||', '|', '(', ')', 'do', 'done', 'for', '>', '>>', '<'}
"""Words of the shell at which a command ends."""


def name_of(page):
    """Return how a page is called in the name of a test."""
    return str(page.relative_to(ROOT))


def text_of(path):
    """Return the text of a file."""
    return path.read_text(encoding='utf-8')


def blocks(page, kind):
    """Return the texts of the fenced blocks of one kind, such as bash, in their order."""
    return [text for found, text in FENCE.findall(text_of(page)) if found == kind]


def prose(page):
    """Return the text of a page without its fenced blocks."""
    return FENCE.sub('', text_of(page))


def split(line):
    """Return the commands, lists of words, of one line for a shell; `NAME=value` is left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, '#'
    commands = [[]]
    for word in lexer:
        if word in ENDS:
            commands.append([])
        elif commands[-1] or not re.match(r'[A-Z_]+=', word):
            commands[-1].append(word)
    return [words for words in commands if words]


def commands(page):
    """Return the commands, lists of words, of all bash blocks of a page, in their order."""
    lines = '\n'.join(blocks(page, 'bash')).replace('\\\n', ' ').splitlines()
    return [words for line in lines for words in split(line)]


def spans(page):
    """Return the pieces of the prose in backticks, each as one line."""
    return [' '.join(text.split()) for text in re.findall(r'`([^`]+)`', prose(page))]


def headings(page):
    """Return the anchors of the headings of a page, as GitHub makes them."""
    found = re.findall(r'^#+ (.*)$', prose(page), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in found}


def links(page):
    """Return (path, anchor) of the links to pages and files of this repository."""
    targets = re.findall(r'\]\(([^)\s]+)\)', prose(page))
    own = [target for target in targets if not re.match(r'https?:', target)]
    return [(page.parent / path if path else page, anchor)
            for path, _, anchor in (target.partition('#') for target in own)]


def console_scripts():
    """Return name -> 'module:function' of the programs that setup.cfg asks for."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / 'setup.cfg')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    return dict(line.split(' = ') for line in lines)
