"""Recurrent neurons with synaptic currents, or with options that a plain neuron has not: a loop over the steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snn.kernels.delay.split_delay import linear_kernel
from snn.kernels.generalised_lif import Carried, generalised_lif, generalised_lif_reference
from snn.kernels.lif_options import LIFOptions

__all__ = ["recurrent_generalised_lif"]


def recurrent_generalised_lif(
    x: Tensor,
    carried: Carried,
    currents: Tensor | tuple[()],
    synapses: tuple[Tensor, Tensor, int],
    options: LIFOptions,
    lengths: Tensor | None = None,
    *,
    syn_decays: tuple[float, ...] = (),
    receptor: int = 0,
    spike: Callable[[Tensor], Tensor] | None = None,
    local: bool = False,
) -> tuple[Tensor, Carried, Tensor | tuple[()]]:
    """Run recurrent neurons step by step; each step is that of `generalised_lif`.

    Args:
        x: Input from outside [T, B, R N]; R is 1 without synaptic currents.
        carried: State of the neurons before the first step; no spike is on its way.
        currents: Synaptic currents before it, [B, R N]; () for none: what arrives drives the membrane itself.
        synapses: Recurrent weights and delays [N to, N from], and the largest delay, as in `recurrent_lif`.
        options: The neuron.
        lengths: Valid steps [B], int64; None means all. Beyond them spikes are 0 and the state stands still.
        syn_decays: What is left of the current of each of the R receptors after a step.
        receptor: The receptor at which recurrent spikes arrive.
        spike: As in `generalised_lif_reference`.
        local: Keep gradients inside a step: what comes from steps before is a constant.

    Returns:
        Spikes [T, B, N], the state of each sample at its length, and its currents.
    """
    weight, delay, max_delay = synapses
    kernel, size = linear_kernel(weight, delay, max_delay + 1), weight.shape[0]
    here = slice(receptor * size, (receptor + 1) * size)
    decay = torch.cat([x.new_full((size,), value) for value in syn_decays]) if syn_decays else None
    spikes: list[Tensor] = []
    for t, x_t in enumerate(x.unbind(0)):
        back = torch.zeros_like(x_t[:, here])
        for d in range(1, min(t, max_delay) + 1):
            past = spikes[t - d].detach() if local else spikes[t - d]
            back = back + past @ kernel[d].t()
        arrived = torch.cat([x_t[:, : here.start], x_t[:, here] + back, x_t[:, here.stop :]], dim=1)
        now = None if lengths is None else (lengths > t).to(torch.int64)
        if decay is not None and isinstance(currents, Tensor):
            before = currents.detach() if local else currents
            flowing = before * decay + arrived
            arrived = flowing.reshape(len(flowing), -1, size).sum(dim=1)
            currents = flowing if now is None else torch.where(now[:, None] > 0, flowing, currents)
        if spike is None:
            z, carried = generalised_lif(arrived[None], carried, options, now, local)
        else:
            z, carried = generalised_lif_reference(arrived[None], carried, options, now, spike, local)
        spikes.append(z[0])
    return (torch.stack(spikes) if spikes else x.new_zeros(0, x.shape[1], size)), carried, currents
