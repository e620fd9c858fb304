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

"""Policies in the format ONNX as controllers: their inputs, outputs, and files that do not fit."""

import numpy as np
from onnx import checker, helper, numpy_helper, TensorProto
import pytest
from rpl_ros.controllers import controller_for, find_controller
from rpl_ros.controllers.function import ControllerError
from rpl_ros.evaluation import evaluate
from rpl_ros.tasks.find import task_spec

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
RNG = np.random.default_rng(0)
OBSERVATION, GOAL = RNG.normal(size=25), RNG.normal(size=3)
WEIGHTS = RNG.normal(size=(28, 4))


def write(path, nodes, inputs, constants, output, kind=FLOAT):
    """Write a model of nodes, (operator, inputs, output), to a file; return its path."""
    graph = helper.make_graph(
        [helper.make_node(operator, list(given), [out], **more)
         for operator, given, out, more in nodes], 'policy',
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info('action', kind, output)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def linear(path, inputs, dtype=np.float32, kind=FLOAT):
    """Write the model input @ WEIGHTS; two inputs are joined first."""
    joined = len(inputs) > 1
    size = [shape[-1] for shape in inputs.values()]
    nodes = [('Concat', inputs, 'both', {'axis': -1})] if joined else []
    nodes.append(('MatMul', ['both' if joined else next(iter(inputs)), 'weights'], 'action', {}))
    rows = sum(one for one in size if isinstance(one, int))
    return write(path, nodes, inputs, [('weights', WEIGHTS[:rows].astype(dtype))],
                 [*next(iter(inputs.values()))[:-1], 4], kind)


@pytest.mark.parametrize('inputs, dtype', [
    ({'seen': [1, 28]}, np.float32), ({'seen': ['batch', 28]}, np.float64),
    ({'seen': [28]}, np.float32),
    ({'observation': [1, 25], 'desired_goal': [1, 3]}, np.float32),
    ({'x': [25], 'y': [3]}, np.float64), ({'seen': [1, 25]}, np.float32)])
def test_observation_and_goal_are_one_input_or_two(tmp_path, inputs, dtype):
    kind = {np.float32: FLOAT, np.float64: DOUBLE}[dtype]
    path = linear(tmp_path / 'policy.onnx', inputs, dtype, kind)
    controller = controller_for(task_spec('push'), f'onnx:{path}')
    controller.reset(0)
    size = sum(shape[-1] for shape in inputs.values())
    expected = np.concatenate([OBSERVATION, GOAL])[:size] @ WEIGHTS[:size]
    action = controller(OBSERVATION, GOAL)
    assert action.shape == (4,)
    np.testing.assert_allclose(action, expected, rtol=1e-12 if dtype is np.float64 else 1e-4)


@pytest.mark.parametrize('shape', [(3, 1), (1, 3, 1)])
def test_an_output_of_several_rows_is_a_chunk(tmp_path, shape):
    chunk = np.array([0.5, -0.5, 1.0], np.float32).reshape(shape)
    path = write(tmp_path / 'chunk.onnx', [
        ('ReduceSum', ['seen'], 'sum', {'keepdims': 0}), ('Mul', ['sum', 'chunk'], 'action', {})],
        {'seen': [1, 3]}, [('chunk', chunk)], list(shape))
    controller = controller_for(task_spec('Pendulum-v1'), f'onnx:{path} every=2')
    controller.reset(0)
    seen = [np.full(3, value) for value in (1.0, 7.0, 7.0, 7.0, 7.0, 7.0, 2.0)]
    found = [controller(one, np.empty(0))[0] for one in seen]
    assert found == [1.5, 1.5, -1.5, -1.5, 3.0, 3.0, 3.0]
    own = controller_for(task_spec('Pendulum-v1'), f'onnx:{path} actions=environment')
    assert own(seen[0], np.empty(0)).tolist() == [0.75]  # 1.5 of 2 N m


def test_rpl_evaluate_plays_with_it(tmp_path, capsys):
    path = linear(tmp_path / 'p.onnx', {'seen': [1, 25], 'goal': [1, 3]})
    assert evaluate.main(['push', '--controller', f'onnx:{path}', '--episodes', '2']) == 0
    assert 'alone' in capsys.readouterr().out


@pytest.mark.parametrize('inputs, problem', [
    ({'seen': [1, 24]}, 'its inputs have the sizes [24], expected [25], the observation, [28], '
                        'with the desired goal behind it, or [25, 3]'),
    ({'goal': [1, 3], 'seen': [1, 25]}, 'its inputs have the sizes [3, 25]'),
    ({'a': [1, 20], 'b': [1, 5], 'c': [1, 3]}, 'its inputs have the sizes [20, 5, 3]'),
    ({'seen': [1, 'size']}, "its input seen is a tensor(float) of shape [1, 'size'], expected"),
    ({'seen': [2, 25]}, 'of shape [2, 25], expected float or double of shape (n,) or (1, n)'),
    ({'seen': [1, 1, 25]}, 'of shape [1, 1, 25], expected')])
def test_inputs_of_another_size_are_refused(tmp_path, inputs, problem):
    path = linear(tmp_path / 'policy.onnx', inputs)
    with pytest.raises(ControllerError) as caught:
        controller_for(task_spec('push'), f'onnx:{path}')
    assert 'does not fit the task push: its input' in str(caught.value)
    assert problem in str(caught.value)


def test_actions_of_another_size_are_refused(tmp_path):
    path = linear(tmp_path / 'policy.onnx', {'seen': [1, 20]})
    with pytest.raises(ControllerError, match='its output action is a tensor.float. of shape .1, '
                                              '4., expected float or double of shape .1, 7.'):
        controller_for(task_spec('mbrl_pusher'), f'onnx:{path}')


def test_files_that_are_no_models_are_refused(tmp_path, monkeypatch):
    path = linear(tmp_path / 'policy.onnx', {'seen': [1, 25]})
    (tmp_path / 'text.onnx').write_text('no model')
    (tmp_path / 'cut.onnx').write_bytes(path.read_bytes()[:60])
    for text, problem in (
            ('none.onnx', 'cannot read its file: '),
            ('text.onnx', 'not a model in the format ONNX'),
            ('cut.onnx', 'not a model in the format ONNX'),
            ('policy.onnx actions=raw', "actions is 'raw', expected unit or environment"),
            ('policy.onnx gain=1', 'unexpected keyword argument')):
        with pytest.raises(ValueError, match=problem):
            find_controller(f'onnx:{tmp_path}/{text}')
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    with pytest.raises(ControllerError, match='pip install onnxruntime'):
        find_controller(f'onnx:{path}')
