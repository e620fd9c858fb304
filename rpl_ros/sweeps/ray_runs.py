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

from collections.abc import Callable, Sequence
from contextlib import suppress
import os
from types import ModuleType
from typing import Any

from rpl_ros.settings.fields import SettingsError
from rpl_ros.sweeps.grid import Job
from rpl_ros.sweeps.local_runs import WAIT
from rpl_ros.sweeps.remote_run import run_remotely, RunStore
from rpl_ros.sweeps.sweep_status import SweepStatus

RETRIES = 10
"""Number of times that a run is started again after its worker or host was lost."""
POLL = 1.0  # s


def load_ray() -> ModuleType:
    """Return the module ray; SettingsError says how to install it."""
    try:
        import ray
        return ray
    except ImportError:
        raise SettingsError('--ray needs Ray, which is not installed here: '
                            'pip install ray==2.60.0') from None


def _submit(ray: ModuleType, store: Any, job: Job, folder: str,
            command: Sequence[str] | None) -> Any:
    """Submit `job` as a Ray task; return the reference to its result."""
    def run(store: Any) -> str:
        return run_remotely(lambda name, *words: ray.get(getattr(store, name).remote(*words)),
                            job, folder, command)
    options = {'name': job.name, 'num_cpus': job.cores, 'max_retries': RETRIES,
               'num_gpus': int(dict(job.options).get('device') == 'cuda')}
    return ray.remote(run).options(**options).remote(store)


def _store_here(ray: ModuleType) -> Any:
    """Return a RunStore as a Ray actor on this host, whose disk gets the results."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(RunStore).options(num_cpus=0, scheduling_strategy=here).remote()


def _problem(ray: ModuleType, task: Any) -> str:
    """Return why a task that has ended did not carry out its run; '' if it did."""
    try:
        return ray.get(task)
    except ray.exceptions.TaskCancelledError:
        return ''
    except ray.exceptions.RayError as error:
        return str(getattr(error, 'cause', None) or error).partition('\n')[0]


def run_on_ray(jobs: Sequence[Job], sweep: SweepStatus, requests: Sequence[int],
               tick: Callable[[], None], command: Sequence[str] | None) -> None:
    """
    Run `jobs` on the cluster until all have ended or a request to stop has been obeyed.

    A KeyboardInterrupt, the second request, ends the wait: a host may not answer any more. `tick`
    is called every POLL seconds; `command` replaces `rpl train`.
    """
    ray = load_ray()
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    ray.init(log_to_driver=False, logging_level='error')
    try:
        with suppress(KeyboardInterrupt):
            _watch(ray, jobs, sweep, requests, tick, command)
    finally:
        ray.shutdown()


def _watch(ray: ModuleType, jobs: Sequence[Job], sweep: SweepStatus, requests: Sequence[int],
           tick: Callable[[], None], command: Sequence[str] | None) -> None:
    """Submit all jobs, then print their starts and ends."""
    store, seen = _store_here(ray), 0
    shown: dict[Job, tuple[str, int]] = {}
    folders = {job: str(job.folder.resolve()) for job in jobs}
    tasks = {_submit(ray, store, job, folder, command): job for job, folder in folders.items()}
    while tasks:
        done, _ = ray.wait(list(tasks), timeout=POLL)
        running = ray.get(store.running.remote())
        for job in tasks.values():
            attempt = running.get(folders[job])
            if attempt and shown.get(job) != attempt:
                shown[job] = attempt
                sweep.started(job, attempt[0])
        for task in done:
            job = tasks.pop(task)
            ray.get(store.end.remote(folders[job], _problem(ray, task)))
            sweep.ended(job)
        if len(requests) > seen:
            seen = len(requests)
            sweep.console.print(WAIT)
            ray.get(store.stop.remote())
            for task, job in tasks.items():
                if job not in shown:
                    ray.cancel(task)
        tick()
