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

"""The adapter's message on /diagnostics: its state now, and counts since the last message."""

from collections.abc import Mapping
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rpl_ros.robot.adapter import Adapter
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.safety.reasons import moderates, Reason, stops
from std_msgs.msg import Header

NAMES = {reason.name: reason for reason in Reason}


def status_message(adapter: Adapter, now: Instant, stamp: Time, version: int, newest: int,
                   active: bool, name: str, robot: Mapping[str, Any]) -> DiagnosticArray:
    """
    Return the DiagnosticArray of one second of an Adapter.

    `version` is the policy version of the last command, `newest` that of the learner, and `active`
    tells whether the node called `name` is active. `robot` are {name: value} of this robot.
    """
    counts = adapter.counters.since_last_call()
    faults = adapter.faults(now)
    reasons = {name: count for name, count in counts.items() if name in NAMES}
    stopped = [name for name in reasons if stops(NAMES[name])]
    fallen = [name for name in reasons if not stops(NAMES[name]) and not moderates(NAMES[name])]
    level, text = DiagnosticStatus.OK, adapter.mode.name
    if faults:  # harmless between episodes, but no episode can begin
        level, text = DiagnosticStatus.WARN, 'not ready: ' + ', '.join(
            reason.name for reason in faults)
    if fallen:
        level, text = DiagnosticStatus.WARN, f'base action: {", ".join(fallen)}'
    if adapter.episode is not None and stopped or adapter.mode.needs_reset:
        level, text = DiagnosticStatus.ERROR, f'stop: {", ".join(stopped) or adapter.mode.name}'
    twists = counts['twist']
    values = {
        'lifecycle': 'active' if active else 'inactive', 'mode': adapter.mode.name,
        'episode': '' if adapter.episode is None else adapter.episode,
        'residual': 'on' if adapter.residual_on else 'off',
        'policy version': version, 'policy versions behind': max(0, newest - version),
        'states, 1/s': counts['states'], 'commands, 1/s': counts['commands'],
        'twists, 1/s': twists, 'stops, 1/s': counts['stop'],
        'share of twists that were moderated': f'{counts["moderated"] / max(twists, 1):.2f}',
        'share of twists from base actions': f'{counts["fallbacks"] / max(twists, 1):.2f}',
        'time from a state to its command, s': f'{adapter.latency:.3f}',
        **robot,
        'faults now': '; '.join(f'{reason.name}, {text}' for reason, text in faults.items()),
        **{f'reason {name}': count for name, count in sorted(reasons.items())}}
    return DiagnosticArray(header=Header(stamp=stamp), status=[DiagnosticStatus(
        level=level, name=f'{name}: robot', message=text,
        hardware_id=name.removesuffix('_adapter_node'),
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])])
