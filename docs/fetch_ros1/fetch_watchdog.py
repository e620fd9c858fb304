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

"""
The watchdog on the Fetch's own computer: which twists pass, and when a stop is sent.

Plain Python without ROS, for 2.7 and 3. Times are of a steady clock, in seconds.

It checks everything that comes over the bridge. A refused twist is a stop, and the twists that
follow in the same stream do not pass either. The arm starts to move only with the first twist
after a requested stop, or after silence. So neither a released run-stop nor a restart of the
relay lets the arm continue in the middle of a motion.
"""

import math

PASS, STOP, NOTHING = 'pass', 'stop', 'nothing'

# name -> (default, lowest, highest, description). The timeout of the robot itself is 0.5 s.
SETTINGS = {
    'max_speed': (0.3, 0.01, 1.0, 'highest linear speed of the wrist that passes, m/s'),
    'max_turn_speed': (0.6, 0.01, 2.0, 'highest angular speed of the wrist that passes, rad/s'),
    'timeout': (0.15, 0.05, 0.4, 'time without a twist after which a stop is sent, s'),
    'robot_state_timeout': (1.0, 0.1, 5.0, 'age of robot_state above which no twist passes, s'),
    'stop_messages': (3, 1, 100, 'how often a stop is sent, once per tick, before silence'),
    'max_opening': (0.1, 0.01, 0.2, 'widest opening of the gripper that passes, m'),
    'max_effort': (0.0, 0.0, 100.0, 'force of the gripper, N; 0 = its highest force'),
}
SAME_OPENING = 0.001  # m; half of the tolerance of the gripper itself
START_DELAY = 1.0  # s after the start; an earlier twist may be in the middle of a motion


def checked(given):
    """
    Return all SETTINGS as {name: value}, those of the dict `given` in place of the defaults.

    ValueError names the first one that is unknown, not a number, or out of range.
    """
    for name in sorted(given):
        if name not in SETTINGS:
            raise ValueError('unknown parameter %r: expected one of %s'
                             % (name, ', '.join(sorted(SETTINGS))))
    values = {}
    for name, (default, low, high, _) in SETTINGS.items():
        value = given.get(name, default)
        kinds = (int,) if isinstance(default, int) else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            raise ValueError('parameter %s is %r: expected a%s number from %g to %g'
                             % (name, value, ' whole' if kinds == (int,) else '', low, high))
        values[name] = value
    return values


def length(vector):
    """Return the length of a vector; inf or nan if an element is not finite."""
    return math.sqrt(sum(value * value for value in vector))


class Watchdog(object):
    """
    Decides on each twist, and at each tick.

    `reason` is a text about the last refusal or stop, for the log.
    """

    def __init__(self, now, settings, frame):
        """Use the settings from checked(); `frame` is the frame id that twists must have."""
        self._settings, self._frame = settings, frame
        self._state, self._state_time = None, None
        self._received = now + START_DELAY  # time of the last twist, good or bad
        self._moving = False
        self._stops = 0  # still to be sent
        self._opening = None
        self._held = True  # until a requested stop, or silence
        self.reason = 'just started'

    def robot_state(self, now, run_stopped, faulted):
        """Store the state of the driver; return the same as tick()."""
        self._state = 'the run-stop is pressed' if run_stopped else (
            'the driver has a fault' if faulted else '')
        self._state_time = now
        return self.tick(now)

    def knows_state(self):
        """Return whether a robot_state was received."""
        return self._state is not None

    def blocked(self, now):
        """Return why nothing may move the robot, or an empty text."""
        if self._state is None:
            return 'no robot_state yet'
        if not 0.0 <= now - self._state_time <= self._settings['robot_state_timeout']:
            return 'robot_state is too old'
        return self._state

    def twist(self, now, frame, linear, angular):
        """Return PASS, STOP or NOTHING for a twist, m/s and rad/s; an empty frame is a stop."""
        # A clock that goes back is not silence here, but it is in tick(): both are the safe side.
        fresh = frame == '' or now - self._received > self._settings['timeout']
        self._received = now
        problem = self.blocked(now) or (self._problem(frame, linear, angular) if frame else '')
        if problem:
            self._held = True
            return self._stop(problem)
        if fresh:
            self._held = False
        if frame == '':
            idle = not self._moving and not self._stops
            return STOP if idle else self._stop('a stop was requested')
        if self._held:
            self.reason = 'twists wait for a stop, or for a pause of %g s' % (
                self._settings['timeout'])
            return NOTHING
        self._moving, self._stops, self.reason = True, 0, ''
        return PASS

    def tick(self, now):
        """Return STOP or NOTHING; call it about every 20 ms."""
        if self._moving:
            problem = self.blocked(now)
            if problem:
                self._held = True
                return self._stop(problem)
            if not 0.0 <= now - self._received <= self._settings['timeout']:
                return self._stop('no twist for %g s' % self._settings['timeout'])
        if self._stops:
            self._stops -= 1
            return STOP
        return NOTHING

    def gripper(self, now, opening):
        """Return the opening, m, to send to the gripper, or None to send nothing."""
        if self.blocked(now) or not 0.0 <= opening <= self._settings['max_opening']:
            self._opening = None
            return None
        if self._opening is not None and abs(opening - self._opening) < SAME_OPENING:
            return None
        self._opening = opening
        return opening

    def _problem(self, frame, linear, angular):
        """Return what is wrong with a twist, or an empty text."""
        if frame != self._frame:
            return 'the frame of a twist is %s: expected %s' % (frame, self._frame)
        for vector, limit, unit in ((linear, 'max_speed', 'm/s'),
                                    (angular, 'max_turn_speed', 'rad/s')):
            # also for nan
            if not length(vector) <= self._settings[limit]:
                return 'a twist is faster than %s, %g %s, or not finite' % (
                    limit, self._settings[limit], unit)
        return ''

    def _stop(self, reason):
        """Begin a stop if the arm moves; otherwise continue the present one."""
        if self._moving:
            self._moving, self._stops = False, self._settings['stop_messages'] - 1
            self.reason = reason
            return STOP
        if not self._stops:
            self.reason = reason
        return NOTHING
