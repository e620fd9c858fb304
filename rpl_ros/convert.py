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
Between messages and the dataclasses of rpl_ros.data, by field name; needs no rclpy.

Any object with the right attributes counts as a message, so that bag readers can use this too.
"""

import array

import numpy as np

from rpl_ros.data import Command, State

ARRAYS = {'observation', 'achieved_goal', 'desired_goal', 'action', 'base_action', 'residual',
          'total', 'sent', 'executed', 'motion'}


def to_wire(values):
    """Return a float64 array as the array.array that rclpy stores without looking at each item."""
    return array.array('d', np.ascontiguousarray(values, dtype=np.float64).tobytes())


def from_wire(values):
    """Return a float64[] field as a numpy array of its own."""
    return np.array(values, dtype=np.float64)


def to_bytes(data):
    """Return bytes as the array.array that rclpy stores in a uint8[] field without a look."""
    return array.array('B', data)


def fill(message, item, header, run):
    """Fill `message` with the fields of the dataclass `item`, `header` and `run`; return it."""
    message.header, message.run = header, run
    for name, value in vars(item).items():
        setattr(message, name, to_wire(value) if name in ARRAYS else value)
    return message


def _read(kind, message):
    return kind(**{name: from_wire(getattr(message, name)) if name in ARRAYS
                   else getattr(message, name) for name in kind.__dataclass_fields__})


def read_state(message):
    """Return the State in a State message."""
    return _read(State, message)


def read_command(message):
    """Return the Command in a Command message."""
    return _read(Command, message)
