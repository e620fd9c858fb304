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

"""Nodes as processes on a ROS domain of their own, and what they are compared with."""

from contextlib import contextmanager
import itertools
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rpl_msgs.msg import PolicyWeights
from rpl_ros.controllers import find_controller
from rpl_ros.policy.actor import Actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import digest, pack, PolicyShape, unpack
from rpl_ros.rollout import run_episode
from rpl_ros.ros.convert import to_bytes
from rpl_ros.ros.qos import on_presence
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import digest_of_own

SEED, EPISODES = 5, 4
MODES = {'seed': SEED, 'base_every': 4, 'evaluate_every': 4}

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
    node.senders = SimpleNamespace(accepts=lambda topic, message, info: True)  # hears everybody
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


def when_present(node, name):
    """
    Return a function that tells whether the node called `name`, without a run, is ready.

    With its setting `readers`, it then has found those of its readers. That a listener has found
    its publisher does not say so: a first message could be lost.
    """
    present = set()
    node.settings = SimpleNamespace(run='')
    on_presence(node, present.add)
    return lambda: name in present


def call(node, spin, kind, name, **fields):
    """Return the response of a service, from the node and spin of a listener()."""
    client = node.create_client(kind, name)
    spin(client.service_is_ready)
    future = client.call_async(kind.Request(**fields))
    spin(future.done)
    node.destroy_client(client)
    return future.result()


@contextmanager
def nodes(domain, folder, **parameters):
    """
    Start nodes given as name={parameter: value}; yield {name: process}; stop them after.

    A value under the key '-r' is a remapping, or several. Each node's output is in
    folder/<name>.log. Its end is printed, for pytest to show, if the test fails here or a node
    ends with another code than 0.
    """
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONUNBUFFERED': '1'}
    started = {}
    try:
        for name, values in parameters.items():
            remapped = values.get('-r', ())
            arguments = [part for value in ([remapped] if isinstance(remapped, str) else remapped)
                         for part in ('-r', value)]
            arguments += [part for key, value in values.items() if key != '-r'
                          for part in ('-p', f'{key}:={value}')]
            with open(folder / f'{name}.log', 'a') as log:
                started[name] = subprocess.Popen(
                    [sys.executable, '-m', f'rpl_ros.nodes.{name}', '--ros-args', *arguments],
                    env=environment, stdout=log, stderr=subprocess.STDOUT)
        yield started
    except BaseException:
        for name, process in started.items():
            _print_log(name, process, folder)
        raise
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
        for name, process in started.items():
            if process.returncode:
                _print_log(name, process, folder)


def _print_log(name, process, folder):
    lines = (folder / f'{name}.log').read_text(errors='replace').splitlines()
    print(f'--- {name}, return code {process.poll()}', *lines[-30:], sep='\n')


def random_policy(task, rng, **more):
    """Return the bytes of a small policy that really corrects: random weights."""
    sizes = task_spec(task)
    shape = PolicyShape(sizes.name, sizes.observation_size, sizes.goal_size, sizes.action_size,
                        2, 16, task_digest=digest_of_own(sizes), **more)
    tensors = {name: rng.normal(0, 0.3, size) for name, size in shape.tensors().items()}
    for name in ('observation_std', 'goal_std'):
        tensors[name] = np.abs(tensors[name]) + 0.1
    return pack(tensors, shape)


def weights_message(content, version, **changes):
    """Return the PolicyWeights message for the bytes of a policy."""
    fields = {'version': version, 'digest': digest(content), 'data': to_bytes(content), **changes}
    return PolicyWeights(**fields)


def in_process(name, content, numbers=range(EPISODES)):
    """Return the Episodes of the in-process rollout with the policy of these bytes."""
    task = make_task(name, SEED)
    policy = ResidualPolicy(make_settings(ResidualSettings, {**MODES, 'task': name}), task.spec)
    policy.offer(Actor(*unpack(content)), 7, False)
    controller = find_controller(task.spec.controller)
    return [run_episode(task, controller, policy, number) for number in numbers]
