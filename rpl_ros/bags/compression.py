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
Decompression: chunks of MCAP, whole or cut off, and files that `ros2 bag` compressed as a whole.

Both are limited: a small file of zeros could fill the memory or the disk.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
import tempfile
from typing import IO

import lz4.frame
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.stored import Connection, StorageFile, Stored
from rpl_ros.common.files import open_regular
import zstandard

MAGIC = b'\x28\xb5\x2f\xfd'
SUFFIX = '.zstd'
PIECE = 1 << 20  # bytes that are decompressed at once
MOST_TIMES = 200
MOST_SMALL = 1 << 28


def limit(size: int) -> int:
    """Return how many bytes may come out of `size` compressed ones."""
    return max(MOST_SMALL, MOST_TIMES * size)


def decompressed(compression: str, data: bytes, most: int) -> bytes:
    """
    Return at most `most` bytes of compressed data, as far as they can be decompressed.

    `compression` is MCAP's name: '', 'lz4' or 'zstd'.
    """
    if not compression:
        return data[:most]
    found = bytearray()
    try:
        if compression == 'lz4':
            return lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=most)
        for piece in _pieces(BytesIO(data)):
            found += piece[:most - len(found)]
            if len(found) == most:
                break
    except (zstandard.ZstdError, RuntimeError):  # the latter is of lz4
        pass
    return bytes(found)


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a zstd stream, up to its end or a ZstdError."""
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    while piece := reader.read(PIECE):
        yield piece


class CompressedFile:
    """
    A storage file that was compressed as a whole, decompressed into a temporary folder.

    `open_file(path, note, name)` opens the result under the `name` of the compressed file.
    """

    def __init__(self, path: Path, note: Callable[[str], None],
                 open_file: Callable[..., StorageFile]) -> None:
        """Decompress the file; BagError where the temporary folder is full."""
        self.path = path
        self._folder = tempfile.TemporaryDirectory(prefix='rpl_bag_')
        target = Path(self._folder.name) / path.name.removesuffix(SUFFIX)
        try:
            self._decompress(target, note)
            self._file = open_file(target, note, path)
        except OSError as error:
            self._folder.cleanup()
            raise BagError(f'{path}: cannot be unpacked into {self._folder.name}: '
                           f'{error.strerror}; TMPDIR may name another folder') from error
        except BaseException:
            self._folder.cleanup()
            raise

    def _decompress(self, target: Path, note: Callable[[str], None]) -> None:
        left = limit(self.path.stat().st_size)
        with open_regular(self.path) as source, open(target, 'wb') as file:
            try:
                for piece in _pieces(source):
                    file.write(piece[:left])
                    left -= len(piece)
                    if left < 0:
                        note(f'{self.path}: unpacks to more than {MOST_TIMES} times its size: '
                             'the rest is not read')
                        break
            except zstandard.ZstdError as error:
                note(f'{self.path}: cannot be unpacked beyond byte {file.tell()} of its content: '
                     f'{error}')

    @property
    def connections(self) -> list[Connection]:
        """Return all Connections that are known so far."""
        return self._file.connections

    def batches(self) -> Iterator[list[Stored]]:
        """Yield the messages in the order of the file, many at a time."""
        return self._file.batches()

    def close(self) -> None:
        """Close the file, and remove its decompressed content."""
        self._file.close()
        self._folder.cleanup()
