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
Checks that the sections of a parameter file apply to the node that they are written for.

ROS silently ignores a section with another name: in a namespace, a node would run with defaults
instead of the limits in its file.
"""

from collections.abc import Sequence
import re

from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.settings.fields import SettingsError


def applies(section: str, node: str) -> bool:
    """
    Return whether a section of a parameter file applies to the node with the full name `node`.

    `/**` matches any number of parts of a name, `/*` one part (as in rcl_yaml_param_parser).
    """
    pattern = ''.join('(/[^/]+)*' if part == '**' else '/[^/]+' if part == '*'
                      else f'/{re.escape(part)}' for part in section.strip('/').split('/'))
    return re.fullmatch(pattern, node) is not None


def parameter_files(words: Sequence[str]) -> list[str]:
    """Return the parameter files that a node's command line names."""
    return [file for flag, file in zip(words, words[1:]) if flag == '--params-file']


def require_sections_that_apply(words: Sequence[str], name: str, node: str) -> None:
    """
    Raise SettingsError where a file has sections for `name`, but none that applies to `node`.

    Also raise it where a key occurs twice in a file: ROS silently takes one of them. `words` is
    the command line, `name` the name of the node in our files, `node` its full name.
    """
    for path in parameter_files(words):
        try:
            content = read_yaml(path) or {}
        except (ValueError, OSError) as error:
            raise SettingsError(f'{path}: {error}') from error
        if not isinstance(content, dict):
            raise SettingsError(f'{path}: expected a mapping of node names to ros__parameters')
        sections = [str(section) for section in content]
        meant = [section for section in sections if section.rpartition('/')[2] == name]
        if meant and not any(applies(section, node) for section in meant):
            raise SettingsError(f'{path}: the section {meant[0]!r} does not apply to the node '
                                f'{node}: call it {node!r}, or /**/{node.rpartition("/")[2]}')
