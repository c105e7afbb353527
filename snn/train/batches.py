"""Batches as a model takes them: checked, as tensors on its device, with its tail of silent steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from snn.core.checks import refusal
from snn.nn import Layer
from snn.train.losses import IGNORED

__all__ = [
    "Data",
    "Prepared",
    "counted_steps",
    "has_step_labels",
    "prepare",
    "prepare_batch",
    "with_steps",
]


class Data(Protocol):
    """What `fit` needs of a data set: `snn.datasets.SpikeSet` is one."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give batches with `x` [T, B, ...], `lengths` [B] and `label` [B]; in order without a seed."""
        ...


class Prepared(NamedTuple):
    """A batch as a model takes it.

    Attributes:
        x: Input, [T + tail, B, ...].
        lengths: Valid steps of each sample, [B], tail included.
        label: Classes or targets, [B, ...] or [T + tail, B, ...].
        per_step: Whether labels have one entry per step.
    """

    x: Tensor
    lengths: Tensor
    label: Tensor
    per_step: bool


def prepare(batch: Any, model: Layer) -> tuple[Tensor, Tensor, Tensor]:
    """Turn a batch into x [T + tail, B, ...], lengths and labels, with the model's tail of zero steps.

    Integers stay integers where the model's first layer is not one of ours, such as an embedding: all layers of
    `snn.nn` take floats. Labels per step [T, B] have -100, "no label", in the tail and beyond the lengths.

    Args:
        batch: Has `x` [T, B, ...], `lengths` [B] and `label`: classes [B] or [T, B], or floats [B, ...] or
            [T, B, ...]; arrays or tensors.
        model: The model.

    Raises:
        ValueError: x is not time first, or lengths or labels do not fit it.
    """
    return prepare_batch(batch, model)[:3]


def prepare_batch(batch: Any, model: Layer) -> Prepared:
    """Do what `prepare` does, and say whether labels are per step."""
    x, lengths, label = (torch.as_tensor(part) for part in (batch.x, batch.lengths, batch.label))
    per_step = _check(x, lengths, label)
    like = next(model.parameters(), torch.zeros(0))
    whole = not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)
    dtype = x.dtype if whole and not _starts_with_ours(model) else like.dtype
    tail = model.tail_steps
    longer = like.new_zeros((len(x) + tail, *x.shape[1:]), dtype=dtype)
    longer[: len(x)] = x
    lengths = lengths.to(like.device)
    label = label.to(like.device, like.dtype if label.is_floating_point() else torch.int64)
    if per_step:
        label = _longer_labels(label, lengths, tail)
    return Prepared(longer, lengths + tail, label, per_step)


def with_steps(batch: Prepared, model: Layer) -> Prepared:
    """Leave out the samples that have no step of their own: nothing is known of them but silence.

    A loss, a score and an accuracy are means over the samples that are left; there may be none.
    """
    has_steps = batch.lengths > model.tail_steps
    if bool(has_steps.all()):
        return batch
    kept = has_steps.nonzero()[:, 0]
    x, lengths = batch.x.index_select(1, kept), batch.lengths.index_select(0, kept)
    return Prepared(x, lengths, batch.label.index_select(int(batch.per_step), kept), batch.per_step)


def counted_steps(model: Layer, lengths: Tensor, per_step: bool) -> Tensor:
    """Give the steps [B] that a loss looks at: with labels per step not those of the tail, which has none."""
    return lengths - model.tail_steps if per_step else lengths


def has_step_labels(x: Tensor, label: Tensor) -> bool:
    """Tell whether labels are per step of x [T, B, ...]: [T, B, ...], too."""
    return label.dim() > 1 and label.shape[:2] == x.shape[:2]


def _check(x: Tensor, lengths: Tensor, label: Tensor) -> bool:
    """Refuse a batch whose parts do not fit each other; tell whether its labels are per step."""
    if x.dim() < 2:
        raise refusal("x", "[T, B, ...], time first", x)
    steps, samples = x.shape[:2]
    per_step = has_step_labels(x, label)
    if not per_step and (label.dim() == 0 or len(label) != samples):
        raise ValueError(
            f"x must be time first, [T, B, ...] with B = len(label) (or labels per step, [T, B]), "
            f"got x of shape {list(x.shape)} and label of shape {list(label.shape)}"
        )
    if per_step and label.is_floating_point() and label.shape == (samples, samples):
        raise ValueError(
            f"label of shape {list(label.shape)} may be [T, B] or [B, values] where T = B = {samples}; "
            "give targets per step as [T, B, 1], or batches of another size"
        )
    if lengths.shape != (samples,) or lengths.is_floating_point():
        raise refusal("lengths", f"whole numbers [{samples}], one per sample", lengths)
    if bool((lengths > steps).any()):
        raise refusal("lengths", f"in 0..{steps}, the steps of x", lengths.max())
    return per_step


def _starts_with_ours(model: nn.Module) -> bool:
    """Tell whether the first of a model's innermost modules is a layer of `snn.nn`, or made from one."""
    first = model
    while (inner := next(first.children(), None)) is not None:
        first = inner
    ours = (kind for kind in type(first).__mro__ if issubclass(kind, Layer) and kind is not Layer)
    return any(kind.__module__.startswith("snn.nn.") for kind in ours)


def _longer_labels(label: Tensor, lengths: Tensor, tail: int) -> Tensor:
    """Give labels per step in the tail too, and take those beyond the lengths away."""
    nothing = 0 if label.is_floating_point() else IGNORED
    longer = label.new_full((len(label) + tail, *label.shape[1:]), nothing)
    longer[: len(label)] = label
    beyond = torch.arange(len(longer), device=label.device)[:, None] >= lengths
    longer[beyond] = nothing
    return longer
