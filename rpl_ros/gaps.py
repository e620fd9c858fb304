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

"""What is missing before the first state that a listener hears, and between the ones after it."""

ADVICE = ('where a bag is played, `ros2 bag play -d 3` gives listeners the time to be there, and '
          '`rpl bag play` waits for them')


def _range(what, first, last):
    """Return 'step 3' or 'steps 3 to 5'."""
    return f'{what} {first}' if first == last else f'{what}s {first} to {last}'


class Gaps:
    """
    Compares the episode and step of each State with those of the newest one before.

    One that comes again, or late, is none: only what a newer one shows to be missing counts.
    """

    def __init__(self):
        """Nothing was heard yet."""
        self._newest = None

    def add(self, state):
        """Take a State; return in words what is missing before it, or ''."""
        before, here = self._newest, (state.episode, state.step)
        if before is not None and here <= before:
            return ''
        self._newest = here
        missing = list(_missing(before, here))
        if not missing:
            return ''
        start = 'the first state is' if before is None else 'the next state is'
        return (f'{start} step {here[1]} of episode {here[0]}: {" and ".join(missing)} did not '
                f'come; {ADVICE}')


def _missing(before, here):
    """Yield what lies between two places (episode, step), in words; `before` may be None."""
    (episode, step), known = here, before is not None
    if known and episode > before[0] + 1:
        yield _range('episode', before[0] + 1, episode - 1)
    first = before[1] + 1 if known and episode == before[0] else 0
    if step > first:
        yield f'{_range("step", first, step - 1)} of episode {episode}'
        if not known and episode:
            yield 'perhaps episodes before it'
