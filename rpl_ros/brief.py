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

"""Values as they stand in errors: in one line, and short however long they are."""

from reprlib import Repr

MOST = 200
"""Characters of a value."""


class _Short(Repr):
    """Repr() for whole numbers of any size: Python writes none of more than 4,300 digits."""

    def repr_int(self, value, level):
        return super().repr_int(value, level) if value.bit_length() < 4096 else (
            f'a number of {value.bit_length()} bits')


_SHORT = _Short()
_SHORT.maxstring = 80  # characters


def brief(value):
    """Return a value for an error's text: at most MOST characters."""
    return _SHORT.repr(value)[:MOST]


def one_line(error, most=500):
    """Return what an error says in one line of at most `most` characters."""
    return ' '.join(str(error).split())[:most]
