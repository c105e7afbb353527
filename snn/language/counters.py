"""Count the layers of a language model: synapses that spikes or real numbers reach, and what is computed beside.

Whether an input of a projection is an add or a multiply follows from what it is, token by token: a spike is one add
per weight, any other number that is not zero one multiply-accumulate. What has no synapses (normalisation, shifts,
gates, the recurrence) is counted element by element: each operation of the formulas once, also where a factor
happens to be 1; but of each pair of exponentials in the recurrence one is exp(0), which nothing computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.core.checks import refusal
from snn.hardware.ledger.layer_counters import count_linear
from snn.hardware.ledger.ledger_builder import LedgerBuilder, Signal
from snn.kernels import gate, squared_relu, token_shift, wkv

__all__ = [
    "count_block",
    "count_channel_mixing",
    "count_classifier",
    "count_embedding",
    "count_projection",
    "count_spike_gpt",
    "count_time_mixing",
    "norm_operations",
    "wkv_operations",
]

_LOOKED_UP = (
    "Embedding: a token is one event that fetches its row of weights, one add each, as in a dense network."
)
_ELEMENTS = (
    "Element by element, each operation of the formulas once: normalisation, token shift, gates, rectifier, "
    "recurrence and residual sums; of the two exponentials of a pair in the recurrence one is exp(0): not computed."
)


def norm_operations(width: int) -> dict[str, int]:
    """Count a LayerNorm of one token: mean, variance, one root and one quotient, scale and offset."""
    mean, squares, scaled = (width - 1, 1), (2 * width - 1, width + 1), (width, 2 * width)
    adds, multiplies = (sum(part) for part in zip(mean, squares, scaled, strict=True))
    return {"element_adds": adds + 1, "element_multiplies": multiplies, "divisions": 1, "square_roots": 1}


def wkv_operations(width: int) -> dict[str, int]:
    """Count the recurrence of one token, as `snn.kernels.wkv` has it.

    The output takes the sum u + k, its distance from o and the sign of that, the exponential of minus its size,
    three products and two sums of weighted terms, and a quotient. The next state takes the sum o + w, its distance
    from k, the larger of the two, an exponential, three products and two sums.
    """
    return _per_channel(width, element_adds=10, element_multiplies=6, divisions=1, exponentials=2)


def _shift(width: int, mixes: int) -> dict[str, int]:
    """Count m x[t] + (1 - m) x[t - 1] of each mix."""
    return _per_channel(mixes * width, element_adds=1, element_multiplies=2)


def _gate(width: int) -> dict[str, int]:
    """Count y / (1 + exp(-r)), the logistic function by a quotient and then a product."""
    return _per_channel(width, element_adds=1, element_multiplies=1, divisions=1, exponentials=1)


def _per_channel(width: int, **each: int) -> dict[str, int]:
    return {field: width * often for field, often in each.items()}


def count_spike_gpt(model: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a `SpikeGPT` on tokens; logits go on."""
    return _headed(model.head, _features(model, signal, builder), builder)


