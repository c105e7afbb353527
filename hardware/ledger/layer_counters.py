"""Count the layers of `snn.nn`: synapses with their exact fan-out, delays, pooling, neurons, residual joins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn import nn as ours
from snn.core.arrays import Int64Array
from snn.core.checks import refusal
from snn.hardware.ledger.evaluation import in_evaluation
from snn.hardware.ledger.fan_out import FanOut, fan_out_of, reached_outputs
from snn.hardware.ledger.layer_names import name_layers, receptors_behind, row_name
from snn.hardware.ledger.ledger import POOLED
from snn.hardware.ledger.ledger_builder import LedgerBuilder, Signal, register_counter
from snn.hardware.ledger.pooling import pool_arrivals, pool_fan_out, pooled_spikes
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import Layer, populations
from snn.nn.copies import copy_module, refresh_weights

__all__ = ["count_layers", "count_linear"]

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
        lengths: Valid steps of each sample [B], the tail not included; what x holds beyond is not looked at.
        inputs: ``{"in": "real"}`` where the input is no spikes but real values.

    Raises:
        ValueError: An input that is not what it is declared to be, or a layer that no counter knows.
    """
    declared = dict(inputs or {})
    kind = declared.pop("in", "spikes")
    if declared or kind not in ("spikes", "real"):
        raise refusal("inputs", "{'in': 'spikes'} or {'in': 'real'} for a model of snn.nn", inputs)
    x = _checked_input(x, lengths, kind)
    names = name_layers(model)
    if _made_of_populations(model):
        twin = copy_module(model).double()
        names = dict(zip(name_layers(twin), names.values(), strict=True))
        model, x = twin, x.double()
    else:
        x = x.to(next((part.dtype for part in model.parameters()), x.dtype))
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])]) if model.tail_steps else x
    longer = (
        longer if len(longer) else x.new_zeros(1, *x.shape[1:])
    )  # a step beyond all ends, for layers to run on
    builder = LedgerBuilder(lengths + model.tail_steps, len(longer), names)
    with in_evaluation(model):
        refresh_weights(model)
        builder.count(model, Signal(longer, None, kind == "spikes", "in"))
    return builder.build()


def _checked_input(x: Tensor, lengths: Tensor, kind: str) -> Tensor:
    """Give the input with zeros behind the end of each sample, where nothing counts, as floating point numbers."""
    if x.is_complex():
        raise refusal("x", "of real numbers", x.dtype)
    x = x if x.is_floating_point() else x.double()
    valid = torch.arange(len(x))[:, None] < lengths
    if not bool(valid.all()):
        x = torch.where(valid.to(x.device).reshape(*valid.shape, *[1] * (x.dim() - 2)), x, 0.0)
    if kind == "spikes":
        wrong = ~((x >= 0) & (x == x.round()) & x.isfinite())
        rule = "of whole numbers of spikes >= 0 (declare real values: inputs={'in': 'real'})"
    else:
        wrong, rule = ~x.isfinite(), "finite"
    if bool(wrong.any()):
        raise refusal("x", rule, x[wrong][0])
    return x


def _made_of_populations(model: Layer) -> bool:
    try:
        populations.split(model)
    except ValueError:
        return False
    return True


