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


"""How a setting is declared and checked: its default, description, and range or choices."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import Field, field, fields
import math
from typing import Any, TYPE_CHECKING, TypeVar

from rpl_ros.common.brief import brief, did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar('T')
Settings = TypeVar('Settings', bound='DataclassInstance')


class SettingsError(ValueError):
    """A setting that is unknown, of the wrong type or out of range: says which, where and why."""


def setting(default: T, doc: str, *, low: float | None = None, high: float | None = None,
            choices: Iterable[str] | None = None, length: int | None = None,
            tighten: str = '', live: bool = False,
            check: Callable[[Any], object] | None = None) -> T:
    """
    Return a dataclass field with its description and its range or choices.

    The value of a list is a tuple; range and choices hold for each element, and a `length` of
    None allows any length but 0. `tighten` marks a limit that may change while the node runs, and
    names the direction in which it becomes stricter: 'down' or 'up'. `live` marks any other
    setting that may change while the node runs. `check` raises ValueError for a value that cannot
    be used.
    """
    return field(default=default, metadata={
        'doc': doc, 'low': low, 'high': high, 'choices': choices and tuple(choices),
        'length': length, 'tighten': tighten, 'live': live, 'check': check})


def parse_words(words: Iterable[str], kind: str) -> dict[str, str]:
    """
    Return {name: text} of command line words name:=text; `kind` is what errors call them.

    SettingsError for any other word and for a name that is given twice.
    """
    given: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if not separator or not name:
            raise SettingsError(f'cannot read {word!r}: expected name:=value')
        if name in given:
            raise SettingsError(f'{kind} {name} is given twice')
        given[name] = value
    return given


def _checked(field: Field, value: object, where: str) -> object:
    """Return `value` as the type of the dataclass field, or raise SettingsError."""
    if not isinstance(field.default, tuple):
        return _checked_one(field, field.name, type(field.default), value, where)
    length, kind = field.metadata['length'], type(field.default[0])
    if not isinstance(value, (list, tuple, array)) or not len(value) or (
            length and len(value) != length):
        raise SettingsError(f'{where}: {field.name} is {brief(value)}, expected a list of '
                            f'{f"{length} values" if length else "values"} of type '
                            f'{kind.__name__}')
    return tuple(_checked_one(field, f'{field.name}[{index}]', kind, item, where)
                 for index, item in enumerate(value))


def _checked_one(field: Field, name: str, kind: type, value: object, where: str) -> object:
    """Return the value called `name` as `kind` if the range or choices of the field allow it."""
    if kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise SettingsError(f'{where}: {name} is {brief(value)}, which is too large') from None
    if type(value) is not kind:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected a value of type '
                            f'{kind.__name__}')
    low, high, choices = (field.metadata[key] for key in ('low', 'high', 'choices'))
    if choices and value not in choices:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected one of '
                            f'{", ".join(map(str, choices))}')
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f'{where}: {name} is {value}, expected a finite number')
    if low is not None and not low <= value <= high:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected {low} to {high}')
    if field.metadata['check']:
        try:
            field.metadata['check'](value)
        except ValueError as error:
            raise SettingsError(f'{where}: {name}: {error}') from error
    return value


def make_settings(cls: type[Settings], values: dict[str, Any],
                  where: str = 'settings') -> Settings:
    """Return `cls` filled with a dict of values; SettingsError for a bad or unknown one."""
    known = {field.name: field for field in fields(cls)}
    about = (cls.__doc__ or '').strip().strip('.')
    for name in values:
        if name not in known:
            raise SettingsError(f'{where}: unknown setting {brief(name)} of {about}'
                                f'{did_you_mean(name, known)}')
    return cls(**{name: _checked(known[name], value, where) for name, value in values.items()})


ROS_OWN = ('use_sim_time', 'start_type_description_service')


def is_ros_own(name: str) -> bool:
    """
    Return whether ROS itself declares this parameter of its nodes: it is not one of our settings.

    `ros2 param dump` writes these too. A running node knows best what its ROS version declares.
    """
    return name in ROS_OWN or name.startswith('qos_overrides')
