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

Nodes that act in the graph have a lifecycle; nodes that only receive have none. With the setting
`autostart`, a node configures and activates itself. Without it, the node waits until a lifecycle
manager calls `~/change_state`.
"""

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import (LifecycleNodeMixin, LifecyclePublisher, LifecycleState,
                             TransitionCallbackReturn)
from rpl_ros.ros.params import RplNode
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.shared import Managed

SUCCESS, FAILURE, ERROR = (TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
                           TransitionCallbackReturn.ERROR)
KINDS = ('publishers', 'subscriptions', 'clients', 'services', 'timers')


class ManagedNode(LifecycleNodeMixin, RplNode):
    """
    A node that creates everything in configure(), and acts only while it is `active`.

    While it is not active, its publishers on the graph's topics are silent (qos.publisher()). A
    SettingsError in configure() leaves it unconfigured. Any other exception in a transition ends
    the node, as one in a callback does.
    """

    def __init__(self, name: str, cls: type[Managed]) -> None:
        """Declare the parameters of `cls`."""
        RplNode.__init__(self, name, cls)
        LifecycleNodeMixin.__init__(self)
        self.active = False
        self._configured = False
        self._raised: Exception | None = None  # by the last transition
        self._first_entities = self._entities()

    def configure(self) -> None:
        """Create publishers, subscriptions, services, timers; SettingsError for bad settings."""

    def activate(self) -> None:
        """Begin to act; the publishers are open already, `active` becomes true after this."""

    def deactivate(self) -> None:
        """Stop acting; publishers are silent and `active` is false already. Must be quick."""

    def release(self) -> None:
        """Release what a complete configure() created, except ROS entities: see _put_away()."""

    def start(self) -> None:
        """Configure and activate if `autostart` is set; raise what these raise."""
        if self.settings.autostart:
            for transition in (self.trigger_configure, self.trigger_activate):
                if transition() != SUCCESS:
                    raise self._raised or RuntimeError(f'{self.get_name()} does not start')

    def close(self) -> None:
        """Release everything at the end of the process."""
        self.active = False
        if self._configured:
            self._configured = False
            self.release()

    def _run_step(self, step: Callable[[], None]) -> TransitionCallbackReturn:
        """Call a step of a transition; return the outcome of the transition."""
        self._raised = None
        try:
            step()
        except SettingsError as error:
            self._raised = error
            return FAILURE
        except Exception as error:  # rclpy would hide it; run_node() raises it
            self._raised = self.crash = error
            return ERROR
        return SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure; log a SettingsError, unless run_node() prints it at an autostart."""
        outcome = self._run_step(self.configure)
        self._configured = outcome == SUCCESS
        if outcome == FAILURE:
            self._put_away()
            if not self.settings.autostart:
                self.get_logger().error(str(self._raised))
        return outcome

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the publishers and let the node act."""
        super().on_activate(state)
        outcome = self._run_step(self.activate)
        self.active = outcome == SUCCESS
        return outcome

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Silence the publishers and let the node stop acting."""
        self.active = False
        super().on_deactivate(state)
        return self._run_step(self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Undo configure()."""
        return self._run_step(self._put_away)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop acting and undo configure(), from any state."""
        if self.active:
            self.on_deactivate(state)
        return self._run_step(self._put_away)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End as finalized: run_node() ends the process with the exception."""
        return FAILURE

    def _put_away(self) -> None:
        """Release everything, and destroy the ROS entities that configure() created."""
        self.close()
        for kind, found in self._entities().items():
            for entity in found - self._first_entities[kind]:
                if isinstance(entity, LifecyclePublisher):
                    self.destroy_lifecycle_publisher(entity)
                else:
                    getattr(self, f'destroy_{kind[:-1]}')(entity)

    def _entities(self) -> dict[str, set[Any]]:
        """Return {kind: ROS entities that the node has now}."""
        return {kind: set(getattr(self, kind)) for kind in KINDS}