def _residual(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    builder.notes.append(_JOINED)
    behind = builder.behind
    body = builder.count(layer.body, signal, behind)
    around = signal if layer.shortcut is None else builder.count(layer.shortcut, signal, behind)
    joined = layer.combine(body.x, around.x)
    spike_counts = body.spike_counts and around.spike_counts
    arrived = None if spike_counts else body.arrivals_of_each() | around.arrivals_of_each()
    sources = dict.fromkeys((*body.source.split(" + "), *around.source.split(" + ")))
    return Signal(joined, arrived, spike_counts, " + ".join(sources))


def _same_places(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count what costs nothing of its own and keeps every value at its place: normalisation, dropout."""
    y = builder.forward(layer, signal.x)
    if isinstance(layer, ours.Dropout):
        return replace(signal, x=y)
    arrived = signal.arrivals()
    open_ = layer.scale_and_offset()[0].to(arrived.device) != 0
    if not bool(open_.all()):  # nothing arrives through a scale of zero
        arrived = arrived & open_.reshape(-1, *[1] * (y.dim() - 3))
    return Signal(y, arrived, False, signal.source)


def _flatten(layer: Layer, signal: Signal, builder: LedgerBuilder) -> Signal:
    arrived = None if signal.arrived is None else signal.arrivals_of_each().flatten(2)
    pooled = None if signal.pooled is None else signal.pooled.flatten(2)
    return replace(signal, x=signal.x.flatten(2), arrived=arrived, pooled=pooled)


def _convolution(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    kept = builder.kept_outputs.get(layer)
    kept = None if kept is None else kept.reshape(layer.out_channels, -1)
    shape = tuple(signal.x.shape[2:])
    convolution, fan_out, by_place = _kernels(layer, kept, shape)
    for name, part in _rows_of_channels(layer, layer.out_channels, builder):
        mine = fan_out if part is None else _kernels(layer, _within(kept, part), shape)[1]
        values, counts = builder.count_inputs(name, signal, mine.per_input)
        builder.add_synapses(name, signal, values, counts, **_shared(mine.row_fields(), part))
    y = builder.forward(layer, signal.x)
    sent = signal.x if signal.arrived is None else signal.arrivals_of_each()
    flat = np.ascontiguousarray(sent.cpu().numpy()).reshape(-1, fan_out.n_pre)
    reached, sizes = reached_outputs(convolution, fan_out, flat)
    if reached.shape[1:3] != (1, 1):  # not the same for all channels: one map per channel
        reached = np.broadcast_to(reached, (len(flat), *sizes))
    channels = reached.shape[1] * reached.shape[2]
    arrived = torch.from_numpy(np.array(reached)).reshape(*y.shape[:2], channels, *y.shape[3:])
    if by_place is not None:
        arrived = arrived & by_place.reshape(y.shape[2:])
    return Signal(y, arrived.to(y.device), False, signal.source)


def _rows_of_channels(
    layer: Layer, channels: int, builder: LedgerBuilder
) -> Iterator[tuple[str, Tensor | None]]:
    """Give the rows of a layer: a name, and which channels lead to its receptor, bool [channels] (None: all)."""
    name, receptors = builder.names[layer], receptors_behind(builder.behind)
    if receptors == (None,):
        yield name, None
        return
    if channels % len(receptors):
        raise refusal(
            f"channels of {name}", f"a multiple of {len(receptors)}, the receptors behind", channels
        )
    places = torch.arange(channels) // (channels // len(receptors))
    for i, receptor in enumerate(receptors):
        yield row_name(name, receptor), places == i


def _within(kept: Tensor | None, part: Tensor) -> Tensor:
    """Close the outputs [channels, places] of the channels that are not part of a row."""
    return part[:, None] if kept is None else part[:, None] & kept


def _shared(fields: dict[str, int], part: Tensor | None) -> dict[str, int]:
    """Give the sizes of a row of some channels, where `fields` has those of the layer but for closed synapses."""
    if part is None:
        return fields
    rows = part.numel() // int(part.sum())
    shared = {n: size if n in _OF_OPEN_CHANNELS else size // rows for n, size in fields.items()}
    return shared | {"groups": max(1, fields.get("groups", 1) // rows)}


_OF_OPEN_CHANNELS = ("n_pre", "synapses", "stored_weights", "positions")


def _kernels(
    layer: Any, by_place: Tensor | None, shape: tuple[int, ...]
) -> tuple[nn.Conv2d, FanOut, Tensor | None]:
    """Give a convolution of kept outputs, its fan-out, and what is kept if that is not whole channels."""
    convolution = _as_torch(layer, by_place)
    fan_out = fan_out_of(convolution, shape)
    by_place = _of_places(by_place, fan_out)
    if by_place is not None:
        fan_out = replace(fan_out, per_input=_fan_out_to(by_place, convolution, fan_out))
    return convolution, fan_out, by_place


def _of_places(by_place: Tensor | None, fan_out: FanOut) -> Tensor | None:
    """Give which outputs [channels, places] are kept, None where a channel is kept or closed as a whole."""
    if by_place is None or by_place.numel() != fan_out.n_post or bool((by_place == by_place[:, :1]).all()):
        return None
    return by_place


def _fan_out_to(by_place: Tensor, layer: nn.Conv2d, fan_out: FanOut) -> Int64Array:
    """Count the kept outputs that each input reaches, flat: the gradient of their sum over weights of one."""
    weight = (layer.weight != 0).double().cpu()
    image = torch.ones(1, *fan_out.in_shape, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        settings = (layer.stride, layer.padding, layer.dilation, layer.groups)
        y = nn.functional.conv2d(image, weight, None, *settings)  # type: ignore[arg-type]
        (found,) = torch.autograd.grad(y, image, by_place.to(y).reshape(y.shape))
    counted: Int64Array = found.round().long().flatten().numpy()
    return counted


def _as_torch(layer: Any, by_place: Tensor | None) -> nn.Conv2d:
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
    if by_place is not None:
        weight = torch.where(by_place.any(1).to(weight.device)[:, None, None, None], weight, 0)
    made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def count_linear(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a layer of weights and delays; each of its kernels is a row."""
    y = builder.forward(layer, signal.x)
    delays = layer.delay_steps() if isinstance(layer, ours.DelayedLayer) else torch.zeros_like(layer.weight)
    kept = builder.kept_outputs.get(layer)
    weight = layer.weight_in_use()
    weight = weight if kept is None else torch.where(kept[:, None].to(weight.device), weight, 0)
    arrived = torch.zeros_like(y, dtype=torch.bool)
    name, receptors = builder.names[layer], receptors_behind(builder.behind)
    kernels = zip(*(part.reshape(-1, *weight.shape[-2:]) for part in (weight, delays)), strict=True)
    for i, kernel in enumerate(kernels):
        row = name if i == 0 else f"{name}.{i + 1}"
        parts = zip(receptors, *(part.chunk(len(receptors)) for part in kernel), strict=True)
        reached = [_count_synapses(row_name(row, r), w, d, signal, builder) for r, w, d in parts]
        arrived |= torch.cat(reached, dim=-1)
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
    several = isinstance(layer, ours.LIF) and layer.options.spikes == "multiple"
    signal = signal if isinstance(layer, ours.ReLU) else _at_any_receptor(layer, signal)
    builder.add_population(name, math.prod(y.shape[2:]), signal, spikes, several=several)
    return Signal(y, None, isinstance(layer, ours.LIF), name)


def _stepped(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count neurons that a user gave by one step: what they send must be numbers of spikes."""
    y = builder.cut_to_lengths(builder.forward(layer, signal.x))
    name, wrong = builder.names[layer], ~((y >= 0) & (y == y.round()) & y.isfinite())
    if bool(wrong.any()):
        raise refusal(f"outputs of {name}", "whole numbers of spikes >= 0 to be counted", y[wrong][0])
    builder.add_population(name, math.prod(y.shape[2:]), signal, y, several=True)
    return Signal(y, None, True, name)


def _recurrent(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    y = builder.forward(layer, signal.x)
    y = builder.cut_to_lengths(y)
    name = builder.names[layer]
    out = Signal(y, None, True, name)
    back = _count_synapses(f"{name}-{name}", layer.weight_in_use(), layer.delay_steps(), out, builder)
    arrived = _at_any_receptor(layer, signal).arrivals_of_each() | back
    several = layer.options.spikes == "multiple"
    builder.add_population(name, y.shape[2], Signal(y, arrived, False, signal.source), y, several=several)
    return out


def _at_any_receptor(layer: Any, signal: Signal) -> Signal:
    """Give what arrives at neurons, whichever of their receptors it arrives at."""
    if layer.receptors is None or len(layer.receptors.names) == 1:
        return signal
    parts = len(layer.receptors.names)
    arrived = torch.stack(signal.arrivals_of_each().chunk(parts, dim=2)).any(0)
    return replace(signal, x=signal.x.chunk(parts, dim=2)[0], arrived=arrived)


def _pool(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count windows: one operation per spike and window, never a multiply, no weights."""
    builder.notes.append(POOLED)
    fan_out = pool_fan_out(layer, tuple(signal.x.shape[2:]))
    links = int(fan_out.sum())
    y = builder.forward(layer, signal.x)
    kept = builder.kept_outputs.get(layer)
    if kept is not None:
        open_ = kept.reshape(y.shape[2], -1).any(1).numpy()
        fan_out = (fan_out.reshape(len(open_), -1) * open_[:, None]).ravel()
    for name, part in _rows_of_channels(layer, y.shape[2], builder):
        mine = fan_out
        if part is not None:
            mine = (fan_out.reshape(part.numel(), -1) * part.numpy()[:, None]).ravel()
        values, counts = builder.count_inputs(name, signal, mine)
        counts = {**counts, "macs": np.zeros_like(counts["macs"])}
        sizes = {"n_pre": mine.size, "n_post": math.prod(y.shape[2:]), "synapses": int(mine.sum())}
        sizes |= {"dense_synapses": links, "stored_weights": 0, "dense_weights": 0}
        builder.add_synapses(name, signal, values, counts, **_shared(sizes, part))
    # Counts are never negative: a window in which one arrived is not zero, and the output itself says so.
    shown_by_output = signal.arrived is None and signal.spike_counts
    arrived = None if shown_by_output else pool_arrivals(layer, signal.arrivals())
    if signal.spike_counts and isinstance(layer, ours.MaxPool2d):
        return Signal(y, arrived, True, signal.source)
    spikes = signal.numbers_of_spikes()
    pooled = None if spikes is None else pooled_spikes(layer, signal.x, spikes, y)
    return Signal(y, arrived, False, signal.source, pooled)


for _kinds, _counter in (
    ((ours.Residual,), _residual),
    ((ours.BatchNorm, ours.Dropout), _same_places),
    ((ours.Flatten,), _flatten),
    ((ours.Conv2d,), _convolution),
    ((ours.Linear, ours.DelayLinear), count_linear),
    ((ours.LIF, ours.LeakyReadout, ours.ReLU), _neurons),
    ((ours.RecurrentLIF,), _recurrent),
    ((ours.SteppedNeuron,), _stepped),
    ((ours.AvgPool2d, ours.MaxPool2d, ours.AdaptiveAvgPool2d), _pool),
):
    for _kind in _kinds:
        register_counter(_kind, _counter)
