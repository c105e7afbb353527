"""Losses and the class scores that go with them: from outputs over time to one number per sample.

Torch is imported where it is first needed, since the names of the losses are read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snn.core.checks import refusal
from snn.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "IGNORED",
    "LOSSES",
    "Loss",
    "check_labels",
    "check_seen",
    "register_loss",
    "softmax_sum",
    "valid_mask",
    "valid_steps",
]

IGNORED = -100
"""Class of a step that has no label; torch's cross-entropy skips it."""


def valid_mask(y: Tensor, lengths: Tensor) -> Tensor:
    """Mark the valid steps of y [T, B, ...]: bool [T, B, 1, ...]."""
    import torch

    valid = torch.arange(y.shape[0], device=y.device)[:, None] < lengths
    return valid.reshape(*valid.shape, *[1] * (y.dim() - 2))


def valid_steps(y: Tensor, lengths: Tensor) -> Tensor:
    """Mark the valid steps of y [T, B, ...]: bool [T, B]."""
    return valid_mask(y, lengths).flatten(2)[:, :, 0]


def softmax_sum(y: Tensor, lengths: Tensor) -> Tensor:
    """Sum the softmax of the outputs y [T, B, C] over each sample's valid steps: scores [B, C].

    Source: Hammouamri et al., 2023; cross-entropy is then applied to the sums.
    """
    # classes first: a softmax over a short last axis takes ten times as long
    shares = y.movedim(-1, 0).contiguous().softmax(0)
    return shares.where(valid_mask(y, lengths)[:, :, 0], 0.0).sum(1).t()


