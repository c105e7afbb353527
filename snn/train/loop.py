"""Train and evaluate on one page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from snn.nn import LIF, Layer
from snn.train import parallel
from snn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from snn.train.config import TrainConfig
from snn.train.faults import finite_gradients, first_fault
from snn.train.losses import LOSSES, valid_mask
from snn.train.methods import accumulate, check_method
from snn.train.schedules import make_optimizer, set_epoch

__all__ = ["Data", "FitResult", "Progress", "Scores", "evaluate", "fit", "prepare"]


class Data(Protocol):
    """What `fit` needs of a data set: `snn.datasets.SpikeSet` is one."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give batches with numpy `x` [T, B, N], `lengths` [B] and `label` [B]; in order without a seed."""
        ...


class Scores(NamedTuple):
    """What `evaluate` found."""

    loss: float
    """Mean loss of a sample."""
    accuracy: float
    """Share of samples classified right, in [0, 1]."""
    rates: dict[str, float]
    """Mean spikes per neuron and step, per LIF layer: hid1, hid2, ..."""
    samples: int
    """Samples seen."""


class Progress(NamedTuple):
    """What a callback is told: after every batch, and with `metrics` after every epoch."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    metrics: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a finished run knows; the model itself holds the selected weights."""

    history: list[dict[str, Any]]
    """Metrics of every epoch."""
    selected_epoch: int
    """The epoch with the best validation accuracy (ties: lower loss), from 0."""

    @property
    def selected(self) -> dict[str, Any]:
        """Metrics of the selected epoch."""
        return self.history[self.selected_epoch]


def prepare(batch: Any, model: Layer) -> tuple[Tensor, Tensor, Tensor]:
    """Turn a numpy batch into x [T + tail, B, N], lengths and labels, with the model's tail of zero steps."""
    x = torch.from_numpy(batch.x)
    like = next((p for p in model.parameters()), torch.zeros(0))
    whole = like.new_zeros(x.shape[0] + model.tail_steps, *x.shape[1:])
    whole[: x.shape[0]] = x
    lengths, label = (torch.from_numpy(part).to(like.device) for part in (batch.lengths, batch.label))
    return whole, lengths + model.tail_steps, label


@contextmanager
def _count_spikes(model: nn.Module) -> Iterator[dict[str, tuple[float, int]]]:
    """Collect (spikes, neuron-steps) of every LIF layer while the block runs."""
    totals: dict[str, tuple[float, int]] = {}

    def watch(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: tuple[Tensor, Any]) -> None:
            z, lengths = output[0], inputs[2]
            spikes, places = totals.get(name, (0.0, 0))
            valid = torch.where(valid_mask(z, lengths), z, 0.0)
            width = z[0, 0].numel()
            totals[name] = (spikes + float(valid.sum()), places + int(lengths.sum()) * width)

        return hook

    layers = [module for module in model.modules() if isinstance(module, LIF)]
    handles = [layer.register_forward_hook(watch(f"hid{i}")) for i, layer in enumerate(layers, 1)]
    try:
        yield totals
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def evaluate(model: Layer, data: Data, *, loss: str = "softmax_sum", batch_size: int = 256) -> Scores:
    """Score a model on every sample of a set, in evaluation mode (its mode is restored).

    Args:
        model: Maps [T, B, N] to outputs [T, B, C].
        data: The samples.
        loss: Name of the loss, as in `TrainConfig`.
        batch_size: Samples at a time; scores do not depend on it.

    Raises:
        ValueError: The set is empty.
    """
    if not len(data):
        raise ValueError("the set to evaluate on is empty")
    mode = model.training
    model.eval()
    lost, right, seen = 0.0, 0, 0
    try:
        with _count_spikes(model) as totals:
            for batch in data.batches(batch_size):
                x, lengths, label = prepare(batch, model)
                y, _ = model(x, None, lengths)
                score = LOSSES[loss].score(y, lengths)
                lost += float(LOSSES[loss].per_sample(y, lengths, label).sum())
                right += int((score.argmax(1) == label).sum())
                seen += len(label)
    finally:
        model.train(mode)
    rates = {name: spikes / places for name, (spikes, places) in totals.items()}
    return Scores(lost / seen, right / seen, rates, seen)


