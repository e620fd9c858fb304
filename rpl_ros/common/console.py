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

"""What all our programs do first: set up their output and the environment of child processes."""

import os
import sys


def begin() -> None:
    """
    Let standard output and error accept any text, and write each line at once.

    Without this, lines reach a file or pipe only when a buffer is full, or at the end.
    """
    for stream in (sys.stdout, sys.stderr):
        # A test may have replaced the stream by one that cannot do this.
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='replace', line_buffering=True)
    # For child processes (see modules.py). Python 3.10 does not know PYTHONSAFEPATH.
    os.environ.setdefault('PYTHONSAFEPATH', '1')
    os.environ.setdefault('PYTHONUTF8', '1')


def is_utf8(text: str) -> bool:
    """Return whether a text from the command line or the system can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
