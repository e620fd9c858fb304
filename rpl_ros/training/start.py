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

"""`rpl train --from`: with which policy a run begins, and which settings come from it."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from rpl_ros.runs.layout import POLICY, RUN
from rpl_ros.runs.policies import find_start, Start, start_of_run
from rpl_ros.scene import Scene


def start_in(folder: Path, text: str, task: str) -> Start:
    """Return the Start that `text` means; a run that was begun in `folder` has its own copy."""
    begun = (folder / RUN).is_file() and (folder / POLICY).is_file()
    return start_of_run(folder) if begun else find_start(text, task)


def with_start(settings: dict[str, Any], start: Start, chosen: Collection[str],
               folder: Path) -> dict[str, Any]:
    """
    Return {node: settings} of a run in the absolute `folder` that begins with a Start.

    Networks, critics and scene are those of the policy, but for the settings in `chosen`, which
    are the user's. SettingsError names what does not fit.
    """
    its = {name: value for name, value in {**start.settings, **start.scene}.items()
           if name not in chosen}
    result = {node: replace(one, **{name: value for name, value in its.items()
                                    if hasattr(one, name)}) for node, one in settings.items()}
    learner = replace(result['learner_node'], start_from=start.file_in(folder))
    start.require_fit(result)
    return {**result, 'learner_node': learner}


def start_in_words(start: Start, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return which settings with_start() changed, and what it had to assume."""
    changed = {name: value for node, one in after.items() for name, value in vars(one).items()
               if name != 'start_from' and value != getattr(before[node], name)}
    if changed.get('controller') == Scene.of(before).controller:
        del changed['controller']  # that of the task, now by its name
    text = ', '.join(f'{name} {value}' for name, value in changed.items())
    line = f'taken from {start.path}: {text or "nothing that the recipe does not say"}'
    if 'controller' not in start.scene:
        line += (f'. The controller of its training is not known; this run has '
                 f'{Scene.of(after).controller}')
    return line
