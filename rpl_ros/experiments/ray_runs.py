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

"""Runs on the hosts of a Ray cluster. The only module that imports Ray, and only for --ray."""

import os

from rpl_ros.config import SettingsError
from rpl_ros.experiments.local_runs import WAIT
from rpl_ros.experiments.remote_run import carry_out, Keeper

RETRIES = 10
"""How often a run is taken up again after its worker or host was lost."""
POLL = 1.0


def load_ray():
    """Return the module ray; SettingsError says how to install it."""
    try:
        import ray
        return ray
    except ImportError:
        raise SettingsError('--ray needs Ray, which is not installed here: '
                            'pip install ray==2.60.0') from None


def _task(ray, job):
    """Return the Ray task that carries out `job`."""
    def carry(keeper, folder, command):
        return carry_out(lambda name, *words: ray.get(getattr(keeper, name).remote(*words)), job,
                         folder, command)
    return ray.remote(carry).options(
        name=job.name, num_cpus=job.cores, max_retries=RETRIES,
        num_gpus=int(dict(job.options).get('device') == 'cuda'))


def _keeper(ray):
    """Return a Keeper on this host: its disk is where the results shall be."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Keeper).options(num_cpus=0, scheduling_strategy=here).remote()


def run_on_ray(jobs, board, stop, tick, command):
    """
    Run `jobs` on the cluster until all have ended or `stop` asks for the end.

    At the second request, a KeyboardInterrupt, it returns: a host may have fallen silent.
    """
    ray = load_ray()
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    ray.init(log_to_driver=False, logging_level='error')
    try:
        _watch(ray, jobs, board, stop, tick, command)
    except KeyboardInterrupt:
        pass  # the second request: nobody is waited for
    finally:
        ray.shutdown()


def _watch(ray, jobs, board, stop, tick, command):
    """Submit all jobs, then take what comes."""
    keeper, shown, asked = _keeper(ray), {}, 0
    folders = {job: str(job.folder.resolve()) for job in jobs}
    tasks = {_task(ray, job).remote(keeper, folders[job], command): job for job in jobs}
    while tasks:
        done, _ = ray.wait(list(tasks), timeout=POLL)
        running = ray.get(keeper.running.remote())
        for job in tasks.values():
            attempt = running.get(folders[job])
            if attempt and shown.get(job) != attempt:
                shown[job] = attempt
                board.started(job, attempt[0])
        for task in done:
            job = tasks.pop(task)
            try:
                how = ray.get(task)
            except ray.exceptions.TaskCancelledError:
                how = ''
            except ray.exceptions.RayError as error:
                how = str(getattr(error, 'cause', None) or error).partition('\n')[0]
            ray.get(keeper.end.remote(folders[job], how))
            board.ended(job)
        if stop.count > asked:
            asked = stop.count
            board.console.print(WAIT)
            ray.get(keeper.stop.remote())
            for task, job in tasks.items():
                if job not in shown:
                    ray.cancel(task)
        tick()
