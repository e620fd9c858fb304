# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The full state of a MuJoCo simulation as an array, and back."""

import mujoco
import numpy as np

ALL = mujoco.mjtState.mjSTATE_INTEGRATION
"""All that the next step depends on; poses and velocities of bodies follow from it."""


def save_state(model, data):
    """Return the state as an array."""
    state = np.empty(mujoco.mj_stateSize(model, ALL))
    mujoco.mj_getState(model, data, state, ALL)
    return state


def restore_state(model, data, state):
    """Set what save_state() returned; the poses in `data` are out of date after that."""
    mujoco.mj_setState(model, data, state, ALL)
