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

"""Run folders with made-up curves, as `rpl train` leaves them."""

import yaml


def write_run(folder, values, task='push', method='residual', recipe='paper', seed=0, every=1000,
              **facts):
    """Write a run folder whose evaluations every `every` env steps were `values`."""
    folder.mkdir(parents=True)
    facts = {'command': f'/opt/cli.py train {task} --method {method} --out {folder} --seed {seed}',
             'task': task, 'method': method, 'recipe': recipe, 'seed': seed, **facts}
    (folder / 'run.yaml').write_text(yaml.safe_dump(facts))
    lines = [f'{number * every},{value},0,1,{value},0,1,x,0,0\n'
             for number, value in enumerate(values)]
    (folder / 'evaluation.csv').write_text(
        'env_steps,success,low,high,mean_return,return_low,return_high,policy,updates,seconds\n'
        + ''.join(lines))
    return folder
