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

"""Which policy file a text means."""

import pytest
from rpl_ros.runs.policies import find_policy
from rpl_ros.settings.fields import SettingsError


def test_the_newest_policy_of_a_run_is_taken_by_its_number(tmp_path):
    folder = tmp_path / 'checkpoints'
    folder.mkdir()
    for name in ('policy_0090000', 'policy_100000', 'policy_last', 'learner'):
        (folder / f'{name}.safetensors').touch()
    assert find_policy(str(tmp_path), 'push') == folder / 'policy_100000.safetensors'
    assert find_policy(str(folder / 'policy_0090000.safetensors'),
                       'push') == folder / 'policy_0090000.safetensors'


@pytest.mark.parametrize('text, wanted', [
    ('nowhere', 'policy nowhere: no such file or run folder'),
    ('.', 'policy .: this folder has no checkpoints/policy_.*: give a policy file')])
def test_a_text_without_a_policy_is_an_error(tmp_path, monkeypatch, text, wanted):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=wanted):
        find_policy(text, 'push')
