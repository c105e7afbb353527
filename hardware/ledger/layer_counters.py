"""Count the layers of `snn.nn`: synapses with their exact fan-out, delays, pooling, neurons, residual joins."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn import nn as ours
from snn.hardware.ledger.account import Account, Flow, register_counter
from snn.hardware.ledger.fan_out import Wiring, reached, wire
from snn.hardware.ledger.layer_names import label
from snn.hardware.ledger.pooling import pool_fan_out, pool_reach
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import Layer, populations

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
    model: Layer, x: Tensor, lengths: Tensor | None, inputs: Mapping[str, str] | None = None
) -> StepLedger:
    """Count a model of `snn.nn` per layer, time step and sample.

    A model made of populations (connection, BatchNorm, neurons) runs in float64, as the engines run it: in float32
    a few spikes of a million stand on the other side of the threshold. Any other runs in its own number format.

    Args:
        model: The model; it runs in evaluation.
        x: Input, [T, B, ...], to which `model.tail_steps` silent steps are appended.
        lengths: Valid steps of each sample [B], the tail not included; None is all of T.
        inputs: ``{"in": "real"}`` where the input is no spikes but real values.

    Raises:
        ValueError: An input that is not what it is declared to be, or a layer that no counter knows.
    """
    declared = dict(inputs or {})
    kind = declared.pop("in", "spikes")
    if declared or kind not in ("spikes", "real"):
        raise ValueError(
            f"inputs is {inputs!r}; a model of snn.nn takes {{'in': 'spikes'}} or {{'in': 'real'}}"
        )
    if kind == "spikes" and (bool((x < 0).any()) or bool((x != x.round()).any())):
        raise ValueError(
            "x must hold whole numbers of spikes >= 0; real-valued inputs are no spikes to count (declare them: "
            "inputs={'in': 'real'})"
        )
    names = label(model)
    if _made_of_populations(model):
        twin = copy.deepcopy(model).double()
        names = dict(zip(label(twin), names.values(), strict=True))
        model, x = twin, x.double()
    else:
        x = x.to(next((part.dtype for part in model.parameters()), x.dtype))
    steps, batch = x.shape[:2]
    ends = torch.full((batch,), steps) if lengths is None else lengths
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])]) if model.tail_steps else x
    account = Account(ends + model.tail_steps, len(longer), names)
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            longer = account.silence(longer)
            account.run(model, Flow(longer, None, kind == "spikes", "in"))
    finally:
        for module, training in modes.items():
            module.training = training
    return account.close()


def _made_of_populations(model: Layer) -> bool:
    try:
        populations.split(model)
    except ValueError:
        return False
    return True


def _sequence(layer: Any, flow: Flow, account: Account) -> Flow:
    parts = list(layer)
    for part, behind in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(behind, ours.BatchNorm):
            account.gates[part] = behind.scale_and_offset()[0] != 0
        flow = account.run(part, flow)
    return flow


def _residual(layer: Any, flow: Flow, account: Account) -> Flow:
    account.notes.append(_JOINED)
    body = account.run(layer.body, flow)
    around = flow if layer.shortcut is None else account.run(layer.shortcut, flow)
    joined = layer.combine(body.x, around.x)
    whole = body.whole and around.whole
    reach = None if whole else body.arrivals() | around.arrivals()
    sources = dict.fromkeys((*body.source.split(" + "), *around.source.split(" + ")))
    return Flow(joined, reach, whole, " + ".join(sources))


def _same_places(layer: Layer, flow: Flow, account: Account) -> Flow:
    """Count what costs nothing of its own and keeps every value at its place: normalisation, dropout."""
    y = account.forward(layer, flow.x)
    if isinstance(layer, ours.Dropout):
        return replace(flow, x=y)
    return replace(flow, x=y, whole=False, reach=flow.x != 0 if flow.reach is None else flow.reach)


def _flatten(layer: Layer, flow: Flow, account: Account) -> Flow:
    reach = None if flow.reach is None else flow.arrivals().flatten(2)
    return replace(flow, x=flow.x.flatten(2), reach=reach)


def _convolution(layer: Any, flow: Flow, account: Account) -> Flow:
    name = account.names[layer]
    seen = _as_torch(layer, account)
    wiring = wire(seen, tuple(flow.x.shape[2:]))
    values, counts = account.measure(name, flow, wiring.fan_out)
    account.connect(name, flow, values, counts, **_shape(wiring))
    y = account.forward(layer, flow.x)
    given = flow.x if flow.reach is None else flow.arrivals()
    flat = np.ascontiguousarray(given.cpu().numpy()).reshape(-1, wiring.n_pre)
    where, sizes = reached(seen, wiring, flat)
    if where.shape[1:3] != (1, 1):  # not the same for all channels: spread out
        where = np.broadcast_to(where, (len(flat), *sizes))
    channels = where.shape[1] * where.shape[2]
    reach = torch.from_numpy(np.array(where)).reshape(*y.shape[:2], channels, *y.shape[3:])
    return Flow(y, reach.to(y.device), False, flow.source)


def _as_torch(layer: Any, account: Account) -> nn.Conv2d:
    """Give torch's convolution of the same shape, without the outputs that the normalisation behind closes."""
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
    gate = account.gates.get(layer)
    if gate is not None:
        weight = weight * gate.to(weight.device)[:, None, None, None]
    made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def _shape(wiring: Wiring) -> dict[str, int]:
    names = ("n_pre", "n_post", "synapses", "dense_synapses", "stored_weights", "dense_weights")
    return {name: getattr(wiring, name) for name in names}


