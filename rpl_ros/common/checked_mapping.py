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
"""Reads mappings in YAML files, value by value."""

from collections.abc import Iterable
from typing import Any

from rpl_ros.common.brief import brief


class CheckedMapping:
    """A mapping in a YAML file; a value that does not fit is an `error` that says where it is."""

    error: type[ValueError] = ValueError

    def __init__(self, tree: Any, where: str, needed: Iterable[str],
                 optional: Iterable[str]) -> None:
        """Raise an error for anything but a mapping with the needed keys, or an unknown key."""
        needed, known = tuple(needed), (*needed, *optional)
        if not isinstance(tree, dict):
            raise self.error(f'{where}: is {brief(tree)}, expected a mapping with '
                             f'{", ".join(needed)}')
        for key in tree:
            if key not in known:
                raise self.error(f'{where}: unknown key {brief(key)}, expected {", ".join(known)}')
        for key in needed:
            if key not in tree:
                raise self.error(f'{where}: {key} is missing')
        self.tree, self.where = tree, where

    def value(self, key: str, kind: type | tuple[type, ...], expected: str,
              default: Any = None) -> Any:
        """Return the value of a key; an error for one of another type."""
        found = self.tree.get(key, default)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise self.error(f'{self.where}: {key} is {brief(found)}, expected {expected}')
        return found

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return self.value(key, str, 'text', default)

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number from `low` to `high`."""
        expected = f'a number from {low:g} to {high:g}'
        found = self.value(key, (int, float), expected, default)
        if not low <= found <= high:  # before float(), which whole numbers can be too large for
            raise self.error(f'{self.where}: {key} is {brief(found)}, expected {expected}')
        return float(found)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from `low` to `high`."""
        expected = f'a whole number from {low} to {high}'
        found = self.value(key, int, expected, default)
        if not low <= found <= high:
            raise self.error(f'{self.where}: {key} is {brief(found)}, expected {expected}')
        return found

    def choice(self, key: str, known: Iterable[str], default: str) -> str:
        """Return one of the known texts."""
        found = self.text(key, default)
        if found not in known:
            raise self.error(f'{self.where}: {key} is {brief(found)}, expected '
                             f'{" or ".join(known)}')
        return found
