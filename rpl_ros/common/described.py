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

"""An exception of the user's own code in one line."""

from pathlib import Path
import sysconfig
import traceback

_OURS = (Path(__file__).parents[1], *(Path(sysconfig.get_path(name))
                                      for name in ('stdlib', 'platlib', 'purelib')))


def described(error: BaseException) -> str:
    """Return an exception in one line, with file and line of the user's code that raised it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f'{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})'
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if not frame.filename.startswith('<frozen')]
    # The deepest line is often in a library, or in this package, that the user's code called.
    theirs = [frame for frame in frames if not any(Path(frame.filename).is_relative_to(place)
                                                   for place in _OURS)]
    place = (theirs or frames)[-1:]
    return f'{type(error).__name__}: {" ".join(str(error).split())}' + ''.join(
        f' ({frame.filename}:{frame.lineno})' for frame in place)
