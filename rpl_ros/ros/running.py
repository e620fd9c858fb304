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
import os
from pathlib import Path
import signal
import sys
import time
from types import FrameType

import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
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
SIGNAL_PERIOD = 0.1
"""Longest time from a signal to the end of a node that waits for messages, s."""
CALLBACK_TIMEOUT = 2.0
"""Time after a signal at which a callback that still runs is interrupted, s."""
PARENT = os.getppid()  # read early: the launcher may die at any time


def run_node(make: Callable[[], RplNode], args: list[str] | None = None,
             interruptible: bool = True, ends: bool = False) -> int:
    """
    Run the node that `make()` returns until it is done or interrupted; return the exit code.

    0: the node is done, or it has no end of its own (`ends` is false) and was interrupted by
    SIGINT (Ctrl-C) or SIGTERM. 130: a node that `ends` was interrupted before its end. 1: the
    node failed (`node.failure`). 2: bad parameters or a bad command line. `--help` only prints
    help.

    A signal does not shut down ROS: the callback under way runs to its end, and in close() the
    node can still publish. A callback that takes longer than CALLBACK_TIMEOUT is interrupted,
    unless `interruptible` is false. A node that is done ends when its readers have its last
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

    def note(number: int, frame: FrameType | None) -> None:
        if interruptible and not signals:
            signal.setitimer(signal.ITIMER_REAL, CALLBACK_TIMEOUT)
        signals.append(number)
    for stop in STOP_SIGNALS:
        signal.signal(stop, note)
    signal.signal(signal.SIGALRM, _interrupt)
    try:
        for path in parameter_files(words):  # of a pipe, ROS would wait for the end for ever
            open_regular(path).close()
        foreign = remove_ros_args(words)[1:]
        if foreign:
            raise ValueError(f'unknown argument {foreign[0]!r}: parameters follow --ros-args, '
                             f'see `{name} --help`')
        # The handlers of rclpy shut down ROS in a thread, at any point of a callback, and wake
        # an executor that may be gone.
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # of rcl: a bad flag, remapping, file or domain
        print(f'error: {name}: bad command line or environment: {error}', file=sys.stderr)
        return BAD_SETTINGS
    node, code, interrupted = None, 1, INTERRUPTED if ends else 0
    try:
        node = make()
        node.start()
        code = 0 if _spin(node, signals) else interrupted
    except SettingsError as error:
        print(f'error: {error}', file=sys.stderr)
        code = BAD_SETTINGS
    except KeyboardInterrupt:
        code = interrupted
    finally:
        # From here on nothing is interrupted: close() may write a checkpoint or a bag.
        interruptible = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        if node is not None:
            node.close()
            code = 1 if node.failure else code
            if node.done:
                _wait_for_readers(node)
        for stop in STOP_SIGNALS:  # Python restores the default at its end, which is another code
            signal.signal(stop, signal.SIG_IGN)
        leave_in_time(code)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Interrupt the callback under way."""
    raise KeyboardInterrupt


def _wait_for_readers(node: RplNode) -> None:
    """Wait until all readers have a node's messages: DDS drops the others when it ends."""
    end = time.monotonic() + LAST_MESSAGES_TIMEOUT
    for stream in node.publishers:
        left = Duration(seconds=max(0.0, end - time.monotonic()))
        stream.wait_for_all_acked(left)


def _spin(node: RplNode, signals: list[int]) -> bool:
    """Spin until the node is done, a signal arrives or the launcher dies; return if done."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not node.done and not signals:
        executor.spin_once(timeout_sec=SIGNAL_PERIOD)
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
