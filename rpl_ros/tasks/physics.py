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

"""The full state of a MuJoCo simulation as an array, and back; and whether it is a sound one."""

import mujoco
import numpy as np

ALL = mujoco.mjtState.mjSTATE_INTEGRATION
"""All that the next step depends on; poses and velocities of bodies follow from it."""
FIRST, LAST = int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC)
"""The warnings after which MuJoCo resets itself."""


def save_state(model, data):
    """Return the state as an array."""
    state = np.empty(mujoco.mj_stateSize(model, ALL))
    mujoco.mj_getState(model, data, state, ALL)
    return state


def restore_state(model, data, state):
    """Set what save_state() returned; the poses in `data` are out of date after that."""
    mujoco.mj_setState(model, data, state, ALL)


def forget_warnings(data):
    """Forget what MuJoCo has warned of: to be called with each new scene."""
    data.warning.number[:] = 0


def why_unsound(data):
    """
    Return why MuJoCo has reset itself since forget_warnings(), or an empty text.

    Where positions, velocities or accelerations are not finite or too large, mj_step sets all back
    to the model's initial state, time included (MuJoCo: mjtWarning, autoreset), and goes on.
    """
    counts = data.warning.number
    if not counts[FIRST:LAST + 1].any():
        return ''
    names = [mujoco.mjtWarning(kind).name for kind in range(FIRST, LAST + 1) if counts[kind]]
    return (f'MuJoCo was unstable and has reset itself ({", ".join(names)}): the episode ends '
            'here and its last step is not used')
