"""Turn signed weights into target conductances, and differences of conductances back into weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from snn.hardware.crossbar.config import MappingConfig
from snn.hardware.crossbar.converters import straight_round
from snn.hardware.crossbar.device import DeviceConfig

__all__ = ["Encoded", "encode", "middle"]


class Encoded(NamedTuple):
    """Hold a weight as conductances to be written.

    Plane 2k is the positive cell of digit k, plane 2k + 1 the negative one; "offset" has one plane. A weight is
    sum_p per_us[p] (G_p - its base), and bases cancel in pairs or against the reference column.
    """

    target_us: Tensor
    """[planes, in, out], microsiemens, float64; not yet cut to the range of the device."""
    carried: Tensor
    """[out, in], float64: the weight that the targets stand for (its digits, where it has any)."""
    per_us: Tensor
    """[planes, out]: weight per microsiemens of a plane, negative for the negative cells."""
    clipped: float
    """Share of weights beyond the range."""


def middle(device: DeviceConfig) -> float:
    """Give the conductance that stands for zero where weights lie around it, microsiemens."""
    return (device.g_min_us + device.g_max_us) / 2


def encode(weight: Tensor, device: DeviceConfig, mapping: MappingConfig) -> Encoded:
    """Map a weight [out, in] onto the range of a device; differentiable.

    Raises:
        ValueError: A weight that is not [out, in] or not finite.
    """
    if weight.dim() != 2 or 0 in weight.shape:
        raise ValueError(f"weight must be [out, in] with at least one of each, got {list(weight.shape)}")
    if not bool(torch.isfinite(weight).all()):
        raise ValueError("weight must be finite")
    w = weight.to(torch.float64)
    largest = _largest(w, mapping)  # [out, 1]
    clipped = float((w.detach().abs() > largest * (1 + 1e-12)).double().mean())
    span = device.g_max_us - device.g_min_us
    if mapping.slice_bits is not None:
        return _digits(w, largest, device, mapping, mapping.slice_bits, clipped)
    scaled = (w / largest * span).T  # [in, out]
    per_us = (largest / span)[:, 0]
    if mapping.scheme == "one_sided":
        planes = [device.g_min_us + scaled.clamp(min=0.0), device.g_min_us + torch.relu(-scaled)]
    elif mapping.scheme == "two_sided":
        planes = [middle(device) + scaled / 2, middle(device) - scaled / 2]
    else:
        return Encoded((middle(device) + scaled / 2)[None], w, 2 * per_us[None], clipped)
    return Encoded(torch.stack(planes), w, torch.stack([per_us, -per_us]), clipped)


def _largest(w: Tensor, mapping: MappingConfig) -> Tensor:
    """Weight at the end of the range, for each output [out, 1]; 1 where all are zero."""
    size = np.abs(w.detach().cpu().numpy())
    axis = 1 if mapping.scale == "column" else None
    found = size.max(axis) if mapping.percentile == 100 else np.percentile(size, mapping.percentile, axis)
    largest = torch.as_tensor(np.broadcast_to(found, len(size)).copy(), device=w.device)[:, None]
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _digits(
    w: Tensor, largest: Tensor, device: DeviceConfig, mapping: MappingConfig, bits: int, clipped: float
) -> Encoded:
    """Cut |w| into digits of `bits` bits; the gradient passes straight through the lowest digit."""
    whole, digit = 2 ** (bits * mapping.slices) - 1, 2**bits - 1
    code = straight_round((w / largest).clamp(-1.0, 1.0) * whole)
    span, number = (device.g_max_us - device.g_min_us) / digit, code.T
    sides = ((1, number.clamp(min=0.0)), (-1, torch.relu(-number)))
    planes, per_us = [], []
    for k in range(mapping.slices):
        place = 2 ** (bits * k)
        for sign, size in sides:
            part = torch.div(size.detach(), place, rounding_mode="floor") % 2**bits
            part = part + (size - size.detach()) if k == 0 else part
            planes.append(device.g_min_us + span * part)
            per_us.append(sign * place * (largest / whole)[:, 0] / span)
    return Encoded(torch.stack(planes), code * (largest / whole), torch.stack(per_us), clipped)
