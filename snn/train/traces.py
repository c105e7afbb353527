"""Which layers of a model carry presynaptic traces in online training through time, and how fast these decay."""

from __future__ import annotations

from typing import Any

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


def trace_decays(model: Layer) -> dict[Layer, float]:
    """Give what is left after a step of the trace of each layer with weights that has one.

    It is the membrane's decay of the neurons that follow, since what arrived is felt for as long as they remember
    it; where none follow, that of the neurons before, as the published code has it. Layers that neurons stand not
    before see the model's input, and have no trace; nor have those before neurons without memory.

    Raises:
        ValueError: A layer of the model looks back in time in another way (recurrent, with synaptic currents),
            stands at two places, or does not say what it is; the message names it.
    """
    walk = _Walk(model)
    walk.forward(flat_stages(model), None)
    walk.backward(flat_stages(model), None)
    found = {layer: after if after is not None else walk.before[layer] for layer, after in walk.after.items()}
    return {layer: decay for layer, decay in found.items() if decay and walk.before[layer] is not None}


class _Walk:
    """Go through a model's layers with the signal and against it.

    Attributes:
        before: Decay of the last neurons before each layer with weights; None: none.
        after: Decay of the first neurons after it; None: none.
    """

    def __init__(self, model: Layer) -> None:
        self.names = {module: name or "the model" for name, module in model.named_modules()}
        self.before: dict[Layer, float | None] = {}
        self.after: dict[Layer, float | None] = {}

    def forward(self, layers: list[Layer], decay: float | None) -> float | None:
        """Note the neurons before each layer; give those before what comes next."""
        for layer in layers:
            if isinstance(layer, Residual) and runs_as(layer, Residual):
                body, around = (self.forward(branch, decay) for branch in _branches(layer))
                decay = around if body is None else body
            elif runs_as(layer, *_WEIGHTED):
                if layer in self.before:
                    raise refusal(
                        f"{self._place(layer)} of the model", "at one place with method 'ottt'", "two"
                    )
                self.before[layer] = decay
            elif not runs_as(layer, *_PASSING):
                own = self._decay(layer)
                decay = decay if own is None else own
        return decay

    def backward(self, layers: list[Layer], decay: float | None) -> float | None:
        """Note the neurons after each layer; give those after what comes before."""
        for layer in reversed(layers):
            if isinstance(layer, Residual) and runs_as(layer, Residual):
                body, around = (self.backward(branch, decay) for branch in _branches(layer))
                decay = around if body is None else body
            elif runs_as(layer, *_WEIGHTED):
                self.after[layer] = decay
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
                given = layer.config()
                name = "tau_syn" if given["syn_leak"] is None else "syn_leak"
                raise refusal(f"{name} of {self._place(layer)}", "None with method 'ottt'", given[name])
            return layer.options.decay
        if runs_as(layer, ReLU):
            return 0.0
        kinds = (
            "LIF, LeakyReadout, ReLU, Linear, Conv2d, DelayLinear, BatchNorm, Dropout, Flatten and poolings"
        )
        given: Any = getattr(layer, "trace_decay", _MISSING)
        if given is _MISSING or any(p.dim() > 1 for p in layer.parameters()):
            rule = f"made of {kinds}, or a layer without weights that has a trace_decay, with method 'ottt'"
            raise refusal(f"{self.names[layer]} of the model", rule, type(layer).__name__)
        return None if given is None else number(f"trace_decay of {self._place(layer)}", given, low=0, high=1)

    def _place(self, layer: Layer) -> str:
        return f"{self.names[layer]} ({type(layer).__name__})"


_MISSING = object()


def _branches(block: Residual) -> tuple[list[Layer], list[Layer]]:
    """Give the layers of both branches."""
    return flat_stages(block.body), [] if block.shortcut is None else flat_stages(block.shortcut)
