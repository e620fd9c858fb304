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

"""Policies as bytes: whatever is wrong with them is one WeightsError, at once; so is a misfit."""

import json
import struct
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.weights import (check_fit, digest, expected_of, FORMATS, MisfitError, pack,
                                    PolicyHeader, PolicyShape, prefers_base, read_header, unpack,
                                    WeightsError)
from rpl_ros.tasks.find import task_spec
from safetensors.numpy import save

SHAPE = PolicyShape('push', 25, 3, 4, 1, 8, horizon=50, max_ee_speed=0.15, residual_scale=2.0)
HEADER = {'shape': vars(SHAPE), 'version': 4, 'prefer_base': True}
LONG = 10**400


def tensors(shape=SHAPE):
    """Return tensors of a PolicyShape that are all 1."""
    return {name: np.ones(size, np.float32) for name, size in shape.tensors().items()}


def with_header(header, kind=FORMATS[0], **more):
    """Return the bytes of a policy with another header, a dict or text."""
    text = header if isinstance(header, str) else json.dumps(header)
    return save({**tensors(), **more}, metadata={kind: text})


def with_head(text, rest=b''):
    """Return bytes with a head of safetensors given as text."""
    text = text.encode()
    return struct.pack('<Q', len(text)) + text + rest


def refused(content):
    """Return what unpack() says of bytes with a right digest; it must be quick and short."""
    start = time.process_time()
    with pytest.raises(WeightsError) as error:
        unpack(content, digest(content))
    assert time.process_time() - start < 0.5 and len(str(error.value)) < 500
    return str(error.value)


WRONG = {
    'task': ['', 5, None, 'x' * 10**4], 'observation_size': [0, -1, 25.0, '25', LONG, None, True],
    'goal_size': [-1, 10**9], 'action_size': [0, 10**6, [4]],
    'hidden_layers': [0, 11, 10**7, LONG],
    'hidden_size': [0, 10**5, 2**63, 8.0],
    'history': [2, -1, 'x', False], 'history_keep': ['x', -0.1, 1.5, True, LONG],
    'sees_base': [0, 1, 'true', None], 'averaged': [1], 'whole_action': ['no'],
    'residual_hold': [0, 1.5, 101, True], 'residual_scale': [-1.0, 3.0, '1', None, LONG],
    'task_digest': ['', 'abc', 7],
    'horizon': [-1, 10**9, 1.5, '50'], 'max_ee_speed': [-0.1, 7, 'fast', {}]}


def test_every_field_of_the_shape_has_wrong_values_here():
    assert set(WRONG) == set(vars(SHAPE))
    content = with_header(HEADER)
    assert unpack(content, digest(content))[1] == SHAPE and prefers_base(content)


@pytest.mark.parametrize('name, value', [
    (name, value) for name, values in WRONG.items() for value in values])
def test_each_field_of_the_shape_is_checked(name, value):
    assert name in refused(with_header({**HEADER, 'shape': {**vars(SHAPE), name: value}}))


@pytest.mark.parametrize('header', [
    {**HEADER, 'shape': {name: value for name, value in vars(SHAPE).items() if name != 'task'}},
    {**HEADER, 'shape': {**vars(SHAPE), 'more': 1}}, {**HEADER, 'shape': [1]},
    {**HEADER, 'version': -1}, {**HEADER, 'version': 2**32}, {**HEADER, 'version': '4'},
    {**HEADER, 'prefer_base': 1}, {**HEADER, 'more': 1}, {'shape': vars(SHAPE)}, '', '[]', '7',
    '{"shape": NaN}', '{"shape": 1e999}', '[' * 30_000, '{"a":' * 9_000,
    json.dumps(HEADER)[:-1] + ', "version": 5}', '{"version": ' + '9' * 5000 + '}'])
def test_a_wrong_header_is_refused(header):
    refused(with_header(header))


@pytest.mark.parametrize('about', [
    {'controller': 5}, {'controller': ''}, {'arm': 'x' * 30}, {'seed': -1}, {'seed': True},
    {'transitions': 2**63}, {'updates': 1.5}, {'recipe': 'two\nlines'}, {'objects': '\x1b[2J'},
    {'begun_from': 'ab'}, {'more': 1}, [], 'text', None])
def test_wrong_facts_about_the_training_are_refused(about):
    said = refused(with_header({**HEADER, 'about': about}))
    assert 'about' in said or next(iter(about)) in said


