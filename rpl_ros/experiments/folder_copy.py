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

"""A run folder that travels between hosts: what has changed, as bytes, and how it is put back."""

from dataclasses import dataclass
import os
from pathlib import Path
import time

from rpl_ros.files import LOCK, sync_folder, write_synced

PART = '.part'
"""End of the name of a file that is being written (rpl_ros.files)."""
GROWING = ('.csv', '.log')
"""Files that grow all the time; the others belong to a checkpoint and have to fit together."""


@dataclass(frozen=True)
class Pack:
    """`names` of all files of a folder, and the content of those that are new or have changed."""

    names: frozenset
    files: dict


def state_of(folder):
    """Return {relative name: (size in bytes, time of change in ns)} of a folder's whole files."""
    found = {}
    for path in sorted(Path(folder).rglob('*')):
        if path.name != LOCK and not path.name.endswith(PART) and path.is_file():
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def _at_rest(folder, state, settle):
    """Return whether no checkpoint is being written, nor was in the last `settle` seconds."""
    latest = (time.time() - settle) * 1e9
    return (all(changed <= latest for _, changed in _fixed(state).values())
            and not any(Path(folder).rglob(f'*{PART}')))


def _fixed(state):
    """Return the part of a state that belongs to a checkpoint."""
    return {name: value for name, value in state.items() if not name.endswith(GROWING)}


def pack(folder, known, settle=1.0):
    """
    Return (Pack of what differs from the state `known`, new state).

    The Pack is None where nothing differs, or where a checkpoint was written in the last `settle`
    seconds or while it was read: half a checkpoint is worth less than the one before. With
    `settle` 0 nobody writes, and what was left half written is left out.
    """
    folder = Path(folder)
    try:
        state = state_of(folder)
        if state == known or settle and not _at_rest(folder, state, settle):
            return None, known
        files = {name: (folder / name).read_bytes() for name, value in state.items()
                 if known.get(name) != value}
        if _fixed(state_of(folder)) != _fixed(state):
            return None, known
    except FileNotFoundError:  # it was replaced just now
        return None, known
    return Pack(frozenset(state), files), state


def merge(new, folder, before=frozenset()):
    """
    Put a Pack into a folder; files in `before` that the Pack does not name are removed.

    All files are first written beside their places, so that a checkpoint changes at once.
    """
    parts = []
    for name, content in new.files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + PART)
        write_synced(part, content)
        parts.append((part, path))
    for part, path in parts:
        os.replace(part, path)
    for place in {path.parent for _, path in parts}:
        sync_folder(place)
    for name in before - new.names:
        (Path(folder) / name).unlink(missing_ok=True)
