# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Between messages and the dataclasses of rpl_ros.data, by field name; needs no rclpy.

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
