# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Starts nodes as processes on a ROS domain of their own and listens to them."""

from contextlib import contextmanager
import itertools
import os
import signal
import subprocess
import sys
import time

import rclpy
from rclpy.executors import SingleThreadedExecutor

# 0 to 101 are safe beside Linux's ephemeral ports. By process, so that two test runs on a machine
# are seldom in each other's way; users' graphs are mostly in 0.
_domains = itertools.islice(itertools.cycle(range(20, 100)), os.getpid() % 80, None)


def free_domain():
    """Return a ROS_DOMAIN_ID of its own for a test: after 80 of them they come again."""
    return next(_domains)


@contextmanager
def listener(domain, name='listener'):
    """Yield (node, spin) on a ROS domain; spin(done, seconds) waits until done() is true."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node(name, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin(done, seconds=60.0):
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f'not done within {seconds} s'
            executor.spin_once(timeout_sec=0.05)

    try:
        yield node, spin
    finally:
        node.destroy_node()
        context.try_shutdown()


@contextmanager
def nodes(domain, folder, **parameters):
    """Start nodes given as name={parameter: value}; yield {name: process}; stop them after.

    Each node's output is in folder/<name>.log.
    """
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONUNBUFFERED': '1'}
    started = {}
    try:
        for name, values in parameters.items():
            arguments = [part for key, value in values.items()
                         for part in ('-p', f'{key}:={value}')]
            with open(folder / f'{name}.log', 'w') as log:
                started[name] = subprocess.Popen(
                    [sys.executable, '-m', f'rpl_ros.nodes.{name}', '--ros-args', *arguments],
                    env=environment, stdout=log, stderr=subprocess.STDOUT)
        yield started
    finally:
        for process in started.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in started.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
