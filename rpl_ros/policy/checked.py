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
Checks of the values in files and messages of weights.

Each failure is a WeightsError that names the value and what was expected. Its text is short, even
if the value is long.
"""

from collections.abc import Container, Iterable
import json
import math
from typing import Any

from rpl_ros.common.brief import brief

LARGEST = 1e300
"""Bound of numbers without another limit, so that they are finite."""


class WeightsError(ValueError):
    """Weights that cannot be used: says what was found and what was expected."""


class MisfitError(WeightsError):
    """Weights that are not damaged, but belong to another task, shape or robot."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dict; ValueError for a key that it has twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError('a key stands twice')
    return found


def _number(text: str) -> float:
    """Return a JSON number as a float; ValueError for NaN and infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'{brief(text)} is not finite')
    return value


def strict_json(text: str | bytes) -> Any:
    """Return the content of JSON; ValueError where it is none, or has a number not finite."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_number,
                          parse_constant=_number)
    except RecursionError:
        raise ValueError('it is nested too deeply') from None


def check_value(name: str, value: Any, kind: type, low: float | None = None,
                high: float | None = None) -> Any:
    """
    Return `value` as `kind` if it is of that type, from low to high; else raise WeightsError.

    An int is accepted as a float. For a text, low and high are those of its length.
    """
    kinds = (int, float) if kind is float else (kind,)
    size = len(value) if type(value) is str else value
    if type(value) not in kinds or (low is not None and high is not None
                                    and not low <= size <= high):
        bounds = f', {low} to {high}' if low is not None else ''
        raise WeightsError(f'{name} is {brief(value)}, expected {kind.__name__}{bounds}')
    try:
        return kind(value)
    except OverflowError:  # an int with hundreds of digits
        raise WeightsError(f'{name} is {brief(value)}, expected a smaller number') from None


def check_keys(name: str, value: Any, needed: Iterable[str],
               optional: Container[str] = ()) -> dict[str, Any]:
    """Return `value` if it is a dict with the keys `needed`, perhaps `optional`, and no others."""
    check_value(name, value, dict)
    for key in needed:
        if key not in value:
            raise WeightsError(f'{name} has no {key!r}')
    for key in value:
        if key not in needed and key not in optional:
            raise WeightsError(f'{name} has an unknown {brief(key)}')
    return value
