# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The adapter and the simulated Fetch over real DDS: episodes, faults, the last message."""

import numpy as np
import pytest
from robot_tools import is_stop, robot


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """Yield the Graph of one long episode, for all faults from which the adapter recovers."""
    with robot(tmp_path_factory.mktemp('robot')) as (graph, _):
        graph.move()
        yield graph


def test_an_emergency_stop_lasts_until_a_persons_reset(graph):
    graph.move()
    graph.reaction('emergency stop', graph.estop())
    graph.wait(0.3)
    count = len(graph.sent)
    assert graph.reset()
    graph.move()
    assert not any(is_stop(message) for _, message in graph.sent[count:])
    graph.says('ESTOP')


def test_a_run_stop_lasts_until_it_is_released_and_a_person_resets(graph):
    graph.move()
    graph.reaction('run-stop', graph.run_stop(True))
    assert not graph.reset()  # still pressed
    graph.run_stop(False)
    count = len(graph.sent)
    graph.wait(0.3)
    assert all(is_stop(message) for _, message in graph.sent[count:])
    assert graph.reset()
    graph.move()
