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

"""A run folder that travels between hosts: what has changed in it, and how it is put back."""

import os
from pathlib import Path
import time

from rpl_ros.common.files import LOCK, PART, sync_folder, write_synced

GROWING = ('.csv', '.log')
"""Files that grow all the time; the others belong to a checkpoint and have to fit together."""
FileStates = dict[str, tuple[int, int]]
"""Relative name of a file -> its size in bytes, and the time of its last change in ns."""
Changes = dict[str, bytes | None]
"""Relative name of a file that is new or has changed -> its content; None: it was removed."""


def file_states(folder: Path) -> FileStates:
    """Return the states of all files of a folder that are complete, except its lock."""
    found = {}
    for path in sorted(folder.rglob('*')):
        if path.name != LOCK and not path.name.endswith(PART) and path.is_file():
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def _checkpoint_files(states: FileStates) -> FileStates:
    """Return the states of the files that belong to a checkpoint."""
    return {name: state for name, state in states.items() if not name.endswith(GROWING)}


def _is_settled(folder: Path, states: FileStates, settle: float) -> bool:
    """Return whether no checkpoint is being written, or was in the last `settle` seconds."""
    latest = (time.time() - settle) * 1e9
    return (all(changed <= latest for _, changed in _checkpoint_files(states).values())
            and not any(folder.rglob(f'*{PART}')))


def read_changes(folder: Path, known: FileStates,
                 settle: float = 1.0) -> tuple[Changes, FileStates]:
    """
    Return (changes since the states `known`, new states).

    There are none where a checkpoint was written in the last `settle` seconds or during the call:
    half a checkpoint is worse than the one before. Use `settle` 0 where no process writes any
    more: then incomplete files are left out.
    """
    try:
        states = file_states(folder)
        if states == known or settle and not _is_settled(folder, states, settle):
            return {}, known
        changes: Changes = dict.fromkeys(known.keys() - states.keys())
        changes |= {name: (folder / name).read_bytes() for name, state in states.items()
                    if known.get(name) != state}
        if _checkpoint_files(file_states(folder)) == _checkpoint_files(states):
            return changes, states
    except FileNotFoundError:  # it was replaced just now
        pass
    return {}, known


def write_changes(changes: Changes, folder: Path) -> None:
    """
    Make the changes in a folder.

    All files are written under other names first, so that a checkpoint changes at once.
    """
    parts = []
    for name, content in changes.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + PART)
            write_synced(part, content)
            parts.append((part, path))
    for part, path in parts:
        os.replace(part, path)
    for parent in {path.parent for _, path in parts}:
        sync_folder(parent)
    for name, content in changes.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
