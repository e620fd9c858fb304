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
Send a stop a few times, then nothing: the output of the adapter as a state machine.

      good command            bad or none               stop sent n times
    ───────────────► MOVING ───────────────► STOPPING ───────────────────────► SILENT
                        ▲                        │ good command                   │
                        └────────────────────────┴────────────────────────────────┘

From every mode, a pressed run-stop leads to RUN_STOPPED and an emergency stop to ESTOPPED. There,
too, the stop is sent n times. Only the reset by a person leads out of them: to SILENT.
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

    @property
    def needs_reset(self) -> bool:
        """Return whether only a person's reset ends this mode."""
        return self in (Mode.RUN_STOPPED, Mode.ESTOPPED)


class Output(IntEnum):
    """What is sent now."""

    TWIST = 0
    STOP = 1
    NOTHING = 2


@dataclass(frozen=True)
class Machine:
    """The state: a mode, and how often the stop was sent since the mode began."""

    mode: Mode = Mode.SILENT
    stops: int = 0


START = Machine()


def advance(machine: Machine, good: bool, count: int, run_stop: bool = False, estop: bool = False,
            reset: bool = False) -> tuple[Machine, Output]:
    """
    Return the next (Machine, Output).

    `good` tells whether there is a twist that may be sent, `count` how often a stop is sent,
    `run_stop` whether the run-stop is pressed, and `estop` and `reset` whether a person asked for
    them since the last call. A reset does not end a run-stop that is still pressed. The emergency
    stop has priority over a reset in the same call.
    """
    mode, stops = machine.mode, machine.stops
    if reset and mode.needs_reset:
        mode, good = Mode.SILENT, False  # the first twist answers a command after the reset
    if estop:
        mode = Mode.ESTOPPED
    elif run_stop and mode != Mode.ESTOPPED:
        mode = Mode.RUN_STOPPED
    if mode.needs_reset:
        again = mode != machine.mode or estop  # a repeated emergency stop is sent again
        return _send_stop(mode, 0 if again else stops, count)
    if good:
        return Machine(Mode.MOVING), Output.TWIST
    if mode == Mode.SILENT:
        return START, Output.NOTHING
    machine, output = _send_stop(Mode.STOPPING, stops if mode == Mode.STOPPING else 0, count)
    return (START, output) if machine.stops == count else (machine, output)


def _send_stop(mode: Mode, stops: int, count: int) -> tuple[Machine, Output]:
    """Return (Machine, Output) of a mode in which the stop was sent `stops` of `count` times."""
    if stops < count:
        return Machine(mode, stops + 1), Output.STOP
    return Machine(mode, stops), Output.NOTHING
