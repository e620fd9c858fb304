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

"""Which states are missing: before the first one that a node receives, and between the others."""

from collections.abc import Iterator

from rpl_ros.data import State

ADVICE = ('to play a bag, use `ros2 bag play -d 3`, which leaves time for discovery, or `rpl bag '
          'play`, which waits for the readers')


def _range(what: str, first: int, last: int) -> str:
    """Return 'step 3' or 'steps 3 to 5'."""
    return f'{what} {first}' if first == last else f'{what}s {first} to {last}'


class Gaps:
    """
    Compares the episode and step of each State with those of the newest State before it.

    A State that arrives again or late is not a gap: only a newer State can show one.
    """

    def __init__(self) -> None:
        """Begin before the first State."""
        self._newest: tuple[int, int] | None = None  # (episode, step)

    def add(self, state: State) -> str:
        """Return in words which states are missing before this one, or ''."""
        before, here = self._newest, (state.episode, state.step)
        if before is not None and here <= before:
            return ''
        self._newest = here
        missing = list(_missing(before, here))
        if not missing:
            return ''
        start = 'the first state is' if before is None else 'the next state is'
        return (f'{start} step {here[1]} of episode {here[0]}: {" and ".join(missing)} did not '
                f'arrive; {ADVICE}')


def _missing(before: tuple[int, int] | None, here: tuple[int, int]) -> Iterator[str]:
    """Yield in words what lies between two states, each given as (episode, step)."""
    episode, step = here
    if before is not None and episode > before[0] + 1:
        yield _range('episode', before[0] + 1, episode - 1)
    first = before[1] + 1 if before is not None and episode == before[0] else 0
    if step > first:
        yield f'{_range("step", first, step - 1)} of episode {episode}'
        if before is None and episode:
            yield 'perhaps episodes before it'
