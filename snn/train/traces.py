"""Which layers of a model carry presynaptic traces in online training through time, and how fast these decay."""

from __future__ import annotations

from typing import Any

from torch import nn

from snn.core.checks import number, refusal
from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Dropout,
    Flatten,
    Layer,
    LeakyReadout,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
)
from snn.nn.layer import flat_stages, runs_as

__all__ = ["trace_decays"]

_WEIGHTED = (Linear, Conv2d, DelayLinear)
_PASSING = (BatchNorm, Dropout, Flatten, AvgPool2d, MaxPool2d, AdaptiveAvgPool2d)


def trace_decays(model: Layer) -> dict[nn.Module, float]:
    """Give what is left after a step of the trace of each layer with weights that has one.

    It is the membrane's decay of the neurons that follow, since what arrived is felt for as long as they remember
    it; where none follow, that of the neurons before, as the published code has it. Layers without neurons before
    them see the model's input, and have no trace, as published; nor have those that lead to neurons without memory.

    Raises:
        ValueError: A layer of the model looks back in time in another way (recurrent, with synaptic currents),
            stands at two places, or does not say what it is; the message names it.
    """
    names = {module: name or "the model" for name, module in model.named_modules()}
    before = _Walk(names).go(flat_stages(model))
    after = _Walk(names, back=True).go(flat_stages(model))
    found = {layer: before[layer] if after[layer] is None else after[layer] for layer in before}
    return {layer: decay for layer, decay in found.items() if decay and before[layer] is not None}


class _Walk:
    """Go through a model's layers, with the signal or back, and note the last neurons met at each with weights."""

    def __init__(self, names: dict[nn.Module, str], back: bool = False) -> None:
        self._names, self._back = names, back
        self._met: dict[nn.Module, float | None] = {}

    def go(self, layers: list[Layer]) -> dict[nn.Module, float | None]:
        """Give the decay of the neurons met before each layer with weights; None: none were."""
        self._pass(layers, None)
        return self._met

    def _pass(self, layers: list[Layer], decay: float | None) -> float | None:
        """Go on from neurons with this decay; give that of the last ones met."""
        for layer in reversed(layers) if self._back else layers:
            if isinstance(layer, Residual) and runs_as(layer, Residual):
                around, body = (self._pass(branch, decay) for branch in _branches(layer))
                decay = around if body is None else body
            elif runs_as(layer, *_WEIGHTED):
                if layer in self._met:
                    rule = "at one place with method 'ottt'"
                    raise refusal(f"{self._place(layer)} of the model", rule, "two")
                self._met[layer] = decay
            elif not runs_as(layer, *_PASSING):
                own = self._decay(layer)
                decay = decay if own is None else own
        return decay

    def _decay(self, layer: Layer) -> float | None:
        """Give the decay of neurons; None: a layer that passes its input on.

        Raises:
            ValueError: As `trace_decays`.
        """
        if isinstance(layer, LIF | LeakyReadout) and runs_as(layer, LIF, LeakyReadout):
            if layer.receptors is not None:
                config = layer.config()
                name = "tau_syn" if config["syn_leak"] is None else "syn_leak"
                raise refusal(f"{name} of {self._place(layer)}", "None with method 'ottt'", config[name])
            return layer.options.decay
        if runs_as(layer, ReLU):
            return 0.0
        kinds = (
            "LIF, LeakyReadout, ReLU, Linear, Conv2d, DelayLinear, BatchNorm, Dropout, Flatten and poolings"
        )
        given: Any = getattr(layer, "trace_decay", _MISSING)
        if given is _MISSING or any(p.dim() > 1 for p in layer.parameters()):
            rule = f"made of {kinds}, or a layer without weights that has a trace_decay, with method 'ottt'"
            raise refusal(f"{self._names[layer]} of the model", rule, type(layer).__name__)
        return None if given is None else number(f"trace_decay of {self._place(layer)}", given, low=0, high=1)

    def _place(self, layer: Layer) -> str:
        return f"{self._names[layer]} ({type(layer).__name__})"


_MISSING = object()


def _branches(block: Residual) -> tuple[list[Layer], list[Layer]]:
    """Give the layers of the shortcut and of the body."""
    return [] if block.shortcut is None else flat_stages(block.shortcut), flat_stages(block.body)
