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

"""Reads YAML that people write, where a repeated key is an error, and writes YAML."""

from pathlib import Path
from typing import Any, IO

from rpl_ros.common.brief import one_line
from rpl_ros.common.files import open_regular
import yaml

MISFITS = (AttributeError, IndexError, KeyError, OverflowError, TypeError)
"""Raised by PyYAML, in addition to its own errors, where a value does not fit its tag."""

MAX_DEPTH = 50  # levels of nested mappings and lists


class _Loader(yaml.SafeLoader):
    """Refuses repeated keys, and aliases, which ROS cannot read."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(
                None, None, f'found the alias *{event.anchor}: write the value itself, because '
                'ROS reads no aliases', event.start_mark)
        self._depth += 1
        if self._depth > MAX_DEPTH:  # the time to read it grows with the square of the depth
            raise yaml.constructor.ConstructorError(None, None, 'nested too deeply',
                                                    self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else str(key.start_mark)
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f'{name} is given twice, in lines {lines[name]} and '
                    f'{key.start_mark.line + 1}: remove one of them')
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_yaml(path: Path | str) -> Any:
    """
    Return the content of a YAML file.

    ValueError as from parse_yaml(), without the path; OSError where it cannot be read.
    """
    with open_regular(path, 'r', encoding='utf-8') as file:
        return parse_yaml(file)


def parse_yaml(source: str | IO[str]) -> Any:
    """
    Return the content of YAML, given as text or an open file.

    ValueError, in one line, where it is not YAML, or has a repeated key or an alias.
    """
    try:
        return yaml.load(source, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, an impossible date
        raise ValueError(one_line(error)) from error
    except MISFITS as error:
        raise ValueError(f'a value does not fit its tag: {one_line(error)}') from error


class _Quoted(str):
    """Text that is written in quotes: for the parser of ROS, unlike PyYAML, 1e5 is a number."""


class _Dumper(yaml.SafeDumper):
    """Writes _Quoted text in quotes, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar(
    'tag:yaml.org,2002:str', text, style='"'))


def to_yaml(tree: Any) -> str:
    """Return `tree` as YAML text, in the order given."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def quoted(value: Any) -> Any:
    """Return a setting for a YAML file: text in quotes, so that it is not read as a number."""
    if isinstance(value, tuple):
        return [quoted(item) for item in value]
    return _Quoted(value) if isinstance(value, str) else value
