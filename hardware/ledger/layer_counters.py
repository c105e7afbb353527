"""Count the layers of `snn.nn`: synapses with their exact fan-out, delays, pooling, neurons, residual joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn import nn as ours
from snn.core.checks import refusal
from snn.hardware.ledger.evaluation import in_evaluation
from snn.hardware.ledger.fan_out import fan_out_of, reached_outputs
from snn.hardware.ledger.layer_names import name_layers
from snn.hardware.ledger.ledger_builder import LedgerBuilder, Signal, register_counter
from snn.hardware.ledger.pooling import pool_arrivals, pool_fan_out
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import Layer, populations
from snn.nn.copies import copy_module

__all__ = ["count_layers"]

_POOLED = (
    "Pooling: one add (average) or compare (maximum) per spike and window, without a weight to fetch; a dense "
    "network pays one add per input of a window."
)
_JOINED = (
    "Residual joins: spikes or currents of both ways meet in the receiving neurons at no cost of their own; a "
    "population counts with the connections that ran between it and the neurons before."
)


def count_layers(
    model: Layer, x: Tensor, lengths: Tensor, inputs: Mapping[str, str] | None = None
) -> StepLedger:
    """Count a model of `snn.nn` per layer, time step and sample.

    A model made of populations (connection, BatchNorm, neurons) runs in float64, as the engines run it: in float32
    a few spikes of a million stand on the other side of the threshold. Any other runs in its own number format.

    Args:
        model: The model; it runs in evaluation.
        x: Input, [T, B, ...], to which `model.tail_steps` silent steps are appended.
        lengths: Valid steps of each sample [B], the tail not included.
        inputs: ``{"in": "real"}`` where the input is no spikes but real values.

    Raises:
        ValueError: An input that is not what it is declared to be, or a layer that no counter knows.
    """
    declared = dict(inputs or {})
    kind = declared.pop("in", "spikes")
    if declared or kind not in ("spikes", "real"):
        raise refusal("inputs", "{'in': 'spikes'} or {'in': 'real'} for a model of snn.nn", inputs)
    if kind == "spikes" and (bool((x < 0).any()) or bool((x != x.round()).any())):
        rule = "of whole numbers of spikes >= 0 (declare real values: inputs={'in': 'real'})"
        raise refusal("x", rule, x[(x < 0) | (x != x.round())][0])
    names = name_layers(model)
    if _made_of_populations(model):
        twin = copy_module(model).double()
        names = dict(zip(name_layers(twin), names.values(), strict=True))
        model, x = twin, x.double()
    else:
        x = x.to(next((part.dtype for part in model.parameters()), x.dtype))
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])]) if model.tail_steps else x
    builder = LedgerBuilder(lengths + model.tail_steps, len(longer), names)
    with in_evaluation(model):
        builder.count(model, Signal(builder.cut_to_lengths(longer), None, kind == "spikes", "in"))
    return builder.build()


def _made_of_populations(model: Layer) -> bool:
    try:
        populations.split(model)
    except ValueError:
        return False
    return True


def _residual(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    builder.notes.append(_JOINED)
    body = builder.count(layer.body, signal)
    around = signal if layer.shortcut is None else builder.count(layer.shortcut, signal)
    joined = layer.combine(body.x, around.x)
    spike_counts = body.spike_counts and around.spike_counts
    arrived = None if spike_counts else body.arrivals_of_each() | around.arrivals_of_each()
    sources = dict.fromkeys((*body.source.split(" + "), *around.source.split(" + ")))
    return Signal(joined, arrived, spike_counts, " + ".join(sources))


def _same_places(layer: Layer, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count what costs nothing of its own and keeps every value at its place: normalisation, dropout."""
    y = builder.forward(layer, signal.x)
    if isinstance(layer, ours.Dropout):
        return replace(signal, x=y)
    return replace(signal, x=y, spike_counts=False, arrived=signal.arrivals())


def _flatten(layer: Layer, signal: Signal, builder: LedgerBuilder) -> Signal:
    arrived = None if signal.arrived is None else signal.arrivals_of_each().flatten(2)
    return replace(signal, x=signal.x.flatten(2), arrived=arrived)


