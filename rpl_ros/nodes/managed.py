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
Nodes with a lifecycle: unconfigured, inactive, active, finalized.

A node that acts in the graph has one; those that only listen have none. With the setting
`autostart` a node configures and activates itself; without, it waits for a manager's calls of
`~/change_state`.
"""

from rclpy.lifecycle import LifecycleNodeMixin, LifecyclePublisher, TransitionCallbackReturn

from rpl_ros.config import SettingsError
from rpl_ros.nodes.params import RplNode

SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)
KINDS = ('publishers', 'subscriptions', 'clients', 'services', 'timers')


class ManagedNode(LifecycleNodeMixin, RplNode):
    """
    A node that makes all in configure(), and may act only while it is `active`.

    Its publishers on the graph's topics are silent otherwise (qos.publisher()). A SettingsError
    of configure() leaves it unconfigured; any other exception of a transition ends the node, as
    one of a callback does.
    """

    def __init__(self, name, cls):
        """Declare the parameters of `cls`, a class derived from config.Managed."""
        RplNode.__init__(self, name, cls)
        LifecycleNodeMixin.__init__(self)
        self.active = False
        self._configured = False
        self._raised = None  # what the last transition raised
        self._first_entities = self._entities()

    def configure(self):
        """Make publishers, subscriptions, services, timers and all else; SettingsError if bad."""

    def activate(self):
        """Begin to act; publishers are open, `active` follows."""

    def deactivate(self):
        """Come to rest; publishers are silent, `active` is false. Must not take long."""

    def release(self):
        """Put away what a complete configure() made; the ROS entities go by themselves."""

    def start(self):
        """Configure and activate, where `autostart` says so; what they raise goes on."""
        if self.settings.autostart:
            for transition in (self.trigger_configure, self.trigger_activate):
                if transition() != SUCCESS:
                    raise self._raised or RuntimeError(f'{self.get_name()} does not start')

    def close(self):
        """Put everything away: at the end of the process."""
        self.active = False
        if self._configured:
            self._configured = False
            self.release()

    def _take_step(self, step, *arguments):
        """Call a step of a transition; return the transition's outcome."""
        self._raised = None
        try:
            step(*arguments)
        except SettingsError as error:
            self._raised = error
            return FAILURE
        except Exception as error:  # rclpy would drop it: run_node() raises it
            self._raised = self.crash = error
            return ERROR
        return SUCCESS

    def on_configure(self, state):
        """Configure; a SettingsError is logged, and at an autostart printed by run_node()."""
        outcome = self._take_step(self.configure)
        self._configured = outcome == SUCCESS
        if outcome == FAILURE:
            self._put_away()
            if not self.settings.autostart:
                self.get_logger().error(str(self._raised))
        return outcome

    def on_activate(self, state):
        """Open the publishers and let the node act."""
        super().on_activate(state)
        outcome = self._take_step(self.activate)
        self.active = outcome == SUCCESS
        return outcome

    def on_deactivate(self, state):
        """Silence the publishers, then let the node come to rest."""
        self.active = False
        super().on_deactivate(state)
        return self._take_step(self.deactivate)

    def on_cleanup(self, state):
        """Take back what configure() did."""
        return self._take_step(self._put_away)

    def on_shutdown(self, state):
        """Come to rest and put everything away, from any state."""
        if self.active:
            self.on_deactivate(state)
        return self._take_step(self._put_away)

    def on_error(self, state):
        """End as finalized: run_node() ends the process with what was raised."""
        return FAILURE

    def _put_away(self):
        """Release, and destroy the ROS entities that configure() made."""
        self.close()
        for kind, found in self._entities().items():
            for entity in found - self._first_entities[kind]:
                if isinstance(entity, LifecyclePublisher):
                    self.destroy_lifecycle_publisher(entity)
                else:
                    getattr(self, f'destroy_{kind[:-1]}')(entity)

    def _entities(self):
        """Return {kind: ROS entities that the node has now}."""
        return {kind: set(getattr(self, kind)) for kind in KINDS}
