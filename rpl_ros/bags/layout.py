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
Decodes CDR messages many at a time: messages of one layout are rows of one numpy array.

A layout follows from the definition in the bag and from the lengths of all strings and sequences
in a message. Nearly all messages of a topic share one. Decoded one by one by rosbags, a bag takes
twice as long to read, and rosbags executes Python code that it writes from the bag's definitions.
"""

from contextlib import suppress
from functools import cache, lru_cache

import numpy as np
from rosbags.interfaces import Nodetype
from rpl_ros.bags.errors import BadMessage
from rpl_ros.bags.stored import Columns, Definitions

NUMBERS = {'bool': 'u1', 'byte': 'u1', 'char': 'u1', 'int8': 'i1', 'uint8': 'u1', 'int16': 'i2',
           'uint16': 'u2', 'int32': 'i4', 'uint32': 'u4', 'int64': 'i8', 'uint64': 'u8',
           'float32': 'f4', 'float64': 'f8'}
ORDERS = {b'\x00\x00': '>', b'\x00\x01': '<'}
HEAD = 4  # bytes before the message itself, from which alignment is counted: encoding and options
PADDING = 3  # bytes that a middleware may append to make the size a multiple of four


@cache
def _number(name: str, order: str) -> np.dtype:
    return np.dtype(order + NUMBERS[name])


class Layout:
    """
    Where each field of the messages of one layout is.

    `types` are definitions as rosbags parses them, `kind` is the type of the message, `raw` is an
    example. BadMessage where the example is no message of this type.
    """

    def __init__(self, types: Definitions, kind: str, raw: bytes) -> None:
        """Read the example from its first byte to its last."""
        if raw[:2] not in ORDERS:
            raise BadMessage(f'encoding 0x{bytes(raw[:2]).hex()} is not plain CDR')
        self.order, self.raw, self.place = ORDERS[bytes(raw[:2])], raw, HEAD
        self.parts: dict[str, tuple[np.dtype, int]] = {}
        self.lengths: dict[str, int] = {}
        self.texts: list[str] = []
        self.booleans: list[str] = []
        self._message(types, kind, '')
        if not 0 <= len(raw) - self.place <= PADDING:
            raise BadMessage(f'{len(raw)} bytes, expected {self.place}')
        # Bytes 0 to 1 of each row, so that a message of the other byte order does not fit.
        self.parts[''] = (np.dtype('V2'), 0)
        self.dtype = np.dtype({'names': list(self.parts),
                               'formats': [dtype for dtype, _ in self.parts.values()],
                               'offsets': [place for _, place in self.parts.values()],
                               'itemsize': len(raw)})
        self.raw = raw[:2]

    def _read(self, name: str, dtype: np.dtype) -> np.ndarray:
        """Add a field at the present place; return its value in the example."""
        if self.place + dtype.itemsize > len(self.raw):
            raise BadMessage(f'field {name.rstrip("#")} goes beyond the end of the message, '
                             f'{len(self.raw)} bytes')
        self.parts[name] = (dtype, self.place)
        value = np.frombuffer(self.raw, dtype.base, int(np.prod(dtype.shape)), self.place)
        self.place += dtype.itemsize
        return value

    def _align(self, size: int) -> None:
        self.place += -(self.place - HEAD) % size

    def _length(self, name: str) -> int:
        """Read the length of a string or sequence."""
        self._align(4)
        length = int(self._read(f'{name}#', _number('uint32', self.order))[0])
        if length > len(self.raw):
            raise BadMessage(f'field {name} says it has {length} elements, '
                             f'the message has {len(self.raw)} bytes')
        self.lengths[f'{name}#'] = length
        return length

    def _message(self, types: Definitions, kind: str, prefix: str) -> None:
        """Read the fields of a message, which may be part of another one."""
        for name, (node, what) in types[kind][1]:
            name = prefix + name
            if node == Nodetype.NAME:
                self._message(types, what, f'{name}.')
            elif node == Nodetype.BASE and what[0] == 'string':
                length = self._length(name)
                self.texts.append(name)
                if length:
                    self._read(name, np.dtype(f'V{length}'))
            elif node == Nodetype.BASE and what[0] in NUMBERS:
                dtype = _number(what[0], self.order)
                self._align(dtype.itemsize)
                self._read(name, dtype)
                if what[0] == 'bool':
                    self.booleans.append(name)
            elif node == Nodetype.SEQUENCE and what[0][1][0] in NUMBERS:
                length, dtype = self._length(name), _number(what[0][1][0], self.order)
                if length:  # an empty sequence is not aligned
                    self._align(dtype.itemsize)
                self._read(name, np.dtype((dtype, (length,))))
            else:
                raise BadMessage(f'field {name} is of a type that this reader does not know')

    def fits(self, rows: np.ndarray) -> np.ndarray:
        """Return which rows (N,) of a record array have this layout, (N,) bool."""
        good = np.full(len(rows), True)
        if rows[''].tobytes() != self.raw * len(rows):
            good = np.array([row.tobytes() == self.raw for row in rows['']])
        for name, length in self.lengths.items():
            good &= rows[name] == length
        return good

    def columns(self, rows: np.ndarray) -> Columns:
        """
        Return {field: values of all rows}: lists of plain numbers and texts, arrays (N, size).

        Numbers of sequences are copies in this machine's byte order. BadMessage for bad text.
        """
        found: Columns = {name: [''] * len(rows) for name in self.texts}
        for name, (dtype, _) in self.parts.items():
            if name in self.lengths or not name:
                continue
            if name in self.texts:
                found[name] = [_text(value) for value in _bytes(rows[name])]
            elif dtype.shape:
                column = np.ascontiguousarray(rows[name])
                found[name] = column.astype(dtype.base.newbyteorder('='), copy=False)
            else:
                found[name] = (rows[name] != 0 if name in self.booleans else rows[name]).tolist()
        return found


def _bytes(column: np.ndarray) -> list[bytes]:
    """Return the values of a column of raw bytes."""
    size, data = column.dtype.itemsize, column.tobytes()
    return [data[start:start + size] for start in range(0, len(data), size)]


@lru_cache(maxsize=1000)
def _text(data: bytes) -> str:
    """Return a string of CDR, whose bytes end with a zero."""
    try:
        return data[:-1].decode()
    except UnicodeDecodeError:
        raise BadMessage(f'{data!r} is no UTF-8 text') from None


class Decoder:
    """Decodes the messages of one type, `kind`, by the first of some definitions that fits."""

    def __init__(self, definitions: list[Definitions], kind: str) -> None:
        """Start without any layout."""
        self._definitions, self._kind = definitions, kind
        self._layouts: dict[int, Layout] = {}  # by size of the message: the last one that fitted

    def decode(self, raws: list[bytes]) -> tuple[list[tuple[list[int], Columns]],
                                                 dict[int, BadMessage]]:
        """Return ([(indices, columns)], {index: BadMessage}) for a list of messages as bytes."""
        by_size: dict[int, list[int]] = {}
        groups: list[tuple[list[int], Columns]] = []
        bad: dict[int, BadMessage] = {}
        for index, raw in enumerate(raws):
            by_size.setdefault(len(raw), []).append(index)
        for left in by_size.values():
            while left:
                left = self._some(raws, left, groups, bad)
        return groups, bad

    def _some(self, raws: list[bytes], left: list[int], groups: list[tuple[list[int], Columns]],
              bad: dict[int, BadMessage]) -> list[int]:
        """Decode those of `left`, messages of one size, that share a layout; return the others."""
        size, data = len(raws[left[0]]), b''.join([raws[index] for index in left])
        layout = self._layouts.get(size)
        rows = np.frombuffer(data, layout.dtype if layout else 'V1')
        good = layout.fits(rows) if layout else None
        if layout is None or good is None or not good.any():
            try:
                layout = self._layouts[size] = self._layout(raws[left[0]])
            except BadMessage as error:
                bad[left[0]] = error
                return left[1:]
            rows = np.frombuffer(data, layout.dtype)
            good = layout.fits(rows)
        taken, others = left, []
        if not good.all():
            rows, taken = rows[good], [index for index, fits in zip(left, good) if fits]
            others = [index for index, fits in zip(left, good) if not fits]
        try:
            groups.append((taken, layout.columns(rows)))
        except BadMessage as error:  # one of them has bad text
            if len(taken) == 1:
                bad[taken[0]] = error
            else:
                for index in taken:
                    self._some(raws, [index], groups, bad)
        return others

    def _layout(self, raw: bytes) -> Layout:
        """Return the Layout of a message; the BadMessage of the first definition if none fits."""
        for types in self._definitions:
            with suppress(BadMessage):
                return Layout(types, self._kind, raw)
        return Layout(self._definitions[0], self._kind, raw)