def _convolution(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    name = builder.names[layer]
    convolution = _as_torch(layer, builder)
    fan_out = fan_out_of(convolution, tuple(signal.x.shape[2:]))
    values, counts = builder.count_inputs(name, signal, fan_out.per_input)
    builder.add_synapses(name, signal, values, counts, **fan_out.row_fields())
    y = builder.forward(layer, signal.x)
    sent = signal.x if signal.arrived is None else signal.arrivals_of_each()
    flat = np.ascontiguousarray(sent.cpu().numpy()).reshape(-1, fan_out.n_pre)
    reached, sizes = reached_outputs(convolution, fan_out, flat)
    if reached.shape[1:3] != (1, 1):  # not the same for all channels: one map per channel
        reached = np.broadcast_to(reached, (len(flat), *sizes))
    channels = reached.shape[1] * reached.shape[2]
    arrived = torch.from_numpy(np.array(reached)).reshape(*y.shape[:2], channels, *y.shape[3:])
    return Signal(y, arrived.to(y.device), False, signal.source)


def _as_torch(layer: Any, builder: LedgerBuilder) -> nn.Conv2d:
    """Give torch's convolution of the same shape, its weights zero where the normalisation behind makes them so."""
    made = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
        bias=False,
        device="meta",
    )
    weight = layer.weight_in_use().detach()
    kept = builder.kept_outputs.get(layer)
    if kept is not None:
        weight = weight * kept.to(weight.device)[:, None, None, None]
    made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def _linear(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a layer of weights and delays; each of its kernels is a row."""
    y = builder.forward(layer, signal.x)
    delays = layer.delay_steps() if isinstance(layer, ours.DelayedLayer) else torch.zeros_like(layer.weight)
    kept = builder.kept_outputs.get(layer)
    weight = layer.weight_in_use() if kept is None else layer.weight_in_use() * kept[:, None]
    arrived = torch.zeros_like(y, dtype=torch.bool)
    name = builder.names[layer]
    kernels = zip(*(part.reshape(-1, *weight.shape[-2:]) for part in (weight, delays)), strict=True)
    for i, (w, d) in enumerate(kernels):
        arrived |= _count_synapses(name if i == 0 else f"{name}.{i + 1}", w, d, signal, builder)
    return Signal(y, arrived, False, signal.source)


def _count_synapses(
    name: str, weight: Tensor, delays: Tensor, signal: Signal, builder: LedgerBuilder
) -> Tensor:
    """Add a row of weights [out, in] with delays in steps, and give where a spike arrives, bool [T, B, out]."""
    present = (weight.detach() != 0).t().cpu()
    steps = delays.t().cpu().long()
    fan_out = present.sum(1).numpy()
    values, counts = builder.count_inputs(name, signal, fan_out)
    delayed = (present & (steps > 0)).sum(1).double()
    sent = signal.x if signal.spike_counts else (signal.x != 0)
    sent = sent.cpu().double()
    reads, arrived = _delayed_arrivals(sent, signal.arrivals_of_each().cpu(), present, steps)
    traffic = {"delay_writes": (sent @ delayed).round().long().numpy(), "delay_reads": reads}
    synapses = int(present.sum())
    shape = {"n_pre": len(present), "n_post": present.shape[1], "synapses": synapses}
    size = int(present.numel())
    builder.add_synapses(
        name,
        signal,
        values,
        {**counts, **traffic},
        **shape,
        dense_synapses=size,
        stored_weights=synapses,
        dense_weights=size,
        max_delay=int(steps[present].max()) if synapses else 0,
    )
    return arrived.to(signal.x.device)


def _delayed_arrivals(sent: Tensor, sends: Tensor, present: Tensor, delays: Tensor) -> tuple[Any, Tensor]:
    """Place delayed events at the step they arrive: reads [T, B], and where anything arrives [T, B, out].

    Args:
        sent: Spikes, [T, B, in], float64.
        sends: Where something is sent, bool [T, B, in].
        present: Whether there is a synapse, bool [in, out].
        delays: Steps, [in, out].
    """
    steps = len(sent)
    reads = sent.new_zeros(sent.shape[:2])
    arrived = torch.zeros((*sent.shape[:2], present.shape[1]), dtype=torch.bool)
    for delay in torch.unique(delays[present]).tolist():
        if delay >= steps:
            continue
        synapses = present & (delays == delay)
        hits = sends[: steps - delay].float() @ synapses.float()  # sums of ones: exact far beyond any fan-in
        arrived[delay:] |= hits > 0
        if delay > 0:
            reads[delay:] += sent[: steps - delay] @ synapses.sum(1).double()
    return reads.round().long().numpy(), arrived


def _neurons(layer: Layer, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count neurons that spike, those that never do, and rectifiers."""
    y = builder.forward(layer, signal.x)
    y = builder.cut_to_lengths(y)
    spikes = None if isinstance(layer, ours.LeakyReadout) else y
    name = builder.names[layer]
    builder.add_population(name, int(y[0, 0].numel()), signal, spikes)
    return Signal(y, None, isinstance(layer, ours.LIF), name)


def _recurrent(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    y = builder.forward(layer, signal.x)
    y = builder.cut_to_lengths(y)
    name = builder.names[layer]
    out = Signal(y, None, True, name)
    back = _count_synapses(f"{name}-{name}", layer.weight_in_use(), layer.delay_steps(), out, builder)
    builder.add_population(name, y.shape[2], replace(signal, arrived=signal.arrivals_of_each() | back), y)
    return out


def _pool(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count windows: one operation per spike and window, never a multiply, no weights."""
    builder.notes.append(_POOLED)
    name = builder.names[layer]
    fan_out = pool_fan_out(layer, tuple(signal.x.shape[2:]))
    values, counts = builder.count_inputs(name, signal, fan_out)
    counts = {**counts, "macs": np.zeros_like(counts["macs"])}
    y = builder.forward(layer, signal.x)
    links = int(fan_out.sum())
    shape = {"n_pre": int(fan_out.size), "n_post": int(y[0, 0].numel()), "synapses": links}
    builder.add_synapses(
        name, signal, values, counts, **shape, dense_synapses=links, stored_weights=0, dense_weights=0
    )
    # Counts are never negative: a window in which one arrived is not zero, and the output itself says so.
    shown_by_output = signal.arrived is None and signal.spike_counts
    arrived = None if shown_by_output else pool_arrivals(layer, signal.arrivals())
    return Signal(y, arrived, signal.spike_counts and isinstance(layer, ours.MaxPool2d), signal.source)


for _kinds, _counter in (
    ((ours.Residual,), _residual),
    ((ours.BatchNorm, ours.Dropout), _same_places),
    ((ours.Flatten,), _flatten),
    ((ours.Conv2d,), _convolution),
    ((ours.Linear, ours.DelayLinear), _linear),
    ((ours.LIF, ours.LeakyReadout, ours.ReLU), _neurons),
    ((ours.RecurrentLIF,), _recurrent),
    ((ours.AvgPool2d, ours.MaxPool2d, ours.AdaptiveAvgPool2d), _pool),
):
    for _kind in _kinds:
        register_counter(_kind, _counter)
