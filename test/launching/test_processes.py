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

"""The launcher without launch_ros: deaths by name, restarts, Ctrl-C, exit codes."""

from dataclasses import replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

from graph_tools import free_domain
import pytest
from rpl_ros.launching import graph, processes
from rpl_ros.runs import prepare
from sweep_tools import wait_for

WAIT = 'import signal, sys; signal.signal(2, lambda *_: sys.exit(0)); signal.pause()'
STUBBORN = 'import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(60)'
DONE = 'import time; time.sleep(0.6)'
SEGV = 'import os, time; time.sleep(0.3); os.kill(os.getpid(), 11)'


def make_run(folder, **given):
    """Return a prepared run whose report only leaves a mark."""
    run = graph.resolve('hook', {'out': str(folder / 'run'), **given})
    prepare.prepare(run)
    mark = run.folder / 'reported'
    return replace(run, after=(sys.executable, '-S', '-c', f'open({str(mark)!r}, "w")'))


def stand_ins(**programs):
    """Return the command function of a graph whose nodes are small programs, by name."""
    def command(run, name):
        return [sys.executable, '-S', '-c', programs.get(name, WAIT)]
    return command


def one_episode(run):
    """Write what the dashboard leaves after one episode."""
    (run.folder / 'metrics.csv').write_text('episode\n0\n')


def interrupt_after(seconds, number=signal.SIGINT):
    """Send this process a signal, as a terminal's Ctrl-C does."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
    timer.start()
    return timer


def test_a_complete_run_ends_the_others(tmp_path):
    """When sim_node is done all end with SIGINT; the report follows."""
    run = make_run(tmp_path)
    one_episode(run)
    assert processes.run(run, stand_ins(sim_node=DONE)) == 0
    assert (run.folder / 'reported').exists()


def test_no_report_without_episodes_or_when_not_wanted(tmp_path):
    """There is nothing to report of a run without episodes, or with report:=false."""
    run = make_run(tmp_path)
    assert processes.run(run, stand_ins(sim_node=DONE)) == 0
    quiet = make_run(tmp_path / 'quiet', report='false')
    one_episode(quiet)
    assert processes.run(quiet, stand_ins(sim_node=DONE)) == 0
    assert not any((done.folder / 'reported').exists() for done in (run, quiet))


def test_a_failed_report_is_the_exit_code(tmp_path):
    """A run whose report fails does not end with 0."""
    run = make_run(tmp_path)
    one_episode(run)
    run = replace(run, after=(sys.executable, '-S', '-c', 'raise SystemExit(4)'))
    assert processes.run(run, stand_ins(sim_node=DONE)) == 4


@pytest.mark.parametrize('name, program, how, code', [
    ('residual_node', SEGV, 'killed by SIGSEGV', 139),
    ('recorder_node', 'raise SystemExit(3)', 'exit code 3', 3),
    ('base_controller_node', '', 'exit code 0', 1),
    ('sim_node', 'print("no meshes"); raise SystemExit(1)', 'exit code 1', 1)])
def test_a_death_is_reported_by_name(tmp_path, capfd, name, program, how, code):
    """A node that dies ends the graph with its exit code and the end of its log."""
    run = make_run(tmp_path)
    one_episode(run)
    assert processes.run(run, stand_ins(**{name: program})) == code
    said = capfd.readouterr().err
    assert f'{name} died ({how}): ending the graph' in said
    assert f'--- end of {run.folder}/log/{name}.log' in said
    assert name != 'sim_node' or 'no meshes' in said
    assert not (run.folder / 'reported').exists()


@pytest.mark.parametrize('part, shown', [('robot1', True), ('all', False)])
def test_a_part_without_a_screen_prints_what_its_nodes_warn_of(tmp_path, capfd, part, shown):
    """Otherwise nobody sees why a robot waits: its log is the only place."""
    run = make_run(tmp_path, part=part, run='both')
    program = "print('[INFO] no\\n[WARN] [5.0] [sim_node]: waits for learner_node', flush=True)"
    assert processes.run(run, stand_ins(sim_node=f'{program}; {DONE}')) == 0
    out = capfd.readouterr()
    assert out.err.count('waits for learner_node') == shown and 'no\n' not in out.err


def test_the_run_goes_on_without_its_dashboard(tmp_path, capfd):
    """What only looks on does not end the robot's run; what records does."""
    run = make_run(tmp_path)
    one_episode(run)
    assert processes.run(run, stand_ins(sim_node='import time; time.sleep(1.5)',
                                        dashboard_node=SEGV)) == 0
    said = capfd.readouterr().err
    assert said.count('dashboard_node died (killed by SIGSEGV): the run continues without it') == 1
    assert (run.folder / 'reported').exists()


