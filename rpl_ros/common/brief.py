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

"""Values and errors as short text of one line, for error messages."""

from collections.abc import Iterable
import difflib
from reprlib import Repr

MOST = 200  # characters of a value


class _Short(Repr):
    """Reprlib that can write all whole numbers: Python raises above 4,300 digits."""

    def repr_int(self, value: int, level: int) -> str:
        return super().repr_int(value, level) if value.bit_length() < 4096 else (
            f'a number of {value.bit_length()} bits')


_SHORT = _Short()
_SHORT.maxstring = 80  # characters


def brief(value: object) -> str:
    """Return a value as text of at most MOST characters."""
    return _SHORT.repr(value)[:MOST]


def one_line(error: object, most: int = 500) -> str:
    """Return the text of an error in one line of at most `most` characters."""
    return ' '.join(str(error).split())[:most]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)' for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(brief(name).strip("'"), list(known), n=1)
    return f' (did you mean {near[0]!r}?)' if near else ''
