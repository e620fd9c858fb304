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
Stop once, then silence: what goes out next, as transitions without a clock.

      good command            bad or none               told to stop n times
    ───────────────► MOVING ───────────────► STOPPING ───────────────────────► SILENT
                        ▲                        │ good command                   │
                        └────────────────────────┴────────────────────────────────┘

From everywhere, a pressed run-stop leads to RUN_STOPPED and an emergency stop to ESTOPPED. There
the stop is sent n times, too, and only a person's reset leads out: to SILENT.
"""

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """What the adapter does."""

    MOVING = 0
    STOPPING = 1
    SILENT = 2
    RUN_STOPPED = 3
    ESTOPPED = 4


class Output(IntEnum):
    """What is sent now."""

    TWIST = 0
    STOP = 1
    NOTHING = 2


@dataclass(frozen=True)
class Machine:
    """A mode, and how often the stop was sent since it began; starts silent."""

    mode: Mode = Mode.SILENT
    stops: int = 0


def advance(machine, good, count, run_stop=False, estop=False, reset=False):
    """
    Return (Machine, Output) of the next moment.

    `good` tells whether there is a twist that may be sent, `count` how often a stop is sent;
    `run_stop` whether the run-stop is pressed, `estop` and `reset` whether a person asked for
    them since the last moment. A reset does nothing about a run-stop that is still pressed, and
    the emergency stop wins over a reset of the same moment.
    """
    mode, stops = machine.mode, machine.stops
    if reset and mode in (Mode.RUN_STOPPED, Mode.ESTOPPED):
        mode, good = Mode.SILENT, False  # the first twist follows what comes after the reset
    if estop:
        mode = Mode.ESTOPPED
    elif run_stop and mode != Mode.ESTOPPED:
        mode = Mode.RUN_STOPPED
    if mode in (Mode.RUN_STOPPED, Mode.ESTOPPED):
        again = mode != machine.mode or estop  # who asks twice is told twice
        return _tell(mode, 0 if again else stops, count)
    if good:
        return Machine(Mode.MOVING), Output.TWIST
    if mode == Mode.SILENT:
        return Machine(), Output.NOTHING
    machine, output = _tell(Mode.STOPPING, stops if mode == Mode.STOPPING else 0, count)
    return (Machine(), output) if machine.stops == count else (machine, output)


def _tell(mode, stops, count):
    """Return (Machine, Output) of a mode in which the stop was sent `stops` of `count` times."""
    if stops < count:
        return Machine(mode, stops + 1), Output.STOP
    return Machine(mode, stops), Output.NOTHING
