"""Count what a network did: from a torch model on a batch, or from the counts of an engine run.

The two give the same integers for the same network and input, because both count the network, not the program.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from snn.core import Counts, Network, Recording
from snn.hardware.ledger import LayerCounts, Ledger

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from snn.nn.stages import Folded, Stage, Wires

__all__ = ["count"]


@overload
def count(source: Module, given: Tensor, lengths: Tensor | None = None) -> Ledger: ...
@overload
def count(source: Counts | Recording, given: Network) -> Ledger: ...


def count(source: Any, given: Any, lengths: Any = None) -> Ledger:
    """Count spikes, synaptic events, neuron updates and delay traffic, layer by layer.

    Args:
        source: A model of `snn.nn`, which is run in float64 and evaluation; another torch model, which is counted
            through hooks (`count_steps` has the options); or the recording (or its counts) of an engine run.
        given: For a model its input [T, B, N], whole numbers of spikes, to which `model.tail_steps` silent steps
            are appended; for another torch model its input [T, B, ...]; for a recording the network that ran.
        lengths: For a model the valid steps of each sample [B], the tail not included; None is all of T.

    Returns:
        One row of integers per projection.

    Raises:
        TypeError: Neither a model nor a recording, or `given` does not fit it.
        ValueError: The input is not made of whole numbers >= 0, or the counts are of another network.
    """
    if isinstance(source, Recording | Counts):
        if not isinstance(given, Network):
            raise TypeError(
                f"count(recording, network) needs the network that ran, got {type(given).__name__}"
            )
        return _of_run(source.counts if isinstance(source, Recording) else source, given)
    import torch

    if not isinstance(source, torch.nn.Module) or not isinstance(given, torch.Tensor):
        raise TypeError(
            "count takes (model, x [T, B, N]) or (recording, network), got "
            f"({type(source).__name__}, {type(given).__name__})"
        )
    from snn.hardware.modules import count_steps
    from snn.nn import Layer

    if not isinstance(source, Layer):
        return count_steps(source, given, lengths).ledger()
    return _of_model(source, given, lengths)


def _of_run(counts: Counts, net: Network) -> Ledger:
    names = [projection.name for projection in net.projections]
    if set(counts.synaptic_events) != set(names):
        raise ValueError(
            f"the counts are of projections {', '.join(counts.synaptic_events)}, the network has {', '.join(names)}"
        )
    rows, seen = [], set()
    for projection in net.projections:
        synapses = net.synapses(projection.name)
        pre, post = projection.pre, projection.post
        first = post not in seen
        seen.add(post)
        rows.append(
            LayerCounts(
                name=projection.name,
                post=post,
                pre=pre,
                n_pre=net.population(pre).size,
                n_post=net.population(post).size,
                synapses=len(synapses.weight),
                dense_synapses=net.population(pre).size * net.population(post).size,
                max_delay=int(synapses.delay_steps.max(initial=0)),
                samples=counts.samples,
                steps=counts.steps,
                input_spikes=counts.spikes[pre],
                synaptic_events=counts.synaptic_events[projection.name],
                active_inputs=counts.active_inputs[projection.name],
                macs=counts.macs[projection.name],
                delay_writes=counts.delay_writes[projection.name],
                delay_reads=counts.delay_reads[projection.name],
                output_spikes=counts.spikes[post] if first else 0,
                updates_dense=counts.updates_dense[post] if first else 0,
                updates_touched=counts.updates_touched[post] if first else 0,
            )
        )
    return Ledger(tuple(rows))


def _of_model(model: Any, x: Tensor, lengths: Tensor | None) -> Ledger:
    import torch

    from snn.nn import stages

    if bool((x < 0).any()) or bool((x != x.round()).any()):
        raise ValueError(
            "x must hold whole numbers of spikes >= 0; real-valued inputs are no spikes to count"
        )
    # in float64, as the engines run: in float32 a few spikes of a million stand on the other side of the threshold
    exact, x = copy.deepcopy(model).double(), x.double()
    steps, batch = x.shape[:2]
    ends = torch.full((batch,), steps) if lengths is None else lengths
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])])
    ends = ends + model.tail_steps
    traced = stages.trace(exact, longer, ends)
    rows: list[LayerCounts] = []
    for stage, (before, after) in zip(stages.split(exact), traced, strict=True):
        rows += _stage_rows(stage, stages.fold(stage), before, after, ends)
    return Ledger(tuple(rows))


def _stage_rows(
    stage: Stage, folded: Folded, before: Tensor, after: Tensor, ends: Tensor
) -> list[LayerCounts]:
    """Count a stage: a row per projection; the first one bears what its neurons did."""
    from snn.nn import LIF

    rows: list[LayerCounts] = []
    touched = np.zeros(tuple(after.shape), dtype=bool)
    for wires in folded.wires:
        spikes = np.rint((before if wires.pre == stage.pre else after).numpy()).astype(np.int64)
        rows.append(_wires_row(wires, stage.post, spikes, touched, ends.numpy()))
    valid = np.arange(len(touched))[:, None] < ends.numpy()
    rows[0] = replace(
        rows[0],
        output_spikes=int(after.sum()) if isinstance(stage.neuron, LIF) else 0,
        updates_dense=rows[0].n_post * rows[0].steps,
        updates_touched=int((touched & valid[:, :, None]).sum()),
    )
    return rows


def _wires_row(wires: Wires, post: str, spikes: Any, touched: Any, ends: Any) -> LayerCounts:
    """Count a projection that carries spikes [T, B, in]; mark the neuron-steps that it touches [T, B, out]."""
    present, delays = wires.weight.numpy() != 0, wires.delay_steps.numpy()
    fan_out = present.sum(1)
    delayed = (present & (delays > 0)).sum(1)
    n_pre, n_post = present.shape
    return LayerCounts(
        name=wires.name,
        post=post,
        pre=wires.pre,
        n_pre=n_pre,
        n_post=n_post,
        synapses=int(present.sum()),
        dense_synapses=n_pre * n_post,
        max_delay=int(delays[present].max(initial=0)),
        samples=len(ends),
        steps=int(ends.sum()),
        input_spikes=int(spikes.sum()),
        synaptic_events=int((spikes.sum((0, 1)) * fan_out).sum()),
        active_inputs=int(((spikes > 0).sum((0, 1)) * fan_out).sum()),
        macs=int(((spikes > 1).sum((0, 1)) * fan_out).sum()),
        delay_writes=int((spikes.sum((0, 1)) * delayed).sum()),
        delay_reads=_arrivals(spikes, present, delays, ends, touched),
        output_spikes=0,
        updates_dense=0,
        updates_touched=0,
    )


def _arrivals(spikes: Any, present: Any, delays: Any, ends: Any, touched: Any) -> int:
    """Count delayed events that arrive before their sample ends; mark neuron-steps with an arrival.

    Args:
        spikes: [T, B, in], int64.
        present: Whether there is a synapse, [in, out].
        delays: Steps, [in, out].
        ends: Valid steps of each sample, [B].
        touched: Marked where something arrives, [T, B, out].
    """
    steps = len(spikes)
    reads = 0
    valid = np.arange(steps)[:, None] < ends
    for delay in np.unique(delays[present]):
        here = (present & (delays == delay)).astype(np.float32)  # sums of ones: exact far beyond any fan-in
        if delay >= steps:
            continue
        sent = spikes[: steps - delay]
        hits = (sent > 0).astype(np.float32).reshape(-1, present.shape[0]) @ here
        touched[delay:] |= hits.reshape(*sent.shape[:2], -1) > 0
        if delay > 0:
            in_time = np.where(valid[delay:, :, None], sent, 0)
            reads += int((in_time.sum((0, 1)) * here.sum(1).astype(np.int64)).sum())
    return reads
