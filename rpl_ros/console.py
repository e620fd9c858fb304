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

"""What all our programs do first: they print to any console, and keep stray modules out."""

import os
import sys


def begin():
    """
    Make standard output and error take any text, each line at once; see also modules.py.

    A file or pipe would get what is printed when much has come together, or at the end.
    """
    for stream in (sys.stdout, sys.stderr):
        # Not all can: a test may have put something else in their place.
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='replace', line_buffering=True)
    # For the processes that this one starts: the first one counts from Python 3.11 on.
    os.environ.setdefault('PYTHONSAFEPATH', '1')
    os.environ.setdefault('PYTHONUTF8', '1')


def is_utf8(text):
    """Return whether a text that came from outside can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
