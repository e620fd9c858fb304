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

"""One call of `rpl train`: when it evaluates and saves, and how it continues an earlier call."""

from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
import signal
import time
from types import FrameType
from typing import Any

from rpl_ros.common.arguments import cores
from rpl_ros.common.files import read_bytes, write_file
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.data import MODE_NAMES
from rpl_ros.evaluation.episodes import FRESH, Outcome, summarise, trouble
from rpl_ros.evaluation.stretch import lowest_stretch
from rpl_ros.learning.checkpoint import resume, save
from rpl_ros.learning.from_bags import take_bags
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.warm_start import warm_start
from rpl_ros.policy.checked import WeightsError
from rpl_ros.runs.about_run import about_run
from rpl_ros.runs.layout import (BAG_METRICS, CHECKPOINTS, EVALUATION, evaluation_row, METRICS,
                                 POLICY, SUMMARY, TRAIN_EVALUATION, TRAIN_METRICS)
from rpl_ros.runs.table import Table
from rpl_ros.runs.train_folder import lock_run_folder
from rpl_ros.tasks.find import task_spec
from rpl_ros.training.loop import Loop
from rpl_ros.training.players import PlayedEpisode, Players
from rpl_ros.training.scalars import Scalars

ROW_EVERY = 100
"""Updates between two rows of metrics.csv in a run from bags alone."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM arrived, and a checkpoint has been written."""


class Session:
    """
    What runs that play and runs from bags alone have in common.

    The progress of a run, `done`, is in env steps or in gradient updates. It is in column `key` of
    metrics.csv and in column `at` of evaluation.csv; `unit` names it.
    """

    key, at, unit = 'total_steps', 'env_steps', 'steps'
    columns: tuple[str, ...] = TRAIN_METRICS

    def __init__(self, options: Namespace, learner: Learner, players: Players | None,
                 folder: Path, loop: Loop | None = None) -> None:
        """Restore a learner, and a loop, from the run folder and open its tables."""
        self.options, self.learner, self.players, self.loop = options, learner, players, loop
        self.folder, self.stopped = folder, False
        learner.about = about_run(folder)
        # Before the checkpoint: that has the normalizer's statistics, but no episodes of bags.
        self.taken = take_bags(learner)
        self.notes: list[str] = []  # damaged checkpoints, episodes with trouble
        self._lock = lock_run_folder(folder / CHECKPOINTS)
        self._restore()
        done = self.saved = self.done
        self.metrics = Table(folder / METRICS, self.columns, self.key, done)
        self.evaluations = Table(folder / EVALUATION, TRAIN_EVALUATION, self.at, done)
        self.evaluating: Callable[[int], object] = lambda episodes: None  # is told the progress
        self._evaluated = max((int(row[self.at]) for row in self.evaluations.rows), default=-1)
        rows = [*self.metrics.rows, *self.evaluations.rows]
        self._before = max((float(row['wall_time_s']) for row in rows), default=0.0)
        self._start = time.monotonic()
        self.scalars = Scalars(folder, done, task_spec(options.task).measure, self.key, self.at)

    def _restore(self) -> None:
        """Restore learner and loop from the last checkpoint, if there is one."""
        folder = self.folder / CHECKPOINTS
        state = resume(folder, self.learner, self.notes.append)
        self.started_from = ''
        if state is None and (path := self.learner.settings.start_from):
            self.started_from = warm_start(self.learner, read_bytes(path))
        if state is not None and self.loop:
            try:
                self.loop.restore(state)
            except WeightsError as error:
                raise WeightsError(f'{folder}: {error}') from error

    @property
    def done(self) -> int:
        """Return the progress of the run."""
        raise NotImplementedError

    @property
    def goal(self) -> int:
        """Return the progress at which the run is complete."""
        raise NotImplementedError

    def begin(self) -> None:
        """Complete the step during which an earlier call was stopped."""

    def step(self) -> None:
        """Learn for one episode or some updates, and write what is due."""
        raise NotImplementedError

    def seconds(self) -> float:
        """Return the duration of the run, s, with earlier calls."""
        return self._before + time.monotonic() - self._start

    def stop(self, number: int | None = None, frame: FrameType | None = None) -> None:
        """End after the current update or episode; a second SIGINT ends at once."""
        if self.stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped = True

    def save(self) -> None:
        """Write a checkpoint."""
        save(self.folder / CHECKPOINTS, self.learner, self.loop.state() if self.loop else {})
        self.saved = self.done

    def leave_if_stopped(self) -> None:
        """After stop(), write a checkpoint and raise Interrupted."""
        if self.stopped:
            self.save()
            raise Interrupted

    def run(self, advance: Callable[[int, list[dict]], object]) -> None:
        """Learn and evaluate; call `advance(done, rows of evaluation.csv)` after each step."""
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

    def save_if_due(self, row: dict[str, Any]) -> None:
        """Write a checkpoint, and the last row of metrics.csv to TensorBoard, where it is time."""
        if self.done - self.saved >= self.learner.settings.checkpoint_every:
            self.save()
            self.scalars.training(self.learner, row, self.metrics.rows)

    def _evaluate(self) -> None:
        """Evaluate the current policy; before the first update, that with which a run begins."""
        learner = self.learner
        has_learned = bool(learner.updates or learner.settings.start_from)
        initial = not (has_learned or learner.settings.whole_action)
        content, name = None if initial else learner.policy(), 'base' if initial else 'untrained'
        if learner.settings.start_from:
            name = POLICY
        if learner.updates:
            self.save()
            name = f'policy_{self.done:07d}.safetensors'
            write_file(self.folder / CHECKPOINTS / name, learner.policy())
        self._evaluated = self.done
        if not self.options.evaluate_episodes:
            return
        figures = summarise(self._outcomes(content))
        on_trial = has_learned and learner.prefer_base
        self.evaluations.append({
            **evaluation_row(learner.transitions, figures, name, on_trial),
            'updates': learner.updates, 'wall_time_s': round(self.seconds(), 1)})
        self.scalars.evaluation(self.evaluations.rows)

    def _outcomes(self, content: bytes | None) -> list[Outcome]:
        """Return the Outcomes of fresh episodes with a policy, or of the base alone for None."""
        assert self.players, 'evaluate_episodes is 0 without players'
        outcomes: list[Outcome] = []
        futures: list[Future] = []
        finished: list[Future] = []
        for number in range(FRESH, FRESH + self.options.evaluate_episodes):
            futures.append(self.players.submit('evaluate', number, content))
            futures[-1].add_done_callback(finished.append)
            self._show_evaluation(len(finished))
        for future in futures:
            outcomes.append(future.result())
            self._show_evaluation(len(finished))
        return outcomes

    def _show_evaluation(self, finished: int) -> None:
        self.evaluating(finished)
        if self.stopped:
            raise Interrupted

    def finish(self) -> None:
        """Write summary.yaml: it marks the run as complete."""
        rows = [{name: row[name] for name in (self.at, 'success', 'mean_return')}
                for row in self.evaluations.rows]
        ends = {'first': rows[0], 'last': rows[-1]} if rows else {}
        write_file(self.folder / SUMMARY, to_yaml({
            'env_steps': self.learner.transitions, 'updates': self.learner.updates, **ends,
            'lowest_in_training': self.lowest(), 'seconds': round(self.seconds(), 1)}))

    def lowest(self) -> dict[str, Any] | None:
        """Return lowest_stretch() of the training episodes; None where there are few or none."""
        name = task_spec(self.options.task).measure.name
        return lowest_stretch([float(row[name]) for row in self.metrics.rows if name in row])

    def abandon(self) -> None:
        """Kill the processes that play: nothing waits for their results."""
        if self.players:
            self.players.kill()

    def close(self) -> None:
        """End the processes that play and close the files."""
        if self.players:
            self.players.close()
        for part in (self.metrics, self.evaluations, self.scalars, self._lock):
            part.close()


