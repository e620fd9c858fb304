# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""ROS parameters from the settings dataclasses, and the way every node starts and ends."""

from dataclasses import fields
import math
import signal
import sys
import time

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rpl_ros.config import did_you_mean, make_settings, NODE_SETTINGS, SettingsError
from rpl_ros.nodes.leaving import leave_in_time
from rpl_ros.nodes.senders import Senders


def descriptor(spec):
    """Return the ParameterDescriptor of a settings field: description, range or choices.

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
    """Declare the fields of the settings class `cls` on `node` and return them filled.

    SettingsError for a value that is unknown, of the wrong type or out of range. The file's
    `/**` section may name settings of other nodes, so an unknown name counts only where no node
    has it.
    """
    everything = {spec.name for other in (*NODE_SETTINGS.values(), cls)
                  for spec in fields(other)}
    given = node._parameter_overrides
    for name in given:
        if name not in everything | {'use_sim_time'} and not name.startswith('qos_overrides'):
            raise SettingsError(f'{node.get_name()}: unknown parameter {name!r}'
                                f'{did_you_mean(name, everything)}')
    values = {}
    for spec in fields(cls):
        value = given[spec.name].value if spec.name in given else spec.default
        values[spec.name] = value
    settings = make_settings(cls, values, node.get_name())
    for spec in fields(cls):
        if spec.name in given:   # an int for a float parameter: hand over the checked value
            given[spec.name] = rclpy.Parameter(spec.name, value=getattr(settings, spec.name))
        node.declare_parameter(spec.name, spec.default, descriptor(spec))
    return settings


def run_node(make, args=None, keep_context=False):
    """Run the node that `make()` returns until it is interrupted or done; return an exit code.

    0 after Ctrl-C, SIGTERM or a node that ended its work (`node.done`), 1 after an error of its
    own (`node.failure`), 2 for bad parameters. With `keep_context` signals do not shut the context
    down: close() can still publish.
    """
    node, code, signals = None, 1, []
    try:
        if keep_context:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            # No exception: a callback is never cut off, and what it publishes goes out before.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, frame: signals.append(number))
        else:
            rclpy.init(args=args)
        node = make()
        node.start()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while rclpy.ok() and not node.done and not signals:
            executor.spin_once(timeout_sec=0.05 if keep_context else 0.5)
            if node.crash:
                raise node.crash
        code = 0
    except SettingsError as error:
        print(f'error: {error}', file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, ExternalShutdownException):
        code = 0
    except Exception:
        if rclpy.ok():
            raise
        code = 0  # Ctrl-C came in the middle of a callback: what it would publish is refused
    finally:
        # One more Ctrl-C must not cut short what close() writes: a checkpoint, a bag.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if keep_context:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if node is not None:
            node.close()
            code = 1 if node.failure else code
        leave_in_time(code)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code


class RplNode(Node):
    """A node with checked settings, a `done` flag, a `failure` text and a `close` method."""

    def __init__(self, name, cls):
        """Declare the parameters of `cls`; `self.settings` holds them."""
        super().__init__(name)
        self.settings = declare(self, cls)
        self.senders = Senders(self, getattr(self.settings, 'run', ''))
        self.done = False
        self.failure = ''
        self.crash = None  # an exception that ends the node and could not be raised
        self._warned = {}

    def warn(self, reason, text):
        """Log a warning, at most once a second for each `reason`, with the number left out.

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
