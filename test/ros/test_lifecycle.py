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

"""The nodes' lifecycle over real DDS: what transitions do to a moving arm and to the graph."""

import signal

from graph_tools import free_domain, listener, nodes
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from robot_tools import ADAPTER, altered_adapter, Graph, is_stop, robot, SETTINGS, SIM, STOPS
from rpl_msgs.srv import StartEpisode
from rpl_ros.ros.qos import subscribe
from rpl_ros.ros.robot_messages import read_twist
from std_srvs.srv import Trigger

pytestmark = pytest.mark.graph


def ends_with_stops(graph):
    """Return whether what was sent last are the stops of the contract."""
    return all(is_stop(message) for _, message in graph.sent[-STOPS:])


def set_speed_limit(graph, value):
    """Set a parameter of the adapter, which must accept it."""
    one = Parameter(name='speed_limit', value=ParameterValue(type=3, double_value=value))
    assert graph.call(SetParameters, f'/{ADAPTER}/set_parameters', parameters=[one]
                      )[0].results[0].successful


def test_the_adapter_goes_through_its_states(tmp_path):
    with robot(tmp_path, autostart='false') as (graph, started):
        assert graph.lifecycle() == 'unconfigured'  # a node that starts by itself does so before
        assert not graph.transit('activate')[0]
        assert graph.node.count_publishers('state') == 0 and not graph.reports

        set_speed_limit(graph, 0.172)  # above what the contract says
        assert not graph.transit('configure')[0] and graph.lifecycle() == 'unconfigured'
        set_speed_limit(graph, 0.17)
        assert graph.transit('configure')[0] and graph.lifecycle() == 'inactive'
        graph.says("value='inactive'")
        graph.wait(1.2)  # longer than it takes to find all that read the state
        assert not graph.states and not graph.sent
        refused = graph.call(StartEpisode, f'/{ADAPTER}/start_episode')[0]
        assert not refused.success and 'not active' in refused.message
        graph.estop()
        graph.until(lambda: len(graph.sent) == STOPS)
        assert graph.reset() and not graph.transit('configure')[0]

        assert graph.transit('activate')[0]
        graph.move()
        first = graph.states[-1].episode
        done, since = graph.transit('deactivate')
        assert done
        graph.reaction('deactivate', since)
        assert graph.states[-1].episode == first
        count = len(graph.states)

        assert graph.transit('activate')[0]
        graph.move()
        assert graph.states[count].step == 0 and graph.states[count].episode == first + 1

        # A tightened limit outlives a cleanup, an emergency stop does not let it happen.
        set_speed_limit(graph, 0.002)
        graph.estop()
        assert graph.transit('deactivate')[0] and not graph.transit('cleanup')[0]
        assert graph.lifecycle() == 'inactive' and graph.reset()
        assert graph.transit('cleanup')[0] and graph.lifecycle() == 'unconfigured'
        graph.until(lambda: graph.node.count_publishers('state') == 0)
        count = len(graph.sent)
        assert graph.transit('configure')[0] and graph.transit('activate')[0]
        graph.move()
        # Of the wrist, whose speed is a little more where the hand is turned upright.
        assert max(abs(read_twist(message)[2]) for _, message in graph.sent[count:]) < 0.004

        assert graph.transit('shutdown')[0] and graph.lifecycle() == 'finalized'
        graph.wait(0.2)
        assert ends_with_stops(graph)
        started[ADAPTER].send_signal(signal.SIGINT)
        graph.until(lambda: started[ADAPTER].poll() is not None)
        assert started[ADAPTER].returncode == 130  # interrupted before its last episode
    text = (tmp_path / f'{ADAPTER}.log').read_text()
    assert text.count('speed_limit 0.172 is looser') == 1 and 'Traceback' not in text, text


def test_the_rest_of_the_graph_when_a_node_is_deactivated(tmp_path):
    both = {'task': 'hook', 'horizon': SETTINGS['horizon'], 'max_ee_speed': 0.1}
    with robot(tmp_path, subscribers=3) as (graph, _), nodes(
            graph.domain, tmp_path, base_controller_node=both,
            residual_node={**both, 'base_timeout': 0.03}):
        graph.base = graph.command = lambda state: None  # the real ones answer
        commands = []
        subscribe(graph.node, 'command', commands.append)
        graph.move()
        assert graph.transit('deactivate', 'residual_node')[0]
        graph.wait(0.2)
        count = len(commands)
        graph.says('COMMAND_MISSING')
        graph.move()
        assert len(commands) == count
        assert graph.transit('activate', 'residual_node')[0]
        graph.until(lambda: len(commands) > count + 5)

        done, since = graph.transit('deactivate', 'base_controller_node')
        assert done
        graph.reaction('an inactive base_controller_node', since)
        graph.says('BASE_MISSING')
        assert graph.transit('activate', 'base_controller_node')[0]
        graph.move()


CRASH = """
import sys
from rpl_ros.nodes import fetch_adapter_node
def deactivate(self):
    raise RuntimeError('on purpose')
fetch_adapter_node.FetchAdapterNode.deactivate = deactivate
sys.exit(fetch_adapter_node.main(sys.argv))
"""


def test_an_exception_in_a_transition_ends_the_node_with_a_stop(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(domain, tmp_path, fetch_sim_node=SIM), \
            altered_adapter(CRASH, domain) as adapter:
        graph = Graph(node, spin, domain)
        graph.move()
        assert not graph.transit('deactivate')[0]
        graph.until(lambda: adapter.poll() is not None)
        graph.wait(0.2)
        assert adapter.returncode == 1 and 'on purpose' in adapter.stderr.read()
        assert ends_with_stops(graph)


def test_simulator_and_learner_rest_and_go_on(tmp_path):
    domain, owed = free_domain(), []
    common = {'task': 'hook', 'horizon': 20}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, sim_node={**common, 'subscribers': 4, 'episodes': 0},
            base_controller_node=common, residual_node=common,
            learner_node={**common, 'warmup_transitions': 20, 'burn_in': 'none', 'out': tmp_path}):
        graph = Graph(node, spin, domain)
        graph.base = graph.command = lambda state: None  # the real ones answer
        subscribe(node, 'learner_status', owed.append)
        graph.until(lambda: owed and owed[-1].updates)
        assert graph.transit('deactivate', 'sim_node')[0]
        graph.wait(0.3)
        last = graph.states[-1]
        assert graph.transit('deactivate', 'learner_node')[0]
        assert graph.call(Trigger, '/learner_node/save')[0].success
        assert (tmp_path / f'policy_{owed[-1].transitions:07d}.safetensors').is_file()
        graph.wait(0.3)
        count, updates = len(owed), owed[-1].updates
        graph.wait(1.2)  # longer than from one status to the next
        assert len(owed) == count and graph.states[-1] == last
        assert graph.transit('activate', 'learner_node')[0]
        assert graph.transit('activate', 'sim_node')[0]
        # The learner may catch up before the simulator sends a state.
        graph.until(lambda: owed[-1].updates > updates and graph.states[-1] != last)
        after = graph.states[graph.states.index(last) + 1]  # the same again, or what follows it
        assert (after.episode, after.step) in (
            (last.episode, last.step), (last.episode, last.step + 1), (last.episode + 1, 0))