class Online(Session):
    """Plays and learns. Its progress is in env steps."""

    loop: Loop

    def __init__(self, options: Namespace, settings: dict[str, Any], folder: Path) -> None:
        """Prepare a run of {node name: settings} with the options of the command line."""
        workers = max(options.actors, cores()) if options.actors else 0
        players = Players(settings, workers)
        loop = Loop(settings, options.actors, players)
        self._troubled = False
        super().__init__(options, loop.learner, players, folder, loop)

    @property
    def done(self) -> int:
        """Return the number of transitions in the replay."""
        return self.learner.transitions

    @property
    def goal(self) -> int:
        """Return --steps; 0 where nothing is learned."""
        return self.options.steps if self.options.method != 'initial' else 0

    def begin(self) -> None:
        """Do the updates that the learner owes."""
        self.loop.update(lambda: self.stopped)
        self.leave_if_stopped()

    def step(self) -> None:
        """Act for one episode, store it, and do the updates that follow."""
        played = self.loop.act()
        self.loop.store(played)
        self._note_trouble(played)
        row = metrics_row(played, self.learner, self.seconds())
        self.metrics.append(row)
        self.loop.update(lambda: self.stopped)
        self.leave_if_stopped()
        self.save_if_due(row)

    def _note_trouble(self, played: PlayedEpisode) -> None:
        if played.outcome.stopped and not self._troubled:
            self._troubled = True
            self.notes.append(f'episode {played.episode.episode}: {trouble([played.outcome])} '
                              '(only the first such episode is reported)')


class FromBags(Session):
    """Learns from bags alone. Its progress is in gradient updates."""

    key, at, unit = 'updates', 'updates', 'updates'
    columns = BAG_METRICS

    def __init__(self, options: Namespace, settings: dict[str, Any], folder: Path) -> None:
        """Prepare a run of {node name: settings} with the options of the command line."""
        workers = cores() if options.actors else 0
        players = Players(settings, workers) if options.evaluate_episodes else None
        super().__init__(options, Learner(settings['learner_node']), players, folder)

    @property
    def done(self) -> int:
        """Return the number of gradient updates."""
        return self.learner.updates

    @property
    def goal(self) -> int:
        """Return --updates."""
        return self.options.updates

    def step(self) -> None:
        """Do updates up to the next row of metrics.csv, the next evaluation or the end."""
        every, done = self.options.evaluate_every, self.done
        end = min(self.goal, *((done // size + 1) * size for size in (ROW_EVERY, every)))
        while self.done < end:
            self.learner.update()
            self.leave_if_stopped()
        row = update_row(self.learner, self.seconds())
        self.metrics.append(row)
        self.save_if_due(row)


def metrics_row(played: PlayedEpisode, learner: Learner, seconds: float) -> dict[str, Any]:
    """Return the row of metrics.csv for an episode that the learner has just stored."""
    episode = played.episode
    return {'episode': episode.episode, 'mode': MODE_NAMES[played.mode],
            'success': int(episode.success),
            'steps': episode.steps, 'total_steps': learner.transitions,
            'return': round(played.outcome.episode_return, 4),
            'policy_version': played.policy_version, 'on_trial': int(learner.prefer_base),
            'problem': episode.problem,
            **update_row(learner, seconds)}


def update_row(learner: Learner, seconds: float) -> dict[str, Any]:
    """Return the row of metrics.csv for the last update of a learner."""
    return {'burn_in': int(learner.burn_in.active), 'updates': learner.updates,
            'wall_time_s': round(seconds, 1),
            **{name: float(f'{value:.6g}') for name, value in learner.figures.items()}}
