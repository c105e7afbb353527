"""Neurons of your own: one step is written, and the layer runs it over time."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from snn.core.checks import shown
from snn.kernels.step_local import is_local, learning_steps
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_input, check_lengths, check_state

__all__ = ["SteppedNeuron"]


class SteppedNeuron(Layer):
    """Run neurons that a class of yours gives by one step; the page "Your own neuron" writes one.

    A class that inherits from this one has two methods. `at_rest(x)` gives the state before any input x [B, ...] of
    one step: a tuple, best a named one, of tensors that begin with B, with `()` for a part that is not there.
    `step(x, state)` gives the spikes of that step, numbers of spikes in the type of x, and the next state; its
    gradient is torch's, through `snn.kernels.spike`. The layer has the loop: samples that end (`lengths`),
    gradients inside a step (SLTT) and steps that do not learn.

    Such a layer trains, is saved, counted in ledgers and digital on crossbars. The loops of the engines are
    compiled for `LIFParams`: `snn.nn.to_network` refuses it by name. A neuron that is a `LIF` with some options has
    `stages`.
    """

    def at_rest(self, x: Tensor) -> tuple[Any, ...]:
        """Give the state before any input, for x of one step, [B, ...]."""
        self._missing("at_rest")

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Turn the input of one step, [B, ...], into its spikes and the next state."""
        self._missing("step")

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Turn input current [T, B, ...] into spikes [T, B, ...].

        Raises:
            TypeError: The class lacks a method, or a state is no tuple as `at_rest` gives it.
            ValueError: The input, the lengths or the state do not fit.
        """
        name = type(self).__name__
        check_input(name, x, "...")
        lengths = check_lengths(x, lengths)
        rest = self.at_rest(x.new_zeros(x.shape[1:]))
        if not isinstance(rest, tuple):
            raise TypeError(f"what at_rest of {name} gives must be a tuple of tensors, got {shown(rest)}")
        now = rest if state is None else check_state(name, type(rest), state, *rest)
        learns = learning_steps(len(x))
        marks = [True] * len(x) if learns is None else learns.tolist()
        spikes: list[Tensor] = []
        for t, x_t in enumerate(x):
            before = _cut(now) if is_local() else now
            with torch.set_grad_enabled(torch.is_grad_enabled() and marks[t]):
                z, after = self.step(x_t, before)
            if lengths is not None:
                valid = lengths > t
                z, after = _where(valid, z, torch.zeros_like(z)), _join(valid, after, now)
            spikes.append(z)
            now = after
        if not spikes:
            with torch.no_grad():
                z, _ = self.step(x.new_zeros(x.shape[1:]), now)
            return z.new_zeros(0, *z.shape), now
        return torch.stack(spikes), now

    def _missing(self, method: str) -> NoReturn:
        raise TypeError(f"{type(self).__name__} must have a method {method}, got none")


def _cut(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cut a state off the graph."""
    return _like(state, [part.detach() if isinstance(part, Tensor) else part for part in state])


def _join(valid: Tensor, after: tuple[Any, ...], before: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the state after a step where a sample still runs, and the one before where it has ended."""
    parts = zip(after, before, strict=True)
    return _like(after, [_where(valid, a, b) if isinstance(a, Tensor) else a for a, b in parts])


def _where(valid: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(valid.reshape(-1, *[1] * (yes.dim() - 1)), yes, no)


def _like(state: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    """Make a tuple of parts, named as the state is."""
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
