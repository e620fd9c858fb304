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
The folder of a learner's checkpoints: a resumed learner equals one that was never interrupted.

`learner.safetensors` holds networks, optimisers, counters and random numbers, and is written last;
`learner_before.safetensors` is the one before. `replay_<number>.safetensors` hold the episodes
that were added since the checkpoint before, so that a checkpoint costs no more after a million
transitions than after the first. What is damaged costs at most itself, and is kept in a folder
`damaged_<n>`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.common.files import read_bytes, set_aside, write_file
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.learning.replay_file import dump_rows, read_rows
from rpl_ros.policy.checked import MisfitError, WeightsError
from rpl_ros.policy.weights import HIGHEST_VERSION
from rpl_ros.runs.layout import LEARNER, NEXT_EPISODES, numbered

FILE, BEFORE = LEARNER, 'learner_before.safetensors'
VERSION = 'last_version'
"""Name of the file with the version of the last policy that was published."""


def save(folder: Path | str, learner: Learner,
         extra: dict[str, np.ndarray] | None = None) -> None:
    """
    Write a checkpoint of `learner` into `folder`; until it is complete the previous one is used.

    OSError where a file cannot be written.
    """
    folder, replay = Path(folder), learner.replay
    first, last = learner.saved_episodes, replay.added
    if last > first:
        rows = replay.rows(first, last)
        write_file(folder / f'replay_{rows["number"][0]:08d}.safetensors',
                   dump_rows(rows, replay.spec))
    write_file(folder / FILE, dump(learner, extra), before=folder / BEFORE)
    learner.saved_episodes = last
    pieces = numbered(folder, 'replay')
    for (_, path), (following, _) in zip(pieces, pieces[1:]):
        if following <= first - len(replay.steps):  # forgotten also by the checkpoint before
            path.unlink()


def resume(folder: Path | str, learner: Learner,
           say: Callable[[str], object] = lambda text: None) -> dict[str, np.ndarray] | None:
    """
    Set `learner` to the newest good checkpoint in `folder`; return its `extra`, None without.

    If the newest one is damaged, the previous one is used; a damaged file of the replay costs its
    episodes. Files that belong to neither are moved aside. `say(text)` reports all of this.
    MisfitError for a checkpoint of another task or other settings, WeightsError where all are
    damaged: both name the file and leave the folder unchanged.
    """
    folder = Path(folder)
    found = _restore_newest(folder, learner)
    pieces, aside = numbered(folder, 'replay'), []
    if found is None:
        aside = [path for _, path in pieces]
    else:
        name, extra, added, problem = found
        if name == BEFORE:
            say(f'{problem or f"{folder / FILE} is missing"}: continues from {BEFORE}, the '
                'previous checkpoint')
            later = [path for number, path in numbered(folder, 'policy')
                     if number > learner.transitions]
            aside = [folder / FILE, *later]
        aside += _fill_replay(learner, pieces, added, say)
    moved = set_aside(folder, aside)
    if moved:
        say(f'{moved} holds now what belongs to no checkpoint, or is damaged: '
            + ', '.join(sorted(path.name for path in moved.iterdir())))
    return None if found is None else extra


def _restore_newest(folder: Path,
                    learner: Learner) -> tuple[str, dict[str, np.ndarray], int, str] | None:
    """Restore the newest good file of a learner: (its name, extra, added, problem) or None."""
    problems: list[str] = []
    for name in (FILE, BEFORE):
        path = folder / name
        try:
            if path.is_file():
                return name, *restore(learner, read_bytes(path)), '; '.join(problems)
        except MisfitError as error:
            raise MisfitError(f'{path}: {error}') from error
        except (WeightsError, OSError) as error:
            problems.append(f'{path}: {error}')
    if problems:
        raise WeightsError('; '.join(problems))
    return None


def _fill_replay(learner: Learner, pieces: list[tuple[int, Path]], added: int,
                 say: Callable[[str], object]) -> list[Path]:
    """
    Fill the replay to which `added` episodes had been added; return the files not used.

    `pieces` is [(number of the first episode, path)].
    """
    replay, useless = learner.replay, []
    replay.expect(added)
    for first, path in pieces:
        try:
            if first >= added:
                raise WeightsError('came after the checkpoint')
            replay.put(read_rows(read_bytes(path), replay, replay.spec, first), added)
        except MisfitError as error:
            raise MisfitError(f'{path}: {error}') from error
        except (WeightsError, OSError) as error:
            say(f'{path}: {error}')
            useless.append(path)
    lost = replay.size - replay.whole
    if lost:
        say(f'{lost} of the {replay.size} episodes in the replay are lost: training continues '
            'with the others')
    if lost and lost == replay.size:  # there is none to draw: it begins with number 0 again
        replay.added, useless = 0, [path for _, path in pieces]
        learner.owed_exactly = 0.0
    learner.saved_episodes = replay.added
    return useless


def begin_anew(folder: Path | str) -> Path | None:
    """Move aside all checkpoints and policies in `folder`, so that none mixes with new ones."""
    folder = Path(folder)
    return set_aside(folder, [folder / FILE, folder / BEFORE, *(
        path for kind in ('replay', 'policy') for _, path in numbered(folder, kind))])


def keep_version(folder: Path | str, version: int) -> None:
    """Write down which version of the policy is published; call it before publishing."""
    write_file(Path(folder) / VERSION, f'{version}\n')


def last_version(folder: Path | str) -> int:
    """
    Return the last version that keep_version() wrote into `folder`, 0 without any.

    WeightsError where the file is damaged.
    """
    path = Path(folder) / VERSION
    if not path.is_file():
        return 0
    text = read_bytes(path)[:20].decode(errors='replace').strip()
    if not text.isdecimal() or int(text) > HIGHEST_VERSION:
        raise WeightsError(f'{path}: {brief(text)} is no version')
    return int(text)


def keep_numbers(folder: Path | str, numbers: Sequence[int]) -> None:
    """Write down the number of the next episode of each of several robots."""
    write_file(Path(folder) / NEXT_EPISODES, ' '.join(map(str, numbers)) + '\n')


def last_numbers(folder: Path | str) -> list[int]:
    """Return what keep_numbers() wrote into `folder`, [] without it or where it is damaged."""
    path = Path(folder) / NEXT_EPISODES
    words = read_bytes(path)[:2000].decode(errors='replace').split() if path.is_file() else []
    return [int(word) for word in words] if all(
        word.isdecimal() and int(word) < 2**32 for word in words) else []
