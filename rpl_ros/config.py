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
Settings: the one home of every default, its description and its range.

Each node's ROS parameters are declared from the fields of its dataclass, and the same dataclass
is filled for in-process tools from the same ROS parameter files in `config/`.
"""

from array import array
from dataclasses import dataclass, field, fields, replace
import difflib
import math

from rpl_ros.brief import brief
from rpl_ros.tasks.specs import SPECS
from rpl_ros.yaml_file import read_yaml


NO_UPDATES = 10**9
"""Value of warmup_transitions with which nothing is ever learned."""


class SettingsError(ValueError):
    """A setting that is unknown, of the wrong type or out of range: says which, where and why."""


def setting(default, doc, low=None, high=None, choices=None, length=None, tighten=''):
    """
    Return a dataclass field with its description and its range or choices.

    A list is given as a tuple of one type; range and choices count for each element, `length` is
    None for any but 0. `tighten` is 'down' or 'up' for a limit that may change at run time: the
    side on which it is stricter.
    """
    return field(default=default, metadata={
        'doc': doc, 'low': low, 'high': high, 'choices': choices and tuple(choices),
        'length': length, 'tighten': tighten})


@dataclass(frozen=True)
class Common:
    """Settings that every node has."""

    task: str = setting('complex_hook', 'name of the task', choices=SPECS)
    seed: int = setting(0, 'seed of scenes, noise, exploration and networks', 0, 2**31 - 1)
    horizon: int = setting(0, 'control steps of an episode; 0 = as many as in the paper. A slower '
                           'robot needs more', 0, 100_000)
    max_ee_speed: float = setting(
        0.0, "speed of a Fetch's gripper under a held action of 1, m/s; 0 = as in the paper's "
        'simulation, 0.83. A real Fetch can do 0.1 to 0.25', 0.0, 1.0)
    run: str = setting('', 'id of the run: nodes ignore messages of other runs. Empty: the first '
                       'run that the node hears, where it hears one alone')


@dataclass(frozen=True)
class Managed(Common):
    """Settings of the nodes that act in the graph, and so have a lifecycle."""

    autostart: bool = setting(True, 'whether the node configures and activates itself; false: it '
                              'waits for a lifecycle manager')


@dataclass(frozen=True)
class SimSettings(Managed):
    """sim_node."""

    mode: str = setting('lockstep', 'lockstep: as fast as the machine goes; realtime: 25 Hz, '
                        'with /clock', choices=('lockstep', 'realtime'))
    episodes: int = setting(600, 'episodes to run, 0 = until stopped', 0, 2**31 - 1)
    first_episode: int = setting(0, 'number of the first episode', 0, 2**31 - 1)
    objects: str = setting('', 'folder of STL or OBJ meshes to use instead of the built-in '
                           'object library of complex_hook; empty = the library, unseen = a '
                           'hundred more of its kinds, for evaluation')
    arm: str = setting('paper', "how a Fetch's arm is simulated: paper, pulled by a weld; joints, "
                       "with the limits of the real robot's controller",
                       choices=('paper', 'joints'))
    window: bool = setting(False, 'show the scene in a window')
    subscribers: int = setting(2, 'subscriptions on the state topic that must be there before the '
                               'first state is sent', 0, 100)
    wait_for: str = setting('', 'names of the nodes of this run that must be there, too, with '
                            'spaces between them')
    start_timeout: float = setting(600.0, 'end with an error when they are not there after this '
                                   'long, s; 0 = wait for ever', 0.0, 1e6)
    max_owed_updates: int = setting(
        100, 'lockstep: wait before an episode while the learner owes more gradient updates than '
        'this, so that data and training keep their ratio; 0 = never wait', 0, 10**9)
    resend_after: float = setting(1.0, 'lockstep: send a state again when no command came for '
                                  'this long, s', 0.01, 60.0)
    give_up_after: float = setting(60.0, 'lockstep: end with an error when no command came, or '
                                   'a learner that is waited for did no update, for this long, s',
                                   0.1, 3600.0)


@dataclass(frozen=True)
class ControllerSettings(Managed):
    """base_controller_node."""

    controller: str = setting('', 'name of a built-in controller, or package.module:function for '
                              'one of your own; empty: that of the task')


@dataclass(frozen=True)
class ResidualSettings(Managed):
    """residual_node."""

    residual_scale: float = setting(1.0, "factor on the residual (paper: 1, authors' code: 2)",
                                    0.0, 2.0)
    noise_std: float = setting(0.1, 'exploration: standard deviation of the Gaussian added to the '
                               'residual, no unit', 0.0, 2.0)
    random_probability: float = setting(0.3, 'exploration: probability that a residual is drawn '
                                        'uniformly from [-1, 1] instead', 0.0, 1.0)
    expert_probability: float = setting(
        0.0, 'probability that, where the residual would be drawn uniformly, the base action '
        'alone is sent instead (alpha of the baseline expert_explore: 0.8)', 0.0, 1.0)
    burn_in_base_probability: float = setting(
        0.5, 'probability that an episode during burn-in is driven by the base action alone '
        "(authors' code), and so while the policy is on trial (trial_episodes)", 0.0, 1.0)
    base_every: int = setting(10, 'every n-th episode is driven by the base action alone, as a '
                              'running comparison; 0 = never', 0, 10**6)
    evaluate_every: int = setting(10, 'every n-th episode is driven without exploration noise, as '
                                  'a running comparison; 0 = never', 0, 10**6)
    base_timeout: float = setting(0.0, 'send a stop when no base action came for this long after '
                                  'the state, s; 0 = wait. The realtime graph sets 0.03',
                                  0.0, 60.0)


@dataclass(frozen=True)
class LearnerSettings(Managed):
    """learner_node and the in-process trainer."""

    out: str = setting('', 'folder for checkpoints; empty = none are written')
    residual_scale: float = setting(1.0, 'as for residual_node: must be equal there', 0.0, 2.0)
    whole_action: bool = setting(False, 'whether the actor gives the whole action, so that the '
                                 'base action does not count: the baselines scratch and '
                                 'expert_explore (paper, section V-D)')
    hidden_layers: int = setting(3, 'hidden layers of actor and critic', 1, 10)
    hidden_size: int = setting(256, 'units in each hidden layer', 1, 4096)
    history: int = setting(0, 'earlier observations that the policy sees beside the present one '
                           '(paper, section IV-C: 1 for noisy_hook)', 0, 1)
    history_features: str = setting(
        'concatenated', 'with a history: both observations are one input, or the networks see one '
        'at a time and their outputs are averaged, which the paper found better (section V-C)',
        choices=('concatenated', 'averaged'))
    history_keep: float = setting(
        0.0, 'the earlier observation is the previous one (0), or a low-pass filter over all '
        'earlier ones of the episode that keeps this share of its value at each step', 0.0, 1.0)
    zero_last_layer: bool = setting(True, 'whether the residual starts at exactly zero (paper, '
                                    'section IV-A)')
    normalise: bool = setting(True, 'whether inputs are normalised by running moments')
    actor_sees_base: bool = setting(False, 'whether the actor sees the base action')
    critic_action: str = setting('residual', 'the action that the critic judges: the residual '
                                 '(paper) or what was sent', choices=('residual', 'sent'))
    critics: int = setting(1, 'number of critics; the smallest target counts', 1, 10)
    layer_norm: bool = setting(False, 'whether the critic normalises its hidden layers')
    actor_learning_rate: float = setting(1e-3, 'step size of Adam for the actor', 0.0, 1.0)
    critic_learning_rate: float = setting(1e-3, 'step size of Adam for the critic', 0.0, 1.0)
    discount: float = setting(0.0, 'discount of the return; 0 = 1 - 1 / horizon', 0.0, 1.0)
    target_keep: float = setting(0.95, 'share of the old target networks kept at a target update',
                                 0.0, 1.0)
    target_every: int = setting(40, 'gradient updates between target updates', 1, 10**6)
    action_l2: float = setting(1.0, 'weight of the mean squared residual in the actor loss', 0.0,
                               1e3)
    data_weight: float = setting(
        0.0, "weight in the actor loss of the mean squared difference between the policy's "
        'residual and the recorded one, for learning from fixed data; with it, Q counts divided '
        'by the mean of its absolute values in the batch, so that no weight depends on the '
        'reward. 0 = none', 0.0, 1e3)
    bags: str = setting('', 'recorded bags to learn from beside what comes: paths, separated by '
                        "':'; empty = none")
    bag_ratio: float = setting(0.5, 'share of each batch that comes from the bags, where there '
                               'are bags and fresh episodes', 0.0, 1.0)
    batch_size: int = setting(256, 'transitions in a gradient update', 1, 10**6)
    buffer_transitions: int = setting(1_000_000, 'transitions that the replay buffer keeps, '
                                      'and as many of the bags', 100, 10**9)
    her_ratio: float = setting(0.8, 'share of each batch whose goal is replaced by one achieved '
                               'later in the episode (HER, k = 4); 0 = no HER', 0.0, 1.0)
    her_goal: str = setting('future', "which one: drawn from the steps that follow (authors' "
                            'code) or that of the last state (paper, section III)',
                            choices=('future', 'final'))
    updates_per_step: float = setting(0.1, 'gradient updates for each transition taken (paper: 40 '
                                      'for each 400)', 0.0, 100.0)
    warmup_transitions: int = setting(0, 'transitions to collect before the first update; '
                                      f'{NO_UPDATES}: there is none', 0, NO_UPDATES)
    burn_in: str = setting(
        'q_change', 'when the actor may start to move: q_change, when the mean Q changes by less '
        "than the threshold between two checks (authors' code); critic_loss, when the critic's "
        'mean loss is below it (paper, section IV-B); updates, at the first check; none',
        choices=('q_change', 'critic_loss', 'updates', 'none'))
    burn_in_threshold: float = setting(1.0, 'the threshold beta of the burn-in', 0.0, 1e6)
    burn_in_check: int = setting(2000, 'gradient updates between two checks', 1, 10**7)
    trial_episodes: int = setting(
        0, 'the policy is on trial until its last so many episodes without exploration went '
        'better than those of the base controller, and again when they went worse, both by their '
        'standard error. While on trial it drives no more than during burn-in, and what is saved '
        'for use is the base controller. 0 = it is never on trial', 0, 10**6)
    publish_every: int = setting(400, 'gradient updates between published weights', 1, 10**7)
    checkpoint_every: int = setting(5000, 'transitions between checkpoints', 1, 10**9)
    threads: int = setting(1, 'threads for gradient updates: with 2, those of actor and critics '
                           'are computed side by side', 1, 2)
    device: str = setting('auto', 'where gradient updates are computed; auto: cuda where there is '
                          'one', choices=('auto', 'cpu', 'cuda'))


@dataclass(frozen=True)
class RecorderSettings(Common):
    """recorder_node."""

    out: str = setting('', 'folder of the bag to write; must not exist yet')
    topics: str = setting('', 'topics to record beside those of the graph, such as those of a '
                          "robot: 'joint_states sensor_msgs/msg/JointState; ...'")
    max_bag_size: int = setting(2**30, 'begin another file of the bag when one has this size, '
                                'bytes; 0 = never', 0, 2**53)
    max_bag_duration: int = setting(0, 'begin another file of the bag when one is this old, s; '
                                    '0 = never', 0, 10**9)
    compression: str = setting('zstd', 'compression of what is recorded, second by second',
                               choices=('none', 'zstd'))


@dataclass(frozen=True)
class DashboardSettings(Common):
    """dashboard_node."""

    out: str = setting('', 'folder for metrics.csv; empty = none is written')
    episodes: int = setting(600, 'episodes to expect, for the progress bar; 0 = unknown', 0,
                            2**31 - 1)
    window_episodes: int = setting(50, 'episodes over which success is averaged', 1, 10**6)


@dataclass(frozen=True)
class PlayerSettings:
    """player_node, which is no part of the graph."""

    bag: str = setting('', 'folder or file of the bag to play')
    rate: float = setting(1.0, 'how many times as fast as recorded; 0 = as fast as the learner '
                          'takes it', 0.0, 1e6)
    subscribers: int = setting(1, 'nodes that must be there before the first message is sent: '
                               'subscriptions on the state topic', 0, 100)
    start_timeout: float = setting(600.0, 'end with an error when they are not there after this '
                                   'long, s; 0 = wait for ever', 0.0, 1e6)
    max_owed_updates: int = setting(
        100, 'rate 0: wait while the learner owes more gradient updates than this, so that data '
        'and training keep their ratio; 0 = never wait', 0, 10**9)


NODE_SETTINGS = {
    'sim_node': SimSettings,
    'base_controller_node': ControllerSettings,
    'residual_node': ResidualSettings,
    'learner_node': LearnerSettings,
    'recorder_node': RecorderSettings,
    'dashboard_node': DashboardSettings,
}


def did_you_mean(name, known):
    """Return ' (did you mean ...?)' for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(brief(name).strip("'"), list(known), n=1)
    return f' (did you mean {near[0]!r}?)' if near else ''


