"""Write conductances into cells, let time pass, draw random arrays: all chance comes from counters.

Every draw is a hash of (seed, name of the array, what is drawn, which write, which cell), so a chip keeps its
devices and faults over writes, and nothing depends on threads or on the order of calls.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from torch import Tensor

from snn.core.arrays import Float64Array
from snn.core.random import keys, uniform
from snn.hardware.crossbar.converters import round_straight_through
from snn.hardware.crossbar.device import DeviceConfig, Forming, polynomial

__all__ = [
    "age_cells",
    "apply_faults",
    "cell_normals",
    "form_cells",
    "nearest_writable",
    "read_normals",
    "write_cells",
]


def _uniform(shape: tuple[int, ...], seed: int, name: str, *parts: int) -> Float64Array:
    """Draw from (0, 1): half a step above the grid of `uniform`, so that no quantile is infinite."""
    count = int(np.prod(shape))
    return (uniform(keys(seed, name, *parts), np.arange(count)) + 2.0**-54).reshape(shape)


def cell_normals(like: Tensor, seed: int, name: str, *parts: int) -> Tensor:
    """Draw standard normals of the shape of `like`, one per cell, keyed by (seed, name, parts)."""
    drawn = np.asarray(ndtri(_uniform(tuple(like.shape), seed, name, *parts)))
    return torch.from_numpy(drawn).to(like)


def read_normals(seed: int, name: str, step: int, samples: ArrayLike, count: int) -> Tensor:
    """Draw `count` standard normals for each sample at one time step: [B, count]."""
    key = keys(seed, name, samples, step)
    return torch.from_numpy(np.asarray(ndtri(uniform(key[:, None], np.arange(count)) + 2.0**-54)))


def nearest_writable(target_us: Tensor, device: DeviceConfig) -> Tensor:
    """Give the conductance next to each target that can be written: in the range and on the levels of the device.

    The gradient passes straight through levels; outside the range it is 0.
    """
    inside = target_us.clamp(device.g_min_us, device.g_max_us)
    if device.levels is None:
        return inside
    step = (device.g_max_us - device.g_min_us) / (device.levels - 1)
    return device.g_min_us + step * round_straight_through((inside - device.g_min_us) / step)


def write_cells(writable_us: Tensor, device: DeviceConfig, seed: int, name: str, number: int) -> Tensor:
    """Write targets: device gain, scatter of this write, programming noise; never below zero.

    Args:
        writable_us: Targets as `nearest_writable` gives them.
        device: The device.
        seed: Which chip.
        name: Which array of it.
        number: Which write: scatter and noise are new at each.

    Returns:
        Conductances at the first reading, before drift and faults.
    """
    g = writable_us
    if device.d2d:
        g = g * (1 + device.d2d * cell_normals(g, seed, f"{name}/device"))
    if device.c2c:
        g = g * (1 + device.c2c * cell_normals(g, seed, f"{name}/cycle", number))
    if device.sigma_us:
        sigma = polynomial(device.sigma_us, writable_us.detach() / device.reference).clamp(min=0.0)
        g = g + sigma * cell_normals(g, seed, f"{name}/write", number)
    return g.clamp(min=0.0) if g is not writable_us else g


def age_cells(
    written_us: Tensor,
    writable_us: Tensor,
    device: DeviceConfig,
    seed: int,
    name: str,
    number: int,
    time_s: float,
) -> Tensor:
    """Let `time_s` seconds pass since the write, then apply the faults of the chip.

    A cell's path is fixed when it is written. Stuck and open cells neither drift nor pass a gradient.

    Args:
        written_us: What `write_cells` gave.
        writable_us: The targets of that write.
        device: The device.
        seed: Which chip.
        name: Which array of it.
        number: Which write: the path of a cell is new at each, its faults are not.
        time_s: Seconds since the write; those before the first reading count as that.
    """
    g = written_us
    if device.drift is not None:
        z = cell_normals(g, seed, f"{name}/drift", number)
        x = writable_us.detach() / device.reference
        g = (g + device.drift.shift(g, x, z, max(time_s, device.t0_s), device.t0_s)).clamp(min=0.0)
    return apply_faults(g, device, seed, name)


def apply_faults(g: Tensor, device: DeviceConfig, seed: int, name: str) -> Tensor:
    """Put the stuck and open cells of a chip in the place of what was written there."""
    shares = (device.stuck_low, device.stuck_high, device.open_cells)
    if any(shares):
        chance = torch.from_numpy(_uniform(tuple(g.shape), seed, f"{name}/fault")).to(g)
        low, high, faulty = np.cumsum(shares).tolist()
        value = torch.full_like(g, device.g_min_us)
        value = torch.where(chance >= low, torch.full_like(g, device.g_max_us), value)
        value = torch.where(chance >= high, torch.zeros_like(g), value)
        g = torch.where(chance < faulty, value, g)
    return g


def form_cells(shape: tuple[int, ...], forming: Forming, seed: int, name: str) -> Tensor:
    """Draw a random array: open where forming failed, truncated normal elsewhere; microsiemens."""
    formed = _uniform(shape, seed, f"{name}/forming") < 1 - forming.unformed
    low, high = (
        ndtr((end - forming.g_mean_us) / forming.g_sigma_us) for end in (forming.g_low_us, forming.g_high_us)
    )
    quantile = low + (high - low) * _uniform(shape, seed, f"{name}/formed")
    g = forming.g_mean_us + forming.g_sigma_us * np.asarray(ndtri(quantile))
    return torch.from_numpy(np.where(formed, np.clip(g, forming.g_low_us, forming.g_high_us), 0.0))
