"""Synaptic currents of a layer of neurons: what arrives at a receptor decays, and their sum drives the membrane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snn.core.checks import number, refusal
from snn.kernels.leaky_integrator import integrate
from snn.kernels.lif_options import LIFOptions
from snn.kernels.step_local import is_local

__all__ = ["PerReceptor", "Receptors", "at_length", "flow", "plain", "read_receptors", "start_of"]

PerReceptor = float | Mapping[str, float]
"""One number for the only receptor, or one per receptor by name."""


@dataclass(frozen=True, slots=True)
class Receptors:
    """Hold the receptors of a neuron, in the order in which they share the input.

    Attributes:
        names: Their names; (None,) for the only one.
        decays: What is left of each current after a step, in [0, 1].
    """

    names: tuple[str | None, ...]
    decays: tuple[float, ...]

    def split(self, layer: str, x: Tensor) -> tuple[Tensor, ...]:
        """Cut the axis of features of x [T, B, R N, ...] into the parts of the receptors, [T, B, N, ...] each.

        Raises:
            ValueError: It does not divide by the number of receptors.
        """
        if x.dim() < 3 or x.shape[2] % len(self.names):
            rule = (
                f"[T, B, N x {len(self.names)}, ...], one part for each of {', '.join(map(str, self.names))}"
            )
            raise refusal(f"x of {layer}", rule, x)
        return x.chunk(len(self.names), dim=2) if len(self.names) > 1 else (x,)

    def currents(self, layer: str, x: Tensor, first: Tensor, local: bool) -> Tensor:
        """Let what arrives, x [T, B, R N, ...], run into the currents, `first` [B, R N, ...] before it."""
        parts, starts = self.split(layer, x), first.chunk(len(self.names), dim=1)
        found = [
            integrate(part, start, LIFOptions(leak=decay, decay_input=False), local)
            for part, start, decay in zip(parts, starts, self.decays, strict=True)
        ]
        return found[0] if len(found) == 1 else torch.cat(found, dim=2)

    def drive(self, layer: str, currents: Tensor) -> Tensor:
        """Add the currents [T, B, R N, ...] of all receptors, first to last: [T, B, N, ...]."""
        first, *others = self.split(layer, currents)
        for other in others:
            first = first + other
        return first


def read_receptors(tau_syn: PerReceptor | None, syn_leak: PerReceptor | None) -> Receptors | None:
    """Make receptors of time constants in steps, or of what is left after a step; None of neither.

    Raises:
        ValueError: Both are given, there is no receptor, or a value is out of its range; the message names it.
    """
    if tau_syn is not None and syn_leak is not None:
        raise refusal("syn_leak", f"None where tau_syn = {tau_syn!r} is given", syn_leak)
    name, given = ("tau_syn", tau_syn) if syn_leak is None else ("syn_leak", syn_leak)
    if given is None:
        return None

    def decay(of: str, value: Any) -> float:
        return 1.0 - 1.0 / number(of, value, low=1) if name == "tau_syn" else number(of, value, low=0, high=1)

    if not isinstance(given, Mapping):
        return Receptors((None,), (decay(name, given),))
    if not given or not all(isinstance(key, str) for key in given):
        raise refusal(name, "a number, or numbers by the names of receptors", given)
    return Receptors(tuple(given), tuple(decay(f"{name}[{key!r}]", value) for key, value in given.items()))


def plain(given: PerReceptor | None) -> Any:
    """Give what a constructor was given, and `read_receptors` has checked, as a JSON value."""
    if isinstance(given, Mapping):
        return {name: number(name, value) for name, value in given.items()}
    return None if given is None else number("a receptor", given)


def start_of(layer: str, receptors: Receptors | None, x: Tensor) -> tuple[Tensor, Tensor | tuple[()]]:
    """Give a step of the drive of neurons with input x [T, B, R N, ...], and their currents, all zero."""
    zeros = x.new_zeros(x.shape[1:])
    if receptors is None:
        return zeros, ()
    return receptors.split(layer, zeros[None])[0][0], zeros


def flow(
    layer: str, receptors: Receptors | None, x: Tensor, first: Tensor | tuple[()], lengths: Tensor | None
) -> tuple[Tensor, Tensor | tuple[()]]:
    """Let what arrives flow through the synaptic currents, if there are any.

    Args:
        layer: Name of the layer, for messages.
        receptors: The receptors; None: what arrives is the drive.
        x: What arrives, [T, B, R N, ...].
        first: Currents before it, [B, R N, ...]; () without receptors.
        lengths: Valid steps of each sample [B]; None: all.

    Returns:
        What drives the membranes [T, B, N, ...], and the currents of each sample at its length.
    """
    if receptors is None or not isinstance(first, Tensor):
        return x, ()
    currents = receptors.currents(layer, x, first, is_local())
    return receptors.drive(layer, currents), at_length(currents, lengths, first)


def at_length(v: Tensor, lengths: Tensor | None, first: Tensor) -> Tensor:
    """Take membranes v [T, B, ...] at each sample's last valid step: [B, ...]; `first` where it has none."""
    if lengths is None:
        return v[-1] if len(v) else first
    ends = lengths.reshape(1, -1, *[1] * (v.dim() - 2)).expand(1, *v.shape[1:])
    return torch.where(ends[0] > 0, v.gather(0, (ends - 1).clamp(min=0))[0], first)