def parse_words(words, kind):
    """
    Return {name: text} of command line words name:=text; `kind` is what errors call them.

    SettingsError for any other word and for a name that is given twice.
    """
    given = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if not separator or not name:
            raise SettingsError(f'cannot read {word!r}: expected name:=value')
        if name in given:
            raise SettingsError(f'{kind} {name} is given twice')
        given[name] = value
    return given


def _checked(spec, value, where):
    """Return `value` as the type of the dataclass field `spec`, or raise SettingsError."""
    if not isinstance(spec.default, tuple):
        return _checked_one(spec, spec.name, type(spec.default), value, where)
    length, kind = spec.metadata['length'], type(spec.default[0])
    if not isinstance(value, (list, tuple, array)) or not len(value) or (
            length and len(value) != length):
        raise SettingsError(f'{where}: {spec.name} is {brief(value)}, expected a list of '
                            f'{f"{length} values" if length else "values"} of type '
                            f'{kind.__name__}')
    return tuple(_checked_one(spec, f'{spec.name}[{index}]', kind, item, where)
                 for index, item in enumerate(value))


def _checked_one(spec, name, kind, value, where):
    """Return the value called `name` as `kind` if the range or choices of `spec` allow it."""
    if kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise SettingsError(f'{where}: {name} is {brief(value)}, which is too large') from None
    if type(value) is not kind:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected a value of type '
                            f'{kind.__name__}')
    low, high, choices = (spec.metadata[key] for key in ('low', 'high', 'choices'))
    if choices and value not in choices:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected one of '
                            f'{", ".join(map(str, choices))}')
    if kind is float and not math.isfinite(value):
        raise SettingsError(f'{where}: {name} is {value}, expected a finite number')
    if low is not None and not low <= value <= high:
        raise SettingsError(f'{where}: {name} is {brief(value)}, expected {low} to {high}')
    return value


