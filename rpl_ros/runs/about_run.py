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

"""What a run folder tells about the training of its policies: the part `about` of their files."""

from pathlib import Path
from typing import Any

from rpl_ros.common.assets import share
from rpl_ros.policy.about import read_about
from rpl_ros.policy.checked import WeightsError
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import CONFIG
from rpl_ros.runs.learned_in import LIBRARIES
from rpl_ros.scene import Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT


def _recipe(text: str | None) -> str | None:
    """Return the name of the recipe that a run names itself, or whose file it names."""
    if text is None:
        return None
    path, config = Path(text), share('config')
    if path.parent == config:
        return DEFAULT
    return path.parent.name if path.parent.parent == config else path.stem


def about_run(folder: Path) -> dict[str, Any]:
    """
    Return {fact of policy.about.ABOUT: value} of a run folder; {} where it is none.

    Equal runs have equal facts: no date, path or name. SettingsError for files that cannot be
    used.
    """
    if not (folder / CONFIG).is_file():
        return {}
    scene, facts = Scene.of(load_settings(folder / CONFIG)), read_facts(folder)
    arguments = facts.get('arguments', {})
    robot = arguments.get('robot', 'sim')
    found = {
        'controller': scene.controller if arguments.get('base') != 'false' else None,
        'robot': robot, 'arm': scene.arm if robot == 'sim' else None, 'seed': scene.seed,
        'objects': scene.objects if scene.objects in LIBRARIES else Path(scene.objects).name,
        'method': facts.get('method') or ('residual' if arguments else None),
        'recipe': _recipe(facts.get('recipe') or arguments.get('params_file')),
        'begun_from': facts.get('policy', {}).get('sha256')}
    try:
        return read_about({name: value for name, value in found.items() if value is not None})
    except WeightsError as error:
        raise SettingsError(f'{folder}: {error}') from None
