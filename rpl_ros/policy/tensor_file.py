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
Arrays with a header as safetensors bytes, never pickle, and back.

A reader trusts no number in a file: it limits the size of the head, and compares the head with the
bytes that follow before it creates an array.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import hashlib
import json
import math
import struct
from typing import Any

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.policy.checked import check_value, strict_json, WeightsError
from safetensors import SafetensorError
from safetensors.numpy import load, save

MOST_HEAD = 1 << 20
"""Largest head, bytes. The head of the largest learner has a third of it."""
DTYPES: dict[str, np.dtype] = {
    'F32': np.dtype(np.float32), 'F64': np.dtype(np.float64), 'I64': np.dtype(np.int64),
    'U8': np.dtype(np.uint8), 'BOOL': np.dtype(bool)}
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Head:
    """The kind of a file, the dict that was saved with it, {tensor name: (dtype, shape)}."""

    kind: str
    header: dict[str, Any]
    tensors: dict[str, tuple]


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def save_with_header(tensors: dict[str, np.ndarray], kind: str, header: dict[str, Any]) -> bytes:
    """
    Return tensors and a JSON header as the bytes of a safetensors file.

    Equal content gives equal bytes: all metadata is in one entry, `kind`, because safetensors does
    not keep the order of several. ValueError for a number in the header that is not finite.
    """
    return save({name: np.ascontiguousarray(value) for name, value in tensors.items()},
                metadata={kind: json.dumps(header, sort_keys=True, allow_nan=False)})


def read_head(data: bytes, kinds: Iterable[str], most: int = MOST_HEAD) -> Head:
    """
    Return the Head of safetensors bytes of one of `kinds`; it may have `most` bytes.

    WeightsError if the bytes are no safetensors file or of another kind, or if the tensors in the
    head do not fit the bytes that follow.
    """
    try:
        if len(data) < 8:
            raise ValueError(f'they are {len(data)}, expected at least 8')
        (length,) = struct.unpack('<Q', data[:8])
        if length > min(most, len(data) - 8):
            raise ValueError(f'its head has {length} bytes, of {len(data)} in all, expected at '
                             f'most {most}')
        table = check_value('its head', strict_json(bytes(data[8:8 + length])), dict)
        metadata = check_value('__metadata__', table.pop('__metadata__', {}), dict)
        tensors = _layout(table, len(data) - 8 - length)
    except ValueError as error:
        raise WeightsError(f'these bytes are no safetensors file: {error}') from error
    kind = next((kind for kind in kinds if kind in metadata), None)
    if kind is None:
        raise WeightsError(f'the file is of kind {brief(sorted(metadata))}, expected '
                           f'{next(iter(kinds))!r}')
    try:
        text = check_value(kind, metadata[kind], str)
        return Head(kind, check_value(kind, strict_json(text), dict), tensors)
    except ValueError as error:
        raise WeightsError(f'its header cannot be read: {error}') from error


def _layout(table: dict[str, Any], size: int) -> dict[str, tuple]:
    """Return {name: (dtype, shape)} of the entries of a head whose data have `size` bytes."""
    found: dict[str, tuple] = {}
    used = 0
    for name, entry in table.items():
        entry = check_value(f'tensor {brief(name)}', entry, dict)
        shape, place = (check_value(key, entry.get(key), list)
                        for key in ('shape', 'data_offsets'))
        if entry.get('dtype') not in DTYPES or len(entry) != 3 or len(shape) > MOST_DIMENSIONS:
            raise WeightsError(f'tensor {brief(name)} is {brief(entry)}, expected a dtype of '
                               f'{", ".join(DTYPES)}, a shape and data_offsets')
        dtype = DTYPES[entry['dtype']]
        shape = tuple(check_value('a length', length, int, 0, size) for length in shape)
        start, end = (check_value('an offset', offset, int, 0, size) for offset in place)
        if end - start != math.prod(shape) * dtype.itemsize:
            raise WeightsError(f'tensor {brief(name)} of shape {shape} has {end - start} bytes')
        found[name], used = (dtype, shape), used + end - start
    if used != size:
        raise WeightsError(f'its tensors have {used} bytes, its data {size}')
    return found


def check_layout(found: dict[str, tuple], expected: dict[str, tuple]) -> None:
    """Raise WeightsError where `found`, {tensor name: (dtype, shape)}, differs from `expected`."""
    for name in sorted(set(found) ^ set(expected)):
        raise WeightsError(f'tensor {brief(name)} is '
                           f'{"unknown" if name in found else "missing"}')
    for name, (dtype, shape) in expected.items():
        if found[name] != (np.dtype(dtype), tuple(shape)):
            raise WeightsError(f'tensor {name!r} is {found[name][0]} of shape {found[name][1]}, '
                               f'expected {np.dtype(dtype)} of shape {tuple(shape)}')


def load_tensors(data: bytes) -> dict[str, np.ndarray]:
    """Return the tensors of bytes that read_head() accepted; WeightsError if damaged."""
    try:
        tensors = load(bytes(data))
    except SafetensorError as error:
        raise WeightsError(f'the tensors cannot be read: {error}') from error
    for name, value in tensors.items():
        if value.dtype == bool and (value.view(np.uint8) > 1).any():
            raise WeightsError(f'tensor {name!r} holds values that are neither true nor false')
    return tensors


def check_finite(tensors: dict[str, np.ndarray], names: Iterable[str]) -> None:
    """Raise WeightsError where one of the tensors called `names` is not finite."""
    for name in names:
        if not np.isfinite(tensors[name]).all():
            raise WeightsError(f'tensor {name!r} holds values that are not finite')
