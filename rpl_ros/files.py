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

"""Files that are there whole or not at all, folders that one process uses, and rows as CSV."""

import csv
import errno
import fcntl
import io
import os
from pathlib import Path
import socket
import stat
import time

LOCK = 'run.lock'
"""Name of the file that whoever writes into a folder keeps locked."""


class InUseError(Exception):
    """A folder that another process uses: says which."""


def open_regular(path, mode='rb', **options):
    """
    Open a file to read; `options` are those of open().

    OSError also for a folder, a pipe or a device: to read those may never end.
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


def read_bytes(path):
    """Return the bytes of a file; OSError as from open_regular()."""
    with open_regular(path) as file:
        return file.read()


def csv_rows(path):
    """
    Yield the rows of a CSV file as dicts: None is a cell that lacks, and the key of too many.

    Bytes that are no UTF-8 become signs that no number has. ValueError, without the path, where it
    is no such text; OSError as from open_regular().
    """
    with open_regular(path, 'r', newline='', encoding='utf-8', errors='replace') as file:
        try:
            yield from csv.DictReader(file)
        except csv.Error as error:  # such as a field of more than 128 kB
            raise ValueError(f'it is no CSV: {error}') from error


def write_file(path, content, before=None):
    """
    Write bytes or text so that at any time there is the old file or the whole new one.

    That holds for a power cut, too. The folder is made if it is missing; the old file, if there
    is one, is kept as `before` where that is given. OSError where it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    try:
        write_synced(part, content.encode() if isinstance(content, str) else content)
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)  # half a file would fill the disk that is full already
        raise
    sync_folder(path.parent)


def write_synced(path, content):
    """Write bytes to a file that nobody reads yet, and have them written to the disk."""
    with open(path, 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder):
    """Have the names in a folder written to the disk; some file systems cannot, and need not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def set_aside(folder, paths):
    """Move files into a new folder damaged_<n> of `folder`; return that, None without files."""
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


def lock_folder(folder):
    """
    Make `folder` if need be and lock it; return the open file that keeps it locked.

    The lock ends with the process, however it ends. InUseError where another one has it, OSError
    where there can be no such folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = open(folder / LOCK, 'a+', encoding='utf-8')  # not 'w': it tells who holds it
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)  # it may be no run, but one that looks whether there is one
            continue
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        return file
    file.seek(0)
    holder = file.read(200).strip() or 'another process'
    file.close()
    raise InUseError(f'{folder} is in use by {holder}')


def csv_text(rows):
    """Return dicts as CSV whose header is the keys of the first one."""
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
