"""Layers with weights between units: linear, and linear with a delay per synapse."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from snn.kernels.delay.dense import one_hot_kernel
from snn.kernels.delay.gauss_kernel import gauss_kernel
from snn.kernels.delay.sparse import delayed
from snn.kernels.delay.two_tap import delayed_linear, linear_kernel
from snn.kernels.delay.whole_delays import delayed_events
from snn.kernels.sparse_linear import sparse_linear
from snn.kernels.step_local import is_local, learning_steps, pass_gradient
from snn.nn.delays import Delays, Sharing
from snn.nn.layer import Layer, check_input, check_lengths, check_state, one_of, whole_number

__all__ = ["DelayLinear", "DelayMode", "DelayState", "Linear", "last_steps"]

DelayMode = Literal["gauss", "linear", "integer", "fixed"]


class DelayState(NamedTuple):
    """Carry the last K - 1 input steps of each sample, [K - 1, B, in]."""

    past: Tensor


@torch.no_grad()
def _init_weight(weight: Tensor) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


class Linear(Layer):
    """Connect every input to every output: y = x W' (+ bias), step by step."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        """Make Kaiming-uniform weights [out, in] and, if asked for, a zero bias [out]."""
        super().__init__()
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        self.bias = nn.Parameter(torch.zeros(self.out_features)) if bias else None
        self.weight = nn.Parameter(torch.empty(self.out_features, self.in_features))
        _init_weight(self.weight)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias is not None,
        }

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, in] to [T, B, out]."""
        check_input("Linear", x, self.in_features)
        y = sparse_linear(x, self.weight_in_use(), learning_steps(len(x)))
        return (y if self.bias is None else y + self.bias), ()


class DelayLinear(Delays):
    """Connect every input to every output through a delay per synapse, learned with the weight.

    The delay is d = c - P steps, P in [-c, c] the learned `position` and c = max_delay / 2. In training a synapse
    is a Gauss bell over the K = max_delay + 1 taps around its delay, `sigma` wide (mode "gauss"), or interpolates
    between the two steps around it (mode "linear", at a cost that does not grow with K). In evaluation it is one
    tap at the rounded delay, which is what the event engines run.
    Source: Hammouamri et al., "Learning Delays in SNNs using DCLS", 2023.
    """

    sigma: Tensor
    """Width of the bell, steps, 0-dimensional; its deviation is |sigma| + 0.27."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        max_delay: int,
        mode: DelayMode = "gauss",
        *,
        kernel_count: int = 1,
        sharing: Sharing = "synapse",
    ) -> None:
        """Make Kaiming-uniform weights and delays spread over 0..max_delay.

        Args:
            in_features: Inputs.
            out_features: Outputs.
            max_delay: Largest delay, steps; even, so that the K = max_delay + 1 taps have a centre.
            mode: "gauss" and "linear": delays learn; "integer": rounded in training too, so that they stay and
                weights settle on what evaluation runs (may be set on a layer that learned); "fixed": drawn at
                random, whole, and kept.
            kernel_count: Synapses from each input to each output, each with its weight and delay. Weights are
                [out, in] for one and [kernel_count, out, in] for more; on export each is a projection.
            sharing: A delay of its own for each "synapse"; or one per input ("axonal") or output ("dendritic"),
                shared by all its synapses.

        Raises:
            ValueError: A size is not a whole number >= 1, max_delay is odd or < 2, or mode or sharing is unknown.
        """
        super().__init__()
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        self.min_delay, self.max_delay = 0, whole_number("max_delay", max_delay, low=2)
        self.kernel_count = whole_number("kernel_count", kernel_count)
        if self.max_delay % 2:
            raise ValueError(f"max_delay must be even (an odd number of taps), got {max_delay}")
        self.mode: DelayMode = one_of("mode", mode, DelayMode)
        self.sharing: Sharing = one_of("sharing", sharing, Sharing)
        kernels = () if self.kernel_count == 1 else (self.kernel_count,)
        self.weight = nn.Parameter(torch.empty(*kernels, self.out_features, self.in_features))
        for weight in self.weight.reshape(-1, self.out_features, self.in_features):
            _init_weight(weight)
        receivers = 1 if sharing == "axonal" else self.out_features
        senders = 1 if sharing == "dendritic" else self.in_features
        # as in DCLS: uniform over [-c - 1, c], then clamped
        self._make_positions((*kernels, receivers, senders), -self.centre - 1, learn=mode != "fixed")
        self.register_buffer("sigma", torch.tensor(float(self.centre)))

    @property
    def taps(self) -> int:
        """Number of taps K."""
        return self.max_delay + 1

    @property
    def tail_steps(self) -> int:  # type: ignore[override]
        """Zero steps to append to the input: (K - 1) / 2, as the reference pads."""
        return self.centre

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        names = ("in_features", "out_features", "max_delay", "mode", "kernel_count", "sharing")
        return {name: getattr(self, name) for name in names}

    @torch.no_grad()
    def set_sigma_(self, sigma: float) -> None:
        """Set the width of the bell, steps, >= 0.

        Raises:
            ValueError: It is negative or not finite.
        """
        if not (sigma >= 0 and sigma < float("inf")):
            raise ValueError(f"sigma must be finite and >= 0 steps, got {sigma!r}")
        self.sigma.fill_(sigma)

    def kernel(self, weight: Tensor | None = None) -> Tensor:
        """Give the taps [K, out, in], tap d = delay d: bells or pairs in training, one tap each in evaluation.

        Args:
            weight: Weight in place of the layer's own.
        """
        weight = self.weight_in_use() if weight is None else weight
        if self.training and self.mode == "linear":
            taps = linear_kernel(self._rows(weight), self._rows(self.delays()), self.taps)
        elif self.training and self.mode == "gauss":
            position = self._rows(self.position.expand_as(weight))
            taps = gauss_kernel(self._rows(weight), position, self.sigma, self.taps)
        else:
            taps = one_hot_kernel(self._rows(weight), self._rows(self.delay_steps()), self.taps)
        if self.kernel_count == 1:
            return taps
        return taps.reshape(self.taps, self.kernel_count, self.out_features, self.in_features).sum(1)

    def _rows(self, parts: Tensor) -> Tensor:
        """Stack the kernels as further receivers: [kernel_count x out, in]."""
        return parts.reshape(-1, self.in_features)

    def _columns(self, parts: Tensor) -> Tensor:
        """Stack the kernels as further senders: [out, kernel_count x in]."""
        kernels = parts.reshape(-1, self.out_features, self.in_features)
        return kernels[0] if self.kernel_count == 1 else kernels.transpose(0, 1).flatten(1)

    def forward(
        self, x: Tensor, state: DelayState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, DelayState]:
        """Map [T, B, in] to [T, B, out]; y[t] sees x[t - max_delay] to x[t]."""
        check_input("DelayLinear", x, self.in_features)
        lengths = check_lengths(x, lengths)
        silent = x.new_zeros(self.max_delay, *x.shape[1:]) if state is not None else x
        seen = x if state is None else torch.cat([check_state("DelayLinear", state.past, silent), x])
        if is_local():
            seen = seen.detach()
        with torch.autocast(x.device.type, enabled=False):
            weight = self.weight_in_use()
            y = self._product(seen, weight)[seen.shape[0] - x.shape[0] :]
        if is_local() and x.requires_grad:  # of all that a step hears, only what has no delay is of this step
            y = pass_gradient(y, x, self.kernel(weight)[0])
        return y, DelayState(last_steps(seen, x.shape[0], lengths, self.max_delay))

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        rounded = not self.training or self.mode in ("integer", "fixed")
        if x.device.type != "cpu" or (self.mode == "gauss" and not rounded):
            return delayed(x, self.kernel(weight))
        graph = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
        if rounded and not graph:
            return delayed_events(x, weight, self.delay_steps())
        delay = self.delay_steps().to(weight.dtype) if rounded else self.delays()
        senders = x.repeat(1, 1, self.kernel_count) if self.kernel_count > 1 else x
        return delayed_linear(senders, self._columns(weight), self._columns(delay), self.max_delay)


def last_steps(seen: Tensor, steps: int, lengths: Tensor | None, memory: int) -> Tensor:
    """Take the `memory` steps before each sample's end from `seen`, whose last `steps` are the new ones."""
    old = seen.shape[0] - steps
    ends = torch.full((seen.shape[1],), steps, device=seen.device) if lengths is None else lengths
    rows = torch.arange(-memory, 0, device=seen.device)[:, None] + ends + old
    samples = torch.arange(seen.shape[1], device=seen.device)
    past = seen[rows.clamp(min=0), samples]  # whole rows: no index per unit
    if bool((rows >= 0).all()):
        return past
    return torch.where((rows >= 0)[:, :, None], past, 0.0)
