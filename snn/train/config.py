"""How a training run is set up: one frozen record, checked when made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from snn.core.checks import choice, flag, number, refusal, whole
from snn.core.units import MOST_STEPS
from snn.train.losses import LOSSES
from snn.train.scores import BUILT_IN, SCORES

__all__ = ["Method", "Optimizer", "Precision", "Schedule", "ScheduleBy", "TrainConfig"]

Method = Literal["bptt", "sltt", "ottt"]
Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["adam", "sgd"]
Schedule = Literal["one_cycle", "cosine", "steps", "constant"]
ScheduleBy = Literal["epoch", "step"]


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
            steps), "ottt" as "sltt", with traces of what arrived in the gradients of weights (see `backward`).
        k: SLTT-K: gradients of k steps drawn for each batch; None takes all steps; >= 1, "sltt" only. Tensor
            hooks on spikes may then meet sparse gradients.
        rescale_k: Weigh drawn steps by T / k, so that gradients are those of all steps on average; the paper
            does not.
        chunk: Steps whose graph is kept at a time; None: all in "bptt"; in "sltt" and "ottt" at most 50 (100
            with k), and no more than keep about 64 MiB (twice that with k, four times with delays), by the shapes
            that the layers of the model give for a batch. In "bptt" it truncates gradients; in the others it
            changes none, and 1 takes the least memory.
        recompute: In "bptt" with `chunk`: keep gradients whole, and states between chunks only; backward runs
            steps again.
        precision: "bfloat16" takes dense products in half precision (torch's autocast); neurons and events stay
            in float32.
        loss: What is minimised: "softmax_sum" is cross-entropy on the softmax outputs summed over time,
            "sum_cross_entropy" and "mean_cross_entropy" that on the sum or mean of the outputs themselves;
            "step_cross_entropy", the mean of every step's own, is the one for methods in pieces; with 5 % of
            squared error to the label, "step_cross_entropy_mse", or to 1 for all, "step_cross_entropy_ones", it is
            that of SLTT (`cross_entropy_with_mse`); "sum_cross_entropy" is that of IIR-SNN. For targets that are no
            classes: "mean_squared_error", of the outputs' mean over time, and "step_squared_error", the mean
            of every step's own. `register_loss` adds others.
        select: What the epoch is selected by on validation data: "accuracy" (ties: lower loss), "loss", or the name
            of a registered score (ties: lower loss).
        scores: Registered scores to report beside, as `valid_<name>`.
        optimizer: "adam", or "sgd" with momentum.
        momentum: Momentum of "sgd", in [0, 1).
        betas: Decay rates of Adam's two averages, in [0, 1); "one_cycle" moves the first between 0.95 and 0.85
            instead, but that of delay positions.
        eps: Added to Adam's denominator, > 0.
        amsgrad: Let Adam's denominator only grow (as IIR-SNN's code trains).
        clip_norm: Largest norm of all gradients together, to which they are scaled down before a step, > 0; None
            leaves them.
        schedule: Learning rate over the run: "one_cycle" from lr / 25 to lr at 30 % and down, "cosine" from lr
            to 0, "steps" a fifth at 60, 80 and 90 %, "constant". A run that is resumed for more epochs goes on
            at the rate that the schedule over all of them has there.
        schedule_by: Move learning rates every "epoch", or every "step" of the optimiser (kernel widths move every
            epoch).
        warmup_steps: First steps of the optimiser in which learning rates rise to what the schedule says, in equal
            parts, >= 0.
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
    select: str = "accuracy"
    scores: tuple[str, ...] = ()
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False
    clip_norm: float | None = None
    schedule: Schedule = "one_cycle"
    schedule_by: ScheduleBy = "epoch"
    warmup_steps: int = 0
    lr: float = 5e-3
    weight_decay: float = 1e-5
    delay_lr: float = 0.1
    sigma_end: float = 0.23
    rounded_epochs: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.method, str) and self.method in ("sltt-k", "sltt_k", "sltt_K", "SLTT-K"):
            raise refusal(
                "method", "one of 'bptt', 'sltt', 'ottt'; SLTT-K is method='sltt' with k", self.method
            )
        self._set("epochs", whole("epochs", self.epochs, low=1, high=MOST_STEPS))
        for name in ("batch_size", "accumulate", "min_batch"):
            self._set(name, whole(name, getattr(self, name), low=1))
        for name in ("warmup_steps", "seed"):
            self._set(name, whole(name, getattr(self, name), low=0))
        self._set("rounded_epochs", whole("rounded_epochs", self.rounded_epochs, low=0, high=self.epochs))
        if self.min_batch > self.batch_size:
            raise refusal("min_batch", f"<= batch_size {self.batch_size}", self.min_batch)
        for name, allowed in (
            ("method", Method),
            ("precision", Precision),
            ("optimizer", Optimizer),
            ("schedule", Schedule),
            ("schedule_by", ScheduleBy),
            ("loss", tuple(LOSSES)),
            ("select", (*BUILT_IN, *SCORES)),
        ):
            choice(name, getattr(self, name), allowed)
        for name in ("rescale_k", "recompute", "amsgrad"):
            self._set(name, flag(name, getattr(self, name)))
        self._check_method()
        self._check_scores()
        for name in ("lr", "delay_lr", "sigma_end", "eps"):
            self._set(name, number(name, getattr(self, name), above=0))
        self._set("weight_decay", number("weight_decay", self.weight_decay, low=0))
        self._set("momentum", number("momentum", self.momentum, low=0, below=1))
        if self.clip_norm is not None:
            self._set("clip_norm", number("clip_norm", self.clip_norm, above=0))
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise refusal("betas", "two numbers >= 0 and < 1", self.betas)
        if self.amsgrad and self.optimizer != "adam":
            raise refusal("amsgrad", f"False with optimizer {self.optimizer!r}", self.amsgrad)
        self._set("betas", tuple(number(f"betas[{i}]", b, low=0, below=1) for i, b in enumerate(self.betas)))

    @property
    def reported_scores(self) -> tuple[str, ...]:
        """Registered scores that a run reports: `scores`, and `select` if it is one."""
        return tuple(dict.fromkeys((*self.scores, *({self.select} - set(BUILT_IN)))))

    def _set(self, name: str, value: Any) -> None:
        """Put a checked value in the place of the one given, as Python's own type."""
        object.__setattr__(self, name, value)

    def _check_scores(self) -> None:
        """Refuse scores that nobody registered, and accuracy where there are no classes."""
        if not isinstance(self.scores, tuple | list):
            raise refusal("scores", "a tuple of names", self.scores)
        self._set("scores", tuple(self.scores))
        for i, name in enumerate(self.scores):
            choice(f"scores[{i}]", name, tuple(SCORES))
        if self.select == "accuracy" and not LOSSES.find(self.loss).has_classes:
            rule = f"'loss' or a registered score, for loss {self.loss!r} has no classes"
            raise refusal("select", rule, self.select)

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
        pieces = self.method != "bptt" or (self.chunk is not None and not self.recompute)
        if pieces and not LOSSES.find(self.loss).per_step:
            allowed = ", ".join(repr(name) for name in LOSSES if LOSSES.find(name).per_step)
            what = f"chunk = {self.chunk}" if self.method == "bptt" else f"method {self.method!r}"
            raise refusal("loss", f"a sum over steps for {what} ({allowed})", self.loss)
