"""Memory that kernels fill: where it lies, and that training keeps it unless the user says otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch

from snn.kernels import empty_cache
from snn.kernels.memory import CACHE_LINE, empty_aligned, empty_aligned_array

glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="glibc keeps memory, this is another library"
)

SCRIPT = """
import resource, sys
import torch
import snn.nn
from snn.kernels import empty_cache
from snn.kernels.memory import empty_aligned_array

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])

def rounds():
    found = []
    for _ in range(3):
        before = faults()
        parts = [empty_aligned_array((1 << 20,), "uint8") for _ in range(40)]  # under the size of large pages
        for part in parts:
            part[:] = 1
        del part, parts
        found.append(faults() - before)
    return found

model = snn.nn.Sequential(snn.nn.Linear(8, 4), snn.nn.LIF())
x = torch.ones(3, 2, 8)
found = rounds()
with torch.no_grad():
    model(x)
found += rounds()
model.train()(x)[0].sum().backward()
found += rounds()
full = held()
empty_cache()
print(*found, full - held())
"""


def test_arrays_lie_on_cache_lines() -> None:
    for shape in ((3,), (1000, 7), (0, 4), ()):
        array = empty_aligned_array(shape, np.float32)
        assert array.shape == shape and array.dtype == np.float32
        assert array.ctypes.data % CACHE_LINE == 0
    tensor = empty_aligned(torch.empty(2, 5, dtype=torch.float64))
    assert tensor.shape == (2, 5) and tensor.dtype == torch.float64 and tensor.data_ptr() % CACHE_LINE == 0
    assert empty_aligned(tensor, 3, 1).shape == (3, 1)
    assert empty_aligned(torch.empty(2, dtype=torch.bfloat16), 4).dtype == torch.bfloat16
    empty_cache()


@glibc
@pytest.mark.parametrize("name", [None, "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_free_memory_is_kept_from_the_first_training_step_on(name: str | None) -> None:
    """Pages made anew are counted in three rounds each: after import, after evaluation, after training."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_"))}
    given = clean if name is None else clean | {name: "65536"}
    printed = subprocess.check_output([sys.executable, "-c", SCRIPT], env=given, text=True)
    *counts, let_go_kb = map(int, printed.split())
    first, *others = counts
    untouched, kept = (others[:5], others[6:]) if name is None else (others, [])
    assert all(count > first / 2 for count in untouched)
    assert all(count < first / 10 for count in kept)
    assert name is not None or let_go_kb > 30_000
