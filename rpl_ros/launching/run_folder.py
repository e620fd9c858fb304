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

"""The run folder: the exact configuration of a run and the circumstances in which it was made."""

from dataclasses import asdict
from datetime import datetime
from importlib import metadata
import os
from pathlib import Path
import platform
import re
import shlex
import subprocess
import sys

from rpl_ros.config import SettingsError
from rpl_ros.files import write_file
import yaml

PACKAGES = ('rpl_ros', 'numpy', 'mujoco', 'torch', 'rclpy')


class _Quoted(str):
    """Text that is written in quotes: the parser of ROS takes 1e5 for a number, PyYAML not."""


class _Dumper(yaml.SafeDumper):
    """Writes _Quoted text in quotes, and no references to what was written before."""

    def ignore_aliases(self, data):
        return True


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar(
    'tag:yaml.org,2002:str', text, style='"'))


def version_of(package):
    """Return the version of an installed package, or 'unknown'."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    manifest = Path(__file__).parents[2] / 'package.xml'
    if package == 'rpl_ros' and manifest.is_file():
        text = manifest.read_text(encoding='utf-8')
        return re.search(r'<version>(.*?)</version>', text).group(1)
    return 'unknown'


def git_commit():
    """Return the commit of the checkout, '+dirty' if it was changed, or '' outside of one."""
    root = Path(__file__).parents[2]
    if not (root / '.git').exists():
        return ''

    def git(*words):
        return subprocess.run(['git', '-C', str(root), *words], capture_output=True, text=True,
                              check=True).stdout.strip()
    try:
        return git('rev-parse', 'HEAD') + ('+dirty' if git('status', '--porcelain') else '')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def domain_id():
    """Return the ROS domain that nodes started from here are in; SettingsError for a bad one."""
    text = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not text.isdecimal() or int(text) > 232:
        raise SettingsError(f'environment variable ROS_DOMAIN_ID is {text!r}, expected 0 to 232')
    return int(text)


def to_yaml(tree):
    """Return `tree` as YAML text, in the order given."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _quoted(value):
    """Return a setting for a YAML file: text in quotes, so that it cannot be read as a number."""
    if isinstance(value, tuple):
        return [_quoted(item) for item in value]
    return _Quoted(value) if isinstance(value, str) else value


def parameter_file(all_settings):
    """
    Return the text of a ROS parameter file with each parameter of {node name: settings}.

    The sections reach the nodes in any namespace.
    """
    tree = {}
    for node, settings in all_settings.items():
        values = {name: _quoted(value) for name, value in asdict(settings).items()}
        tree[f'/**/{node}'] = {'ros__parameters': values}
    return to_yaml(tree)


def circumstances():
    """Return what every run.yaml tells: command, date, commit, versions."""
    return {
        'command': shlex.join(sys.argv),
        'date': datetime.now().astimezone().isoformat(timespec='seconds'),
        'commit': git_commit(),
        'versions': {'python': platform.python_version(),
                     **{name: version_of(name) for name in PACKAGES}},
    }


def prepare(run):
    """Make the run folder with config.yaml and run.yaml; SettingsError if there is one already."""
    facts = {'task': run.task, 'run': run.run_id, 'seed': run.settings['sim_node'].seed,
             **circumstances(), 'ros_domain_id': domain_id(), 'arguments': dict(run.arguments)}
    try:
        run.folder.mkdir(parents=True)
    except FileExistsError:
        raise SettingsError(f'run folder {run.folder} already exists: give another one with '
                            'out:=DIR, or move it away') from None
    except OSError as error:
        raise SettingsError(f'run folder {run.folder} cannot be made: {error.strerror}'
                            ) from error
    write_file(run.config, parameter_file(run.settings))
    write_file(run.folder / 'run.yaml', to_yaml(facts))
