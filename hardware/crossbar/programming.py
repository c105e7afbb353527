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
from snn.hardware.crossbar.converters import straight_round
from snn.hardware.crossbar.device import DeviceConfig, Forming, polynomial

__all__ = ["age", "draw_normal", "form_cells", "hold", "read_normals", "write"]


def _uniform(shape: tuple[int, ...], seed: int, name: str, *parts: int) -> Float64Array:
    """Draw from (0, 1): half a step above the grid of `uniform`, so that no quantile is infinite."""
    count = int(np.prod(shape))
    return (uniform(keys(seed, name, *parts), np.arange(count)) + 2.0**-54).reshape(shape)


def draw_normal(like: Tensor, seed: int, name: str, *parts: int) -> Tensor:
    """Draw standard normals of the shape of `like`, one per cell, keyed by (seed, name, parts)."""
    drawn = np.asarray(ndtri(_uniform(tuple(like.shape), seed, name, *parts)))
    return torch.from_numpy(drawn).to(like)


def read_normals(seed: int, name: str, step: int, samples: ArrayLike, count: int) -> Tensor:
    """Draw `count` standard normals for each sample at one time step: [B, count]."""
    key = keys(seed, name, samples, step)
    return torch.from_numpy(np.asarray(ndtri(uniform(key[:, None], np.arange(count)) + 2.0**-54)))


def hold(target_us: Tensor, device: DeviceConfig) -> Tensor:
    """Bring targets into the range of the device and onto its levels; gradient 1 inside the range, 0 outside."""
    held = target_us.clamp(device.g_min_us, device.g_max_us)
    if device.levels is None:
        return held
    step = (device.g_max_us - device.g_min_us) / (device.levels - 1)
    return device.g_min_us + step * straight_round((held - device.g_min_us) / step)


def write(held_us: Tensor, device: DeviceConfig, seed: int, name: str, number: int) -> Tensor:
    """Write held targets: device gain, scatter of this write, programming noise; never below zero.

    Args:
        held_us: Targets as `hold` gives them.
        device: The device.
        seed: Which chip.
        name: Which array of it.
        number: Which write: scatter and noise are new at each.

    Returns:
        Conductances at the first reading, before drift and faults.
    """
    g = held_us
    if device.d2d:
        g = g * (1 + device.d2d * draw_normal(g, seed, f"{name}/device"))
    if device.c2c:
        g = g * (1 + device.c2c * draw_normal(g, seed, f"{name}/cycle", number))
    if device.sigma_us:
        sigma = polynomial(device.sigma_us, held_us.detach() / device.reference).clamp(min=0.0)
        g = g + sigma * draw_normal(g, seed, f"{name}/write", number)
    return g.clamp(min=0.0) if g is not held_us else g


def age(
    written_us: Tensor,
    held_us: Tensor,
    device: DeviceConfig,
    seed: int,
    name: str,
    number: int,
    time_s: float,
) -> Tensor:
    """Let `time_s` seconds pass since the write, then apply the faults of the chip.

    A cell's path is fixed when it is written. Stuck and open cells neither drift nor pass a gradient.
    """
    g = written_us
    if device.drift is not None:
        z = draw_normal(g, seed, f"{name}/drift", number)
        x = held_us.detach() / device.reference
        g = (g + device.drift.shift(g, x, z, max(time_s, device.t0_s), device.t0_s)).clamp(min=0.0)
    shares = (device.stuck_low, device.stuck_high, device.open_cells)
    if any(shares):
        chance = torch.from_numpy(_uniform(tuple(g.shape), seed, f"{name}/fault")).to(g)
        low, high, nothing = np.cumsum(shares).tolist()
        stuck = torch.full_like(g, device.g_min_us)
        stuck = torch.where(chance >= low, torch.full_like(g, device.g_max_us), stuck)
        stuck = torch.where(chance >= high, torch.zeros_like(g), stuck)
        g = torch.where(chance < nothing, stuck, g)
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
