"""Batch normalisation over time: one statistic for a whole sequence, or one for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import torch
from torch import Tensor, nn

from snn.core.checks import choice, number, refusal, whole
from snn.kernels.batch_norm import normalise
from snn.kernels.memory import NUMPY_TYPES
from snn.kernels.step_local import learning_steps
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_input, check_lengths, check_size, check_stateless

__all__ = ["BatchNorm", "Over", "keep_statistics"]

Over = Literal["sequence", "step"]

_KEPT: ContextVar[bool] = ContextVar("keep_statistics", default=False)


@contextmanager
def keep_statistics() -> Iterator[None]:
    """Leave running statistics as they are, but normalise by the batch in training: for steps run twice."""
    token = _KEPT.set(True)
    try:
        yield
    finally:
        _KEPT.reset(token)


class BatchNorm(Layer):
    """Normalise each feature over valid steps and samples; in evaluation by the running statistics.

    Features are axis 2 of x [T, B, features, ...]; over images, a channel is a feature and its places are samples.

    Attributes:
        frozen: Whether it does in training what it does in evaluation; see `snn.nn.frozen`.
    """

    frozen: bool = False

    def __init__(
        self,
        num_features: int,
        over: Over = "sequence",
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        """Make scale, offset and running statistics [num_features].

        Args:
            num_features: Features, >= 1.
            over: "sequence": one statistic over steps and samples; "step": one for each step, over samples, each
                of which moves the running statistics. A step with fewer than two valid samples moves nothing.
            eps: Added to the variance, > 0.
            momentum: Share of the new batch in the running statistics, in (0, 1].

        Raises:
            ValueError: A value is out of its range.
            MemoryError: The parameters would not fit.
        """
        super().__init__()
        self.num_features = whole("num_features", num_features, low=1)
        self.over: Over = choice("over", over, Over)
        self.eps = number("eps", eps, above=0.0)
        self.momentum = number("momentum", momentum, above=0.0, high=1.0)
        check_size("BatchNorm", self.num_features)
        self.weight = nn.Parameter(torch.ones(self.num_features))
        self.bias = nn.Parameter(torch.zeros(self.num_features))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(self.num_features))
        self.register_buffer("running_var", torch.ones(self.num_features))

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        names = ("num_features", "over", "eps", "momentum")
        return {name: getattr(self, name) for name in names}

    def scale_and_offset(self) -> tuple[Tensor, Tensor]:
        """Give evaluation as y = scale x + offset, float64 [num_features] each."""
        weight, bias, mean, var = (
            a.detach().double() for a in (self.weight, self.bias, self.running_mean, self.running_var)
        )
        scale = weight / torch.sqrt(var + self.eps)
        return scale, bias - mean * scale

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Normalise [T, B, features, ...].

        Raises:
            ValueError: x has another number of features, or another type; or in training over a sequence there is
                one valid value of each feature, which has no variance.
        """
        check_input("BatchNorm", x, self.num_features, "...", weight=self.weight)
        check_stateless("BatchNorm", state)
        lengths = check_lengths(x, lengths)
        if not x.numel():
            return self._affine(x.flatten(0, 1)).reshape(x.shape), ()
        lengths = lengths if self._by_batch else None
        if self._by_batch and self.over == "step":
            if lengths is None and x[0, :, 0].numel() > 1:
                return self._by_whole_steps(x), ()
            return self._by_steps(x, lengths), ()
        count = x.shape[0] * x.shape[1] if lengths is None else int(lengths.sum())
        if self._by_batch and count * x[0, 0, 0].numel() == 1:
            rule = "of two valid values of each feature or more, in training over a sequence"
            raise refusal("x of BatchNorm", rule, count)
        if lengths is None:
            return self._normalise(x.flatten(0, 1)).reshape(x.shape), ()
        if x.dim() == 3 and count:
            return self._over_valid(x, lengths, count), ()
        rows = x.flatten(0, 1)
        steps = torch.arange(x.shape[0], device=x.device)[:, None]
        valid = (steps < lengths).flatten().nonzero().squeeze(1)
        kept = rows.index_select(0, valid)
        normal = self._normalise(kept) if count else self._affine(kept)
        return torch.zeros_like(rows).index_copy(0, valid, normal).reshape(x.shape), ()

    @property
    def _by_batch(self) -> bool:
        """Whether the batch is normalised by its own statistics, which move the running ones."""
        return self.training and not self.frozen

    def _affine(self, rows: Tensor) -> Tensor:
        """Scale and shift [R, features, ...] without statistics: for no rows, whose gradients are zeros."""
        weight, bias = (a.reshape(-1, *[1] * (rows.dim() - 2)) for a in (self.weight, self.bias))
        return (rows * weight + bias).to(rows.dtype)

    def _over_valid(self, x: Tensor, lengths: Tensor, count: int) -> Tensor:
        wide, (weight, bias) = _wide(x), (_wide(a) for a in (self.weight, self.bias))
        y, mean, var = normalise(wide, lengths, weight, bias, self.eps)
        if not _KEPT.get():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((var * (count / (count - 1))).to(self.running_var.dtype), self.momentum)
        return y.to(x.dtype)

    def _by_whole_steps(self, x: Tensor) -> Tensor:
        learns = learning_steps(len(x))
        if learns is None or not torch.is_grad_enabled():
            return torch.stack([self._normalise(x_t) for x_t in x.unbind(0)])
        steps = []
        for x_t, learning in zip(x.unbind(0), learns.tolist(), strict=True):
            with torch.set_grad_enabled(learning):
                # a copy of a step that learns: what autograd keeps of a view is the memory of all steps
                steps.append(self._normalise(x_t.clone() if learning else x_t))
        return torch.stack(steps)

    def _by_steps(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        given, x = x.dtype, _wide(x)
        steps, batch = x.shape[:2]
        if lengths is None:
            lengths = torch.full((batch,), steps, device=x.device)
        others = [1, *range(3, x.dim())]  # samples and places
        valid = (torch.arange(steps, device=x.device)[:, None] < lengths).to(x.dtype)
        valid = valid.reshape(steps, batch, *[1] * (x.dim() - 2))
        count = valid.sum(1, keepdim=True) * x[0, 0, 0].numel()
        mean = (x * valid).sum(others, keepdim=True) / count.clamp(min=1)
        centred = (x - mean) * valid
        var = centred.square().sum(others, keepdim=True) / count.clamp(min=1)
        if not _KEPT.get():
            self._move_statistics(*(a.detach().flatten(1) for a in (mean, var, count)))
        weight, bias = (a.reshape(-1, *[1] * (x.dim() - 3)) for a in (self.weight, self.bias))
        return (centred * (weight * torch.rsqrt(var + self.eps)) + bias * valid).to(given)

    def _move_statistics(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        """Take the statistics [T, features] of `count` [T, 1] values, step by step, into the running ones."""
        unbiased = (var * count / (count - 1).clamp(min=1)).to(self.running_var.dtype)
        mean = mean.to(self.running_mean.dtype)
        for t in torch.nonzero(count[:, 0] > 1)[:, 0].tolist():
            self.running_mean.lerp_(mean[t], self.momentum)
            self.running_var.lerp_(unbiased[t], self.momentum)

    def _normalise(self, rows: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self._by_batch and _KEPT.get():
            # copies to throw away; without any, autograd would save other tensors than in the run before, and
            # torch's checkpointing, which runs the layer a second time, refuses that
            mean, var = mean.clone(), var.clone()
        settings = (self.weight, self.bias, self._by_batch, self.momentum, self.eps)
        return nn.functional.batch_norm(rows, mean, var, *settings)


def _wide(x: Tensor) -> Tensor:
    """Give numbers of half precision in float32: sums over a batch need more digits."""
    return x if x.dtype in NUMPY_TYPES else x.float()
