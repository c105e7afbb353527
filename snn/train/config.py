"""How a training run is set up: one frozen record, checked when made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from snn.train.losses import LOSSES

__all__ = ["Method", "Optimizer", "Precision", "Schedule", "TrainConfig"]

Method = Literal["bptt", "sltt"]
Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["adam", "sgd"]
Schedule = Literal["one_cycle", "cosine", "steps", "constant"]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Set up `fit`; the defaults are those of Hammouamri et al., 2023, at 40 epochs.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    epochs: int = 40
    """Passes over the training set, >= 1."""
    batch_size: int = 128
    """Samples per step, >= 1."""
    accumulate: int = 1
    """Parts in which a batch is run, one after another: less memory, the gradients of the whole (BatchNorm sees
    parts), >= 1."""
    min_batch: int = 16
    """A last batch smaller than this is skipped (its BatchNorm statistics would be poor), >= 1."""
    method: Method = "bptt"
    """How gradients are made: "bptt" through time, "sltt" inside each step (memory does not grow with steps)."""
    k: int | None = None
    """SLTT-K: gradients of k steps drawn for each batch; None takes all steps; >= 1, "sltt" only. Tensor hooks on
    spikes may then meet sparse gradients."""
    rescale_k: bool = False
    """Weigh drawn steps by T / k, so that gradients are those of all steps on average; the paper does not."""
    chunk: int | None = None
    """Steps whose graph is kept at a time; None: all in "bptt", 50 in "sltt", 100 with k. In "bptt" it truncates
    gradients; in "sltt" it changes none, and 1 takes the least memory."""
    recompute: bool = False
    """In "bptt" with `chunk`: keep gradients whole, and states between chunks only; backward runs steps again."""
    precision: Precision = "float32"
    """"bfloat16" takes dense products in half precision (torch's autocast); neurons and events stay in float32."""
    loss: str = "softmax_sum"
    """What is minimised: "softmax_sum" is cross-entropy on the softmax outputs summed over time,
    "sum_cross_entropy" and "mean_cross_entropy" that on the sum or mean of the outputs themselves;
    "step_cross_entropy", the mean of every step's own, is the one for methods in pieces."""
    optimizer: Optimizer = "adam"
    """"adam", or "sgd" with momentum 0.9."""
    schedule: Schedule = "one_cycle"
    """Learning rate over the run: "one_cycle" from lr / 25 to lr at 30 % and down, "cosine" from lr to 0, "steps" a
    fifth at 60, 80 and 90 %, "constant"."""
    lr: float = 5e-3
    """Peak learning rate, > 0."""
    weight_decay: float = 1e-5
    """L2 penalty of the weights; BatchNorm, biases, delays and neurons have none, >= 0."""
    delay_lr: float = 0.1
    """Learning rate of delay positions at the start, steps; a cosine takes it to 0, > 0."""
    sigma_end: float = 0.23
    """Width of the delay kernel after the first quarter of the epochs, steps, > 0."""
    rounded_epochs: int = 0
    """Last epochs in which delays stay, rounded, and weights settle on what evaluation runs, in 0..epochs."""
    seed: int = 0
    """Decides batch order and dropout, >= 0."""

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("accumulate", 1), ("min_batch", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}")
        if not 0 <= self.rounded_epochs <= self.epochs or self.rounded_epochs != int(self.rounded_epochs):
            raise ValueError(
                f"rounded_epochs must be a whole number in 0..epochs = {self.epochs}, got {self.rounded_epochs!r}"
            )
        if self.min_batch > self.batch_size:
            raise ValueError(f"min_batch must be <= batch_size {self.batch_size}, got {self.min_batch}")
        _choice("method", self.method, get_args(Method))
        _choice("precision", self.precision, get_args(Precision))
        _choice("optimizer", self.optimizer, get_args(Optimizer))
        _choice("schedule", self.schedule, get_args(Schedule))
        _choice("loss", self.loss, tuple(LOSSES))
        self._check_method()
        for name in ("lr", "delay_lr", "sigma_end"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and > 0, got {getattr(self, name)!r}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be finite and >= 0, got {self.weight_decay!r}")

    def _check_method(self) -> None:
        for name in ("k", "chunk"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a whole number >= 1 or None, got {value!r}")
        if self.k is not None and self.method != "sltt":
            raise ValueError(f"k = {self.k} needs method 'sltt', got {self.method!r}")
        if self.recompute and (self.method != "bptt" or self.chunk is None):
            raise ValueError(
                f"recompute needs method 'bptt' and a chunk, got {self.method!r} and chunk {self.chunk!r}"
            )
        pieces = self.method == "sltt" or (self.chunk is not None and not self.recompute)
        if pieces and not LOSSES[self.loss].per_step:
            allowed = ", ".join(repr(name) for name, loss in LOSSES.items() if loss.per_step)
            what = "method 'sltt'" if self.method == "sltt" else f"chunk = {self.chunk}"
            raise ValueError(f"loss must be a sum over steps for {what} ({allowed}), got {self.loss!r}")


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
