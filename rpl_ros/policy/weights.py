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
    """What a policy's tensors must look like and how its output counts.

    Travels in the safetensors header. `residual_scale` is the factor with which it was learned.
    """

    task: str
    observation_size: int
    goal_size: int
    action_size: int
    hidden_layers: int
    hidden_size: int
    history: int = 0
    history_keep: float = 0.0
    sees_base: bool = False
    averaged: bool = False
    whole_action: bool = False
    residual_scale: float = 1.0

    @property
    def input_size(self):
        """Return the length of the vector that the first layer takes."""
        frames = self.observation_size * (1 if self.averaged else 1 + self.history)
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
    header = {'shape': vars(shape), 'version': version, 'burn_in': burn_in}
    return save_with_header({name: np.asarray(value, dtype=np.float32)
                             for name, value in tensors.items()}, FORMAT, header)


def save_with_header(tensors, kind, header):
    """Return {name: array} and a dict for their header as the bytes of a safetensors file.

    Equal content gives equal bytes: all metadata is in one entry, `kind`, as safetensors does not
    keep the order of several.
    """
    return save({name: np.ascontiguousarray(value) for name, value in tensors.items()},
                metadata={kind: json.dumps(header, sort_keys=True)})


def read_header(data, kind):
    """Return the dict that save_with_header put into safetensors bytes of this `kind`.

    WeightsError if the bytes are no safetensors file or of another kind.
    """
    try:
        (length,) = struct.unpack('<Q', data[:8])
        if length > len(data) - 8:
            raise ValueError('it ends within its header')
        metadata = dict(json.loads(data[8:8 + length]).get('__metadata__', {}))
    except (struct.error, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(f'these bytes are no safetensors file: {error}') from error
    if kind not in metadata:
        raise WeightsError(f'the file is of kind {sorted(metadata)}, expected {kind!r}')
    return json.loads(metadata[kind])


def on_trial(data):
    """Return whether the base controller is still to be preferred to the policy in bytes."""
    return bool(read_header(data, FORMAT).get('burn_in', False))


def unpack(data, expected_digest=None):
    """Return ({name: float32 array}, PolicyShape) from the bytes of pack().

    WeightsError for a wrong digest, a foreign file, or tensors that are missing, left over, of a
    wrong shape or not finite.
    """
    data = bytes(data)
    if expected_digest is not None and digest(data) != expected_digest:
        raise WeightsError(f'the digest of the weights is {digest(data)[:12]}..., expected '
                           f'{str(expected_digest)[:12]}...: they were damaged on their way')
    try:
        shape = PolicyShape(**read_header(data, FORMAT)['shape'])
        tensors = load(data)
        expected = shape.tensors()
    except WeightsError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f'the weights cannot be read: {error}') from error
    for name in sorted(set(tensors) ^ set(expected)):
        raise WeightsError(f'tensor {name!r} is {"unknown" if name in tensors else "missing"}')
    for name, wanted in expected.items():
        found = tensors[name]
        if found.shape != tuple(wanted) or found.dtype != np.float32:
            raise WeightsError(f'tensor {name!r} is {found.dtype} of shape {found.shape}, '
                               f'expected float32 of shape {tuple(wanted)}')
        if not np.isfinite(found).all():
            raise WeightsError(f'tensor {name!r} holds values that are not finite')
    return tensors, shape
