"""A liquid as torch layers: a linear one and neurons connected to each other, all frozen."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import torch

from snn.core import Events
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import refusal, shown
from snn.core.neurons import LIFParams
from snn.liquid.description import Liquid
from snn.liquid.drive import drive
from snn.nn import LIF, Layer, Linear, RecurrentLIF, Sequential

__all__ = ["model_spikes", "reservoir_layers", "runner"]


def reservoir_layers(reservoir: Liquid, dt_ms: float, dtype: torch.dtype = torch.float32) -> Sequential:
    """Write a liquid as layers, see `Reservoir.layers`."""
    options, bias = _neuron(reservoir.neuron, reservoir.size, dt_ms)
    connect = Linear(reservoir.n_in, reservoir.size, bias=bias is not None).to(dtype)
    neurons = _neurons(reservoir, options, dtype)
    with torch.no_grad():
        connect.weight.copy_(torch.from_numpy(_dense(reservoir.w_in).T))
        if connect.bias is not None:
            connect.bias.copy_(torch.from_numpy(bias))
    return Sequential(connect, neurons).requires_grad_(False).eval()


def runner(reservoir: Liquid, dt_ms: float) -> Callable[[Events, int, int], Float64Array]:
    """Give what runs the layers of a liquid on the samples [start, stop): to spikes [T, B, N], in float64.

    The linear layer is summed straight from the list of spikes: no dense input is made, and a sample's sums do not
    depend on its batch.
    """
    connect, neurons = reservoir_layers(reservoir, dt_ms, torch.float64)
    assert isinstance(connect, Linear)
    weight = connect.weight.t().contiguous().numpy()

    def spikes(events: Events, start: int, stop: int) -> Float64Array:
        current = torch.from_numpy(drive(events, start, stop, weight))
        if connect.bias is not None:
            current += connect.bias
        with torch.no_grad():
            z, _ = neurons(current, None, torch.tensor(events.n_steps[start:stop]))
        return z.numpy()  # type: ignore[no-any-return]

    return spikes


def model_spikes(model: Any, events: Events) -> tuple[Callable[[Events, int, int], Float64Array], int]:
    """Give what runs a model on the samples [start, stop), to spikes [T, B, N], and its N.

    A model with a `start`, as one on crossbars has, is told the number of the first sample of each batch, by which
    its noise is drawn.

    Raises:
        TypeError: It is no layer.
        ValueError: What it gives is no [T, B, N].
    """
    if not isinstance(model, Layer):
        raise TypeError(f"model_or_reservoir must be a Reservoir or a layer of snn.nn, got {shown(model)}")
    model.eval()
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(0))

    begin = getattr(model, "start", None)

    def spikes(events: Events, start: int, stop: int) -> Any:
        part = events.select(np.arange(start, stop))
        x = torch.tensor(part.to_raster().z, dtype=like.dtype)
        first = begin(start) if isinstance(begin, MethodType) else None
        with torch.no_grad():
            z, _ = model(x, first, torch.tensor(part.n_steps))
        return z.numpy()

    probe = Events.from_lists([[]], [[]], n_units=events.n_units, dt_ms=events.dt_ms, n_steps=1)
    shape = spikes(probe, 0, 1).shape
    if len(shape) != 3 or shape[:2] != (1, 1):
        raise refusal("output of the model", "[T, B, N]", list(shape))
    return spikes, shape[2]


def _neurons(reservoir: Liquid, options: dict[str, Any], dtype: torch.dtype) -> LIF:
    """Make the neurons, with their connections where there are some."""
    if not reservoir.recurrent_synapses:
        return LIF(**options)
    delays = _dense_delays(reservoir)
    axonal = bool((delays == delays[:, :1]).all())
    neurons = RecurrentLIF(
        reservoir.size,
        reservoir.max_delay,
        mode="fixed",
        sharing="axonal" if axonal else "synapse",
        **options,
    ).to(dtype)
    steps = torch.from_numpy((delays[:, :1] if axonal else delays).T.copy())
    with torch.no_grad():
        neurons.weight.copy_(torch.from_numpy(_dense(reservoir.w_rec).T))
        neurons.position.copy_(neurons.centre - steps)
    return neurons


def _dense_delays(reservoir: Liquid) -> Int64Array:
    """Give the delay of every pair, [N, N]; one without a synapse has that of its sender's first, else 1."""
    delays, w_rec, size = reservoir.delays, reservoir.w_rec, reservoir.size
    if delays.ndim == 2 or delays.ndim == 0:
        return np.ascontiguousarray(np.broadcast_to(delays, (size, size)))
    dense = np.ones((size, size), dtype=np.int64)
    has = np.diff(w_rec.indptr) > 0
    dense[has] = delays[w_rec.indptr[:-1][has], None]
    sender = np.repeat(np.arange(size), np.diff(w_rec.indptr))
    pairs = sender * size + w_rec.indices
    if np.unique(pairs).size < pairs.size:
        raise ValueError(
            "w_rec must have one synapse from a neuron to another to be layers where delays are one per synapse, "
            "got several; run it by events"
        )
    dense[sender, w_rec.indices] = delays
    return dense


def _dense(weight: Any) -> Float64Array:
    """Give weights [pre, post] as an array; parallel synapses of one delay add up."""
    return np.array(weight if isinstance(weight, np.ndarray) else weight.toarray())


def _neuron(params: LIFParams, size: int, dt_ms: float) -> tuple[dict[str, Any], Float64Array | None]:
    """Give the neuron's options as layers take them, and its bias.

    Raises:
        ValueError: An option that layers do not have, or not for each neuron.
    """
    if params.decay_input or params.adapts or len(params.receptors) > 1:
        name = "decay_input" if params.decay_input else "adapt_by" if params.adapts else "receptors"
        raise refusal(
            f"{name} of the neuron",
            "left out where a liquid is layers; run it by events",
            getattr(params, name),
        )
    d = params.dynamics(size, dt_ms)
    one = {
        name: _one(name, getattr(d, name))
        for name in ("v_th", "v_reset", "v_rest", "reset_by", "refractory", "input_scale")
    }
    if one["input_scale"] != 1.0:
        raise refusal("input_scale", "1 where a liquid is layers; run it by events", one["input_scale"])
    options = {
        "decay_input": False,
        "leak": float(d.decay[0]) if (d.decay == d.decay[0]).all() else d.decay.tolist(),
        "v_th": one["v_th"],
        "v_reset": one["v_reset"],
        "v_leak": one["v_rest"],
        "reset": params.reset,
        "reset_by": one["reset_by"] if params.reset == "soft" else None,
        "fires": params.fires,
        "t_ref": int(one["refractory"]),
        "spikes": params.spikes,
    }
    if len(d.syn_decay):
        if d.syn_bias.any():
            raise refusal("syn_bias", "0 where a liquid is layers; run it by events", d.syn_bias)
        options["syn_leak"] = _one("tau_syn_ms", d.syn_decay[0])
    return options, d.bias if d.bias.any() else None


def _one(name: str, values: Any) -> Any:
    """Give the value that all neurons share.

    Raises:
        ValueError: They do not share one.
    """
    if (values != values[0]).any():
        raise refusal(name, "one for all neurons where a liquid is layers; run it by events", shown(values))
    return values[0].item()
