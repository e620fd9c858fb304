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

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses keys that stand twice, and aliases, which ROS does not read either."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(
                None, None, f'found the alias *{event.anchor}: write the value out, as ROS needs '
                'it', event.start_mark)
        return super().compose_node(parent, index)

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

    ValueError, in one line and without the path, where it is no YAML, has a key twice at any
    level, or an alias; OSError where it cannot be read.
    """
    try:
        with open(path, encoding='utf-8') as file:
            return yaml.load(file, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # the latter: not UTF-8, a date that is none
        raise ValueError(' '.join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError('nested too deeply') from error
