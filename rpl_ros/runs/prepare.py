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

"""Makes the run folder: the configuration of a run, and when and with what it was made."""

from dataclasses import asdict
from datetime import datetime
import os
from pathlib import Path
import platform
import shlex
import sys
from typing import Any, Protocol, TextIO

from rpl_ros.common.files import lock_folder, write_file
from rpl_ros.common.versions import git_commit, PACKAGES, version_of
from rpl_ros.common.yaml_file import quoted, to_yaml
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import CONFIG, CONFIG_BEGUN, RUN
from rpl_ros.runs.policies import Start
from rpl_ros.settings.fields import SettingsError


class _Run(Protocol):  # what a launching.graph.Run has and is needed here

    @property
    def folder(self) -> Path: ...
    @property
    def task(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def arguments(self) -> dict[str, Any]: ...
    @property
    def policy(self) -> '_Policy | None': ...
    @property
    def config(self) -> Path: ...
    @property
    def resumed(self) -> '_Resumed | None': ...
    @property
    def texts(self) -> dict[str, str]: ...


class _Policy(Protocol):  # what a launching.policy_argument.ChosenPolicy has

    @property
    def start(self) -> Start: ...


class _Resumed(Protocol):  # what a launching.resume.Resumed has

    @property
    def lock(self) -> TextIO: ...
    def facts(self, settings: dict[str, Any]) -> dict[str, Any]: ...
    def repair(self, settings: dict[str, Any]) -> None: ...


def domain_id() -> int:
    """Return the ROS domain, 0 to 232, of nodes started from here; SettingsError for another."""
    text = os.environ.get('ROS_DOMAIN_ID') or '0'
    if not text.isdecimal() or int(text) > 232:
        raise SettingsError(f'environment variable ROS_DOMAIN_ID is {text!r}, expected 0 to 232')
    return int(text)


def parameter_file(all_settings: dict[str, Any]) -> str:
    """
    Return the text of a ROS parameter file with each parameter of {node name: settings}.

    The sections apply to the nodes in any namespace.
    """
    tree = {}
    for node, settings in all_settings.items():
        values = {name: quoted(value) for name, value in asdict(settings).items()}
        tree[f'/**/{node}'] = {'ros__parameters': values}
    return to_yaml(tree)


def circumstances() -> dict[str, Any]:
    """Return the facts in every run.yaml: command, date, commit, versions."""
    return {
        'command': shlex.join(sys.argv),
        'date': datetime.now().astimezone().isoformat(timespec='seconds'),
        'commit': git_commit(),
        'versions': {'python': platform.python_version(),
                     **{name: version_of(name) for name in PACKAGES}},
    }


def prepare(run: _Run) -> TextIO:
    """
    Make the folder of a launching.graph.Run, or continue it; return its open lock file.

    Closing that file unlocks the folder. SettingsError if the folder of a new run exists already.
    """
    try:
        return _continue(run, run.resumed) if run.resumed else _make(run)
    except OSError as error:
        raise SettingsError(f'run folder {run.folder} cannot be written to: {error.strerror}'
                            ) from error


def _continue(run: _Run, resumed: _Resumed) -> TextIO:
    """Begin the next part of a run in its folder."""
    facts = read_facts(run.folder)
    part = {**resumed.facts(run.settings), **circumstances(), 'ros_domain_id': domain_id()}
    resumed.repair(run.settings)
    write_file(run.config, parameter_file(run.settings))
    write_file(run.folder / RUN, to_yaml({**facts, 'parts': [*facts.get('parts', []), part]}))
    return resumed.lock


def _make(run: _Run) -> TextIO:
    """Make the folder of a new run."""
    facts = {'task': run.task, 'run': run.run_id, 'seed': run.settings['sim_node'].seed,
             **circumstances(), 'ros_domain_id': domain_id(), 'arguments': dict(run.arguments),
             **({'policy': run.policy.start.facts} if run.policy else {})}
    try:
        run.folder.mkdir(parents=True)
    except FileExistsError:
        raise SettingsError(f'run folder {run.folder} already exists: give another one with '
                            'out:=DIR, or move it away') from None
    except OSError as error:
        raise SettingsError(f'run folder {run.folder} cannot be made: {error.strerror}'
                            ) from error
    lock = lock_folder(run.folder)
    if run.policy:
        run.policy.start.copy_to(run.folder)
    for name, text in run.texts.items():
        write_file(run.folder / name, text)
    for name in (CONFIG_BEGUN, CONFIG):
        write_file(run.folder / name, parameter_file(run.settings))
    write_file(run.folder / RUN, to_yaml(facts))
    return lock
