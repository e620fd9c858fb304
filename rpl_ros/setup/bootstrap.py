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
Makes .venv with everything that rpl_ros needs; `make setup` runs it as a module from the checkout.

Without a ROS 2 distribution ROS 2 comes from PyPI: Kilted in .venv, or with --ros jazzy Jazzy in
.venv_jazzy. With one sourced, nothing that it has is taken from PyPI. Only the standard library is
used, so that any python3 of the machine can run it.
"""
import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from rpl_ros.setup import message_build, prerequisites as pre

ROOT = pre.ROOT
CPU_INDEX = 'https://download.pytorch.org/whl/cpu'


class SetUpError(Exception):
    """A step of the set-up failed; the text says what to do."""


def explain(log: str) -> str:
    """Return what to do about pip's or the compiler's failure, from what they printed."""
    causes = (
        (r'No space left on device', 'the disk is full: make room, then run it again'),
        (r'Python\.h|Development\.Module', 'Python headers are missing: apt-get install '
         'python3-dev'),
        (r'name resolution|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|'
         r'Network is unreachable', 'the package index cannot be reached: check the network and '
         'the proxy, or name a mirror with PIP_INDEX_URL'),
        (r'No matching distribution', 'the package index has no version for this Python that '
         'setup.cfg names: try another Python with PYTHON=...'),
    )
    return next((text for cause, text in causes if re.search(cause, log)), 'see the log')


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Print `title` on one line with the seconds that the block took."""
    print(f'  {title} ...', end=' ', flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print('failed', flush=True)
        raise
    print(f'{time.monotonic() - started:.1f} s', flush=True)


class Environment:
    """The virtual environment that is made: its folder, and programs that run with its log."""

    def __init__(self, folder: Path) -> None:
        """Remember its folder, which need not exist yet."""
        self.folder = folder
        self.python = folder / 'bin' / 'python'
        self.log = folder / 'setup.log'
        self.stamp = folder / 'setup_stamp'        # hash of all inputs; written last
        self.identity = folder / 'setup_identity'  # what it was made for; empty while unfinished

    def run(self, command: Sequence[Union[str, Path]], **environ: str) -> None:
        """Run `command`, its output in the log; on failure raise with the end of that output."""
        words = [str(part) for part in command]
        with self.log.open('a+', encoding='utf-8', errors='replace') as log:
            log.write(f'\n$ {" ".join(words)}\n')
            log.flush()
            started = log.tell()
            code = subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, cwd=str(ROOT),
                                  stdin=subprocess.DEVNULL,
                                  env={**os.environ, **environ}).returncode
            log.seek(started)
            output = log.read()
        if code:
            end = '\n'.join('    ' + line for line in output.splitlines()[-15:])
            raise SetUpError(f'{end}\n{explain(output)}\nThe whole log is in {self.log}')

    def pip(self, *arguments: str) -> None:
        """Run the environment's pip."""
        self.run([self.python, '-m', 'pip', '--disable-pip-version-check', *arguments])

    def installed_torch(self) -> str:
        """Return the name of the installed torch's metadata folder; empty if there is none."""
        found = self.folder.glob('lib/python3*/site-packages/torch-*.dist-info')
        return next((path.name for path in found), '')

    def torch_differs(self, wanted: str) -> bool:
        """Return whether the installed build is not `wanted`: 'cpu', 'cuda' or '' for any."""
        return bool(wanted) and ('+cpu' in self.installed_torch()) != (wanted == 'cpu')


def fingerprint(identity: str) -> str:
    """Return a hash of all that decides whether the set-up is up to date."""
    digest = hashlib.sha256(identity.encode())
    sources = [ROOT / 'setup.cfg', ROOT / 'setup.py', *sorted((ROOT / 'rpl_msgs').rglob('*')),
               Path(__file__), Path(pre.__file__), Path(message_build.__file__)]
    for path in sources:
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + b'\0' + path.read_bytes())
    return digest.hexdigest()


def read(path: Path) -> Optional[str]:
    """Return the text of a file, or None if it is not there."""
    return path.read_text(encoding='utf-8') if path.is_file() else None


def check(cuda: bool, ros: str) -> bool:
    """Print what is missing; return whether the set-up for the distribution `ros` can continue."""
    findings = [pre.check_python(), pre.check_venv(), pre.check_headers(), pre.check_compiler(),
                pre.check_disk(ROOT, pre.SET_UP_CUDA_GB if cuda else pre.SET_UP_GB),
                pre.check_egl(), pre.check_ros(wanted=ros)]
    for finding in findings:
        if finding.level != pre.OK:
            print(finding.line(), file=sys.stderr)
    return all(finding.level != pre.FAIL for finding in findings)


def make_venv(made: Environment, identity: str, distribution: bool) -> None:
    """Make the virtual environment, unless one that was made for the same is there."""
    if made.folder.exists() and read(made.identity) is None:
        raise SetUpError(f'{made.folder} was not made by this script: move it away, then run it '
                         'again')
    if read(made.identity) == identity:
        return
    # Made for another Python or folder, or never finished: nothing in it can be trusted.
    shutil.rmtree(str(made.folder), ignore_errors=True)
    made.folder.mkdir()
    made.identity.touch()
    (made.folder / 'COLCON_IGNORE').touch()
    options = ['--system-site-packages'] if distribution else []
    with step('virtual environment'):
        made.run([sys.executable, '-m', 'venv', *options, made.folder])


def available(name: str) -> bool:
    """Return whether the machine has the program or Python module `name` already."""
    return bool(shutil.which(name)) or importlib.util.find_spec(name) is not None


