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
Checks this machine and the set-up, one line each (`rpl doctor`, `make doctor`).

It needs no installed package, because it reports those that are missing.
"""
import argparse
from importlib import import_module, metadata
import os
import random
import subprocess
import sys
import time
from typing import Any

from rpl_ros.setup import prerequisites as pre
from rpl_ros.setup.prerequisites import FAIL, Finding, OK, WARN

SET_UP = 'make setup' if (pre.ROOT / 'Makefile').is_file() else 'rpl add-ros'
RENDER = """
import mujoco
model = mujoco.MjModel.from_xml_string(
    '<mujoco><worldbody><geom size="1" rgba="1 1 1 1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 48, 64) as renderer:
    renderer.update_scene(data)
    assert renderer.render().max() > 0, 'the picture is black'
"""


def child(code: str, seconds: float, **environ: str) -> str:
    """
    Run Python code in a process of its own; return '' or the last line of its error.

    EGL and DDS are C++: where they fail they may abort or never return.
    """
    try:
        done = subprocess.run([sys.executable, '-c', code], env={**os.environ, **environ},
                              cwd=pre.ROOT, timeout=seconds, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return f'no answer within {seconds} s'
    if not done.returncode:
        return ''
    return (done.stderr.strip().splitlines() or [f'it ended with {done.returncode}'])[-1]


def first_line(error: Exception) -> str:
    """Return the first line of an exception's text."""
    return str(error).partition('\n')[0]


def check_import(name: str, attribute: str) -> Finding:
    """Check that the module `name` can be imported and has `attribute`."""
    try:
        # Without the attribute, a folder of the checkout such as rpl_msgs/msg would be accepted.
        getattr(import_module(name), attribute)
    # A damaged package can raise anything while it is imported.
    except Exception as error:
        return Finding(FAIL, f'import {name}: {first_line(error)}', SET_UP)
    return Finding(OK, f'import {name}')


def installed_ros() -> str:
    """Return the name of the ROS 2 distribution whose wheels are installed."""
    for ros in pre.ROS_FROM_PYPI:
        try:
            metadata.version(f'ros-{ros}-rclpy')
            return ros
        except metadata.PackageNotFoundError:
            pass
    return pre.DEFAULT_ROS  # its wheels have no distribution in their names


def check_versions() -> Finding:
    """Compare the installed packages with the pins of setup.cfg, if the source tree is there."""
    if not (pre.ROOT / 'setup.cfg').is_file():
        return Finding(OK, 'package versions not compared: setup.cfg is not here')
    sourced = bool(os.environ.get('ROS_DISTRO'))
    groups = ['lock', 'test'] + ([] if sourced else ['build', installed_ros()])
    pins = [pre.split_pin(line) for group in groups for line in pre.read_pins()[group]]
    if sourced:
        pins = [pin for pin in pins if pin[0] not in pre.FROM_DISTRIBUTION]
    missing, others = [], []
    for name, wanted, applies in pins:
        try:
            found = metadata.version(name).split('+')[0]
        except metadata.PackageNotFoundError:
            found = ''
        if applies and not found:
            missing.append(name)
        elif applies and found != wanted:
            others.append(f'{name} {found} instead of {wanted}')
    if missing:
        return Finding(FAIL, f'{len(missing)} packages are missing, {missing[0]} for one', SET_UP)
    if others:
        return Finding(WARN, f'other versions than in setup.cfg ({", ".join(others)})', SET_UP)
    return Finding(OK, 'package versions as in setup.cfg')


def round_trip(domain: int, seconds: float = 10.0) -> None:
    """Send one State over DDS to this process; TimeoutError if it does not arrive."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rpl_msgs.msg import State
    context = rclpy.Context()
    rclpy.init(args=[], context=context, domain_id=domain)
    node = rclpy.create_node('rpl_doctor', context=context)
    received: list[Any] = []
    node.create_subscription(State, 'rpl_doctor', received.append, 1)
    publisher = node.create_publisher(State, 'rpl_doctor', 1)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    end = time.monotonic() + seconds
    while not received and time.monotonic() < end:
        publisher.publish(State(task='doctor', observation=[1.0, 2.0]))
        executor.spin_once(timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown(context=context)
    if not received:
        raise TimeoutError(f'no message arrived within {seconds:g} s')
    if received[0].task != 'doctor' or list(received[0].observation) != [1.0, 2.0]:
        raise ValueError('the message arrived changed')


def check_round_trip(domain: int | None = None) -> Finding:
    """Check that a message of ours travels over real DDS, on a domain of its own."""
    # Above 101 the ports of a domain can be those that Linux hands out to other programs.
    domain = random.randint(1, 101) if domain is None else domain
    error = child(f'from rpl_ros.setup.doctor import round_trip; round_trip({domain})', 30)
    if error:
        remedy = 'look for a firewall, a full /dev/shm or an RMW_IMPLEMENTATION that is not there'
        return Finding(FAIL, f'message over DDS (domain {domain}): {error}',
                       SET_UP if 'import' in error or 'No module' in error else remedy)
    return Finding(OK, f'message over DDS (domain {domain})')


def check_mujoco() -> Finding:
    """Check that MuJoCo loads a model and steps it."""
    try:
        import mujoco
        model = mujoco.MjModel.from_xml_string('<mujoco/>')
        mujoco.mj_step(model, mujoco.MjData(model))
    except Exception as error:
        return Finding(FAIL, f'MuJoCo: {first_line(error)}', SET_UP)
    return Finding(OK, f'MuJoCo {mujoco.__version__}')


def check_meshes() -> Finding:
    """Check that the Fetch's meshes are where gymnasium-robotics brings them."""
    from rpl_ros.common.assets import fetch_assets
    try:
        folder = fetch_assets()
    except FileNotFoundError as error:
        return Finding(FAIL, str(error))
    count = len(list((folder / 'stls' / 'fetch').glob('*.stl')))
    return Finding(OK if count else FAIL, f'{count} meshes of the Fetch', '' if count else SET_UP)


def check_rendering() -> Finding:
    """Check that MuJoCo renders without a screen; only videos and pictures need it."""
    error = child(RENDER, 60, MUJOCO_GL='egl')
    if error:
        return Finding(WARN, f'rendering with EGL, for videos and pictures: {error}',
                       pre.check_egl().remedy or 'apt-get install libegl1 libgl1')
    return Finding(OK, 'rendering with EGL')


def check_ffmpeg() -> Finding:
    """Check that imageio-ffmpeg has a program to write videos with."""
    try:
        import imageio_ffmpeg
        return Finding(OK, f'ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}')
    except (ImportError, RuntimeError, OSError) as error:
        return Finding(WARN, f'ffmpeg, for videos: {error}', SET_UP)


def check_cpus() -> Finding:
    """Check that there are enough processors to run the graph and the learner at the same time."""
    count = len(os.sched_getaffinity(0))
    if count > 1:
        return Finding(OK, f'{count} processors')
    return Finding(WARN, 'one processor', 'expect slow training: learner and graph share it')


def check_memory(needed: float = 2.0) -> Finding:
    """Check that `needed` GB of memory are free."""
    with open('/proc/meminfo', encoding='ascii') as file:
        sizes = dict(line.split(':') for line in file)
    free = int(sizes['MemAvailable'].split()[0]) * 1024 / 1e9
    if free >= needed:
        return Finding(OK, f'{free:.1f} GB of memory free')
    return Finding(WARN, f'{free:.1f} GB of memory free', f'training wants about {needed:g} GB')


def check_openblas(environ: dict[str, str] | None = None) -> Finding:
    """Check that numpy's OpenBLAS is not set to compute for an older processor."""
    value = (os.environ if environ is None else environ).get('OPENBLAS_CORETYPE')
    if not value:
        return Finding(OK, 'OPENBLAS_CORETYPE is not set')
    return Finding(WARN, f'OPENBLAS_CORETYPE={value} keeps numpy from choosing for this processor',
                   'unset OPENBLAS_CORETYPE (measured: up to twice as fast)')


CHECKS = (
    pre.check_python, pre.check_compiler, pre.check_headers,
    lambda: pre.check_ros(wanted=os.environ.get('ROS_DISTRO') or installed_ros()), check_versions,
    lambda: check_import('rclpy', 'init'), lambda: check_import('rpl_msgs.msg', 'State'),
    check_round_trip, lambda: check_import('torch', 'Tensor'), check_mujoco, check_meshes,
    check_rendering, check_ffmpeg, check_cpus, check_memory, lambda: pre.check_disk(needed=1),
    check_openblas,
)


def main(argv: list[str] | None = None) -> int:
    """Print one line for each check; return 0 if nothing FAILs, 1 otherwise."""
    parser = argparse.ArgumentParser(prog='rpl doctor', description=__doc__)
    parser.parse_args(argv)
    failed = False
    for check in CHECKS:
        finding = check()
        print(finding.line(), flush=True)
        failed |= finding.level == FAIL
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