def _train_epoch(
    model: Layer,
    train: Data,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    epoch: int,
    tell: Callable[[Progress], None],
) -> tuple[float, float]:
    """Run one epoch, decided by (seed, epoch) alone; give its mean loss and accuracy."""
    key = (config.seed, epoch, parallel.rank()) if parallel.rank() else (config.seed, epoch)
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
    model.train()
    total = max(1, math.ceil(len(train) / config.batch_size))
    lost, right, seen = 0.0, 0.0, 0.0
    batches = train.batches(config.batch_size, seed=(config.seed, epoch), min_batch=config.min_batch)
    for done, batch in enumerate(batches, 1):
        optimizer.zero_grad(set_to_none=True)
        x, lengths, label = parallel.own_share(*prepare(batch, model))
        loss, score = accumulate(model, x, lengths, label, config)
        parallel.average_gradients(model, len(label) / len(batch.label))
        if not (math.isfinite(loss) and finite_gradients(model)):
            where = first_fault(model, x, lengths)
            raise FloatingPointError(
                f"loss {loss} or its gradient is not finite in epoch {epoch}, batch {done}; first: {where}. "
                "The last checkpoint is kept; a lower lr may help"
            )
        optimizer.step()
        for module in model.modules():
            if isinstance(module, Layer):
                module.clamp_()
        lost += loss * len(label)
        right += float((score.argmax(1) == label).sum())
        seen += len(label)
        tell(Progress(epoch, config.epochs, done, total, loss))
    if not seen:
        raise ValueError(f"no batch has min_batch = {config.min_batch} of the {len(train)} training samples")
    parallel.same_buffers(model)
    lost, right, seen = parallel.add_up(lost, right, seen)
    return lost / seen, right / seen


def fit(
    model: Layer,
    train: Data,
    valid: Data,
    config: TrainConfig,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> FitResult:
    """Train a model, and leave it with the weights of its best validation epoch, in evaluation mode.

    Args:
        model: Maps [T, B, N] to outputs [T, B, C]; trained in place.
        train: Training samples.
        valid: Validation samples, which select the epoch.
        config: How to train.
        out: Folder for `metrics.jsonl` (a line per epoch) and `checkpoint/`; None writes nothing.
        resume: Go on from the checkpoint in `out`, if there is one; the end has the bits of an uncut run.
        callback: Told of every batch and epoch.

    In several processes (`snn.train.parallel`) each takes its share of every batch; the first one writes and tells.

    Raises:
        ValueError: Nothing to train on, or a checkpoint of another run.
        FloatingPointError: The loss is not a number any more.
        OSError: A checkpoint could not be written.
    """
    if config.min_batch < parallel.size():
        raise ValueError(f"min_batch must be >= {parallel.size()}, the processes, got {config.min_batch}")
    folder = None if out is None else Path(out)
    first = parallel.rank() == 0
    tell = callback if callback and first else (lambda _: None)
    optimizer = make_optimizer(model, config)
    check_method(model, config)
    data = {"train_samples": len(train), "valid_samples": len(valid)}
    memory = Checkpoint()
    if folder is not None and resume:
        memory = load_checkpoint(folder, model, optimizer, config, data)
    for epoch in range(memory.epoch, config.epochs):
        set_epoch(model, optimizer, config, epoch)
        loss, accuracy = _train_epoch(model, train, optimizer, config, epoch, tell)
        scores = evaluate(model, valid, loss=config.loss, batch_size=config.batch_size)
        metrics = {
            "epoch": epoch,
            "train_loss": loss,
            "train_accuracy": accuracy,
            "valid_loss": scores.loss,
            "valid_accuracy": scores.accuracy,
            "rates": scores.rates,
        }
        memory.note(metrics, model)
        if folder is not None and first:
            save_checkpoint(folder, memory, model, optimizer, config, data)
            write_metrics(folder, memory.history)
        tell(Progress(epoch, config.epochs, 0, 0, loss, metrics))
    model.load_state_dict(memory.best)
    model.eval()
    return FitResult(memory.history, memory.best_epoch)


def write_metrics(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write metrics.jsonl anew: the checkpoint is the truth, so a killed run leaves no line twice."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    draft = folder / ".metrics.jsonl.part"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "metrics.jsonl")
