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

"""One call of `rpl train`: what is evaluated and written when, and going on where one ended."""

import signal
import time

from rpl_ros.experiments import train_folder
from rpl_ros.experiments.evaluate import cores, FRESH, summarise, trouble
from rpl_ros.experiments.loop import Loop
from rpl_ros.experiments.players import Players
from rpl_ros.experiments.run_record import lowest_stretch
from rpl_ros.experiments.run_status import SUMMARY
from rpl_ros.experiments.scalars import Scalars
from rpl_ros.files import write_file
from rpl_ros.launching.run_folder import to_yaml
from rpl_ros.learning.checkpoint import resume, save
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.recorded import take_bags
from rpl_ros.measures import measure_of
from rpl_ros.policy.checked import WeightsError

ROW_EVERY = 100
"""Updates from one row of an offline run's metrics.csv to the next."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came."""


class Session:
    """
    What online and offline runs share.

    They count by different things: `done` tells how far a run is, in env steps or in gradient
    updates, which are in the column `key` of metrics.csv and `at` of evaluation.csv; `unit` says
    so.
    """

    key, at, unit, columns = 'total_steps', 'env_steps', 'steps', train_folder.METRICS

    def __init__(self, options, learner, players, folder):
        """Take the command line, a Learner, the Players that evaluate, and the run folder."""
        self.options, self.learner, self.players = options, learner, players
        self.folder, self.stopped = folder, False
        # Bags before the checkpoint: it holds the moments, but not the episodes.
        self.taken = take_bags(learner)
        self.notes = []  # about what was damaged, and about episodes
        self._lock = train_folder.take(folder / 'checkpoints')
        extra = resume(folder / 'checkpoints', learner, self.notes.append)
        if extra is not None:
            self._restore(extra)
        done = self.saved = self.done
        self.metrics = train_folder.Table(folder / 'metrics.csv', self.columns, self.key, done)
        self.evaluating = lambda played: None  # is told how many episodes of an evaluation are
        self.evaluations = train_folder.Table(folder / 'evaluation.csv', train_folder.EVALUATION,
                                              self.at, done)
        self._evaluated = max((int(row[self.at]) for row in self.evaluations.rows), default=-1)
        rows = [*self.metrics.rows, *self.evaluations.rows]
        self._before = max((float(row['wall_time_s']) for row in rows), default=0.0)
        self._start = time.monotonic()
        self.scalars = Scalars(folder, done, measure_of(options.task), self.key, self.at)

    @property
    def done(self):
        """Return how far the run is."""
        raise NotImplementedError

    @property
    def goal(self):
        """Return how far it shall go."""
        raise NotImplementedError

    def begin(self):
        """Do what was left undone when the run was stopped."""

    def step(self):
        """Go on a little, and write what is due."""
        raise NotImplementedError

    def state(self):
        """Return {name: array} to keep with a checkpoint."""
        return {}

    def restore(self, extra):
        """Take back what state() returned; the learner has been restored before."""

    def _restore(self, extra):
        try:
            self.restore(extra)
        except WeightsError as error:
            raise WeightsError(f'{self.folder / "checkpoints"}: {error}') from error

    def seconds(self):
        """Return for how long this run has gone on, earlier calls included, s."""
        return self._before + time.monotonic() - self._start

    def stop(self, signum=None, frame=None):
        """End after the update or episode under way; a second Ctrl-C ends at once."""
        if self.stopped and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped = True

    def save(self):
        """Write a checkpoint."""
        save(self.folder / 'checkpoints', self.learner, self.state())
        self.saved = self.done

    def leave_if_stopped(self):
        """Where the run was told to stop, write a checkpoint and raise Interrupted."""
        if self.stopped:
            self.save()
            raise Interrupted

    def run(self, advance):
        """Learn and evaluate; `advance(done, rows of evaluation.csv)` after each step."""
        goal, every = self.goal, self.options.evaluate_every
        self.begin()
        while True:
            done, at = self.done, self._evaluated
            if at < done and (at < 0 or done // every > at // every or done >= goal):
                self._evaluate()
            advance(done, self.evaluations.rows)
            if done >= goal:
                return
            self.step()

    def checkpoint(self, row):
        """Write a checkpoint where one is due, and to TensorBoard how things stand there."""
        if self.done - self.saved >= self.learner.settings.checkpoint_every:
            self.save()
            self.scalars.training(self.learner, row, self.metrics.rows)

    def _evaluate(self):
        """Evaluate the policy of this moment; before learning, what the method begins with."""
        learner = self.learner
        initial = not learner.updates and not learner.settings.whole_action
        content, name = None if initial else learner.policy(), 'base' if initial else 'untrained'
        if learner.updates:
            self.save()
            name = f'policy_{self.done:07d}.safetensors'
            write_file(self.folder / 'checkpoints' / name, content)
        self._evaluated = self.done
        if not self.options.evaluate_episodes:
            return
        figures = summarise(self._outcomes(content))
        row = {'env_steps': learner.transitions, 'success': figures['success_rate'],
               **{name: round(figures[name], 6) for name in
                  ('low', 'high', 'mean_return', 'return_low', 'return_high')},
               'policy': name, 'on_trial': int(learner.updates > 0 and learner.on_trial),
               'updates': learner.updates,
               'wall_time_s': round(self.seconds(), 1)}
        self.evaluations.add(row)
        self.scalars.evaluation(self.evaluations.rows)

    def _outcomes(self, content):
        """Return the Outcomes of fresh episodes with the policy in `content`, bytes or None."""
        futures, outcomes = [], []
        for number in range(FRESH, FRESH + self.options.evaluate_episodes):
            futures.append(self.players.submit('evaluate', number, content))
            self.evaluating(sum(future.done() for future in futures))
            if self.stopped:
                raise Interrupted
        for future in futures:
            outcomes.append(future.result())
            self.evaluating(sum(future.done() for future in futures))
            if self.stopped:
                raise Interrupted
        return outcomes

    def finish(self):
        """Write summary.yaml: it says that the run is complete."""
        rows = [{name: row[name] for name in (self.at, 'success', 'mean_return')}
                for row in self.evaluations.rows]
        ends = {'first': rows[0], 'last': rows[-1]} if rows else {}
        write_file(self.folder / SUMMARY, to_yaml({
            'env_steps': self.learner.transitions, 'updates': self.learner.updates, **ends,
            'lowest_in_training': self.lowest(), 'seconds': round(self.seconds(), 1)}))

    def lowest(self):
        """Return lowest_stretch() of the run's training episodes; None where nobody played."""
        name = measure_of(self.options.task).name
        return lowest_stretch([float(row[name]) for row in self.metrics.rows if name in row])

    def abandon(self):
        """Kill the players: nobody waits for what they do."""
        if self.players:
            self.players.kill()

    def close(self):
        """End players and close the files."""
        if self.players:
            self.players.close()
        for part in (self.metrics, self.evaluations, self.scalars, self._lock):
            part.close()


class Online(Session):
    """Plays and learns; how far it is, env steps tell."""

    def __init__(self, options, settings, folder):
        """Take the command line and {node name: settings}."""
        workers = max(options.actors, cores()) if options.actors else 0
        players = Players(settings, workers)
        self.loop = Loop(settings, options.actors, players)
        self._troubled = False
        super().__init__(options, self.loop.learner, players, folder)

    @property
    def done(self):
        """Return how many transitions were taken."""
        return self.learner.transitions

    @property
    def goal(self):
        """Return --steps, and 0 where nothing is learned."""
        return self.options.steps if self.options.method != 'initial' else 0

    def state(self):
        """Return which episodes are under way."""
        return self.loop.state()

    def restore(self, extra):
        """Ask for the episodes that were under way."""
        self.loop.restore(extra)

    def begin(self):
        """Do the updates that are owed."""
        self.loop.learn(lambda: self.stopped)
        self.leave_if_stopped()

    def step(self):
        """Play an episode and learn from it."""
        played = self.loop.play()
        if played.outcome.stopped and not self._troubled:
            self._troubled = True
            self.notes.append(f'episode {played.episode.episode}: {trouble([played.outcome])} '
                              '(said once)')
        row = train_folder.metrics_row(played, self.learner, self.seconds())
        self.metrics.add(row)
        self.begin()
        self.checkpoint(row)


class Offline(Session):
    """Learns from bags alone; how far it is, gradient updates tell."""

    key, at, unit = 'updates', 'updates', 'updates'
    columns = train_folder.OFFLINE_METRICS

    def __init__(self, options, settings, folder):
        """Take the command line and {node name: settings}."""
        workers = cores() if options.actors else 0
        players = Players(settings, workers) if options.evaluate_episodes else None
        super().__init__(options, Learner(settings['learner_node']), players, folder)

    @property
    def done(self):
        """Return how many gradient updates were done."""
        return self.learner.updates

    @property
    def goal(self):
        """Return --updates."""
        return self.options.updates

    def step(self):
        """Do updates up to the next row of metrics.csv, the next evaluation or the end."""
        every, done = self.options.evaluate_every, self.done
        end = min(self.goal, *((done // size + 1) * size for size in (ROW_EVERY, every)))
        while self.done < end:
            self.learner.update()
            self.leave_if_stopped()
        row = train_folder.offline_row(self.learner, self.seconds())
        self.metrics.add(row)
        self.checkpoint(row)
