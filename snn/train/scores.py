"""Scores: what else a run is judged by, beside its loss and its accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from snn.core.checks import refusal
from snn.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BUILT_IN", "SCORES", "Score", "per_sample", "register_score"]

Score = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
"""(y [T, B, C], lengths [B], label) -> the score of each sample [B]; larger is better."""

BUILT_IN = ("accuracy", "loss")
"""What every run reports and may select on without a score of its own."""

SCORES: Registry[Score] = Registry("score")
"""Scores by name; `register_score` adds one."""


def register_score(name: str, score: Score) -> None:
    """Add a score of one's own.

    `score(y, lengths, label)` gives one value per sample, [B], of which a set's score is the mean; larger is
    better. It is given what a loss is given (see `Loss`): outputs [T, B, C], valid steps [B] and labels. A run that
    names the score in `TrainConfig.scores` or `TrainConfig.select` reports it in its metrics as `valid_<name>`.

    Raises:
        ValueError: The name is empty, taken, "accuracy" or "loss", or `score` cannot be called.
    """
    if isinstance(name, str) and name in BUILT_IN:
        raise refusal("score", "a name that is not taken", name)
    if not callable(score):
        raise refusal("score", "a function (y, lengths, label) -> values [B]", score)
    SCORES.add(name, score)


def per_sample(name: str, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    """Give the values [B] of a registered score.

    Raises:
        ValueError: An unknown score, or one that gives something else than a value per sample.
    """
    values = SCORES.find(name)(y, lengths, label)
    if getattr(values, "shape", None) != lengths.shape:
        raise refusal(f"score {name!r}", f"one value per sample, [{len(lengths)}]", values)
    return values