def test_a_simulator_that_was_interrupted_by_others_is_no_complete_run(tmp_path, capfd):
    """Its work is not done, so that nobody makes a report of it."""
    run = make_run(tmp_path)
    one_episode(run)
    assert processes.run(run, stand_ins(sim_node='raise SystemExit(130)')) == 130
    assert 'sim_node died (exit code 130): ending the graph' in capfd.readouterr().err
    assert not (run.folder / 'reported').exists()


def test_restarts_are_limited(tmp_path, capfd):
    """The learner is restarted three times; its fourth death ends the graph."""
    run = make_run(tmp_path)
    assert processes.run(run, stand_ins(learner_node='raise SystemExit(5)')) == 5
    said = capfd.readouterr().err
    assert said.count('learner_node died (exit code 5): restarted') == 3
    assert said.count('learner_node died (exit code 5): ending the graph') == 1
    assert '(3 of 3)' in (run.folder / 'log/launch.log').read_text()


def test_bad_settings_are_no_reason_to_start_again(tmp_path, capfd):
    """A learner that says that its settings are wrong would say so three times more."""
    run = make_run(tmp_path)
    assert processes.run(run, stand_ins(learner_node='raise SystemExit(2)')) == 2
    said = capfd.readouterr().err
    assert 'learner_node died (exit code 2): ending the graph' in said
    assert 'restarted' not in said


def test_one_of_several_robots_leaves_and_the_others_complete_the_run(tmp_path, capfd):
    """Its other nodes are ended; the run goes on, and does not end with 0."""
    run = make_run(tmp_path, robots='2', record='false')
    one_episode(run)
    assert processes.run(run, stand_ins(**{
        'robot1/sim_node': 'import time; time.sleep(3)',
        'robot2/residual_node': 'raise SystemExit(5)'})) == 1
    said = capfd.readouterr().err
    assert said.count('robot2/residual_node died (exit code 5): restarted') == 3
    assert 'robot2 leaves the run, the other robots go on' in said and 'robot1/' not in said
    assert (run.folder / 'log' / 'robot2' / 'sim_node.log').exists()


def test_a_run_of_several_robots_is_complete_when_all_of_them_are(tmp_path):
    """The first one to end does not end the others."""
    run = make_run(tmp_path, robots='2', record='false')
    one_episode(run)
    last = tmp_path / 'last'
    assert processes.run(run, stand_ins(**{
        'robot1/sim_node': DONE,
        'robot2/sim_node': f'import time; time.sleep(1.5); open({str(last)!r}, "w")'})) == 0
    assert last.exists() and (run.folder / 'reported').exists()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupt(tmp_path, number):
    """An interrupt ends all nodes with SIGINT, makes the report and gives 128 + signal."""
    run = make_run(tmp_path)
    one_episode(run)
    leave_mark = ('import signal, sys, time\n'
                  'def end(*_):\n'
                  f'    time.sleep(0.5); open({str(tmp_path / "mark")!r}, "w"); sys.exit(0)\n'
                  'signal.signal(2, end)\n'
                  'while True: time.sleep(0.1)')
    interrupt_after(1.0, number)
    assert processes.run(run, stand_ins(learner_node=leave_mark)) == 128 + number
    assert (tmp_path / 'mark').exists() and (run.folder / 'reported').exists()


