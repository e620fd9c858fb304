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

"""Files that are complete at any time, folders that one process uses, and rows as CSV."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import csv
import errno
import fcntl
import io
import os
from pathlib import Path
import socket
import stat
import time
from typing import Any, IO, TextIO

LOCK = 'run.lock'
"""Name of the file that the process which writes into a folder keeps locked."""
PART = '.part'
"""End of the name of a file that is not complete yet."""


class InUseError(Exception):
    """Another process uses a folder; the text says which one."""


def open_regular(path: Path | str, mode: str = 'rb', **options: Any) -> IO[Any]:
    """
    Open a file to read; `options` are those of open().

    OSError also for a folder, a pipe or a device, where reading may never end.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block here
    try:
        kind = os.fstat(file).st_mode
        if not stat.S_ISREG(kind):
            number = errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL
            raise OSError(number, 'is a folder, expected a file' if stat.S_ISDIR(kind) else
                          'is a pipe or device, expected a file', str(path))
        return open(file, mode, **options)
    except BaseException:
        os.close(file)
        raise


def read_bytes(path: Path | str) -> bytes:
    """Return the bytes of a file; OSError as from open_regular()."""
    with open_regular(path) as file:
        return file.read()


def csv_rows(path: Path | str, torn: bool = True) -> Iterator[dict[str, Any]]:
    """
    Yield the rows of a CSV file as dicts of text, without `torn` only those with a line end.

    A missing cell has the value None; surplus cells are a list under the key None. Bytes that are
    not UTF-8 become the replacement character. ValueError, without the path, where the file is no
    CSV; OSError as from open_regular().
    """
    with open_regular(path, 'r', newline='', encoding='utf-8', errors='replace') as file:
        try:
            yield from csv.DictReader(line for line in file if torn or line[-1] in '\r\n')
        except csv.Error as error:  # such as a field of more than 128 kB
            raise ValueError(f'not CSV: {error}') from error


def write_file(path: Path | str, content: bytes | str, before: Path | None = None) -> None:
    """
    Write a file so that at any time, even after a power cut, the old or the new one is complete.

    A missing folder is made. The old file, if there is one, is kept as `before` where that is
    given. OSError where the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    try:
        write_synced(part, content.encode() if isinstance(content, str) else content)
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)  # half a file would use up a full disk
        raise
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write bytes to a file that no other process reads yet, and flush it to the disk."""
    with open(path, 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk; some file systems cannot, and need not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def set_aside(folder: Path, paths: Iterable[Path]) -> Path | None:
    """Move files into a new folder damaged_<n> of `folder`; return it, or None without files."""
    paths = [path for path in paths if path.exists()]
    if not paths:
        return None
    number = 1
    while (target := Path(folder) / f'damaged_{number}').exists():
        number += 1
    target.mkdir()
    for path in paths:
        os.replace(path, target / path.name)
    sync_folder(target)
    sync_folder(folder)
    return target


def lock_folder(folder: Path | str, name: str = LOCK) -> TextIO:
    """
    Make `folder` if it is missing and lock its file `name`; return the open file.

    Closing the file unlocks the folder, and so does the end of the process. InUseError where
    another process has the lock, OSError where the folder cannot be made.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = open(folder / name, 'a+', encoding='utf-8')  # not 'w': the file names its owner
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)  # it may be a process that only looks whether there is a run
            continue
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        return file
    file.seek(0)
    holder = file.read(200).strip() or 'another process'
    file.close()
    raise InUseError(f'{folder} is in use by {holder}')


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return dicts as CSV; the header is the keys of the first one."""
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
