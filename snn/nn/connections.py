"""Layers with weights between units: linear, and linear with a delay per synapse."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.checks import choice, flag, number, refusal, whole
from snn.kernels.delay.dense import one_hot_kernel
from snn.kernels.delay.gauss_kernel import gauss_kernel
from snn.kernels.delay.sparse import delayed
from snn.kernels.delay.two_tap import delayed_linear, linear_kernel
from snn.kernels.delay.whole_delays import send_events
from snn.kernels.memory import NUMPY_TYPES
from snn.kernels.presynaptic import take_value, weigh
from snn.kernels.sparse_linear import sparse_linear
from snn.kernels.step_local import is_local, learning_steps, pass_gradient
from snn.nn.delays import MOST_DELAY, DelayedLayer, steps_before_end
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_input, check_lengths, check_size, check_state, check_stateless

__all__ = ["DelayLinear", "DelayMode", "DelayState", "Linear", "Sharing"]

DelayMode = Literal["gauss", "linear", "integer", "fixed"]
Sharing = Literal["synapse", "axonal", "dendritic"]


class DelayState(NamedTuple):
    """Carry what was sent and has not arrived yet.

    Attributes:
        past: The last max_delay input steps of each sample, [max_delay, B, in].
    """

    past: Tensor


@torch.no_grad()
def _init_weight(weight: Tensor) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


def _outer_products(g: Tensor, x: Tensor) -> Tensor:
    """Sum g [..., out] times x [..., in] over all axes but these two: [out, in], laid out by sender."""
    return (x.flatten(0, -2).t() @ g.flatten(0, -2)).t()


class Linear(Layer):
    """Connect every input to every output: y = x W' (+ bias), step by step."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        """Make Kaiming-uniform weights [out, in] and, if asked for, a zero bias [out].

        Args:
            in_features: Inputs, >= 1.
            out_features: Outputs, >= 1.
            bias: Whether every output has a bias.

        Raises:
            ValueError: A size is not a whole number >= 1, or `bias` no truth value.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.in_features = whole("in_features", in_features, low=1)
        self.out_features = whole("out_features", out_features, low=1)
        check_size("Linear", self.out_features, self.in_features)
        self.bias = nn.Parameter(torch.zeros(self.out_features)) if flag("bias", bias) else None
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
        check_input("Linear", x, self.in_features, weight=self.weight)
        check_stateless("Linear", state)
        weight, presynaptic = self.weight_in_use(), self.presynaptic(x)
        used = weight if presynaptic is None else weight.detach()
        y = sparse_linear(x, used, learning_steps(len(x)))
        if presynaptic is not None:
            y = weigh(y, weight, presynaptic, _outer_products)
        return (y if self.bias is None else y + self.bias), ()