def count_classifier(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a `Classifier` on tokens; scores of classes go on."""
    return _headed(layer.head, _features(layer.model, signal, builder), builder)


def _features(model: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    width = model.width
    x = model.norm_in(builder.count(model.embedding, signal).x)
    name = _within(builder, model, "norm_in")
    builder.add_operations(name, width, **norm_operations(width))
    signal = Signal(x, None, False, name)
    for block in model.blocks:
        signal = builder.count(block, signal)
    name = _within(builder, model, "norm_out")
    builder.add_operations(name, width, **norm_operations(width))
    return Signal(model.norm_out(signal.x), None, False, name)


def _headed(head: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    sent = builder.count(head, signal)
    builder.end_without_neurons()
    return sent


def count_embedding(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a lookup, and the comparisons that make bits of it."""
    if torch.finfo(signal.x.dtype).bits < 32:
        raise refusal(
            "the model", "in float32 or float64 to be counted, which hold every token", signal.x.dtype
        )
    builder.notes += [_LOOKED_UP, _ELEMENTS]
    name, width, stored = builder.names[layer], layer.width, layer.vocab * layer.width
    every = np.ones(signal.x.shape[:2], dtype=np.int64)
    counts = {"input_spikes": every, "synaptic_events": width * every, "active_inputs": width * every}
    shape = {"n_pre": 1, "n_post": width, "synapses": width, "dense_synapses": width}
    shape |= {"stored_weights": stored, "dense_weights": stored}
    builder.add_synapses(name, signal, "counts", counts, **shape)
    builder.end_without_neurons()
    if layer.kind == "binary":
        builder.add_operations(f"{name}.bits", width, element_adds=width)
    y, _ = layer(signal.x.long())
    return Signal(y, None, False, name)


def count_projection(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count a `Projection` as a layer of weights: its inputs are spikes or real numbers by the layers before."""
    return count_linear(layer, signal, builder)


def count_block(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count both mixings, their normalisations, and the sums with the stream."""
    x, width = signal.x, layer.time_mixing.width
    for norm, mixing in (("norm_time", layer.time_mixing), ("norm_channel", layer.channel_mixing)):
        name = _within(builder, layer, norm)
        builder.add_operations(name, width, **norm_operations(width))
        normal = Signal(layer.get_submodule(norm)(x), None, False, name)
        x = x + builder.count(mixing, normal).x
    name = _within(builder, layer, "stream")
    builder.add_operations(name, width, element_adds=2 * width)
    return Signal(x, None, False, name)


def count_time_mixing(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count the shift, the weights, the recurrence and the gate, and the neurons where they are."""
    weighed = []
    for name, mixed in zip(("key", "value", "receptance"), _shifted(layer, signal, builder), strict=True):
        weighed.append(_weigh(layer, name, mixed, builder).x)
        builder.end_without_neurons()
    k, v, r = weighed
    y, _ = wkv(-layer.decay.exp(), layer.bonus, k, v, None, builder.lengths.to(k.device))
    builder.add_operations(_within(builder, layer, "wkv"), layer.width, **wkv_operations(layer.width))
    gated = _gated(layer, r, y, builder)
    return _sent(layer, builder.count(layer.output, gated), builder)


def count_channel_mixing(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count the shift, the weights, the hidden layer and the gate, and the neurons where they are."""
    for_key, for_receptance = _shifted(layer, signal, builder)
    hidden = _weigh(layer, "key", for_key, builder)
    if "value" not in layer.fire:
        name, size = _within(builder, layer, "rectifier"), hidden.x.shape[-1]
        builder.end_without_neurons()
        builder.add_operations(name, size, element_adds=size, element_multiplies=size)
        hidden = Signal(squared_relu(hidden.x), None, False, name)
    else:
        hidden = builder.count(layer.fire["value"], hidden)
    r = _weigh(layer, "receptance", for_receptance, builder).x
    builder.end_without_neurons()
    y = builder.count(layer.value, hidden).x
    return _sent(layer, _gated(layer, r, y, builder), builder)


def _shifted(layer: Any, signal: Signal, builder: LedgerBuilder) -> list[Signal]:
    """Count the token shift, and give its mixes."""
    name = _within(builder, layer, "shift")
    builder.add_operations(name, layer.width, **_shift(layer.width, len(layer.mix)))
    mixed = token_shift(signal.x, torch.zeros_like(signal.x[0]), layer.mix)
    return [Signal(x, None, False, name) for x in mixed]


def _weigh(layer: Any, name: str, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count the weights `name`, and the neurons ahead of them if there are such."""
    if name in layer.fire:
        signal = builder.count(layer.fire[name], signal)
    return builder.count(layer.get_submodule(name), signal)


def _gated(layer: Any, r: Tensor, y: Tensor, builder: LedgerBuilder) -> Signal:
    name = _within(builder, layer, "gate")
    builder.add_operations(name, layer.width, **_gate(layer.width))
    return Signal(gate(r, y), None, False, name)


def _sent(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Give what comes out of a mixing, by its neurons if they stand there."""
    if "output" in layer.fire:
        return builder.count(layer.fire["output"], signal)
    builder.end_without_neurons()
    return signal


def _within(builder: LedgerBuilder, layer: Any, part: str) -> str:
    """Name what is counted inside a layer; a model as a whole has no name."""
    name = builder.names.get(layer, "")
    return f"{name}.{part}" if name else part
