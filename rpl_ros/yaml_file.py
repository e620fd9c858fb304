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

"""Reads YAML that people write: a key that stands twice is an error, not the last one's value."""

from rpl_ros.brief import one_line
from rpl_ros.files import open_regular
import yaml

MISFITS = (AttributeError, IndexError, KeyError, OverflowError, TypeError)
"""What PyYAML raises besides its own errors where a value does not fit its tag."""

MOST_DEEP = 50
"""Levels of mappings and lists within each other."""


class _Loader(yaml.SafeLoader):
    """Refuses keys that stand twice, and aliases, which ROS does not read either."""

    _depth = 0

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(
                None, None, f'found the alias *{event.anchor}: write the value out, as ROS needs '
                'it', event.start_mark)
        self._depth += 1
        if self._depth > MOST_DEEP:  # soon: what is nested costs the square of its depth
            raise yaml.constructor.ConstructorError(None, None, 'nested too deeply',
                                                    self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node, deep=False):
        lines = {}
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else str(key.start_mark)
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f'{name} is given twice, in lines {lines[name]} and '
                    f'{key.start_mark.line + 1}: leave out one of them')
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_yaml(path):
    """
    Return what the YAML file at `path` holds.

    ValueError as from parse_yaml(), without the path; OSError where it cannot be read.
    """
    with open_regular(path, 'r', encoding='utf-8') as file:
        return parse_yaml(file)


def parse_yaml(source):
    """
    Return what YAML says, a text or an open file.

    ValueError, in one line, where it is no YAML, has a key twice at any level, or an alias.
    """
    try:
        return yaml.load(source, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # the latter: not UTF-8, a date that is none
        raise ValueError(one_line(error)) from error
    except MISFITS as error:
        raise ValueError(f'a value does not fit its tag: {one_line(error)}') from error
