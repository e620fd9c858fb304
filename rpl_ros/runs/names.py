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

"""Names of the folders of a sweep: OUT/<task>/<variant>/seed<seed>."""

from pathlib import Path
import re

from rpl_ros.settings.recipes import DEFAULT


def variant(method: str, recipe: str, label: str = '') -> str:
    """Return the name of the folder that holds the seeds of one curve."""
    return '-'.join([method, *([recipe] if recipe != DEFAULT else []),
                     *([label] if label else [])])


def label_of(folder: Path, method: str, recipe: str) -> str:
    """Return the label in the name of a run folder: the part that variant() put last, or ''."""
    if not re.fullmatch(r'seed\d+', folder.name):
        return ''
    name, plain = folder.resolve().parent.name, variant(method, recipe)
    if name == plain:
        return ''
    return name[len(plain) + 1:] if name.startswith(f'{plain}-') else name
