"""A fractional delay as two whole ones: a synapse spreads over the two steps around its delay."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from snn.core.arrays import Int64Array, RealArray
from snn.core.checks import whole
from snn.kernels.checks import check_range, check_tensors

__all__ = ["TwoTapSynapses", "linear_kernel", "split_delay"]


class TwoTapSynapses(NamedTuple):
    """Synapses that spread over two neighbouring steps, as compiled loops read them; all of one shape.

    Attributes:
        delay: Whole delay of the near tap, steps; the far one comes a step later.
        near: Weight at the near tap.
        far: Weight at the far tap.
    """

    delay: Int64Array
    near: RealArray
    far: RealArray


def split_delay(delay: Tensor, max_delay: int) -> tuple[Tensor, Tensor]:
    """Split delays into whole steps, int64, and the share of the step after, in [0, 1].

    The largest delay is one step short and a share of 1, so that no second step lies beyond it.

    Args:
        delay: Delays, steps, in [0, max_delay].
        max_delay: Largest delay, steps, >= 1.
    """
    whole = delay.detach().floor().clamp(0, max_delay - 1)
    return whole.to(torch.int64), delay - whole


def linear_kernel(weight: Tensor, delay: Tensor, taps: int) -> Tensor:
    """Spread each weight over the two taps around its delay, for the dense forms.

    Args:
        weight: Weights [out, in].
        delay: Delays [out, in], steps, in [0, taps - 1].
        taps: Number of taps K, >= 2.

    Returns:
        Kernel [K, out, in], tap d = delay d.

    Raises:
        ValueError: A tensor is of another shape or type, or a delay is beyond the taps.
    """
    check_tensors(weight=(weight, "out in"), delay=(delay, "out in"))
    taps = whole("taps", taps, low=2)
    check_range("delay", delay, 0, taps - 1)
    near_tap, share = split_delay(delay, taps - 1)
    behind = torch.arange(taps, device=weight.device).reshape(-1, 1, 1) - near_tap
    return weight * ((behind == 0) * (1 - share) + (behind == 1) * share)
