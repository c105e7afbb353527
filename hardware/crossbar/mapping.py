"""Turn signed weights into target conductances, and differences of conductances back into weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from snn.core.checks import finite, refusal
from snn.hardware.crossbar.config import MappingConfig
from snn.hardware.crossbar.converters import round_straight_through
from snn.hardware.crossbar.device import DeviceConfig

__all__ = ["EncodedWeight", "encode_weight", "mid_range_us"]


class EncodedWeight(NamedTuple):
    """Hold a weight as conductances to be written.

    Plane 2k is the positive cell of digit k, plane 2k + 1 the negative one; "offset" has one plane. A weight is
    sum_p weight_per_us[p] (G_p - its base), and bases cancel in pairs or against the reference column.

    Attributes:
        target_us: [planes, in, out], microsiemens, float64; not yet cut to the range of the device.
        weight: [out, in], float64: the weight that the targets stand for (its digits, where it has any).
        weight_per_us: [planes, out]: weight per microsiemens of a plane, negative for the negative cells.
        clip_rate: Share of weights beyond the range.
    """

    target_us: Tensor
    weight: Tensor
    weight_per_us: Tensor
    clip_rate: float


def mid_range_us(device: DeviceConfig) -> float:
    """Give the middle of the range, which stands for a weight of zero in "two_sided" and "offset", microsiemens."""
    return (device.g_min_us + device.g_max_us) / 2


def encode_weight(weight: Tensor, device: DeviceConfig, mapping: MappingConfig) -> EncodedWeight:
    """Map a weight [out, in] onto the range of a device; differentiable.

    Raises:
        ValueError: A weight that is not [out, in] or not finite.
    """
    if weight.dim() != 2 or 0 in weight.shape:
        raise refusal("weight", "[out, in] with at least one of each", weight)
    w = weight.to(torch.float64)
    finite("weight", w.detach().cpu().numpy())
    largest = _largest(w, mapping)  # [out, 1]
    clip_rate = float((w.detach().abs() > largest * (1 + 1e-12)).double().mean())
    span = device.g_max_us - device.g_min_us
    if mapping.slice_bits is not None:
        return _encode_digits(w, largest, device, mapping, mapping.slice_bits, clip_rate)
    scaled = (w / largest * span).T  # [in, out]
    per_us = (largest / span)[:, 0]
    if mapping.scheme == "one_sided":
        planes = [device.g_min_us + scaled.clamp(min=0.0), device.g_min_us + torch.relu(-scaled)]
    elif mapping.scheme == "two_sided":
        planes = [mid_range_us(device) + scaled / 2, mid_range_us(device) - scaled / 2]
    else:
        return EncodedWeight((mid_range_us(device) + scaled / 2)[None], w, 2 * per_us[None], clip_rate)
    return EncodedWeight(torch.stack(planes), w, torch.stack([per_us, -per_us]), clip_rate)


def _largest(w: Tensor, mapping: MappingConfig) -> Tensor:
    """Weight at the end of the range, for each output [out, 1]; 1 where all are zero."""
    size = np.abs(w.detach().cpu().numpy())
    axis = 1 if mapping.scale == "column" else None
    found = size.max(axis) if mapping.percentile == 100 else np.percentile(size, mapping.percentile, axis)
    largest = torch.as_tensor(np.broadcast_to(found, len(size)).copy(), device=w.device)[:, None]
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _encode_digits(
    w: Tensor, largest: Tensor, device: DeviceConfig, mapping: MappingConfig, bits: int, clip_rate: float
) -> EncodedWeight:
    """Cut |w| into digits of `bits` bits; the gradient passes straight through the lowest digit."""
    whole, digit = 2 ** (bits * mapping.slices) - 1, 2**bits - 1
    code = round_straight_through((w / largest).clamp(-1.0, 1.0) * whole)
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
    return EncodedWeight(torch.stack(planes), code * (largest / whole), torch.stack(per_us), clip_rate)
