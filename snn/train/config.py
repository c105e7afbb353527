"""How a training run is set up: one frozen record, checked when made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from snn.core.checks import choice, flag, number, refusal, whole

__all__ = ["Method", "Optimizer", "Precision", "Schedule", "TrainConfig"]

Method = Literal["bptt", "sltt"]
Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["adam", "sgd"]
Schedule = Literal["one_cycle", "cosine", "steps", "constant"]

_PER_STEP = {
    "softmax_sum": False,
    "sum_cross_entropy": False,
    "mean_cross_entropy": False,
    "step_cross_entropy": True,
}
"""Our losses, and whether each is a mean over steps: said here once more, so that settings load without torch."""


def _per_step(loss: str) -> bool:
    """Tell whether a loss is a mean over steps, each of its own output.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    if isinstance(loss, str) and loss in _PER_STEP:
        return _PER_STEP[loss]
    from snn.train.losses import LOSSES  # brings torch in, which a loss of the user's own needs anyway

    return LOSSES.find(loss).per_step


def _per_step_losses() -> list[str]:
    from snn.train.losses import LOSSES

    return [name for name in LOSSES if LOSSES.find(name).per_step]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Set up `fit`; the defaults are those of Hammouamri et al., 2023, at 40 epochs.

    Attributes:
        epochs: Passes over the training set, >= 1.
        batch_size: Samples per step, >= 1.
        accumulate: Parts in which a batch is run, one after another: less memory, the gradients of the whole
            (BatchNorm sees parts), >= 1.
        min_batch: A last batch smaller than this is skipped (its BatchNorm statistics would be poor), >= 1.
        method: How gradients are made: "bptt" through time, "sltt" inside each step (memory does not grow with
            steps).
        k: SLTT-K: gradients of k steps drawn for each batch; None takes all steps; >= 1, "sltt" only. Tensor
            hooks on spikes may then meet sparse gradients.
        rescale_k: Weigh drawn steps by T / k, so that gradients are those of all steps on average; the paper
            does not.
        chunk: Steps whose graph is kept at a time; None: all in "bptt", 50 in "sltt", 100 with k. In "bptt" it
            truncates gradients; in "sltt" it changes none, and 1 takes the least memory.
        recompute: In "bptt" with `chunk`: keep gradients whole, and states between chunks only; backward runs
            steps again.
        precision: "bfloat16" takes dense products in half precision (torch's autocast); neurons and events stay
            in float32.
        loss: What is minimised: "softmax_sum" is cross-entropy on the softmax outputs summed over time,
            "sum_cross_entropy" and "mean_cross_entropy" that on the sum or mean of the outputs themselves;
            "step_cross_entropy", the mean of every step's own, is the one for methods in pieces.
        optimizer: "adam", or "sgd" with momentum 0.9.
        schedule: Learning rate over the run: "one_cycle" from lr / 25 to lr at 30 % and down, "cosine" from lr
            to 0, "steps" a fifth at 60, 80 and 90 %, "constant".
        lr: Peak learning rate, > 0.
        weight_decay: L2 penalty of the weights; BatchNorm, biases, delays and neurons have none, >= 0.
        delay_lr: Learning rate of delay positions at the start, steps; a cosine takes it to 0, > 0.
        sigma_end: Width of the delay kernel after the first quarter of the epochs, steps, > 0.
        rounded_epochs: Last epochs in which delays stay, rounded, and weights settle on what evaluation runs,
            in 0..epochs.
        seed: Decides batch order and dropout, >= 0.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    epochs: int = 40
    batch_size: int = 128
    accumulate: int = 1
    min_batch: int = 16
    method: Method = "bptt"
    k: int | None = None
    rescale_k: bool = False
    chunk: int | None = None
    recompute: bool = False
    precision: Precision = "float32"
    loss: str = "softmax_sum"
    optimizer: Optimizer = "adam"
    schedule: Schedule = "one_cycle"
    lr: float = 5e-3
    weight_decay: float = 1e-5
    delay_lr: float = 0.1
    sigma_end: float = 0.23
    rounded_epochs: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("accumulate", 1), ("min_batch", 1), ("seed", 0)):
            self._set(name, whole(name, getattr(self, name), low=low))
        self._set("rounded_epochs", whole("rounded_epochs", self.rounded_epochs, low=0, high=self.epochs))
        if self.min_batch > self.batch_size:
            raise refusal("min_batch", f"<= batch_size {self.batch_size}", self.min_batch)
        for name, allowed in (
            ("method", Method),
            ("precision", Precision),
            ("optimizer", Optimizer),
            ("schedule", Schedule),
        ):
            choice(name, getattr(self, name), allowed)
        _per_step(self.loss)
        for name in ("rescale_k", "recompute"):
            flag(name, getattr(self, name))
        self._check_method()
        for name in ("lr", "delay_lr", "sigma_end"):
            self._set(name, number(name, getattr(self, name), above=0))
        self._set("weight_decay", number("weight_decay", self.weight_decay, low=0))

    def _set(self, name: str, value: float) -> None:
        """Put a checked number in the place of the one given, as Python's own type."""
        object.__setattr__(self, name, value)

    def _check_method(self) -> None:
        """Refuse settings that do not go with the method."""
        for name in ("k", "chunk"):
            if getattr(self, name) is not None:
                self._set(name, whole(name, getattr(self, name), low=1))
        if self.k is not None and self.method != "sltt":
            raise refusal("k", f"None with method {self.method!r}", self.k)
        if self.recompute and (self.method != "bptt" or self.chunk is None):
            raise ValueError(
                "recompute must be False unless method is 'bptt' and chunk is given, "
                f"got method {self.method!r} and chunk {self.chunk!r}"
            )
        pieces = self.method == "sltt" or (self.chunk is not None and not self.recompute)
        if pieces and not _per_step(self.loss):
            allowed = ", ".join(map(repr, _per_step_losses()))
            what = "method 'sltt'" if self.method == "sltt" else f"chunk = {self.chunk}"
            raise refusal("loss", f"a sum over steps for {what} ({allowed})", self.loss)