def test_a_node_that_does_not_end_is_forced(tmp_path, capfd, monkeypatch):
    """SIGTERM and SIGKILL follow, each reported; the exit code is not 0."""
    monkeypatch.setattr(processes, 'GRACE', (
        (signal.SIGINT, 0.7), (signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0)))
    stubborn = STUBBORN.replace('import signal, time;',
                                'import signal, time; signal.signal(15, signal.SIG_IGN);')
    run = make_run(tmp_path)
    assert processes.run(run, stand_ins(sim_node=DONE, residual_node=stubborn)) == 1
    said = capfd.readouterr().err
    assert 'residual_node did not end in time: sending SIGTERM' in said
    assert 'residual_node did not end in time: sending SIGKILL' in said


def test_second_interrupt_does_not_wait(tmp_path):
    """A second Ctrl-C cuts the waiting short and leaves out the report."""
    run = make_run(tmp_path)
    one_episode(run)
    interrupt_after(1.0)
    interrupt_after(2.0)
    start = time.monotonic()
    assert processes.run(run, stand_ins(residual_node=STUBBORN)) == 130
    assert time.monotonic() - start < 10.0
    assert not (run.folder / 'reported').exists()


def test_observers_end_last(tmp_path):
    """The recorder is still there when the learner has ended."""
    order = tmp_path / 'order'
    note = ('import signal, sys, time\n'
            'def end(*_):\n'
            '    time.sleep({pause}); open({path!r}, "a").write("{name} "); sys.exit(0)\n'
            'signal.signal(2, end)\n'
            'while True: time.sleep(0.05)')
    programs = {name: note.format(name=name, path=str(order), pause=pause)
                for name, pause in (('learner_node', 0.5), ('recorder_node', 0.0))}
    assert processes.run(make_run(tmp_path), stand_ins(sim_node=DONE, **programs)) == 0
    assert order.read_text() == 'learner_node recorder_node '


def test_grandchildren_do_not_survive(tmp_path):
    """What a node started ends with the node."""
    pid_file = tmp_path / 'pid'
    parent = (f'import subprocess, sys\n'
              f'p = subprocess.Popen([sys.executable, "-S", "-c", {STUBBORN!r}])\n'
              f'open({str(pid_file)!r}, "w").write(str(p.pid))\n{WAIT}')
    assert processes.run(make_run(tmp_path), stand_ins(sim_node=DONE, learner_node=parent)) == 0
    assert not alive(int(pid_file.read_text()))


def alive(pid):
    """Return whether a process runs, waiting a little for its end."""
    for _ in range(50):
        try:
            if Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z':
                return False
        except OSError:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux tells a child of this')
def test_children_end_with_a_killed_launcher(tmp_path):
    """SIGKILL of the launcher reaches its nodes as SIGINT."""
    pid_file = tmp_path / 'pid'
    program = f'import os; open({str(pid_file)!r}, "w").write(str(os.getpid()))\n{WAIT}'
    launcher = subprocess.Popen([sys.executable, '-c', (
        'from rpl_ros.common import child; import sys, time\n'
        f'child.start([sys.executable, "-S", "-c", {program!r}]); time.sleep(60)')])
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    time.sleep(0.3)
    launcher.kill()
    launcher.wait()
    assert not alive(int(pid_file.read_text()))


@pytest.mark.graph
@pytest.mark.parametrize('task, shown', [
    ('hook', 'success: base'), ('mbrl_pusher', 'return: base')])
def test_real_nodes(tmp_path, task, shown):
    """Two episodes of the real graph: exit code 0, two rows, a bag, and nobody left."""
    out, domain = tmp_path / 'run', free_domain()
    done = subprocess.run(
        [sys.executable, '-m', 'rpl_ros.cli', 'launch', task, 'episodes:=2', 'headless:=true',
         f'out:={out}', 'report:=false'], capture_output=True, text=True, timeout=120,
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'ROS_DOMAIN_ID {domain}' in done.stdout and 'episode 2/2' in done.stdout
    assert shown in done.stdout
    assert processes.episodes_done(graph.resolve(task, {'out': str(out)})) == 2
    assert {path.name for path in out.iterdir()} >= {'bag', 'config.yaml', 'log', 'run.yaml'}
    assert not subprocess.run(['pgrep', '-f', str(out)], capture_output=True).stdout
