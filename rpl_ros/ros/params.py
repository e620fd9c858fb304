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

"""ROS parameters from the settings dataclasses, and the base class of all nodes."""

from collections.abc import Callable, Hashable
from dataclasses import Field, fields
import math
import sys
import time
from typing import Any

from rcl_interfaces.msg import (FloatingPointRange, IntegerRange, ParameterDescriptor,
                                SetParametersResult)
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer
from rpl_ros.ros.sections import require_sections_that_apply
from rpl_ros.ros.senders import Senders
from rpl_ros.settings.fields import (did_you_mean, is_ros_own, make_settings, Settings,
                                     SettingsError)
from rpl_ros.settings.nodes import NODE_SETTINGS


def descriptor(field: Field) -> ParameterDescriptor:
    """
    Return the ParameterDescriptor of a settings field: description, range or choices.

    Only limits that may become stricter and `live` settings can be set while the node runs.
    """
    low, high, choices = (field.metadata[key] for key in ('low', 'high', 'choices'))
    can_change = field.metadata['tighten'] or field.metadata['live']
    result = ParameterDescriptor(description=field.metadata['doc'], read_only=not can_change)
    if isinstance(field.default, tuple):  # ROS has ranges for single numbers only
        bounds = f' from {low} to {high}' if low is not None else ''
        count = field.metadata['length'] or 'any number of'
        result.additional_constraints = f'a list of {count} values{bounds}'
        return result
    if choices:
        result.additional_constraints = f'one of {", ".join(choices)}'
    if low is not None and isinstance(field.default, float):
        result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif low is not None:
        result.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return result


def declare(node: Node, cls: type[Settings]) -> Settings:
    """
    Declare the fields of the settings class `cls` on `node` and return them filled.

    SettingsError for a value that is unknown, of the wrong type or out of range, and where no
    parameter was given at all. The `/**` section of a file may name settings of other nodes:
    a name is unknown only where no node has such a setting.
    """
    everything = {field.name for other in NODE_SETTINGS.values() for field in fields(other)}
    everything |= {field.name for field in fields(cls)}
    # rclpy has no public access to the values that were given before they are declared.
    own = set(node._parameters)  # those that rclpy itself has declared
    given = node._parameter_overrides
    for name in given:
        if name not in everything | own and not is_ros_own(name):
            raise SettingsError(f'{node.get_name()}: unknown parameter {name!r}'
                                f'{did_you_mean(name, everything)}')
    values = {field.name: given[field.name].value if field.name in given else field.default
              for field in fields(cls)}
    if not any(field.name in given for field in fields(cls)):
        # A limit must never be a default that nobody chose.
        raise SettingsError(f'{node.get_fully_qualified_name()}: no parameter was given: use '
                            '--ros-args --params-file RUN/config.yaml, or -p name:=value')
    settings = make_settings(cls, values, node.get_name())
    for field in fields(cls):
        if field.name in given:  # the checked value: rclpy refuses an int for a float parameter
            given[field.name] = rclpy.Parameter(field.name, value=getattr(settings, field.name))
        node.declare_parameter(field.name, field.default, descriptor(field))
    return settings


class RplNode(Node):
    """
    A node with checked `settings`; `senders` decides from which nodes it accepts messages.

    `done` ends the node, `failure` is the error that ended it, or '', and `crash` an exception
    that could not be raised where it occurred.
    """

    settings: Any

    def __init__(self, name: str, cls: type[Any]) -> None:
        """Declare the parameters of the settings class `cls` for the node called `name`."""
        super().__init__(name)
        require_sections_that_apply(sys.argv, name, self.get_fully_qualified_name())
        self.settings = declare(self, cls)
        self.senders = Senders(self, getattr(self.settings, 'run', ''))
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.done = False
        self.failure = ''
        self.crash: Exception | None = None
        # By reason: time of the last warning, s, and how many were left out since.
        self._warned: dict[Hashable, tuple[float, int]] = {}

    def warn(self, reason: Hashable, text: str) -> None:
        """
        Log a warning at most once a second for each `reason`; say how many were left out.

        The throttle of rclpy works by line of code and would hide one reason behind another.
        """
        now = time.monotonic()
        last, left_out = self._warned.get(reason, (-math.inf, 0))
        if now - last < 1.0:
            self._warned[reason] = last, left_out + 1
            return
        self._warned[reason] = now, 0
        self.get_logger().warning(text + (f' ({left_out} more like this)' if left_out else ''))

    def accept_changes(self, apply: Callable[[dict[str, Any]], None]) -> None:
        """
        From now on, call `apply` with {name: value} of parameters that somebody wants to change.

        A SettingsError from it refuses them. end_changes() undoes this.
        """
        def answer(parameters: list[rclpy.Parameter]) -> SetParametersResult:
            try:
                apply({one.name: one.value for one in parameters if one.name != 'use_sim_time'})
            except SettingsError as error:
                return SetParametersResult(successful=False, reason=str(error))
            return SetParametersResult(successful=True)
        self._answer_changes = answer
        self.add_on_set_parameters_callback(answer)

    def end_changes(self) -> None:
        """Let nobody change the parameters of what is not there."""
        self.remove_on_set_parameters_callback(self._answer_changes)

    def fail(self, why: str) -> None:
        """Log the error `why` and end the node with exit code 1."""
        self.get_logger().error(why)
        self.failure = why
        self.done = True

    def create_steady_timer(self, period: float, callback: Callable[[], None],
                            **options: Any) -> Timer:
        """Create a timer on the steady clock: simulated time stops while the simulator waits."""
        return self.create_timer(period, callback, clock=self._steady_clock, **options)

    def start(self) -> None:
        """Begin after the constructor: see ManagedNode."""

    def close(self) -> None:
        """Release everything before the node is destroyed; called once, also after errors."""
