# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Policy weights as bytes and back: safetensors and a SHA-256 digest, never pickle."""

from dataclasses import dataclass
import hashlib
import json
import struct

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = 'rpl_policy_1'


class WeightsError(ValueError):
    """Weights that cannot be used: says what was found and what was expected."""


@dataclass(frozen=True)
class PolicyShape:
    """What a policy's tensors must look like; travels in the safetensors header."""

    task: str
    observation_size: int
    goal_size: int
    action_size: int
    hidden_layers: int
    hidden_size: int
    history: int = 0
    sees_base: bool = False

    @property
    def input_size(self):
        """Return the length of the vector that the first layer takes."""
        frames = self.observation_size * (1 + self.history)
        return frames + self.goal_size + self.action_size * self.sees_base

    def tensors(self):
        """Return {tensor name: shape}, as in docs/weights.md."""
        sizes = [self.input_size, *[self.hidden_size] * self.hidden_layers, self.action_size]
        shapes = {'observation_mean': (self.observation_size,),
                  'observation_std': (self.observation_size,),
                  'goal_mean': (self.goal_size,), 'goal_std': (self.goal_size,)}
        for layer, (size_in, size_out) in enumerate(zip(sizes, sizes[1:])):
            shapes[f'layer{layer}.weight'] = (size_out, size_in)
            shapes[f'layer{layer}.bias'] = (size_out,)
        return shapes


def digest(data):
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def pack(tensors, shape, version=0, burn_in=False):
    """Return {name: float32 array} and their PolicyShape as the bytes of a safetensors file."""
    header = {'format': FORMAT, 'shape': json.dumps(vars(shape), sort_keys=True),
              'version': str(version), 'burn_in': str(int(burn_in))}
    return save({name: np.ascontiguousarray(value, dtype=np.float32)
                 for name, value in tensors.items()}, metadata=header)


def read_header(data):
    """Return the metadata {name: text} of safetensors bytes; WeightsError if there is none."""
    try:
        (length,) = struct.unpack('<Q', data[:8])
        if length > len(data) - 8:
            raise ValueError('it ends within its header')
        return dict(json.loads(data[8:8 + length]).get('__metadata__', {}))
    except (struct.error, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(f'these bytes are no safetensors file: {error}') from error


def unpack(data, expected_digest=None):
    """Return ({name: float32 array}, PolicyShape) from the bytes of pack().

    WeightsError for a wrong digest, a foreign file, or tensors that are missing, left over, of a
    wrong shape or not finite.
    """
    data = bytes(data)
    if expected_digest is not None and digest(data) != expected_digest:
        raise WeightsError(f'the digest of the weights is {digest(data)[:12]}..., expected '
                           f'{str(expected_digest)[:12]}...: they were damaged on their way')
    header = read_header(data)
    if header.get('format') != FORMAT:
        raise WeightsError(f'format {header.get("format")!r}, expected {FORMAT!r}')
    try:
        tensors = load(data)
        shape = PolicyShape(**json.loads(header['shape']))
        expected = shape.tensors()
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f'the weights cannot be read: {error}') from error
    for name in sorted(set(tensors) ^ set(expected)):
        raise WeightsError(f'tensor {name!r} is {"unknown" if name in tensors else "missing"}')
    for name, wanted in expected.items():
        found = tensors[name]
        if found.shape != tuple(wanted) or found.dtype != np.float32:
            raise WeightsError(f'tensor {name!r} is {found.dtype} of shape {found.shape}, expected '
                               f'float32 of shape {tuple(wanted)}')
        if not np.isfinite(found).all():
            raise WeightsError(f'tensor {name!r} holds values that are not finite')
    return tensors, shape
