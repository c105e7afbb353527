"""What the neurons of a NIR graph become: NIR has differential equations, our neurons have steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from snn.core.arrays import Float64Array
from snn.core.checks import choice, finite, refusal
from snn.core.neurons import LIFParams, LIParams, NeuronParams
from snn.interop.nir.graph import Node

__all__ = ["ALWAYS", "NEURONS", "Reading", "Receiver", "receiver"]

ALWAYS = ".bias"
"""What the name of a unit ends in that spikes in every step, and brings a bias that begins late."""

NEURONS = ("CubaLI", "CubaLIF", "I", "IF", "LI", "LIF", "Threshold")
"""Types of node that become populations of neurons."""

Integrate = Literal["euler", "exact"]
IfGain = Literal["step", "time"]
Reset = Literal["hard", "soft", "soft_multiple", "hard_next_step"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Say what NIR leaves open.

    Attributes:
        dt_ms: Length of a step, ms.
        integrate: "euler": d = dt / tau of the way in a step, as other readers have it; "exact": 1 - exp(-d), the
            equation with its input held over the step.
        if_gain: What an IF adds in a step: "time": r * dt, the equation; "step": r; None: only r * dt = 1 is read.
        reset: What a spike does, where the file cannot say: None and "hard" as NIR has it; "soft" subtracts the
            threshold, "soft_multiple" as often in a step as it fits; "hard_next_step" resets before the next decay.
        fires: A spike needs v > threshold (">"), as in NIR, or v >= threshold (">=").
    """

    dt_ms: float
    integrate: Integrate = "euler"
    if_gain: IfGain | None = None
    reset: Reset | None = None
    fires: Literal[">", ">="] = ">"

    def __post_init__(self) -> None:
        choice("integrate", self.integrate, Integrate)
        choice("fires", self.fires, (">", ">="))
        for name, allowed in (("if_gain", IfGain), ("reset", Reset)):
            if getattr(self, name) is not None:
                choice(name, getattr(self, name), allowed)


class Receiver(NamedTuple):
    """A population of neurons, and what arrives at it.

    Attributes:
        shape: Axes of its units.
        neuron: Its parameters, one value per neuron where they differ.
        gain: Factor of each neuron's arrivals, [N]; None is 1.
        filtered: Whether arrivals pass a synaptic current, the biases before it too.
    """

    shape: tuple[int, ...]
    neuron: NeuronParams
    gain: Float64Array | None = None
    filtered: bool = False


def receiver(node: Node, how: Reading) -> Receiver:
    """Read a neuron.

    Raises:
        ValueError: A parameter is impossible, or says what a step cannot do; the message names it.
    """
    shape = _shape(node)
    if node.kind == "Threshold":
        v_th = _each(node, "threshold")  # nothing is kept from step to step: any reset below it will do
        return Receiver(
            shape, LIFParams(decay=0.0, v_th=_one(v_th), v_reset=_one(v_th - 1.0), fires=how.fires)
        )
    if node.kind in ("I", "IF"):
        constants: dict[str, Any] = {
            "decay": 1.0,
            "input_scale": _one(_as_written(node, "input_scale", _if_gain(node, how))),
        }
    else:
        constants = _leaky(node, how)
    gain, filtered = None, node.kind in ("CubaLI", "CubaLIF")
    if filtered:
        gain, current = _current(node, how)
        constants |= current
    if node.kind in ("I", "LI", "CubaLI"):
        return Receiver(shape, LIParams(**constants), gain, filtered)
    return Receiver(shape, LIFParams(**constants, **_spikes(node, how)), gain, filtered)


def _shape(node: Node) -> tuple[int, ...]:
    """Give the shape that all parameters of a neuron share."""
    shapes = {name: node.array(name).shape for name in node.fields if name != "shape"}
    shape = next(iter(shapes.values()))
    for name, other in shapes.items():
        if other != shape or not shape:
            raise refusal(f"{node}: {name}", "one value per neuron, as its other parameters", list(other))
    return shape


def _each(node: Node, name: str, default: float | None = None) -> Float64Array:
    """Give a parameter per neuron, [N]."""
    if default is not None and name not in node.fields:
        return np.full(int(np.prod(_shape(node))), default)
    return node.array(name).reshape(-1)


def _one(values: Float64Array) -> Any:
    """Give a number where all neurons are alike."""
    return float(values[0]) if values.size and (values == values[0]).all() else values