class DelayLinear(DelayedLayer):
    """Connect every input to every output through a delay per synapse, learned with the weight.

    The delay is d = c - P steps, P in [-c, c] the learned `position` and c = max_delay / 2. In training a synapse
    is a Gauss bell over the K = max_delay + 1 taps around its delay, `sigma` wide (mode "gauss"), or interpolates
    between the two steps around it (mode "linear", at a cost that does not grow with K). In evaluation it is one
    tap at the rounded delay, which is what the event engines run.
    Source: Hammouamri et al., "Learning Delays in SNNs using DCLS", 2023.

    Attributes:
        sigma: Width of the bell, steps, 0-dimensional; its deviation is |sigma| + 0.27.
    """

    sigma: Tensor

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
            in_features: Inputs, >= 1.
            out_features: Outputs, >= 1.
            max_delay: Largest delay, steps, in 2..2^24; even, so that the K = max_delay + 1 taps have a centre.
            mode: "gauss" and "linear": delays learn; "integer": rounded in training too, so that they stay and
                weights settle on what evaluation runs (may be set on a layer that learned); "fixed": drawn at
                random, whole, and kept.
            kernel_count: Synapses from each input to each output, >= 1, each with its weight and delay. Weights are
                [out, in] for one and [kernel_count, out, in] for more; on export each is a projection.
            sharing: A delay of its own for each "synapse"; or one per input ("axonal") or output ("dendritic"),
                shared by all its synapses.

        Raises:
            ValueError: A size is not a whole number >= 1, max_delay is odd or < 2, or mode or sharing is unknown.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.in_features = whole("in_features", in_features, low=1)
        self.out_features = whole("out_features", out_features, low=1)
        self.min_delay, self.max_delay = 0, whole("max_delay", max_delay, low=2, high=MOST_DELAY)
        self.kernel_count = whole("kernel_count", kernel_count, low=1)
        if self.max_delay % 2:
            raise refusal("max_delay", "even, so that the taps have a middle", max_delay)
        self.mode: DelayMode = choice("mode", mode, DelayMode)
        self.sharing: Sharing = choice("sharing", sharing, Sharing)
        kernels = () if self.kernel_count == 1 else (self.kernel_count,)
        check_size("DelayLinear", *kernels, self.out_features, self.in_features)
        self.weight = nn.Parameter(torch.empty(*kernels, self.out_features, self.in_features))
        for weight in self.weight.reshape(-1, self.out_features, self.in_features):
            _init_weight(weight)
        receivers = 1 if self.sharing == "axonal" else self.out_features
        senders = 1 if self.sharing == "dendritic" else self.in_features
        # as in DCLS: uniform over [-c - 1, c], then clamped
        self._make_positions((*kernels, receivers, senders), -self.centre - 1, learn=self.mode != "fixed")
        self.register_buffer("sigma", torch.tensor(float(self.centre)))

    @property
    def taps(self) -> int:
        """Number of taps K."""
        return self.max_delay + 1

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input: (K - 1) / 2.

        So many come out of a layer in the code of Hammouamri et al. too, but there each layer is padded for itself
        and cut: its BatchNorm sees its own silent steps. `fit` appends those of all layers to the input, at once.
        """
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
        self.sigma.fill_(number("sigma", sigma, low=0.0))

    def kernel(self, weight: Tensor | None = None) -> Tensor:
        """Give the taps [K, out, in], tap d = delay d: bells or pairs in training, one tap each in evaluation.

        Args:
            weight: Weight in place of the layer's own.
        """
        weight = self.weight_in_use() if weight is None else weight
        if self.training and self.mode == "linear":
            taps = linear_kernel(self._as_receivers(weight), self._as_receivers(self.delays()), self.taps)
        elif self.training and self.mode == "gauss":
            position = self._as_receivers(self.position_in_use().expand_as(weight))
            taps = gauss_kernel(self._as_receivers(weight), position, self.sigma, self.taps)
        else:
            taps = one_hot_kernel(
                self._as_receivers(weight), self._as_receivers(self.delay_steps()), self.taps
            )
        if self.kernel_count == 1:
            return taps
        return taps.reshape(self.taps, self.kernel_count, self.out_features, self.in_features).sum(1)

    def _as_receivers(self, parts: Tensor) -> Tensor:
        """Stack the kernels as further receivers: [kernel_count x out, in]."""
        return parts.reshape(-1, self.in_features)

    def _as_senders(self, parts: Tensor) -> Tensor:
        """Stack the kernels as further senders: [out, kernel_count x in]."""
        kernels = parts.reshape(-1, self.out_features, self.in_features)
        return kernels[0] if self.kernel_count == 1 else kernels.transpose(0, 1).flatten(1)

    def forward(
        self, x: Tensor, state: DelayState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, DelayState]:
        """Map [T, B, in] to [T, B, out]; y[t] sees x[t - max_delay] to x[t]."""
        check_input("DelayLinear", x, self.in_features, weight=self.weight)
        lengths = check_lengths(x, lengths)
        x = x.to(self.weight.dtype)  # autocast gives half precision
        seen = x
        if state is not None:
            like = x.new_zeros(self.max_delay, *x.shape[1:])
            seen = torch.cat([check_state("DelayLinear", DelayState, state, like).past, x])
        if is_local():
            seen = seen.detach()
        with torch.autocast(x.device.type, enabled=False):
            weight = self.weight_in_use()
            y = self._learned_product(seen, weight, len(x))[seen.shape[0] - x.shape[0] :]
        if is_local() and x.requires_grad:
            # the gradient stays inside its step, so of all synapses only those without delay pass it on
            y = pass_gradient(y, x, self.kernel(weight)[0])
        return y, DelayState(steps_before_end(seen, x.shape[0], lengths, self.max_delay))

    def _learned_product(self, seen: Tensor, weight: Tensor, steps: int) -> Tensor:
        """Give the delayed products of `seen`; weight and delays learn from what `presynaptic` says."""
        presynaptic = self.presynaptic(seen, steps, self.max_delay)
        if presynaptic is None:
            return self._product(seen, weight)
        if not is_local():
            rule = "None, or a function that gives back what it got, where gradients pass through time"
            raise refusal("gradient_input of DelayLinear", rule, self.gradient_input)
        with torch.no_grad():
            y = self._product(seen, weight)
        return take_value(self._product(presynaptic, weight), y)

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        """Give the delayed products [T, B, out] by the form that is fastest for the mode and the device."""
        rounded = not self.training or self.mode in ("integer", "fixed")
        dense = x.device.type != "cpu" or x.dtype not in NUMPY_TYPES
        if dense or (self.mode == "gauss" and not rounded):
            return delayed(x, self.kernel(weight))
        graph = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
        if rounded and not graph:
            return send_events(x, weight, self.delay_steps())
        delay = self.delay_steps().to(weight.dtype) if rounded else self.delays()
        senders = x.repeat(1, 1, self.kernel_count) if self.kernel_count > 1 else x
        return delayed_linear(senders, self._as_senders(weight), self._as_senders(delay), self.max_delay)
