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

A timer joins messages into episodes; a worker thread does the gradient updates and publishes
versioned weights. After a restart it goes on from its last checkpoint.
"""

import os
from pathlib import Path
from queue import Empty, SimpleQueue
import threading
import time

from builtin_interfaces.msg import Time
import rclpy
from rclpy.clock import Clock, ClockType
from rpl_msgs.msg import LearnerStatus, PolicyWeights
from rpl_ros.bags.errors import BagError
from rpl_ros.config import LearnerSettings, SettingsError
from rpl_ros.convert import read_command, read_state, to_bytes
from rpl_ros.files import InUseError, lock_folder, write_file
from rpl_ros.gaps import Gaps
from rpl_ros.learning.checkpoint import begin_anew, keep_version, last_version, resume, save
from rpl_ros.learning.learner import Learner, LearningError
from rpl_ros.learning.recorded import take_bags
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.qos import announce, publisher, subscribe
from rpl_ros.nodes.queues import queue, take_messages, TAKE_PERIOD
from rpl_ros.nodes.running import run_node
from rpl_ros.nodes.same_task import require_same_task
from rpl_ros.policy.weights import digest, MisfitError, WeightsError
from rpl_ros.transitions import Joiner
from std_msgs.msg import Header
from std_srvs.srv import Trigger

NICE = 5  # below the control loop, where the machine has too few cores for both


class LearnerNode(ManagedNode):
    """Joins transitions, trains, publishes weights."""

    def __init__(self):
        """Declare the parameters."""
        super().__init__('learner_node', LearnerSettings)
        self._lock = None  # of the folder for checkpoints

    def configure(self):
        """Build the networks, restore them where a checkpoint exists."""
        self._folder = Path(self.settings.out) if self.settings.out else None
        self._learner = self._make_learner()
        self._joiner, self._gaps = Joiner(self._learner.spec), Gaps()
        self._episodes = SimpleQueue()
        self._error = ''
        self._stamp = Time()
        self._rejected = 0
        self._stop, self._save_wanted = threading.Event(), threading.Event()
        self._rate = (time.monotonic(), 0, 0.0)
        self._weights = publisher(self, 'policy_weights')
        self._status = publisher(self, 'learner_status')
        self._version_in_use = 0  # by commands
        if self._folder:
            self._take_folder()
        self._saved = self._learner.transitions
        # The state comes last: whoever waits for its reader finds the other there as well.
        self._commands, self._states = queue(self, 'command'), queue(self, 'state')
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(TAKE_PERIOD, self._take, clock=steady)
        self.create_timer(1.0, self._on_timer, clock=steady)
        self.create_service(Trigger, '~/save', self._on_save)
        self._worker = None
        subscribe(self, 'task',
                  lambda message: require_same_task(self, self._learner.spec, message))
        announce(self)
        self.get_logger().info('ready')

    def activate(self):
        """Publish the policy and train, also from what came meanwhile."""
        self._learner.skip_to(self._version_in_use)
        self._publish_weights()
        self._stop.clear()
        self._worker = threading.Thread(target=self._work, name='learner', daemon=True)
        self._worker.start()

    def deactivate(self):
        """Train no more once the update under way is done; states and commands are still taken."""
        self._stop.set()
        self._worker.join()

    def _make_learner(self):
        """Return a Learner with what is in the bags; SettingsError for bags that do not fit."""
        learner = Learner(self.settings)
        try:
            taken = take_bags(learner)
        except BagError as error:
            raise SettingsError(f'bags: {error}') from error
        for line in taken.lines() if taken else ():
            self.get_logger().info(line)
        return learner

    def _take_folder(self):
        """Lock the folder and go on from what is in it; SettingsError where that cannot be."""
        self._leave_folder()
        try:
            self._lock = lock_folder(self._folder)
            self._restore()
            self._learner.skip_to(self._last_version())
        except (InUseError, MisfitError, OSError) as error:
            raise SettingsError(f'out: {error}; another folder would do') from error

    def _leave_folder(self):
        if self._lock:
            self._lock.close()

    def _restore(self):
        """Set the learner to the newest good checkpoint; where all are damaged, begin anew."""
        try:
            if resume(self._folder, self._learner, self.get_logger().error) is None:
                return
        except MisfitError:
            raise
        except WeightsError as error:
            self.get_logger().error(f'the learner begins anew: {error}; what was there is in '
                                    f'{begin_anew(self._folder)}')
            return
        self.get_logger().info(f'goes on from {self._folder}: {self._learner.updates} updates, '
                               f'{self._learner.replay.whole} episodes')

    def _last_version(self):
        """Return the last version that was published from the folder, as far as it is known."""
        try:
            return last_version(self._folder)
        except WeightsError as error:
            self.get_logger().error(f'versions go on from the checkpoint: {error}')
            return 0

    def _take(self):
        """Take what came on both topics."""
        for message in take_messages(self, 'state', self._states):
            self._stamp = message.header.stamp
            state = read_state(message)
            if missing := self._gaps.add(state):
                self.warn('gap', missing)
            self._join('state', state)
        for message in take_messages(self, 'command', self._commands):
            command = read_command(message)
            self._version_in_use = max(self._version_in_use, command.policy_version)
            self._join('command', command)

    def _join(self, kind, item):
        """Join a State or Command; hand complete episodes to the worker."""
        episodes, problem = self._joiner.add(kind, item)
        if problem:
            self._rejected += 1
            self.warn(problem.partition(':')[2], f'{problem}; not used')
        for episode in episodes:
            lost = episode.steps - int(episode.valid.sum())
            if lost:
                self._rejected += lost
                self.warn('incomplete', f'episode {episode.episode}: {lost} of {episode.steps} '
                          'transitions are not complete and not used')
            self._episodes.put(episode)

    def _on_timer(self):
        if self._error:
            self.fail(self._error)
        self._publish_status()

    def _on_save(self, request, response):
        """Have a checkpoint written: by the worker after the update under way, if there is one."""
        response.success = self._folder is not None
        response.message = (f'a checkpoint will be in {self._folder}' if self._folder else
                            'the parameter out is empty: there is no folder for checkpoints')
        if response.success and self.active:
            self._save_wanted.set()
        elif response.success:
            self._save()
        return response

    def _work(self):
        """Train until told to stop; runs in the worker thread."""
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)  # this thread only
            while not self._stop.is_set():
                self._train_once()
                if self._save_wanted.is_set():
                    self._save_wanted.clear()
                    self._save()
        except Exception as error:  # whatever it is, the node must say so and the robot go on
            # After Ctrl-C a publisher refuses to publish: what was learned is as sound as before.
            if rclpy.ok() or isinstance(error, LearningError):
                self._error = f'the learner failed: {type(error).__name__}: {error}'

    def _train_once(self):
        """Take the episodes that came and do one update, or wait a little."""
        learner, took = self._learner, False
        if self._version_in_use > learner.version:
            self._follow_versions()
        while not self._episodes.empty() or not learner.owed:
            try:
                took = bool(learner.add(self._episodes.get(timeout=0.2))) or took
            except Empty:
                return
        if took:
            self._publish_status()
        learner.update()
        due = learner.updates % self.settings.publish_every == 0 and not learner.burn_in.active
        changed = self._published != learner.on_trial
        if changed and not learner.burn_in.active:
            self.get_logger().info(f'{"on trial" if learner.on_trial else "no longer on trial"}: '
                                   f'{learner.trial}')
        if due or changed:
            self._publish_weights()
        if not learner.owed:
            self._publish_status()
        if learner.transitions - self._saved >= self.settings.checkpoint_every:
            self._save()

    def _follow_versions(self):
        """Pass the version that the robot uses: it would keep that one, of a learner before."""
        before = self._learner.version
        self._learner.skip_to(self._version_in_use)
        if self._learner.version > before:
            self.get_logger().warning(f'policy version {self._learner.version} is in use: '
                                      'publishes above it')
            self._publish_weights()

    def _publish_weights(self):
        self._published = self._learner.on_trial
        data, version = self._learner.publish(), self._learner.version
        if self._folder:
            keep_version(self._folder, version)
        self._weights.publish(PolicyWeights(
            header=self._header(), run=self.senders.run, version=version,
            digest=digest(data), prefer_base=self._published, data=to_bytes(data)))

    def _publish_status(self):
        learner = self._learner
        self._status.publish(LearnerStatus(
            header=self._header(), run=self.senders.run, episodes=learner.episodes,
            transitions=learner.transitions, rejected=self._rejected, updates=learner.updates,
            owed_updates=learner.owed, updates_per_second=self._updates_per_second(),
            policy_version=learner.version, burn_in=learner.burn_in.active,
            on_trial=learner.on_trial, error=self._error, **learner.figures))

    def _updates_per_second(self):
        """Return the rate of updates over the last second or so, 1/s."""
        now, (then, updates, rate) = time.monotonic(), self._rate
        if now - then >= 1.0:
            rate = (self._learner.updates - updates) / (now - then)
            self._rate = (now, self._learner.updates, rate)
        return rate

    def _header(self):
        """Return a header with the time of the newest state: the one time base of the graph."""
        return Header(stamp=self._stamp)

    def _save(self):
        """Write the policy of this moment, for evaluation, and the learner, for a restart."""
        learner, self._saved = self._learner, self._learner.transitions
        if self._folder is None:
            return
        name = f'policy_{learner.transitions:07d}.safetensors'
        write_file(self._folder / name, learner.policy())
        save(self._folder, learner)

    def release(self):
        """Stop the worker and write what it has learned."""
        self._stop.set()
        if self._worker:
            self._worker.join(timeout=10.0)
            # What failed is no checkpoint to go on from: the one before is.
            if not self._worker.is_alive() and self._learner.updates and not self._error:
                self._save()
        self._leave_folder()


def main(args=None):
    """Run learner_node; return its exit code."""
    return run_node(LearnerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