def make_settings(cls, values, where='settings'):
    """Return `cls` filled with a dict of values; SettingsError for a bad or unknown one."""
    known = {spec.name: spec for spec in fields(cls)}
    about = cls.__doc__.strip().strip('.')
    for name in values:
        if name not in known:
            raise SettingsError(f'{where}: unknown setting {brief(name)} of {about}'
                                f'{did_you_mean(name, known)}')
    return cls(**{name: _checked(known[name], value, where) for name, value in values.items()})


ROS_OWN = ('use_sim_time', 'start_type_description_service')
ROBOT_NODES = ('fetch_adapter_node', 'fetch_sim_node')
"""Nodes of rpl_ros.config_robot, which a parameter file may name as well."""


def is_ros_own(name):
    """
    Return whether a parameter is one that ROS gives its nodes, and no setting of ours.

    `ros2 param dump` writes them, too. A running node knows better what its ROS declares.
    """
    return name in ROS_OWN or name.startswith('qos_overrides')


def read_parameter_file(path, nodes=(*NODE_SETTINGS, *ROBOT_NODES)):
    """
    Return {node name or '/**': {setting: value}} of a ROS parameter file for `nodes`.

    A section may be called residual_node, /residual_node, /**/residual_node (in any namespace) or
    /robot1/residual_node. SettingsError where the file is missing, is not such a file, names an
    unknown node, or has two sections for one.
    """
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f'{path}: cannot be read as a ROS parameter file: {error}') from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path}: expected a mapping of node names to ros__parameters')
    sections = {}
    for node, section in content.items():
        if not isinstance(node, str):
            raise SettingsError(f'{path}: a section is called {brief(node)}, expected the name of '
                                'a node')
        name = node.rpartition('/')[2] if node != '/**' else node
        if name in sections:
            raise SettingsError(f'{path}: has two sections for {name[:100]}')
        if name != '/**' and name not in nodes:
            raise SettingsError(f'{path}: unknown node {brief(node)}'
                                f'{did_you_mean(name, nodes)}')
        if not isinstance(section, dict) or not isinstance(section.get('ros__parameters'), dict):
            raise SettingsError(f'{path}: {node} has no mapping ros__parameters')
        values = section['ros__parameters']
        for key in values:
            if not isinstance(key, str):
                raise SettingsError(f'{path}: unknown setting {brief(key)} of {name}, expected a '
                                    'name')
        sections[name] = {key: values[key] for key in values if not is_ros_own(key)}
    return sections


