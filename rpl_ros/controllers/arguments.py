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

"""The text that names a controller: `name`, or `name key=value ...` with values in YAML."""

from collections.abc import Callable
import inspect
import re
from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.common.described import described
from rpl_ros.common.yaml_file import parse_yaml
from rpl_ros.controllers.function import ControllerError

LONGEST = 1000
"""Most characters of the text: run records, bags and policy files hold it."""

_NEXT = re.compile(r'\s+(?=[^\W\d]\w*=)')
_EXPONENT = re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+')
"""A number that YAML 1.1 takes for text, such as 1e-3."""


def parse_text(text: str) -> tuple[str, dict[str, Any]]:
    """
    Return (name, {key: value}) of the text of a controller; ControllerError.

    A value ends where the next `key=` begins: it may contain spaces.
    """
    if len(text) > LONGEST or not text.isprintable():
        raise ControllerError(f'controller {brief(text)} is {len(text)} characters long, expected '
                              f'at most {LONGEST} in one line')
    name, *words = _NEXT.split(text.strip())
    arguments: dict[str, Any] = {}
    for word in words:
        key, _, value = word.partition('=')
        if key in arguments:
            raise ControllerError(f'controller {text!r}: {key} is given twice')
        arguments[key] = _value(text, key, value)
    return name, arguments


def _value(text: str, key: str, value: str) -> Any:
    """Return a value of the text of a controller; ControllerError where it is not YAML."""
    if _EXPONENT.fullmatch(value):
        return float(value)
    try:
        return parse_yaml(value)
    except ValueError as error:
        raise ControllerError(f'controller {text!r}: {key} is not YAML: {error}') from error


def require_arguments(factory: Callable[..., Any], arguments: dict[str, Any], name: str,
                      text: str) -> None:
    """Raise ControllerError where the factory called `name` does not take these keywords."""
    try:
        needs = inspect.signature(factory)
    except ValueError:  # compiled code does not tell its arguments
        return
    try:
        needs.bind(**arguments)
    except TypeError as error:
        raise ControllerError(f'controller {text!r}: {error}, expected those of '
                              f'{name}{needs}'[:LONGEST]) from error


def call(factory: Callable[..., Any], arguments: dict[str, Any], text: str) -> Any:
    """Return what a user's factory makes of keyword arguments; ControllerError."""
    if not callable(factory):
        raise ControllerError(f'controller {text!r} is a {type(factory).__name__}, expected a '
                              'function or class that takes the arguments')
    require_arguments(factory, arguments, getattr(factory, '__name__', ''), text)
    try:
        return factory(**arguments)
    except (Exception, SystemExit) as error:  # a user's own factory may raise anything
        raise ControllerError(f'controller {text!r} cannot be made: {described(error)}'
                              ) from error
