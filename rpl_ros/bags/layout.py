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
in a message. Nearly all messages of a topic share one, so that one look serves thousands.
"""

from contextlib import suppress
from functools import lru_cache

import numpy as np
from rosbags.interfaces import Nodetype

from rpl_ros.bags.errors import BadMessage

NUMBERS = {'bool': 'u1', 'byte': 'u1', 'char': 'u1', 'int8': 'i1', 'uint8': 'u1', 'int16': 'i2',
           'uint16': 'u2', 'int32': 'i4', 'uint32': 'u4', 'int64': 'i8', 'uint64': 'u8',
           'float32': 'f4', 'float64': 'f8'}
ORDERS = {b'\x00\x00': '>', b'\x00\x01': '<'}
HEAD = 4
"""Bytes before the message itself, from which alignment is counted: encoding and options."""
PADDING = 3
"""Bytes that a middleware may append to come to a multiple of four."""


@lru_cache(maxsize=None)
def _number(name, order):
    return np.dtype(order + NUMBERS[name])


class Layout:
    """
    Where each field of the messages of one layout lies.

    `types` are definitions as rosbags parses them, `kind` names the one of the message, `raw` is
    an example. BadMessage where its bytes do not fit.
    """

    def __init__(self, types, kind, raw):
        """Walk through the example."""
        if raw[:2] not in ORDERS:
            raise BadMessage(f'encoding 0x{bytes(raw[:2]).hex()} is not plain CDR')
        self.order, self.raw, self.place = ORDERS[bytes(raw[:2])], raw, HEAD
        self.parts, self.lengths, self.texts, self.truths = {}, {}, [], []
        self._message(types, kind, '')
        if not 0 <= len(raw) - self.place <= PADDING:
            raise BadMessage(f'{len(raw)} bytes, expected {self.place}')
        # Bytes 0 to 1 of each row, so that a message of the other byte order is told apart.
        self.parts[''] = (np.dtype('V2'), 0)
        self.dtype = np.dtype({'names': list(self.parts),
                               'formats': [dtype for dtype, _ in self.parts.values()],
                               'offsets': [place for _, place in self.parts.values()],
                               'itemsize': len(raw)})
        self.raw = raw[:2]

    def _take(self, name, dtype):
        """Note a field and return its value in the example."""
        if self.place + dtype.itemsize > len(self.raw):
            raise BadMessage(f'field {name.rstrip("#")} goes beyond the end of the message, '
                             f'{len(self.raw)} bytes')
        self.parts[name] = (dtype, self.place)
        value = np.frombuffer(self.raw, dtype.base, int(np.prod(dtype.shape)), self.place)
        self.place += dtype.itemsize
        return value

    def _align(self, size):
        self.place += -(self.place - HEAD) % size

    def _length(self, name):
        dtype = _number('uint32', self.order)
        self._align(4)
        length = int(self._take(f'{name}#', dtype)[0])
        if length > len(self.raw):
            raise BadMessage(f'field {name} says it has {length} elements, '
                             f'the message has {len(self.raw)} bytes')
        self.lengths[f'{name}#'] = length
        return length

    def _message(self, types, kind, prefix):
        for name, (node, what) in types[kind][1]:
            name = prefix + name
            if node == Nodetype.NAME:
                self._message(types, what, f'{name}.')
            elif node == Nodetype.BASE and what[0] == 'string':
                length = self._length(name)
                self.texts.append(name)
                if length:
                    self._take(name, np.dtype(f'V{length}'))
            elif node == Nodetype.BASE and what[0] in NUMBERS:
                dtype = _number(what[0], self.order)
                self._align(dtype.itemsize)
                self._take(name, dtype)
                if what[0] == 'bool':
                    self.truths.append(name)
            elif node == Nodetype.SEQUENCE and what[0][1][0] in NUMBERS:
                length, dtype = self._length(name), _number(what[0][1][0], self.order)
                if length:  # nothing is aligned where nothing follows
                    self._align(dtype.itemsize)
                self._take(name, np.dtype((dtype, (length,))))
            else:
                raise BadMessage(f'field {name} is of a kind that this reader does not know')

    def fits(self, rows):
        """Return which rows (N,) of a record array have this layout, (N,) bool."""
        good = rows[''].tobytes() == self.raw * len(rows)
        good = np.full(len(rows), True) if good else np.array(
            [row.tobytes() == self.raw for row in rows['']])
        for name, length in self.lengths.items():
            good &= rows[name] == length
        return good

    def columns(self, rows):
        """
        Return {field: values of all rows}: lists of plain numbers and texts, arrays (N, size).

        Numbers of sequences are copies in this machine's byte order.
        """
        found = {}
        for name, (dtype, _) in self.parts.items():
            if name in self.lengths or not name:
                continue
            if name in self.texts:
                found[name] = [_text(value) for value in _bytes(rows[name])]
            elif dtype.shape:
                column = np.ascontiguousarray(rows[name])
                found[name] = column.astype(dtype.base.newbyteorder('='), copy=False)
            else:
                column = rows[name] != 0 if name in self.truths else rows[name]
                found[name] = column.tolist()
        return {**{name: [''] * len(rows) for name in self.texts}, **found}


def _bytes(column):
    """Return the values of a column of raw bytes."""
    size = column.dtype.itemsize
    data = column.tobytes()
    return [data[start:start + size] for start in range(0, len(data), size)]


@lru_cache(maxsize=1000)
def _text(data):
    """Return a string of CDR, which counts its final zero."""
    try:
        return data[:-1].decode()
    except UnicodeDecodeError:
        raise BadMessage(f'{data!r} is no UTF-8 text') from None


class Decoder:
    """Decodes the messages of one type, `kind`, by the first of some definitions that fits."""

    def __init__(self, definitions, kind):
        """Begin without any layout."""
        self._definitions, self._kind = definitions, kind
        self._layouts = {}  # by size of the message: the last one that fitted

    def decode(self, raws):
        """Return ([(indices, columns)], {index: BadMessage}) for a list of messages as bytes."""
        by_size, groups, bad = {}, [], {}
        for index, raw in enumerate(raws):
            by_size.setdefault(len(raw), []).append(index)
        for size, left in by_size.items():
            while left:
                left = self._some(raws, size, left, groups, bad)
        return groups, bad

    def _some(self, raws, size, left, groups, bad):
        """Decode those of messages `left` that share a layout; return the others."""
        layout = self._layouts.get(size)
        rows = layout and self._rows(layout, raws, left)
        good = layout and layout.fits(rows)
        if layout is None or not good.any():
            try:
                layout = self._layouts[size] = self._layout(raws[left[0]])
            except BadMessage as error:
                bad[left[0]] = error
                return left[1:]
            rows = self._rows(layout, raws, left)
            good = layout.fits(rows)
        if good.all():
            taken, others = left, []
        else:
            taken = [index for index, here in zip(left, good) if here]
            others = [index for index, here in zip(left, good) if not here]
            rows = rows[good]
        try:
            groups.append((taken, layout.columns(rows)))
        except BadMessage as error:  # text that is none, in one of them
            if len(taken) == 1:
                bad[taken[0]] = error
            else:
                for index in taken:
                    self._some(raws, size, [index], groups, bad)
        return others

    def _layout(self, raw):
        """Return the Layout of a message; the BadMessage of the first definition if none fits."""
        first, *others = self._definitions
        try:
            return Layout(first, self._kind, raw)
        except BadMessage:
            for types in others:
                with suppress(BadMessage):
                    return Layout(types, self._kind, raw)
            raise

    @staticmethod
    def _rows(layout, raws, which):
        return np.frombuffer(b''.join([raws[index] for index in which]), layout.dtype)
