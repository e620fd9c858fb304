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


"""Settings of torch and of the C library for a process that learns or plans."""

import ctypes
from functools import lru_cache

import torch


@lru_cache(maxsize=1)
def tune_process() -> None:
    """
    Set threads, matrix products and memory of the whole process; call it before the first update.

    Results agree to the last bit only between processes that have called it.
    """
    # Two threads in each operation help less than actor and critics in parallel: see
    # docs/speed_learner.md. On the small products of PETS a second thread costs time.
    torch.set_num_threads(1)
    _use_fast_products()
    _keep_freed_memory()


def _use_fast_products() -> None:
    """
    Let torch use the matrix products of oneDNN where they are as exact as float32.

    They are up to twice as fast as those of MKL on AMD processors. But torch allows them only
    together with bfloat16 products, which some processors then use: so check a result.
    """
    generator = torch.Generator().manual_seed(0)
    left = torch.rand(64, 256, generator=generator)
    right = torch.rand(256, 64, generator=generator)
    exact = left.double() @ right.double()
    torch.set_float32_matmul_precision('medium')
    error = ((left @ right).double() / exact - 1.0).abs().max().item()
    if error > 1e-5:  # float32 gives 1e-6, bfloat16 1e-3
        torch.set_float32_matmul_precision('highest')


def _keep_freed_memory() -> None:
    """
    Let glibc keep freed memory; other C libraries are left as they are.

    An update allocates and frees some megabytes. By default glibc returns them to the kernel,
    which clears them again for the next update: 200 to 700 pages each, a tenth of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt:
        mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD, bytes: keep this much at the end of the heap
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, bytes, its maximum: smaller blocks are in it