def _share(node: Node, name: str, how: Reading) -> Float64Array:
    """Give dt / tau of a time constant in seconds, [N]."""
    tau = _each(node, name)
    if (tau <= 0).any():
        raise refusal(f"{node}: {name}", "> 0 s", float(tau.min()))
    share = how.dt_ms / 1000.0 / tau
    if how.integrate == "euler" and (share > 1.0 + 1e-6).any():
        rule = f">= dt {how.dt_ms:g} ms with integrate='euler'"
        raise refusal(f"{node}: {name}", rule, f"{tau.min() * 1000.0:g} ms")
    return np.minimum(share, 1.0) if how.integrate == "euler" else share


def _leaky(node: Node, how: Reading) -> dict[str, Any]:
    """Give the constants of a membrane that leaks."""
    share = _share(node, "tau_mem" if node.kind.startswith("Cuba") else "tau", how)
    exact = how.integrate == "exact"
    r, step = _each(node, "r"), -np.expm1(-share) if exact else share
    scale = r * step
    if not exact:
        scale[np.abs(scale - 1.0) <= 1e-6] = 1.0  # r = tau / dt as snnTorch writes it, in float32
    decay = np.exp(-share) if exact else 1.0 - share
    return {
        "decay": _one(_as_written(node, "decay", decay)),
        "input_scale": _one(_as_written(node, "input_scale", scale)),
        # in this order, v + (x - v) d, the bits are those of norse and SpikingJelly
        "decay_input": bool((r == 1.0).all()) and bool(node.metadata.get("decay_input", True)),
        "v_rest": _one(_each(node, "v_leak")),
    }


def _current(node: Node, how: Reading) -> tuple[Float64Array, dict[str, Any]]:
    """Give the factor of what arrives at a synaptic current, and the constants of the current."""
    share, w_in = _share(node, "tau_syn", how), _each(node, "w_in", 1.0)
    exact = how.integrate == "exact"
    gain = w_in * (-np.expm1(-share) if exact else share)
    gain[np.abs(gain - 1.0) <= 1e-12] = 1.0
    return gain, {"syn_decay": _one(_as_written(node, "syn_decay", np.exp(-share) if exact else 1.0 - share))}


def _as_written(node: Node, name: str, computed: Float64Array) -> Float64Array:
    """Give the constant that `write` put beside the node, to the bit, where the node still says the same."""
    if name not in node.metadata:
        return computed
    kept = finite(f"{node}: {name} of its metadata", node.metadata[name]).reshape(-1)
    same = kept.shape == computed.shape and np.allclose(kept, computed, rtol=1e-9, atol=0.0)
    return kept if same else computed


def _if_gain(node: Node, how: Reading) -> Float64Array:
    """Give what an integrator adds in a step per unit of its input, [N]."""
    r = _each(node, "r")
    timed = r * (how.dt_ms / 1000.0)
    if how.if_gain == "step":
        return r
    near = np.abs(timed - 1.0) <= 1e-6  # r = 1 / dt, in float32
    if how.if_gain is None and not near.all():
        rule = f"1 / dt ({1000.0 / how.dt_ms:g}), or read with if_gain='step' (r in a step) or 'time' (r dt)"
        raise refusal(f"{node}: r", rule, float(r[np.argmin(near)]))
    return np.where(near, 1.0, timed)


def _spikes(node: Node, how: Reading) -> dict[str, Any]:
    """Give threshold and reset."""
    v_th, v_reset = _each(node, "v_threshold"), _each(node, "v_reset", 0.0)
    if how.fires == ">=":  # as written: the float32 before the threshold, for readers that know only ">"
        v_th = np.nextafter(v_th.astype(np.float32), np.float32(np.inf)).astype(np.float64)
    if how.reset in ("soft", "soft_multiple"):
        several: dict[str, Any] = {"spikes": "multiple"} if how.reset == "soft_multiple" else {}
        return {"v_th": _one(v_th), "reset": "soft", "fires": how.fires, **several}
    if (v_reset >= v_th).any():
        worst = int(np.argmax(v_reset - v_th))
        raise refusal(f"{node}: v_reset", f"below v_threshold {v_th[worst]:g}", float(v_reset[worst]))
    return {"v_th": _one(v_th), "v_reset": _one(v_reset), "reset": how.reset or "hard", "fires": how.fires}
