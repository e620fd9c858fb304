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
A live run that is killed as a whole three times, against one that is not, for each seed.

Not part of the tests, as it takes hours: python test/try_resume.py FOLDER 3 240 [ROBOTS]
The moments of the kills are random; with several robots the first one is a Ctrl-C. It prints how
many ended episodes each kill cost, and success of the last episodes of each run.
"""

from pathlib import Path
import signal
import sys
import time

from graph_tools import free_domain
import numpy as np
from resume_tools import episodes_in, kill_all, launch, rows_of
from rpl_ros.settings.robots import shares

TASK, LAST = 'push', 60


def whole_run(folder, seed, episodes, robots):
    """Run without a cut."""
    launcher = launch(TASK, free_domain(), f'{folder}.log', out=folder, seed=seed,
                      episodes=episodes, robots=robots)
    assert launcher.wait() == 0


def cut_run(folder, seed, episodes, robots, cuts=3):
    """Run with kills at random moments; print what each of them cost."""
    rng, domain = np.random.default_rng(seed), free_domain()
    given = {'out': folder, 'seed': seed, 'episodes': episodes, 'robots': robots}
    for part in range(cuts + 1):
        launcher = launch(TASK, domain, f'{folder}.log', **given)
        given = {'resume': folder}
        if part == cuts:
            assert launcher.wait() == 0
            break
        end = (part + 1) * episodes // (cuts + 1)
        while len(rows_of(folder)) < end - episodes // 10:
            assert launcher.poll() is None, f'{folder}.log'
            time.sleep(0.2)
        time.sleep(rng.uniform(0.0, 10.0))
        if robots > 1 and not part:
            launcher.send_signal(signal.SIGINT)
            launcher.wait()
        else:
            kill_all(launcher)
        shown, (whole, cut) = len(rows_of(folder)), episodes_in(folder, TASK)
        kept = len({one.episode for one in whole})
        print(f'{folder.name}, kill {part + 1}: {shown} episodes were shown, {kept} are whole in '
              f'the bags, {set(cut) - {one.episode for one in whole}} was under way', flush=True)


def describe(folder, episodes, robots):
    """Check that each episode is there once; print the success of a run."""
    rows = rows_of(folder)
    expected = [first + number for first, count in shares(robots, 0, episodes).values()
                for number in range(count)]
    assert sorted(int(row['episode']) for row in rows) == expected
    numbers = [one.episode for one in episodes_in(folder, TASK)[0]]
    assert numbers == expected, numbers
    quarters = [np.mean([row['success'] == '1' for row in part])
                for part in np.array_split(np.array(rows), 4)]
    last = np.mean([row['success'] == '1' for row in rows[-LAST:]])
    print(f'{folder.name}: success by quarters {np.round(quarters, 2).tolist()}, of the last '
          f'{LAST} {last:.2f}; {rows[-1]["updates"]} updates', flush=True)


def main():
    """Run all seeds, with and without cuts."""
    place, seeds, episodes, robots = Path(sys.argv[1]).absolute(), *map(
        int, [*sys.argv[2:], 1][:3])
    place.mkdir(parents=True)
    for seed in range(seeds):
        for name, run in (('cut', cut_run), ('whole', whole_run)):
            folder = place / f'{name}_{seed}'
            run(folder, seed, episodes, robots)
            describe(folder, episodes, robots)


if __name__ == '__main__':
    main()
