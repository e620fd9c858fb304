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

"""No test talks to the network, and none waits for ever."""

import signal
import sys

from hypothesis import settings
import pytest
from rpl_ros.common.discovery import local_by_default

LONGEST = 600
"""A test that takes longer, s, fails."""

local_by_default()
# How long a test takes says how busy the machine is.
settings.register_profile('rpl_ros', deadline=None)
settings.load_profile('rpl_ros')


@pytest.fixture(autouse=True)
def tuned_process():
    """Set torch as the main() of each program does, where a test uses it."""
    if 'torch' in sys.modules:
        from rpl_ros.learning.process import tune_process
        tune_process()


def _give_up(*_):
    raise AssertionError(f'the test did not end within {LONGEST} s')


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol():
    """End a test that waits for what never comes."""
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
