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

"""What a policy file tells about its training, in the part `about` of its header."""

from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.policy.checked import check_keys, check_value, WeightsError

ABOUT: dict[str, tuple] = {
    'controller': (str, 1, 1000), 'robot': (str, 1, 20), 'arm': (str, 1, 20),
    'objects': (str, 0, 200), 'seed': (int, 0, 2**63 - 1), 'method': (str, 1, 200),
    'recipe': (str, 1, 200), 'begun_from': (str, 64, 64), 'transitions': (int, 0, 2**63 - 1),
    'updates': (int, 0, 2**63 - 1), 'package': (str, 1, 200)}
"""Type and range of each fact; all are optional. docs/weights.md says what they mean."""


def read_about(values: Any) -> dict[str, Any]:
    """Return the facts in a header; WeightsError for a wrong type, range or name."""
    for name, value in check_keys('about', values, (), ABOUT).items():
        check_value(name, value, *ABOUT[name])
        if not str(value).isprintable():
            raise WeightsError(f'{name} is {brief(value)}, expected text in one line')
    return dict(values)