def system_version(name: str) -> Optional[str]:
    """Return the version of a package that this Python has, or None."""
    # Not in Python 3.7 and older, which never gets this far.
    from importlib import metadata
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def requirements(pins: Dict[str, List[str]], distribution: bool, ros: str = pre.DEFAULT_ROS,
                 has: Callable[[str], bool] = available,
                 version: Callable[[str], Optional[str]] = system_version
                 ) -> Tuple[List[str], List[str]]:
    """Return (build tools, all other requirements); `ros` is the distribution from PyPI."""
    run_pins = pins['lock'] + pins['test']
    if not distribution:
        return pins['build'], run_pins + pins['lint'] + pins[ros]
    # Messages of the distribution are compiled against its numpy: never bring another one.
    for name in pre.FROM_DISTRIBUTION:
        own = version(name)
        if own:
            run_pins = [pin for pin in run_pins if pre.split_pin(pin)[0] != name]
            run_pins.append(f'{name}=={own}')
    return [pin for pin in pins['build'] if not has(pre.split_pin(pin)[0])], run_pins


def install_torch(made: Environment, pin: str, wanted: str) -> None:
    """Install torch without CUDA from PyTorch's own index, or leave it to the next step."""
    if made.torch_differs(wanted):
        made.pip('uninstall', '-y', 'torch')
    if wanted == 'cuda' or made.installed_torch():
        return
    try:
        with step('torch for CPU'):
            made.pip('install', '--no-deps', '--retries', '0', '--timeout', '5',
                     '--index-url', CPU_INDEX, pin)
    except SetUpError:
        print("  PyTorch's CPU index cannot be used: torch comes with the other packages")


def install_packages(made: Environment, identity: str, needed: Tuple[List[str], List[str]],
                     torch: str) -> None:
    """Install all pinned packages; `needed` is what requirements() returned."""
    build, others = needed
    made.identity.write_text('', encoding='utf-8')
    with step('build tools'):
        made.pip('install', '--retries', '2', *(build or ['pip']))
    install_torch(made, next(pin for pin in others if pin.startswith('torch==')), torch)
    with step(f'{len(others)} packages and what they need'):
        # For Python 3.10 the newest release of some packages is there as source only.
        made.pip('install', '--prefer-binary', *others)
    made.identity.write_text(identity, encoding='utf-8')


def link(place: Path, target: Path) -> None:
    """Make `place` a symbolic link to `target`; replace an older link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    place.symlink_to(target)


def link_programs(venv: Path) -> None:
    """Link our programs to where `ros2 run` looks for them."""
    for program in [*(venv / 'bin').glob('*_node'), venv / 'bin' / 'rpl']:
        link(venv / 'lib' / 'rpl_ros' / program.name, program)


def install_package(made: Environment) -> None:
    """Install rpl_ros itself, editable, and link what `ros2 run` and `ros2 launch` look for."""
    made.pip('install', '--no-deps', '--no-build-isolation', '--use-pep517', '--editable', '.')
    venv = made.folder
    link_programs(venv)
    data = venv / 'share' / 'rpl_ros'
    for name in ('package.xml', 'config', 'sim'):
        link(data / name, ROOT / name)
    if (data / 'launch').is_symlink():  # of an earlier version
        (data / 'launch').unlink()
    for path in (ROOT / 'launch').glob('*.launch.py'):  # `ros2 launch` follows no linked folder
        link(data / 'launch' / path.name, path)
    link(venv / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'rpl_ros',
         ROOT / 'resource' / 'rpl_ros')


def set_up(torch: str, ros: str) -> int:
    """Bring the environment up to date; return the exit code."""
    # A process in a virtual environment sees the packages of that environment, not the machine's.
    if sys.prefix != sys.base_prefix:
        base: str = sys._base_executable  # type: ignore[attr-defined]
        os.execv(base, [base, '-m', 'rpl_ros.setup.bootstrap', '--torch', torch, '--ros', ros])
    has_rclpy = importlib.util.find_spec('rclpy') is not None
    distribution = pre.ros_source(os.environ, has_rclpy) == 'distribution'
    made = Environment(ROOT / pre.venv_name(ros))
    pypi = ros or pre.DEFAULT_ROS
    source = os.environ['ROS_DISTRO'] if distribution else f'{pypi} from PyPI'
    identity = f'{sys.version} | {sys.base_prefix} | {ROOT} | ROS 2 {source}\n'
    if read(made.stamp) == fingerprint(identity) and not made.torch_differs(torch):
        return 0
    if not check(torch == 'cuda', ros):
        return 1
    print(f'Setting up {made.folder}, ROS 2 {source}', flush=True)
    if made.stamp.exists():
        made.stamp.unlink()
    make_venv(made, identity, distribution)
    install_packages(made, identity, requirements(pre.read_pins(), distribution, pypi), torch)
    with step('rpl_msgs'):
        message_build.build(made.folder, distribution, made.run)
    with step('rpl_ros'):
        install_package(made)
    made.stamp.write_text(fingerprint(identity), encoding='utf-8')
    return 0


def main(argv: Optional[List[str]] = None) -> int:
    """Set up; return the exit code."""
    parser = argparse.ArgumentParser(prog='bootstrap', description=__doc__)
    parser.add_argument('--torch', choices=('cpu', 'cuda', ''), default='',
                        help='build of torch; by default the installed one, or cpu')
    parser.add_argument('--ros', choices=(*pre.ROS_FROM_PYPI, ''), default='',
                        help='distribution that is taken from PyPI where none is sourced '
                        f'(default {pre.DEFAULT_ROS})')
    options = parser.parse_args(argv)
    lock = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)   # two `make run` at once: the second one waits
        return set_up(options.torch, options.ros)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nInterrupted; the next call continues.', file=sys.stderr)
        return 130
    finally:
        os.close(lock)


if __name__ == '__main__':
    sys.exit(main())
