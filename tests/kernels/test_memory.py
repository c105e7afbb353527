"""Memory that kernels fill: where it lies, and that it is kept between steps unless the user says otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch

from snn.kernels import empty_cache
from snn.kernels.memory import LINE, room, space

glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="glibc keeps memory, this is another library"
)

STEPS = """
import resource, sys
from snn.kernels import empty_cache
from snn.kernels.memory import space

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])

found = []
for _ in range(3):
    before = faults()
    parts = [space((1 << 20,), "uint8") for _ in range(40)]  # under the size of large pages
    for part in parts:
        part[:] = 1
    del part, parts
    found.append(faults() - before)
full = held()
empty_cache()
print(*found, full - held())
"""


def test_arrays_lie_on_cache_lines() -> None:
    for shape in ((3,), (1000, 7), (0, 4), ()):
        array = space(shape, np.float32)
        assert array.shape == shape and array.dtype == np.float32
        assert array.ctypes.data % LINE == 0
    tensor = room(torch.empty(2, 5, dtype=torch.float64))
    assert tensor.shape == (2, 5) and tensor.dtype == torch.float64 and tensor.data_ptr() % LINE == 0
    assert room(tensor, 3, 1).shape == (3, 1)
    assert room(torch.empty(2, dtype=torch.bfloat16), 4).dtype == torch.bfloat16
    empty_cache()


@glibc
@pytest.mark.parametrize("name", [None, "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_free_memory_is_kept_unless_the_environment_says_otherwise(name: str | None) -> None:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_"))}
    given = clean if name is None else clean | {name: "65536"}
    printed = subprocess.check_output([sys.executable, "-c", STEPS], env=given, text=True)
    first, second, third, let_go_kb = map(int, printed.split())
    if name is None:
        assert second < first / 10 and third < first / 10
        assert let_go_kb > 30_000
    else:
        assert second > first / 2 and third > first / 2
