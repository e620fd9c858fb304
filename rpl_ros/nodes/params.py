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

"""ROS parameters from the settings dataclasses, and the node that all others are."""

from dataclasses import fields
import math
import sys
import time

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
import rclpy
from rclpy.node import Node

from rpl_ros.config import (did_you_mean, is_ros_own, make_settings, NODE_SETTINGS,
                            SettingsError)
from rpl_ros.nodes.sections import require_sections_that_reach
from rpl_ros.nodes.senders import Senders


def descriptor(spec):
    """
    Return the ParameterDescriptor of a settings field: description, range or choices.

    Only limits that may be tightened can be set while the node runs.
    """
    low, high, choices = (spec.metadata[key] for key in ('low', 'high', 'choices'))
    result = ParameterDescriptor(description=spec.metadata['doc'],
                                 read_only=not spec.metadata['tighten'])
    if isinstance(spec.default, tuple):  # ROS has ranges for single numbers only
        bounds = f' from {low} to {high}' if low is not None else ''
        result.additional_constraints = (f'a list of {spec.metadata["length"] or "any number of"} '
                                         f'values{bounds}')
        return result
    if choices:
        result.additional_constraints = f'one of {", ".join(choices)}'
    if low is not None and isinstance(spec.default, float):
        result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif low is not None:
        result.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return result


def declare(node, cls):
    """
    Declare the fields of the settings class `cls` on `node` and return them filled.

    SettingsError for a value that is unknown, of the wrong type or out of range, and where no
    parameter came at all. The file's `/**` section may name settings of other nodes, so an unknown
    name counts only where no node has it.
    """
    everything = {spec.name for other in (*NODE_SETTINGS.values(), cls)
                  for spec in fields(other)}
    own = set(node._parameters)  # those that rclpy itself has declared
    given = node._parameter_overrides
    for name in given:
        if name not in everything | own and not is_ros_own(name):
            raise SettingsError(f'{node.get_name()}: unknown parameter {name!r}'
                                f'{did_you_mean(name, everything)}')
    values = {spec.name: given[spec.name].value if spec.name in given else spec.default
              for spec in fields(cls)}
    if not any(spec.name in given for spec in fields(cls)):
        # A limit must never be a default that nobody asked for.
        raise SettingsError(f'{node.get_fully_qualified_name()}: no parameter came: give '
                            '--ros-args --params-file RUN/config.yaml, or -p name:=value')
    settings = make_settings(cls, values, node.get_name())
    for spec in fields(cls):
        if spec.name in given:   # an int for a float parameter: hand over the checked value
            given[spec.name] = rclpy.Parameter(spec.name, value=getattr(settings, spec.name))
        node.declare_parameter(spec.name, spec.default, descriptor(spec))
    return settings


class RplNode(Node):
    """
    A node with checked settings, a `done` flag, a `failure` text and a `close` method.

    `settings` holds its parameters, `senders` decides whose messages it takes.
    """

    def __init__(self, name, cls):
        """Declare the parameters of `cls`, those of the node that is called `name`."""
        super().__init__(name)
        require_sections_that_reach(sys.argv, name, self.get_fully_qualified_name())
        self.settings = declare(self, cls)
        self.senders = Senders(self, getattr(self.settings, 'run', ''))
        self.done = False
        self.failure = ''
        self.crash = None  # an exception that ends the node and could not be raised
        self._warned = {}

    def warn(self, reason, text):
        """
        Log a warning, at most once a second for each `reason`, with the number left out.

        rclpy's own throttle goes by line of code and would hide one reason behind another.
        """
        now = time.monotonic()
        last, left_out = self._warned.get(reason, (-math.inf, 0))
        if now - last < 1.0:
            self._warned[reason] = last, left_out + 1
            return
        self._warned[reason] = now, 0
        self.get_logger().warning(text + (f' ({left_out} more like this)' if left_out else ''))

    def fail(self, why):
        """Log `why` as an error and end the node with exit code 1."""
        self.get_logger().error(why)
        self.failure = why
        self.done = True

    def start(self):
        """Begin, once the node is made: see ManagedNode."""

    def close(self):
        """Put everything away before the node is destroyed; called once, also after errors."""
