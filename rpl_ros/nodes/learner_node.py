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
learner_node: trains the residual from the topics `state` and `command` while the robot works.

With several robots, it reads these topics in the namespace of each: robot1, robot2, ...

A timer joins messages into episodes. A worker thread does the gradient updates and publishes
versioned weights. After a restart the node continues from its last checkpoint.
"""

from functools import partial
import os
from queue import Empty, SimpleQueue
import threading
import time

from builtin_interfaces.msg import Time
from rpl_msgs.msg import LearnerStatus, PolicyWeights, Task
from rpl_ros.data import Command, Episode, State
from rpl_ros.learning.learner_folder import LearnerFolder
from rpl_ros.learning.process import tune_process
from rpl_ros.policy.weights import digest
from rpl_ros.ros.convert import read_command, read_state, to_bytes
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.qos import announce, publisher, subscribe
from rpl_ros.ros.queues import POLL_PERIOD, queue, take_messages
from rpl_ros.ros.robot_data import RobotData
from rpl_ros.ros.running import run_node
from rpl_ros.ros.task_check import other_task
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.settings.robots import place_of, robot_numbers
from rpl_ros.transitions import Joiner
from std_msgs.msg import Header
from std_srvs.srv import Trigger

NICE = 5
"""Priority of the worker thread: below the control loop, if the machine has too few cores."""


class LearnerNode(ManagedNode):
    """
    Joins transitions, trains, publishes weights.

    Two threads share its fields. The executor alone writes `_stamp`, `_rejected` and
    `_version_in_use`; the worker reads them. The worker alone, while it runs, writes `_error`,
    `_saved`, `_sent_prefer_base` and the Learner; the executor reads them for the status. All of
    these are numbers, texts or references, which CPython replaces in one step. `_status_lock`
    protects `_rate`, which both write. `_episodes` and the events are safe by themselves.
    """

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('learner_node', LearnerSettings)
        self._folder = LearnerFolder(self.settings, self.get_logger())

    def configure(self) -> None:
        """Build the networks, and restore them if a checkpoint exists."""
        self._learner = self._folder.make_learner()
        self._episodes: SimpleQueue[Episode] = SimpleQueue()  # from the executor to the worker
        self._error = ''
        self._stamp = Time()  # of the newest state
        self._rejected = 0  # messages and transitions
        self._stop, self._save_wanted = threading.Event(), threading.Event()
        self._status_lock = threading.Lock()
        self._rate = (time.monotonic(), 0, 0.0)  # time, s; updates then; updates per second
        self._weights = publisher(self, 'policy_weights')
        self._status = publisher(self, 'learner_status')
        self._version_in_use = 0  # the highest in a command
        self._saved = self._learner.transitions  # at the last checkpoint
        # The state comes last: a node that waits for its reader then finds the other, too.
        self._robots = [RobotData(robot, Joiner(self._learner.spec),
                                  queue(self, 'command', place), queue(self, 'state', place))
                        for robot in robot_numbers(self.settings.robots)
                        for place in [place_of(robot)]]
        for robot, number in zip(self._robots, self._folder.last_numbers()):
            robot.kept = number
        self.create_steady_timer(POLL_PERIOD, self._take)
        self.create_steady_timer(1.0, self._on_timer)
        self.create_service(Trigger, '~/save', self._on_save)
        self._worker: threading.Thread | None = None
        for robot in self._robots:
            subscribe(self, 'task', partial(self._on_task, robot), robot.place)
        announce(self, alone=True)
        self.get_logger().info('ready')

    def activate(self) -> None:
        """Publish the policy and train, also with the data received while inactive."""
        self._learner.skip_to(self._version_in_use)
        self._publish_weights()
        self._stop.clear()
        self._worker = threading.Thread(target=self._work, name='learner', daemon=True)
        self._worker.start()

    def deactivate(self) -> None:
        """Stop training after the current update; states and commands are still received."""
        self._stop.set()
        if self._worker:
            self._worker.join()

    def _on_task(self, robot: RobotData, message: Task) -> None:
        """
        Compare a robot's task with that of this node.

        One of several robots begins only when this node has announced itself in its namespace.
        """
        robot.problem = other_task(self, self._learner.spec, message)
        if robot.problem and not robot.robot:
            self.fail(robot.problem)
        elif robot.problem:
            self.get_logger().error(f'{robot.name}{robot.problem}; it is not learned from')
        elif robot.robot and not robot.known:
            robot.known = True
            announce(self, robot.place)

    def _take(self) -> None:
        """Process the messages in the queues of all robots."""
        for robot in self._robots:
            for message in take_messages(self, f'{robot.place}state', robot.states):
                self._stamp = message.header.stamp
                state = read_state(message)
                if missing := robot.gaps.add(state):
                    self.warn(f'{robot.name}gap', f'{robot.name}{missing}')
                self._join(robot, 'state', state)
            for message in take_messages(self, f'{robot.place}command', robot.commands):
                command = read_command(message)
                self._version_in_use = max(self._version_in_use, command.policy_version)
                self._join(robot, 'command', command)

    def _join(self, robot: RobotData, kind: str, item: State | Command) -> None:
        """Join a State or Command of a robot; pass complete episodes to the worker."""
        if robot.problem:
            return
        episodes, problem = robot.joiner.add(kind, item)
        if problem:
            self._rejected += 1
            reason = problem.partition(':')[2]
            self.warn(f'{robot.name}{reason}', f'{robot.name}{problem}; not used')
        self._pass_on(episodes)

    def _pass_on(self, episodes: list[Episode]) -> None:
        """Pass episodes to the worker; report what they lack."""
        for episode in episodes:
            lost = episode.steps - int(episode.valid.sum())
            self._rejected += lost
            if lost:
                why = episode.problem or 'they are incomplete'
                self.warn('incomplete', f'episode {episode.episode}: {lost} of {episode.steps} '
                          f'transitions are not used: {why}')
            self._episodes.put(episode)

    def _on_timer(self) -> None:
        if self._error:
            self.fail(self._error)
        if len(self._robots) > 1:
            self._watch_robots()
        self._publish_status()

    def _watch_robots(self) -> None:
        """Use what has come of robots that left, and keep the numbers of their next episodes."""
        for robot in self._robots:
            self._pass_on(robot.left(self))
        self._folder.keep_numbers([robot.next_episode for robot in self._robots])

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Save a checkpoint; if the worker runs, it does so after the current update."""
        folder = self._folder.path
        response.success = folder is not None
        response.message = (f'a checkpoint will be in {folder}' if folder else
                            'the parameter out is empty: no folder for checkpoints is set')
        if response.success and self.active:
            self._save_wanted.set()
        elif response.success:
            self._save()
        return response

    def _work(self) -> None:
        """Train until `_stop` is set; runs in the worker thread."""
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)  # this thread only
            while not self._stop.is_set():
                self._train_once()
                if self._save_wanted.is_set():
                    self._save_wanted.clear()
                    self._save()
        except Exception as error:  # any error must be reported, while the robot continues
            self._error = f'the learner failed: {type(error).__name__}: {error}'

    def _train_once(self) -> None:
        """Add the new episodes and do one update, or wait a short time."""
        learner, added = self._learner, False
        if self._version_in_use > learner.version:
            self._follow_versions()
        while not self._episodes.empty() or not learner.owed:
            try:
                added = bool(learner.add(self._episodes.get(timeout=0.2))) or added
            except Empty:
                return
        if added:
            self._publish_status()
        learner.update()
        due = learner.updates % self.settings.publish_every == 0 and not learner.burn_in.active
        changed = self._sent_prefer_base != learner.prefer_base
        if changed and not learner.burn_in.active:
            stands = 'on trial' if learner.prefer_base else 'no longer on trial'
            self.get_logger().info(f'{stands}: {learner.trial}')
        if due or changed:
            self._publish_weights()
        if not learner.owed:
            self._publish_status()
        if learner.transitions - self._saved >= self.settings.checkpoint_every:
            self._save()

    def _follow_versions(self) -> None:
        """Publish above the version that the robot uses, which is of an earlier learner."""
        before = self._learner.version
        self._learner.skip_to(self._version_in_use)
        if self._learner.version > before:
            self.get_logger().warning(f'policy version {self._learner.version} is in use: '
                                      'publishes higher versions')
            self._publish_weights()

    def _publish_weights(self) -> None:
        self._sent_prefer_base = self._learner.prefer_base
        data, version = self._learner.new_version(), self._learner.version
        self._folder.keep_version(version)
        self._weights.publish(PolicyWeights(
            header=self._header(), run=self.senders.run, version=version,
            digest=digest(data), prefer_base=self._sent_prefer_base, data=to_bytes(data)))

    def _publish_status(self) -> None:
        learner = self._learner
        with self._status_lock:
            self._status.publish(LearnerStatus(
                header=self._header(), run=self.senders.run, episodes=learner.episodes,
                transitions=learner.transitions, rejected=self._rejected, updates=learner.updates,
                owed_updates=learner.owed, updates_per_second=self._updates_per_second(),
                policy_version=learner.version, burn_in=learner.burn_in.active,
                on_trial=learner.prefer_base, error=self._error,
                next_episodes=[robot.next_episode for robot in self._robots], **learner.figures))

    def _updates_per_second(self) -> float:
        """Return the rate of updates over the last second or so, 1/s."""
        now, (then, updates, rate) = time.monotonic(), self._rate
        if now - then >= 1.0:
            rate = (self._learner.updates - updates) / (now - then)
            self._rate = (now, self._learner.updates, rate)
        return rate

    def _header(self) -> Header:
        """Return a header with the time of the newest state: all messages share this time base."""
        return Header(stamp=self._stamp)

    def _save(self) -> None:
        """Write a checkpoint."""
        self._saved = self._learner.transitions
        self._folder.save(self._learner)

    def release(self) -> None:
        """Stop the worker and save what it has learned."""
        self._stop.set()
        if self._worker:
            self._worker.join(timeout=10.0)
            # After an error, the last checkpoint is the one to continue from.
            if not self._worker.is_alive() and self._learner.updates and not self._error:
                self._save()
        self._folder.close()


def main(args: list[str] | None = None) -> int:
    """Run learner_node; return its exit code."""
    tune_process()
    return run_node(LearnerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
