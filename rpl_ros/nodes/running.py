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

"""How every node starts and ends: its help, its exit code, its signals."""

import os
from pathlib import Path
import signal
import sys

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from rpl_ros import console
from rpl_ros.config import SettingsError
from rpl_ros.discovery import local_by_default
from rpl_ros.files import open_regular
from rpl_ros.launching.child import LAUNCHER
from rpl_ros.nodes.leaving import leave_in_time
from rpl_ros.nodes.node_help import node_help
from rpl_ros.nodes.sections import parameter_files

BAD_SETTINGS = 2
INTERRUPTED = 128 + signal.SIGINT
PARENT = os.getppid()  # early: the launcher may die at any time


def run_node(make, args=None, keep_context=False, ends=False):
    """
    Run the node that `make()` returns until it is interrupted or done; return an exit code.

    0: it has done its work; of a node without an end of its own (`ends` is false) that is Ctrl-C
    or SIGTERM. 130: a node that `ends` was interrupted before. 1: an error of its own
    (`node.failure`). 2: bad parameters or a bad command line. `--help` prints help and starts
    nothing. With `keep_context` signals do not shut the context down: in close() the node can
    still publish, and sees the graph.
    """
    console.begin()
    words = list(sys.argv if args is None else args)
    module = sys.modules[make.__module__]
    name = Path(getattr(module, '__file__', None) or 'node').stem
    if {'-h', '--help'} & set(words):
        print(node_help(name, module))
        return 0
    local_by_default()
    signals = []
    try:
        for path in parameter_files(words):  # ROS would wait for ever for what a pipe says
            open_regular(path).close()
        foreign = remove_ros_args(words)[1:]
        if foreign:
            raise ValueError(f'unknown argument {foreign[0]!r}: parameters follow --ros-args, '
                             f'`{name} --help` says more')
        if keep_context:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            # No exception: a callback is never cut off, and what it publishes goes out before.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, frame: signals.append(number))
        else:
            rclpy.init(args=args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # of rcl: a flag, remapping, file or domain that is none
        print(f'error: {name}: bad command line or environment: {error}', file=sys.stderr)
        return BAD_SETTINGS
    node, code, interrupted = None, 1, INTERRUPTED if ends else 0
    try:
        node = make()
        node.start()
        code = 0 if _spin(node, signals, 0.05 if keep_context else 0.5) else interrupted
    except SettingsError as error:
        print(f'error: {error}', file=sys.stderr)
        code = BAD_SETTINGS
    except (KeyboardInterrupt, ExternalShutdownException):
        code = interrupted
    except Exception:
        if rclpy.ok():
            raise
        code = interrupted  # Ctrl-C came in a callback: what it would publish is refused
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


def _spin(node, signals, period):
    """Let a node work until it is done, interrupted, or its launcher is gone; return if done."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while rclpy.ok() and not node.done and not signals:
        executor.spin_once(timeout_sec=period)
        if node.crash:
            raise node.crash
        if _launcher_is_gone():
            node.get_logger().error('the launcher is gone: this node ends, too')
            return False
    return node.done


def _launcher_is_gone():
    """Return whether the launcher that started this node, if one did, has died."""
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:
        return False
    if str(PARENT) == launcher and os.getppid() != PARENT:
        return True
    return not os.path.exists(f'/proc/{launcher}') and os.path.exists('/proc/self')