def _linear(layer: Any, flow: Flow, account: Account) -> Flow:
    """Count a layer of weights and delays; each of its kernels is a row."""
    y = account.forward(layer, flow.x)
    delays = layer.delay_steps() if isinstance(layer, ours.DelayedLayer) else torch.zeros_like(layer.weight)
    gate = account.gates.get(layer)
    weight = layer.weight_in_use() if gate is None else layer.weight_in_use() * gate[:, None]
    reach = torch.zeros_like(y, dtype=torch.bool)
    name = account.names[layer]
    kernels = zip(*(part.reshape(-1, *weight.shape[-2:]) for part in (weight, delays)), strict=True)
    for i, (w, d) in enumerate(kernels):
        reach |= _wires(name if i == 0 else f"{name}.{i + 1}", w, d, flow, account)
    return Flow(y, reach, False, flow.source)


def _wires(name: str, weight: Tensor, delays: Tensor, flow: Flow, account: Account) -> Tensor:
    """Write a row of weights [out, in] with delays in steps, and say where they reach, bool [T, B, out]."""
    present = (weight.detach() != 0).t().cpu()
    steps = delays.t().cpu().long()
    fan_out = present.sum(1).numpy()
    values, counts = account.measure(name, flow, fan_out)
    delayed = (present & (steps > 0)).sum(1).double()
    sent = flow.x if flow.whole else (flow.x != 0)
    sent = sent.cpu().double()
    reads, reach = _arrivals(sent, flow.arrivals().cpu(), present, steps)
    traffic = {"delay_writes": (sent @ delayed).round().long().numpy(), "delay_reads": reads}
    synapses = int(present.sum())
    shape = {"n_pre": len(present), "n_post": present.shape[1], "synapses": synapses}
    size = int(present.numel())
    account.connect(
        name,
        flow,
        values,
        {**counts, **traffic},
        **shape,
        dense_synapses=size,
        stored_weights=synapses,
        dense_weights=size,
        max_delay=int(steps[present].max()) if synapses else 0,
    )
    return reach.to(flow.x.device)


def _arrivals(sent: Tensor, here: Tensor, present: Tensor, delays: Tensor) -> tuple[Any, Tensor]:
    """Place delayed events at the step they arrive: reads [T, B], and where anything arrives [T, B, out].

    Args:
        sent: Spikes, [T, B, in], float64.
        here: Where something is sent, bool [T, B, in].
        present: Whether there is a synapse, bool [in, out].
        delays: Steps, [in, out].
    """
    steps = len(sent)
    reads = sent.new_zeros(sent.shape[:2])
    reach = torch.zeros((*sent.shape[:2], present.shape[1]), dtype=torch.bool)
    for delay in torch.unique(delays[present]).tolist():
        if delay >= steps:
            continue
        wires = present & (delays == delay)
        hits = here[: steps - delay].float() @ wires.float()  # sums of ones: exact far beyond any fan-in
        reach[delay:] |= hits > 0
        if delay > 0:
            reads[delay:] += sent[: steps - delay] @ wires.sum(1).double()
    return reads.round().long().numpy(), reach


def _neurons(layer: Layer, flow: Flow, account: Account) -> Flow:
    """Count neurons that spike, those that never do, and rectifiers."""
    y = account.forward(layer, flow.x)
    y = account.silence(y)
    spikes = None if isinstance(layer, ours.LeakyReadout) else y
    name = account.names[layer]
    account.populate(name, int(y[0, 0].numel()), flow, spikes)
    return Flow(y, None, isinstance(layer, ours.LIF), name)


def _recurrent(layer: Any, flow: Flow, account: Account) -> Flow:
    y = account.forward(layer, flow.x)
    y = account.silence(y)
    name = account.names[layer]
    out = Flow(y, None, True, name)
    back = _wires(f"{name}-{name}", layer.weight_in_use(), layer.delay_steps(), out, account)
    account.populate(name, y.shape[2], replace(flow, reach=flow.arrivals() | back), y)
    return out


def _pool(layer: Any, flow: Flow, account: Account) -> Flow:
    """Count windows: one operation per spike and window, never a multiply, no weights."""
    account.notes.append(_POOLED)
    name = account.names[layer]
    fan_out = pool_fan_out(layer, tuple(flow.x.shape[2:]))
    values, counts = account.measure(name, flow, fan_out)
    counts = {**counts, "macs": np.zeros_like(counts["macs"])}
    y = account.forward(layer, flow.x)
    links = int(fan_out.sum())
    shape = {"n_pre": int(fan_out.size), "n_post": int(y[0, 0].numel()), "synapses": links}
    account.connect(
        name, flow, values, counts, **shape, dense_synapses=links, stored_weights=0, dense_weights=0
    )
    whole = flow.whole and isinstance(layer, ours.MaxPool2d)
    counts_alone = flow.reach is None and flow.whole  # no value below zero: a window of some is not zero
    reach = None if counts_alone else pool_reach(layer, flow.x != 0 if flow.reach is None else flow.reach)
    return Flow(y, reach, whole, flow.source)


for _kinds, _counter in (
    ((ours.Sequential,), _sequence),
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
