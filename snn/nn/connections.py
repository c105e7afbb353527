"""Layers with weights between units: linear, and linear with a delay per synapse."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from snn.kernels.delay import delayed_events, gauss_kernel, one_hot_kernel
from snn.kernels.delay_sparse import delayed
from snn.kernels.two_tap import delayed_linear, linear_kernel
from snn.nn.layer import Layer, check_input, check_lengths, whole_number

__all__ = ["DelayLinear", "DelayMode", "DelayState", "Linear"]

DelayMode = Literal["gauss", "linear", "fixed"]


class DelayState(NamedTuple):
    """Carry the last K - 1 input steps of each sample, [K - 1, B, in]."""

    past: Tensor


def _init_weight(weight: nn.Parameter) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


class Linear(Layer):
    """Connect every input to every output: y = x W' (+ bias), step by step."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        """Make Kaiming-uniform weights [out, in] and, if asked for, a zero bias [out]."""
        super().__init__()
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        self.weight = nn.Parameter(torch.empty(self.out_features, self.in_features))
        self.bias = nn.Parameter(torch.zeros(self.out_features)) if bias else None
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
        return nn.functional.linear(x, self.weight, self.bias), ()


class DelayLinear(Layer):
    """Connect every input to every output through a delay per synapse, learned with the weight.

    The delay is d = c - P steps, P in [-c, c] the learned `position` and c = max_delay / 2. In training a synapse
    is a Gauss bell over the K = max_delay + 1 taps around its delay, `sigma` wide (mode "gauss"), or interpolates
    between the two steps around it (mode "linear", at a cost that does not grow with K). In evaluation it is one
    tap at the rounded delay, which is what the event engines run.
    Source: Hammouamri et al., "Learning Delays in SNNs using DCLS", 2023.
    """

    weight: nn.Parameter
    """Synaptic weights [out, in]."""
    position: Tensor
    """Positions P [out, in]: a parameter, or in mode "fixed" a buffer of whole numbers."""
    sigma: Tensor
    """Width of the bell, steps, 0-dimensional; its deviation is |sigma| + 0.27."""

    def __init__(
        self, in_features: int, out_features: int, max_delay: int, mode: DelayMode = "gauss"
    ) -> None:
        """Make Kaiming-uniform weights and delays spread over 0..max_delay.

        Args:
            in_features: Inputs.
            out_features: Outputs.
            max_delay: Largest delay, steps; even, so that the K = max_delay + 1 taps have a centre.
            mode: "gauss" and "linear": delays learn; "fixed": drawn at random, whole, and kept.

        Raises:
            ValueError: A size is not a whole number >= 1, max_delay is odd or < 2, or mode is unknown.
        """
        super().__init__()
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        self.max_delay = whole_number("max_delay", max_delay, low=2)
        if self.max_delay % 2:
            raise ValueError(f"max_delay must be even (an odd number of taps), got {max_delay}")
        if mode not in get_args(DelayMode):
            raise ValueError(f"mode must be one of {', '.join(get_args(DelayMode))}, got {mode!r}")
        self.mode: DelayMode = mode
        shape = (self.out_features, self.in_features)
        self.weight = nn.Parameter(torch.empty(shape))
        _init_weight(self.weight)
        # as in DCLS: uniform over [-c - 1, c], then clamped
        position = (
            torch.empty(shape).uniform_(-self.centre - 1, self.centre).clamp_(-self.centre, self.centre)
        )
        if mode != "fixed":
            self.position = nn.Parameter(position)
        else:
            self.register_buffer("position", position.round_())
        self.register_buffer("sigma", torch.tensor(float(self.centre)))

    @property
    def taps(self) -> int:
        """Number of taps K."""
        return self.max_delay + 1

    @property
    def centre(self) -> int:
        """Index c of the middle tap: position 0 is a delay of c steps."""
        return self.max_delay // 2

    @property
    def tail_steps(self) -> int:  # type: ignore[override]
        """Zero steps to append to the input: (K - 1) / 2, as the reference pads."""
        return self.centre

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        names = ("in_features", "out_features", "max_delay", "mode")
        return {name: getattr(self, name) for name in names}

    def delays(self) -> Tensor:
        """Give the delays d = c - P, steps, [out, in]."""
        return self.centre - self.position

    def delay_steps(self) -> Tensor:
        """Give the delays of evaluation, int64 [out, in]: positions rounded half to even."""
        return (self.centre - self.position.detach().round()).clamp(0, self.max_delay).to(torch.int64)

    @torch.no_grad()
    def clamp_positions_(self) -> None:
        """Bring positions back into [-c, c]; call after every optimiser step."""
        self.position.clamp_(-self.centre, self.centre)

    @torch.no_grad()
    def set_sigma_(self, sigma: float) -> None:
        """Set the width of the bell, steps, >= 0.

        Raises:
            ValueError: It is negative or not finite.
        """
        if not (sigma >= 0 and sigma < float("inf")):
            raise ValueError(f"sigma must be finite and >= 0 steps, got {sigma!r}")
        self.sigma.fill_(sigma)

    def kernel(self) -> Tensor:
        """Give the taps [K, out, in], tap d = delay d: bell or two taps in training, one tap in evaluation."""
        if self.training and self.mode == "linear":
            return linear_kernel(self.weight, self.delays(), self.taps)
        if self.training and self.mode == "gauss":
            return gauss_kernel(self.weight, self.position, self.sigma, self.taps)
        return one_hot_kernel(self.weight, self.delay_steps(), self.taps)

    def forward(
        self, x: Tensor, state: DelayState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, DelayState]:
        """Map [T, B, in] to [T, B, out]; y[t] sees x[t - max_delay] to x[t]."""
        check_input("DelayLinear", x, self.in_features)
        lengths = check_lengths(x, lengths)
        seen = x if state is None else torch.cat([state.past, x])
        y = self._product(seen)[seen.shape[0] - x.shape[0] :]
        return y, DelayState(_last_steps(seen, x.shape[0], lengths, self.max_delay))

    def _product(self, x: Tensor) -> Tensor:
        if self.training and self.mode == "linear" and x.device.type == "cpu":
            return delayed_linear(x, self.weight, self.delays(), self.max_delay)
        graph = torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad)
        if self.training or graph or x.device.type != "cpu":
            return delayed(x, self.kernel())
        return delayed_events(x, self.weight, self.delay_steps())


def _last_steps(seen: Tensor, steps: int, lengths: Tensor | None, memory: int) -> Tensor:
    """Take the `memory` steps before each sample's end from `seen`, whose last `steps` are the new ones."""
    old = seen.shape[0] - steps
    ends = torch.full((seen.shape[1],), steps, device=seen.device) if lengths is None else lengths
    rows = torch.arange(-memory, 0, device=seen.device)[:, None] + ends + old
    past = seen.gather(0, rows.clamp(min=0)[:, :, None].expand(-1, -1, seen.shape[2]))
    return torch.where((rows >= 0)[:, :, None], past, 0.0)
