"""Layers as a user writes them: one made of ours, and one of its own arithmetic."""

from __future__ import annotations

import torch
from torch import nn

from snn.nn import LIF, BatchNorm, DelayLinear, Layer, LIFState, register_layer


@register_layer
class Block(Layer):
    """Delays, normalisation and neurons; its state is a tuple, with `()` for what has none."""

    def __init__(self, inputs: int, neurons: int, max_delay: int = 4) -> None:
        super().__init__()
        self.inputs, self.neurons, self.max_delay = inputs, neurons, max_delay
        self.fire = LIF(1.5, decay_input=False, detach_reset=True, v_th=0.5)
        self.norm = BatchNorm(neurons, "step")
        self.connect = DelayLinear(inputs, neurons, max_delay, "linear")

    def config(self):
        return {"inputs": self.inputs, "neurons": self.neurons, "max_delay": self.max_delay}

    def stages(self):
        return [self.connect, self.norm, self.fire]

    def forward(self, x, state=None, lengths=None):
        past, _, membrane = (None, (), None) if state is None else state
        current, past = self.connect(x, past, lengths=lengths)
        current, nothing = self.norm(current, lengths=lengths)
        z, membrane = self.fire(current, membrane, lengths=lengths)
        return z, (past, nothing, membrane)


@register_layer
class Gated(Layer):
    """Weights of its own and neurons that see the gated current: no sequence of other layers.

    How it calls its neurons is what the tests are about: by position, by keyword or without lengths.
    """

    def __init__(self, inputs: int, neurons: int, call: str = "keyword") -> None:
        super().__init__()
        self.inputs, self.neurons, self.call = inputs, neurons, call
        self.weight = nn.Parameter(torch.randn(neurons, inputs) / inputs**0.5)
        self.gate = nn.Parameter(torch.ones(neurons))
        self.fire = LIF(1.5, decay_input=False, detach_reset=True, v_th=0.5)

    def config(self):
        return {"inputs": self.inputs, "neurons": self.neurons, "call": self.call}

    def forward(self, x, state=None, lengths=None):
        current = (x @ self.weight_in_use().t()) * self.gate
        before: LIFState | None = None if state is None else state[1]
        if self.call == "keyword":
            z, after = self.fire(current, lengths=lengths, state=before)
        elif self.call == "position":
            z, after = self.fire(current, before, lengths)
        else:
            z, after = self.fire(current, before)
        return z, ((), after)