def test_facts_about_the_training_come_back_and_are_optional():
    about = {'controller': 'own:act', 'seed': 2**63 - 1, 'objects': '', 'transitions': 0}
    content = pack(tensors(), SHAPE, 7, True, about)
    assert read_header(content) == PolicyHeader(SHAPE, 7, True, about)
    assert unpack(content)[1] == SHAPE and load_actor(content, {'task': 'push'})
    assert read_header(pack(tensors(), SHAPE)).about == {}
    with pytest.raises(WeightsError, match='arm is 3'):
        pack(tensors(), SHAPE, about={'arm': 3})


@pytest.mark.parametrize('layers', [10**5, 10**7, 10**20])
def test_sizes_that_a_small_message_states_cost_nothing(layers):
    header = {**HEADER, 'shape': {**vars(SHAPE), 'hidden_layers': layers}}
    assert 'hidden_layers' in refused(save({}, metadata={FORMATS[0]: json.dumps(header)}))


@pytest.mark.parametrize('content', [
    with_head('{"__metadata__":' + '[' * 200_000), with_head('[' * 50_000), with_head('7'),
    with_head('{"a": {"dtype": "F32", "shape": [10000000000], "data_offsets": [0, 40000000000]}}'),
    with_head('{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}', bytes(4)),
    with_head('{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}', bytes(4)),
    with_head('{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', bytes(4)),
    with_head('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', bytes(8)),
    with_head('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}', bytes(8)),
    with_head('{"a": 5}'), with_head('{"__metadata__": "x"}'),
    with_head('{"__metadata__": {"rpl_policy_2": 5}}'),
    with_head('{' + ', '.join(f'"{n}": 1' for n in range(4000)) + '}'),
    struct.pack('<Q', 2**63) + b'{}', pack(tensors(), SHAPE) + bytes(4)])
def test_a_file_that_lies_about_its_tensors_is_refused(content):
    refused(content)


@pytest.mark.parametrize('change', [
    {'goal_std': np.zeros(3, np.float32)}, {'goal_std': np.ones(3)},
    {'layer0.bias': np.full(8, np.inf, np.float32)}, {'layer0.bias': np.ones((1, 8), np.float32)},
    {'layer2.bias': np.ones(4, np.float32)}])
def test_tensors_of_no_use_are_refused(change):
    assert next(iter(change)) in refused(with_header(HEADER, **change))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_there_is_one_error(choice):
    good = pack(tensors(), SHAPE, 3)
    kind = choice.draw(st.sampled_from(['random', 'cut', 'changed', 'json']))
    if kind == 'random':
        content = choice.draw(st.binary(max_size=300))
    elif kind == 'cut':
        content = good[:choice.draw(st.integers(0, len(good) - 1))]
    elif kind == 'changed':  # in the head: elsewhere it may be another good policy
        where = choice.draw(st.integers(0, 1500))
        content = good[:where] + choice.draw(st.binary(min_size=1, max_size=3)) + good[where + 1:]
    else:
        values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                              lambda item: st.lists(item) | st.dictionaries(st.text(), item))
        content = with_header(choice.draw(values) or [])
    try:
        unpack(content, digest(content))
        assert kind == 'changed'  # one digit of a number that nothing depends on
    except WeightsError as error:
        assert len(str(error)) < 1000


def test_files_of_the_first_format_are_read():
    old = {name: value for name, value in vars(SHAPE).items()
           if name not in ('horizon', 'max_ee_speed')}
    content = with_header({'shape': old, 'version': 4, 'burn_in': True}, FORMATS[1])
    _, shape = unpack(content)
    assert prefers_base(content) and shape.unknown == ['horizon', 'max_ee_speed']
    check_fit(shape, {**vars(SHAPE), 'horizon': 700})


def test_what_makes_weights_fit_is_compared():
    expected = expected_of(task_spec('push'), residual_scale=2.0, horizon=50, max_ee_speed=0.15)
    content = pack(tensors(), SHAPE)
    assert load_actor(content, expected).shape == SHAPE
    for name, other in {'task': 'slippery_push', 'observation_size': 24, 'goal_size': 2,
                        'action_size': 7, 'residual_scale': 1.0, 'horizon': 70,
                        'max_ee_speed': 0.0}.items():
        with pytest.raises(MisfitError, match=f"{name} '?{getattr(SHAPE, name)}'?, "
                           f"expected '?{other}"):
            load_actor(content, {**expected, name: other})
    whole = PolicyShape(**{**vars(SHAPE), 'whole_action': True})
    check_fit(whole, {**expected, 'residual_scale': 1.0})
