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

"""When fetch_adapter_node begins an episode, and who asks: a service of the scene, or a person."""

import time

from rpl_ros.nodes.waiting import Readers, SETTLE
from std_srvs.srv import Trigger

DISCOVERY = 3.0  # s, until a node knows of publishers that were there before


class Episodes:
    """
    Counts the episodes of an adapter node, and begins the next one when all is there for it.

    `next` is the number of the episode that follows. `states` is the publisher whose readers must
    be there, `twists` the one that must be alone on its topic: an arm obeys one node.
    """

    def __init__(self, node, adapter, states, twists, following):
        """Make client and service on the node; `following` is the first number."""
        self.next = following
        self._node, self._adapter = node, adapter
        self._settings = settings = node.settings
        self._twists, self._made = twists, time.monotonic()
        self._alone = False
        self._readers = Readers(node, states)
        self._asked = self._invited = None
        self._began = 0.0  # by the steady clock, s
        self._scene = (node.create_client(Trigger, settings.reset_service)
                       if settings.reset_service else None)
        node.create_service(Trigger, '~/start_episode', self._on_start)

    def between(self):
        """Begin the next episode if that is possible, or end the node when all are done."""
        node, settings = self._node, self._settings
        if settings.episodes and self.next >= settings.first_episode + settings.episodes:
            node.get_logger().info(f'all {settings.episodes} episodes are done')
            node.done = True
        elif self._everybody_is_there():
            if self._scene is None:
                if self._invited != self.next:
                    self._invited = self.next
                    node.get_logger().info(f'episode {self.next} begins when somebody calls '
                                           f'/{node.get_name()}/start_episode')
            elif self._asked:
                return
            elif self._scene.service_is_ready():
                self._asked = self._scene.call_async(Trigger.Request())
                self._asked.add_done_callback(self._on_scene)
            else:
                node.warn('scene', f'the service {settings.reset_service} is not there yet')

    def say_what_is_missing(self):
        """Warn of what an episode that has begun still waits for, once it has waited a while."""
        if not self._adapter.playing and time.monotonic() - self._began > SETTLE:
            for reason, text in self._adapter.faults(*self._node.times()).items():
                self._node.warn(reason, f'episode {self._adapter.episode} waits: {reason.name}: '
                                f'{text}')

    def _on_scene(self, future):
        self._asked = None
        answer = future.result()
        if answer.success and self._node.active:
            self._begin()
        elif not answer.success:
            self._node.warn('scene', f'{self._settings.reset_service} failed: {answer.message}')

    def _begin(self):
        self._began, since = self._node.times()
        self._adapter.begin(self.next, since)

    def _everybody_is_there(self):
        """Return whether those who read the state have been there for long enough."""
        return self._readers.are_there() and self._is_alone()

    def _is_alone(self):
        """
        Return whether no other node was there to move this arm; end the node if one was.

        Once only: who comes later has to go.
        """
        if self._alone or time.monotonic() - self._made < DISCOVERY:
            return self._alone
        topic, node = self._twists.topic_name, self._node
        others = node.get_publishers_info_by_topic(topic)
        if len(others) > 1:
            names = ', '.join(sorted(f'{one.node_namespace.rstrip("/")}/{one.node_name}'
                                     for one in others))
            node.fail(f'another node moves this arm: {len(others)} publishers on {topic}: {names}')
            return False
        self._alone = True
        return True

    def _why_not(self):
        """Return why no episode can begin now, or ''."""
        adapter = self._adapter
        if not self._node.active:
            return 'the node is not active'
        if adapter.episode is not None:
            return f'episode {adapter.episode} is running'
        if self._scene:
            return f'episodes begin with {self._settings.reset_service}'
        if not adapter.at_rest:
            return f'the arm is not at rest: {adapter.mode.name}'
        if not self._everybody_is_there():
            return 'not all nodes that read the state are there, or not for long enough'
        return '; '.join(adapter.faults(*self._node.times()).values())

    def _on_start(self, request, response):
        """Begin the next episode, asked for by a person."""
        why = self._why_not()
        response.success, response.message = not why, why or f'episode {self.next} begins'
        if not why:
            self._begin()
        return response
