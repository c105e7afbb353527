"""Refuse what would not fit into memory before any of it is made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

BYTES_PER_SYNAPSE = 112
"""Most memory that a synapse takes while it is drawn, projected and laid out (111 measured at 4 M)."""
BYTES_TO_LAY_OUT = 64
"""Most memory that a synapse takes beside the description of its projection (61 measured at 4 M)."""
BYTES_PER_UNIT = 400
"""Memory that a neuron with one receptor takes while it is described, laid out and run (measured at 4 M)."""
_SMALL = 1 << 20
"""Needs of at most so many bytes are granted without asking the system what is free."""

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Memory that this process may still take, bytes: what is free or can be freed, within a container's limit."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _MEMINFO.is_file():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.is_file() and used.is_file():
        most = limit.read_text(encoding="ascii").strip()
        if most != "max":
            free = min(free, max(0, int(most) - int(used.read_text(encoding="ascii"))))
    return free


def check(need: int, what: str, advice: str = "") -> None:
    """Refuse what needs more memory than there is.

    Args:
        need: Bytes.
        what: What needs them, as the start of the message.
        advice: What to do instead, as its end.

    Raises:
        MemoryError: `need` is more than is free.
    """
    free = available_bytes() if need > _SMALL else need
    if need > free:
        raise MemoryError(f"{what} need about {_shown(need)}, {_shown(free)} are free{advice}")


def _shown(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"


def check_synapses(synapses: int) -> None:
    """Refuse a number of synapses that would not fit.

    Raises:
        MemoryError: `BYTES_PER_SYNAPSE * synapses` is more than is free.
    """
    check(synapses * BYTES_PER_SYNAPSE, f"{synapses:,} synapses of {BYTES_PER_SYNAPSE} bytes each")


def check_layout(weights: Iterable[Any]) -> None:
    """Refuse projections whose synapses would not fit once laid out, given their `weights`.

    Raises:
        MemoryError: `BYTES_TO_LAY_OUT` bytes for each are more than is free.
    """
    synapses = sum(int(np.count_nonzero(w)) if isinstance(w, np.ndarray) else w.data.size for w in weights)
    check(
        synapses * BYTES_TO_LAY_OUT,
        f"{synapses:,} synapses of {BYTES_TO_LAY_OUT} bytes each (beside the projections as given)",
    )


def check_units(units: int) -> None:
    """Refuse a number of units that would not fit.

    Raises:
        MemoryError: `BYTES_PER_UNIT * units` is more than is free.
    """
    check(units * BYTES_PER_UNIT, f"{units:,} units of {BYTES_PER_UNIT} bytes each")


def check_membranes(steps: int, samples: int, neurons: int) -> None:
    """Refuse recorded membranes that would not fit: the result, and a sample of it while that runs.

    Raises:
        MemoryError: As said above.
    """
    check(
        8 * steps * (samples + 1) * neurons,
        f"the membranes of {neurons:,} neurons x {steps:,} steps x {samples:,} samples (record.v)",
        "; record fewer, or let stream() keep them on disk",
    )
