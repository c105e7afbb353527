"""The presynaptic side of a weight's gradient: traces of the input that are carried on, and products with them.

In online training through time a weight learns from what its own neuron feels now, times a trace of what has
arrived: a[t] = decay a[t-1] + x[t], with the decay of that neuron's membrane. Values stay those of x.
Source: Xiao et al., "Online Training Through Time for Spiking Neural Networks" (OTTT), 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor, nn

from snn.kernels.dispatch import apply
from snn.kernels.leaky_integrator import integrate
from snn.kernels.lif_options import LIFOptions

__all__ = ["PresynapticTraces", "carried_trace", "take_value", "weigh", "with_traces"]


class PresynapticTraces:
    """Carry the traces of a batch from one piece of its steps to the next.

    They belong to the gradients and not to the layers: no layer has another state because of them.
    """

    def __init__(self, decays: Mapping[nn.Module, float]) -> None:
        """Begin at rest.

        Args:
            decays: What is left of a layer's trace after a step, in [0, 1]; layers that are not in it have none.
        """
        self._decays = dict(decays)
        self._before: dict[nn.Module, Tensor] = {}

    @torch.no_grad()
    def extend(self, layer: nn.Module, seen: Tensor, steps: int, keep: int) -> Tensor | None:
        """Give the trace of the layer's input, and carry it on; None: the layer has none.

        Args:
            layer: The layer.
            seen: Its input [earlier + steps, B, ...]; the earlier steps are those of the piece before.
            steps: Steps of this piece.
            keep: Steps of the trace that the next piece may see, >= 1.

        Returns:
            The trace, in the shape of `seen`.
        """
        decay = self._decays.get(layer)
        if decay is None or not steps:
            return None
        earlier = len(seen) - steps
        before = self._before.get(layer)
        if before is None:
            before = seen.new_zeros(keep, *seen.shape[1:])
        trace = integrate(seen[earlier:], before[-1], LIFOptions(leak=decay, decay_input=False))
        self._before[layer] = torch.cat([before, trace[-keep:]])[-keep:]
        return torch.cat([before[keep - earlier :], trace]) if earlier else trace


_TRACES: ContextVar[PresynapticTraces | None] = ContextVar("presynaptic_traces", default=None)


@contextmanager
def with_traces(traces: PresynapticTraces | None) -> Iterator[None]:
    """Let weights take their gradients from these traces while the block runs; None: from the input."""
    token = _TRACES.set(traces)
    try:
        yield
    finally:
        _TRACES.reset(token)


def carried_trace(layer: nn.Module, seen: Tensor, steps: int, keep: int) -> Tensor | None:
    """Give what `PresynapticTraces.extend` gives in the block that runs; None outside one."""
    traces = _TRACES.get()
    return None if traces is None else traces.extend(layer, seen, steps, keep)


class _Weigh(torch.autograd.Function):
    """y forward; backward also the gradient of a weight, by a function of y's gradient and of `presynaptic`."""

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, weight: Tensor, presynaptic: Tensor, gradient: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        ctx.save_for_backward(presynaptic)
        ctx.gradient, ctx.dtype = gradient, weight.dtype
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        (presynaptic,) = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return g, None, None, None
        return g, ctx.gradient(g, presynaptic.to(g.dtype)).to(ctx.dtype), None, None


def weigh(
    y: Tensor, weight: Tensor, presynaptic: Tensor, gradient: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Give y, made with a detached weight, as it is, and the weight its gradient.

    Args:
        y: Output [T, B, ...].
        weight: The weight, of any shape.
        presynaptic: What its gradient multiplies, [T, B, ...].
        gradient: From the gradient of y and `presynaptic`, in its type, to the gradient of the weight.
    """
    return cast(Tensor, apply(_Weigh, y, weight, presynaptic, gradient))


class _TakeValue(torch.autograd.Function):
    """The first argument's gradient with the second one's value."""

    @staticmethod
    def forward(ctx: Any, learned: Tensor, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return g, None


def take_value(learned: Tensor, value: Tensor) -> Tensor:
    """Give `value`, a constant, with the gradient of `learned`, of the same shape."""
    return cast(Tensor, apply(_TakeValue, learned, value))