def load_settings(path, overrides=None):
    """
    Return {node name: settings} for all nodes from a parameter file.

    `overrides` is {setting: value}; it and the file's `/**` section reach each node that has
    such a setting. SettingsError for anything unknown, of a wrong type or out of range.
    """
    sections = read_parameter_file(path)
    shared = {**sections.get('/**', {})}
    everything = {spec.name for cls in NODE_SETTINGS.values() for spec in fields(cls)}
    for where, names in ((f'{path} in /**', shared), ('overrides', overrides or {})):
        for name in names:
            if name not in everything:
                raise SettingsError(f'{where}: unknown setting {brief(name)}'
                                    f'{did_you_mean(name, everything)}')
    result = {}
    for node, cls in NODE_SETTINGS.items():
        names = {spec.name for spec in fields(cls)}
        common = {key: value for key, value in shared.items() if key in names}
        own = sections.get(node, {})
        last = {key: value for key, value in (overrides or {}).items() if key in names}
        result[node] = make_settings(cls, {**common, **own, **last}, f'{path}, {node}')
    _check_trial(result, path)
    _check_scale(result, path)
    return _same_everywhere(result, path)


def _same_everywhere(settings, path):
    """
    Return {node: settings} in which horizon and speed are those of the node that gives them.

    SettingsError where two nodes give different ones: a policy is for one of them.
    """
    for name in ('horizon', 'max_ee_speed'):
        given = {node: getattr(one, name) for node, one in settings.items() if getattr(one, name)}
        if len(set(given.values())) > 1:
            raise SettingsError(f'{path}: {name} is ' + ' but '.join(
                f'{value} for {node}' for node, value in given.items())
                + ': set it in the section /**')
        for value in set(given.values()):
            settings = {node: replace(one, **{name: value}) for node, one in settings.items()}
    return settings


def _check_scale(settings, path):
    """Raise SettingsError where the robot would refuse what the learner learns."""
    learner, used = settings['learner_node'], settings['residual_node'].residual_scale
    if learner.residual_scale != used and not learner.whole_action:
        raise SettingsError(f'{path}: residual_scale is {learner.residual_scale} for learner_node '
                            f'but {used} for residual_node: set it in the section /**')


def _check_trial(settings, path):
    """Raise SettingsError where a policy could never pass its trial."""
    residual, episodes = settings['residual_node'], settings['learner_node'].trial_episodes
    if episodes and not residual.evaluate_every:
        raise SettingsError(f'{path}: trial_episodes is {episodes}, but evaluate_every is 0: '
                            'without episodes that do not explore no policy passes its trial; '
                            'trial_episodes 0 is none')
    if episodes and not residual.base_every and not residual.burn_in_base_probability:
        raise SettingsError(f'{path}: trial_episodes is {episodes}, but base_every and '
                            'burn_in_base_probability are 0: without episodes of the base '
                            'controller no policy passes its trial; trial_episodes 0 is none')