def _no_classes(y: Tensor, lengths: Tensor) -> Tensor:
    """Stand in for the score of a loss without classes."""
    raise ValueError("loss must have a score to give classes, got one without")


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold a loss of outputs y [T, B, C], lengths [B] and labels, and the class scores that go with it.

    Labels are what the data give: classes [B], or [T, B] with one for every step (-100: none); or the targets of a
    regression, in floats, [B, ...] or [T, B, ...]. Where they are per step, `lengths` and `valid` leave out the
    model's tail, for which there is no label, and labels beyond them are to be ignored. Either `of_sequence` or
    `of_steps` says what the loss is.

    Attributes:
        score: (y, lengths) -> scores [B, C]; the largest is the class. Scores of parts of a sequence add up. Left
            out, the loss has no classes, and its runs have no accuracy.
        of_sequence: (y, lengths, label) -> loss of each sample [B], from all steps together.
        of_steps: (y, valid [T, B], label) -> loss of each step [T, B], 0 where not valid; a sample's loss is their
            mean over its valid steps. It is given any steps, and labels per step of the same.

    Raises:
        ValueError: Both or neither are given, or one is no function.
    """

    score: Callable[[Tensor, Tensor], Tensor] = _no_classes
    of_sequence: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    of_steps: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if (self.of_sequence is None) == (self.of_steps is None):
            raise ValueError("one of of_sequence and of_steps must be given, got both or neither")
        for name in ("score", "of_sequence", "of_steps"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise refusal(f"{name} of a Loss", "a function", getattr(self, name))

    @property
    def per_step(self) -> bool:
        """Whether the loss is a mean over steps, each of its own output."""
        return self.of_steps is not None

    @property
    def has_classes(self) -> bool:
        """Whether labels are classes, which outputs are scored for."""
        return self.score is not _no_classes

    def per_sample(self, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
        """Give each sample's loss [B]: 0 for a sample without steps, which the loss itself is never given.

        Raises:
            ValueError: The loss gives something else than a value per sample, or per step.
        """
        if self.of_steps is not None:
            return self.each_step(y, valid_steps(y, lengths), label).sum(0) / lengths.clamp(min=1)
        kept = (lengths > 0).nonzero()[:, 0]
        if len(kept) < len(lengths):
            return self._of_some(kept, y, lengths, label)
        return self._of_sequences(y, lengths, label)

    def _of_some(self, kept: Tensor, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
        """Give the losses of the samples `kept`, and 0 for the others."""
        nothing = y[:0].flatten(2).sum((0, 2))  # zeros that have a graph, for a backward pass
        if not len(kept):
            return nothing
        axis = int(label.dim() > 1 and label.shape[:2] == y.shape[:2])
        parts = y.index_select(1, kept), lengths.index_select(0, kept), label.index_select(axis, kept)
        return nothing.index_put((kept,), self._of_sequences(*parts))

    def _of_sequences(self, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
        assert self.of_sequence is not None
        return self._checked(self.of_sequence(y, lengths, label), y.shape[1:2], "one value per sample [B]")

    def each_step(self, y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
        """Give the loss of each step [T, B], for a loss of steps.

        Raises:
            ValueError: The loss gives something else than a value per step.
        """
        assert self.of_steps is not None
        return self._checked(self.of_steps(y, valid, label), y.shape[:2], "one value per step [T, B]")

    def _checked(self, values: Tensor, shape: tuple[int, ...], rule: str) -> Tensor:
        """Return values of this shape; others would be spread over it, or averaged, unseen."""
        found = getattr(values, "shape", None)
        if found != shape:
            name = next((f"loss {name!r}" for name in LOSSES if LOSSES.find(name) is self), "loss")
            of_shape = "" if found is None else f" of shape {list(found)}"
            raise ValueError(f"{name} must give {rule}, got {type(values).__name__}{of_shape}")
        return values


def check_labels(loss: Loss, label: Tensor, n_outputs: int, per_step: bool) -> None:
    """Refuse labels that are no classes of the model, for a loss that has classes.

    Args:
        loss: The loss.
        label: Classes [B] or [T, B], or values.
        n_outputs: Outputs of the model.
        per_step: Whether labels are per step.

    Raises:
        ValueError: Labels are no whole numbers, of another shape, or some lie outside 0..n_outputs - 1.
    """
    if not loss.has_classes:
        return
    if label.is_floating_point():
        raise refusal("label", "whole numbers, the classes, for a loss with classes", label)
    if label.dim() != 1 + per_step:
        raise refusal("label", "[B] or [T, B], time first, for a loss with classes", label)
    classes = label[label != IGNORED] if label.dim() > 1 else label
    if not classes.numel():
        return
    low, high = (int(end) for end in classes.aminmax())
    if low < 0:
        raise ValueError(f"labels start at {low}; they must be 0 to {n_outputs - 1}, the model's outputs")
    if high >= n_outputs:
        raise ValueError(
            f"labels go to {high}, the model has {n_outputs} outputs; labels must be 0 to {n_outputs - 1}"
        )


def check_seen(name: str, samples: float, labels: float, loss: Loss) -> None:
    """Refuse a set of which there is no mean: `samples` have a step, and `labels` of them are classes.

    Raises:
        ValueError: No sample has a step, or none has a label where the loss has classes.
    """
    if not samples:
        raise ValueError(f"{name} must hold at least one sample with a step, got none")
    if loss.has_classes and not labels:
        raise ValueError(f"label of {name} must be a class in at least one step, got {IGNORED} in all")


def _output_sum(y: Tensor, lengths: Tensor) -> Tensor:
    return y.where(valid_mask(y, lengths), 0.0).sum(0)


def _cross_entropy(scores: Tensor, label: Tensor) -> Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(scores, label, reduction="none")


def _of_whole_sequence(label: Tensor) -> Tensor:
    """Return labels [B] as they are.

    Raises:
        ValueError: They are classes per step, which a loss of the whole sequence cannot use.
    """
    if label.dim() != 1:
        raise refusal("label", "[B] for a loss of whole sequences ('step_cross_entropy' takes [T, B])", label)
    return label


def _softmax_sum_loss(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return _cross_entropy(softmax_sum(y, lengths), _of_whole_sequence(label))


def _sum_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return _cross_entropy(_output_sum(y, lengths), _of_whole_sequence(label))


def _mean_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return _cross_entropy(_output_sum(y, lengths) / lengths[:, None], _of_whole_sequence(label))


def _step_cross_entropy(y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
    labels = label.repeat(len(y)) if label.dim() == 1 else label.flatten()
    return _cross_entropy(y.flatten(0, 1), labels).reshape(y.shape[:2]).where(valid, 0.0)


def _squared_error(y: Tensor, target: Tensor) -> Tensor:
    """Square y - target, where a target may lack the axis of a single output."""
    shapes = (y.shape, y.shape[:-1]) if y.shape[-1] == 1 else (y.shape,)
    if target.shape not in shapes:
        raise refusal("label", f"of shape {list(y.shape)} to compare with the outputs", target)
    return (y - target.reshape(y.shape)).square()


def _mean_squared_error(y: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
    outputs = _output_sum(y, lengths)
    return (
        _squared_error(outputs / lengths.reshape(-1, *[1] * (outputs.dim() - 1)), target).flatten(1).mean(1)
    )


def _step_squared_error(y: Tensor, valid: Tensor, target: Tensor) -> Tensor:
    per_sample = target.shape == y.shape[1:] or (y.shape[-1] == 1 and target.shape == y.shape[1:-1])
    targets = target.expand(len(y), *target.shape) if per_sample else target
    return _squared_error(y, targets).flatten(2).mean(2).where(valid, 0.0)


LOSSES: Registry[Loss] = Registry(
    "loss",
    [
        ("softmax_sum", Loss(softmax_sum, of_sequence=_softmax_sum_loss)),
        ("sum_cross_entropy", Loss(_output_sum, of_sequence=_sum_cross_entropy)),
        ("mean_cross_entropy", Loss(_output_sum, of_sequence=_mean_cross_entropy)),
        ("step_cross_entropy", Loss(_output_sum, of_steps=_step_cross_entropy)),
        ("mean_squared_error", Loss(of_sequence=_mean_squared_error)),
        ("step_squared_error", Loss(of_steps=_step_squared_error)),
    ],
)
"""Losses by name."""


def register_loss(name: str, loss: Loss) -> None:
    """Add a loss of one's own, which `TrainConfig(loss=name)` and `evaluate(..., loss=name)` then know.

    Raises:
        ValueError: The name is empty or taken, or `loss` is not a `Loss`.
    """
    if not isinstance(loss, Loss):
        raise refusal("loss", "a snn.train.Loss", loss)
    LOSSES.add(name, loss)
