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
Values from files and messages of weights, checked before anybody uses them.

Whatever is wrong is a WeightsError that names the value, and what was expected. The texts are
short, however long the value is.
"""

import json
import math

from rpl_ros.brief import brief

LARGEST = 1e300
"""Bound of numbers that may have any size: so they are finite."""


class WeightsError(ValueError):
    """Weights that cannot be used: says what was found and what was expected."""


class MisfitError(WeightsError):
    """Weights that are sound, but made for something else."""


def _unique(pairs):
    """Return the pairs of a JSON object as a dict; ValueError where a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError('a key stands twice')
    return found


def _number(text):
    """Return a number of JSON that is no whole one, or one of its constants such as NaN."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'{brief(text)} is not finite')
    return value


def strict_json(text):
    """Return what JSON text or bytes say; ValueError where they are no JSON of finite numbers."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_number,
                          parse_constant=_number)
    except RecursionError:
        raise ValueError('it is nested too deeply') from None


def check_value(name, value, kind, low=None, high=None):
    """
    Return `value` as `kind` if it is of that type, from low to high; else raise WeightsError.

    A whole number counts as a float, too; for text, low and high are those of its length.
    """
    kinds = (int, float) if kind is float else (kind,)
    size = len(value) if type(value) is str else value
    if type(value) not in kinds or low is not None and not low <= size <= high:
        bounds = f', {low} to {high}' if low is not None else ''
        raise WeightsError(f'{name} is {brief(value)}, expected {kind.__name__}{bounds}')
    try:
        return kind(value)
    except OverflowError:  # a whole number of hundreds of digits as a float
        raise WeightsError(f'{name} is {brief(value)}, expected a smaller number') from None


def check_keys(name, value, needed, optional=()):
    """Return `value` if it is a dict with the keys `needed`, perhaps `optional`, and no others."""
    check_value(name, value, dict)
    for key in needed:
        if key not in value:
            raise WeightsError(f'{name} has no {key!r}')
    for key in value:
        if key not in needed and key not in optional:
            raise WeightsError(f'{name} has an unknown {brief(key)}')
    return value
