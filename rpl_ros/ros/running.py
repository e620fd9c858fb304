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

from collections.abc import Callable
from contextlib import suppress
import os
from pathlib import Path
import signal
import sys
import time

import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from rpl_ros.common import console
from rpl_ros.common.child import LAUNCHER
from rpl_ros.common.discovery import local_by_default
from rpl_ros.common.exits import BAD_SETTINGS, INTERRUPTED, STOP_SIGNALS
from rpl_ros.common.files import open_regular
from rpl_ros.ros.exit_timeout import leave_in_time
from rpl_ros.ros.node_help import node_help
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.sections import parameter_files
from rpl_ros.settings.fields import SettingsError

LAST_MESSAGES_TIMEOUT = 5.0
"""Longest time that a node waits at its end until all readers have its last messages, s."""
PARENT = os.getppid()  # read early: the launcher may die at any time


def run_node(make: Callable[[], RplNode], args: list[str] | None = None,
             keep_context: bool = False, ends: bool = False) -> int:
    """
    Run the node that `make()` returns until it is done or interrupted; return the exit code.

    0: the node is done, or it has no end of its own (`ends` is false) and was interrupted by
    SIGINT (Ctrl-C) or SIGTERM. 130: a node that `ends` was interrupted before its end. 1: the
    node failed (`node.failure`). 2: bad parameters or a bad command line. `--help` only prints
    help. With `keep_context`, signals do not shut down the ROS context: in close() the node can
    still publish, and sees the graph. A node that is done ends when its readers have its last
    messages, at the latest after LAST_MESSAGES_TIMEOUT.
    """
    console.begin()
    words = list(sys.argv if args is None else args)
    module = sys.modules[make.__module__]
    name = Path(getattr(module, '__file__', None) or 'node').stem
    if {'-h', '--help'} & set(words):
        print(node_help(name, module))
        return 0
    local_by_default()
    signals: list[int] = []
    try:
        for path in parameter_files(words):  # of a pipe, ROS would wait for the end for ever
            open_regular(path).close()
        foreign = remove_ros_args(words)[1:]
        if foreign:
            raise ValueError(f'unknown argument {foreign[0]!r}: parameters follow --ros-args, '
                             f'see `{name} --help`')
        if keep_context:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            # No exception: a callback always runs to its end, and what it publishes is sent.
            for number in STOP_SIGNALS:
                signal.signal(number, lambda number, frame: signals.append(number))
        else:
            rclpy.init(args=args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # of rcl: a bad flag, remapping, file or domain
        print(f'error: {name}: bad command line or environment: {error}', file=sys.stderr)
        return BAD_SETTINGS
    node, code, interrupted = None, 1, INTERRUPTED if ends else 0
    # It lives until try_shutdown() has ended the thread of rclpy's signal handlers: that thread
    # may still wake the executor, and would crash where its guard conditions are gone.
    executor: SingleThreadedExecutor | None = None
    try:
        node = make()
        node.start()
        executor = SingleThreadedExecutor()
        code = 0 if _spin(node, executor, signals, 0.05 if keep_context else 0.5) else interrupted
    except SettingsError as error:
        print(f'error: {error}', file=sys.stderr)
        code = BAD_SETTINGS
    except (KeyboardInterrupt, ExternalShutdownException):
        code = interrupted
    except Exception:
        if rclpy.ok():
            raise
        code = interrupted  # Ctrl-C in a callback: its publishers refuse to publish
    finally:
        # Another Ctrl-C must not interrupt close(), which may write a checkpoint or a bag.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if keep_context:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if node is not None:
            node.close()
            code = 1 if node.failure else code
            if node.done:
                _wait_for_readers(node)
        leave_in_time(code)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code


def _wait_for_readers(node: RplNode) -> None:
    """Wait until all readers have a node's messages: DDS drops the others when it ends."""
    end = time.monotonic() + LAST_MESSAGES_TIMEOUT
    for stream in node.publishers:
        left = Duration(seconds=max(0.0, end - time.monotonic()))
        with suppress(RuntimeError):  # of rcl: a signal has shut down ROS
            stream.wait_for_all_acked(left)


def _spin(node: RplNode, executor: SingleThreadedExecutor, signals: list[int],
          period: float) -> bool:
    """Spin until the node is done, a signal arrives or the launcher dies; return if done."""
    executor.add_node(node)
    while rclpy.ok() and not node.done and not signals:
        executor.spin_once(timeout_sec=period)
        if node.crash:
            raise node.crash
        if _launcher_is_gone():
            node.get_logger().error('the launcher has ended: this node ends too')
            return False
    return node.done


def _launcher_is_gone() -> bool:
    """Return whether a launcher started this node and has ended."""
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:
        return False
    if str(PARENT) == launcher and os.getppid() != PARENT:
        return True
    return not os.path.exists(f'/proc/{launcher}') and os.path.exists('/proc/self')
