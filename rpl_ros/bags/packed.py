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
What is compressed: files that `ros2 bag` has packed as a whole, and chunks that were cut off.

Both are unpacked as far as there are bytes, and never to more than they may hold.
"""

from io import BytesIO
from pathlib import Path
import tempfile

import lz4.frame
from rpl_ros.bags.errors import BagError
from rpl_ros.files import open_regular
import zstandard

MAGIC = b'\x28\xb5\x2f\xfd'
SUFFIX = '.zstd'
PIECE = 1 << 20
MOST_TIMES = 200
"""A packed file may become this many times as large, or MOST_SMALL bytes: zeros become more."""
MOST_SMALL = 1 << 28


def unpack_start(compression, data, most):
    """
    Return what the beginning of compressed data holds, as far as it can be read.

    `compression` is MCAP's name: '', 'lz4' or 'zstd'; at most `most` bytes.
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
    except (zstandard.ZstdError, RuntimeError):  # the latter: lz4
        pass
    return bytes(found)


def _pieces(source):
    """Yield what a stream of zstd holds, up to its end or a ZstdError."""
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    while piece := reader.read(PIECE):
        yield piece


class PackedFile:
    """
    A storage file that was compressed as a whole, unpacked into a temporary folder.

    `open_file(path, note, name)` opens what comes out, under the `name` of the packed file.
    """

    def __init__(self, path, note, open_file):
        """Unpack the file; BagError where there is no room for it."""
        self.path = Path(path)
        self._folder = tempfile.TemporaryDirectory(prefix='rpl_bag_')
        target = Path(self._folder.name) / self.path.name.removesuffix(SUFFIX)
        try:
            self._unpack(target, note)
            self._file = open_file(target, note, self.path)
        except OSError as error:
            self._folder.cleanup()
            raise BagError(f'{path}: cannot be unpacked into {self._folder.name}: '
                           f'{error.strerror}; TMPDIR may name another folder') from error
        except BaseException:
            self._folder.cleanup()
            raise

    def _unpack(self, target, note):
        left = max(MOST_SMALL, MOST_TIMES * self.path.stat().st_size)
        with open_regular(self.path) as source, open(target, 'wb') as file:
            try:
                for piece in _pieces(source):
                    file.write(piece[:left])
                    left -= len(piece)
                    if left < 0:
                        note(f'{self.path}: unpacks to more than {MOST_TIMES} times its size: '
                             'what follows is not read')
                        break
            except zstandard.ZstdError as error:
                note(f'{self.path}: cannot be unpacked beyond byte {file.tell()} of what it '
                     f'holds: {error}')

    @property
    def connections(self):
        """Return all Connections that are known so far."""
        return self._file.connections

    def batches(self):
        """Yield lists of Stored messages in the order of the file."""
        return self._file.batches()

    def close(self):
        """Close the file, and remove what was unpacked."""
        self._file.close()
        self._folder.cleanup()
