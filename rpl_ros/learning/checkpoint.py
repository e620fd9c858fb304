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
The folder of a learner's checkpoints: it goes on as if it had not been interrupted.

`learner.safetensors` holds networks, optimisers, counters and random numbers, and is written last;
`learner_before.safetensors` is the one before. `replay_<number>.safetensors` hold the episodes
that were added since the checkpoint before, so that a checkpoint costs no more after a million
transitions than after the first. What is damaged costs at most itself, and is kept in a folder
`damaged_<n>`.
"""

from pathlib import Path
import re

from rpl_ros.brief import brief
from rpl_ros.files import read_bytes, set_aside, write_file
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.learning.replay_file import dump_rows, read_rows
from rpl_ros.policy.checked import MisfitError, WeightsError
from rpl_ros.policy.weights import HIGHEST_VERSION

FILE, BEFORE = 'learner.safetensors', 'learner_before.safetensors'
VERSION = 'last_version'
"""Name of the file with the version of the last policy that was published."""


def _numbered(folder, kind):
    """Return [(number, path)] of the files kind_<number>.safetensors, in order."""
    found = ((re.fullmatch(rf'{kind}_(\d{{1,15}})', path.stem), path)
             for path in Path(folder).glob(f'{kind}_*.safetensors'))
    return sorted((int(match[1]), path) for match, path in found if match)


def save(folder, learner, extra=None):
    """
    Write a checkpoint of `learner` into `folder`; the one before counts until it is whole.

    OSError where a file cannot be written.
    """
    folder, replay = Path(folder), learner.replay
    first, last = learner.saved_episodes, replay.added
    if last > first:
        rows = replay.rows(first, last)
        write_file(folder / f'replay_{rows["number"][0]:08d}.safetensors',
                   dump_rows(rows, learner.spec))
    write_file(folder / FILE, dump(learner, extra), before=folder / BEFORE)
    learner.saved_episodes = last
    pieces = _numbered(folder, 'replay')
    for (_, path), (following, _) in zip(pieces, pieces[1:]):
        if following <= first - len(replay.steps):  # forgotten also by the checkpoint before
            path.unlink()


def resume(folder, learner, say=lambda text: None):
    """
    Set `learner` to the newest good checkpoint in `folder`; return its `extra`, None without.

    Where the newest one is damaged, the one before counts; a damaged file of the replay costs its
    episodes. What belongs to neither is set aside; `say(text)` is told all of that. MisfitError
    for a checkpoint of another task or other settings, WeightsError where all are damaged: both
    name the file, and leave the folder as it was.
    """
    folder = Path(folder)
    found = _restore_newest(folder, learner)
    pieces, aside = _numbered(folder, 'replay'), []
    if found is None:
        aside = [path for _, path in pieces]
    else:
        name, extra, added, problem = found
        if name == BEFORE:
            say(f'{problem or f"{folder / FILE} is missing"}: goes on from {BEFORE}, the '
                'checkpoint before')
            later = [path for number, path in _numbered(folder, 'policy')
                     if number > learner.transitions]
            aside = [folder / FILE, *later]
        aside += _take_pieces(learner, pieces, added, say)
    moved = set_aside(folder, aside)
    if moved:
        say(f'{moved} holds now what belongs to no checkpoint, or is damaged: '
            + ', '.join(sorted(path.name for path in moved.iterdir())))
    return None if found is None else extra


def _restore_newest(folder, learner):
    """Restore the newest good file of a learner: (its name, extra, added, problem) or None."""
    problems = []
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


def _take_pieces(learner, pieces, added, say):
    """
    Fill the replay to which `added` episodes were added; return the files that are of no use.

    `pieces` is [(number of the first episode, path)].
    """
    replay, useless = learner.replay, []
    replay.expect(added)
    for first, path in pieces:
        try:
            if first >= added:
                raise WeightsError('came after the checkpoint')
            replay.put(read_rows(read_bytes(path), replay, learner.spec, first), added)
        except MisfitError as error:
            raise MisfitError(f'{path}: {error}') from error
        except (WeightsError, OSError) as error:
            say(f'{path}: {error}')
            useless.append(path)
    lost = replay.size - replay.whole
    if lost:
        say(f'{lost} of the {replay.size} episodes in the replay are lost: training goes on with '
            'the others')
    if lost and lost == replay.size:  # none is there to draw from: it begins with number 0 again
        replay.added, useless = 0, [path for _, path in pieces]
        learner.owed_exactly = 0.0
    learner.saved_episodes = replay.added
    return useless


def begin_anew(folder):
    """Set aside all checkpoints and policies in `folder`, so that none mixes with new ones."""
    folder = Path(folder)
    return set_aside(folder, [folder / FILE, folder / BEFORE, *(
        path for kind in ('replay', 'policy') for _, path in _numbered(folder, kind))])


def keep_version(folder, version):
    """Note which version of the policy is published, before anybody gets it."""
    write_file(Path(folder) / VERSION, f'{version}\n')


def last_version(folder):
    """
    Return the last version that keep_version() noted in `folder`, 0 where it did not.

    WeightsError where the file is damaged.
    """
    path = Path(folder) / VERSION
    if not path.is_file():
        return 0
    text = read_bytes(path)[:20].decode(errors='replace').strip()
    if not text.isdecimal() or int(text) > HIGHEST_VERSION:
        raise WeightsError(f'{path}: {brief(text)} is no version')
    return int(text)
