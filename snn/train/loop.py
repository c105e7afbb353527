"""Train a model, and score it."""

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

from snn.core.arrays import PathLike
from snn.core.checks import refusal, whole
from snn.core.files.whole import write_whole
from snn.nn import LIF, Layer
from snn.train import processes
from snn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from snn.train.config import TrainConfig
from snn.train.losses import LOSSES, valid_mask
from snn.train.methods import accumulate, check_method
from snn.train.model_files import load_weights
from snn.train.non_finite import first_non_finite, gradients_are_finite
from snn.train.schedules import make_optimizer, set_epoch

__all__ = ["Data", "FitResult", "Progress", "Scores", "evaluate", "fit", "prepare", "write_metrics"]


class Data(Protocol):
    """What `fit` needs of a data set: `snn.datasets.SpikeSet` is one."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give batches with numpy `x` [T, B, N], `lengths` [B] and `label` [B]; in order without a seed."""
        ...


class Scores(NamedTuple):
    """What `evaluate` found.

    Attributes:
        loss: Mean loss of a sample.
        accuracy: Share of samples classified right, in [0, 1].
        rates: Mean spikes per neuron and step, per LIF layer: hid1, hid2, ...
        samples: Samples seen.
    """

    loss: float
    accuracy: float
    rates: dict[str, float]
    samples: int


class Progress(NamedTuple):
    """Where a run stands: what a callback is given after every batch, and with `metrics` after every epoch.

    Attributes:
        epoch: The epoch, from 0.
        epochs: Epochs of the run.
        batch: Batches of the epoch done; 0 at its end.
        batches: Batches of an epoch, at most; 0 at its end.
        loss: Mean loss of a sample, of this batch or, at the end, of the epoch.
        metrics: Metrics of the epoch, at its end; None before.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    metrics: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a finished run knows; the model itself holds the selected weights.

    Attributes:
        history: Metrics of every epoch.
        selected_epoch: The epoch with the best validation accuracy (ties: lower loss), from 0.
    """

    history: list[dict[str, Any]]
    selected_epoch: int

    @property
    def selected(self) -> dict[str, Any]:
        """Metrics of the selected epoch."""
        return self.history[self.selected_epoch]


def prepare(batch: Any, model: Layer) -> tuple[Tensor, Tensor, Tensor]:
    """Turn a numpy batch into x [T + tail, B, N], lengths and labels, with the model's tail of zero steps."""
    x = torch.from_numpy(batch.x)
    like = next((p for p in model.parameters()), torch.zeros(0))
    longer = like.new_zeros(x.shape[0] + model.tail_steps, *x.shape[1:])
    longer[: x.shape[0]] = x
    lengths, label = (torch.from_numpy(part).to(like.device) for part in (batch.lengths, batch.label))
    return longer, lengths + model.tail_steps, label


@contextmanager
def _count_spikes(model: nn.Module) -> Iterator[dict[str, tuple[float, int]]]:
    """Collect (spikes, neuron-steps) of every LIF layer while the block runs."""
    totals: dict[str, tuple[float, int]] = {}

    def make_hook(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: tuple[Tensor, Any]) -> None:
            z, lengths = output[0], inputs[2]
            spikes, neuron_steps = totals.get(name, (0.0, 0))
            valid = torch.where(valid_mask(z, lengths), z, 0.0)
            neurons = z[0, 0].numel()
            totals[name] = (spikes + float(valid.sum()), neuron_steps + int(lengths.sum()) * neurons)

        return hook

    layers = [module for module in model.modules() if isinstance(module, LIF)]
    handles = [layer.register_forward_hook(make_hook(f"hid{i}")) for i, layer in enumerate(layers, 1)]
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
        batch_size: Samples at a time, >= 1; scores do not depend on it.

    Raises:
        ValueError: The set is empty, the loss unknown, or batch_size below 1.
    """
    if not len(data):
        raise ValueError("data must hold at least one sample, got none")
    scoring, batch_size = LOSSES.find(loss), whole("batch_size", batch_size, low=1)
    mode = model.training
    model.eval()
    loss_sum, correct, samples = 0.0, 0, 0
    try:
        with _count_spikes(model) as totals:
            for batch in data.batches(batch_size):
                x, lengths, label = prepare(batch, model)
                y, _ = model(x, None, lengths)
                loss_sum += float(scoring.per_sample(y, lengths, label).sum())
                correct += int((scoring.score(y, lengths).argmax(1) == label).sum())
                samples += len(label)
    finally:
        model.train(mode)
    rates = {name: spikes / neuron_steps for name, (spikes, neuron_steps) in totals.items()}
    return Scores(loss_sum / samples, correct / samples, rates, samples)


def _train_epoch(
    model: Layer,
    train: Data,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    epoch: int,
    report: Callable[[Progress], None],
) -> tuple[float, float]:
    """Run one epoch, decided by (seed, epoch) alone; give its mean loss and accuracy."""
    key = (config.seed, epoch, processes.rank()) if processes.rank() else (config.seed, epoch)
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
    model.train()
    n_batches = max(1, math.ceil(len(train) / config.batch_size))
    loss_sum, correct, samples = 0.0, 0.0, 0.0
    batches = train.batches(config.batch_size, seed=(config.seed, epoch), min_batch=config.min_batch)
    for done, batch in enumerate(batches, 1):
        optimizer.zero_grad(set_to_none=True)
        x, lengths, label = processes.own_share(*prepare(batch, model))
        loss, score = accumulate(model, x, lengths, label, config)
        processes.average_gradients(model, len(label) / len(batch.label))
        if not (math.isfinite(loss) and gradients_are_finite(model)):
            first = first_non_finite(model, x, lengths)
            raise FloatingPointError(
                f"loss {loss} or its gradient is not finite in epoch {epoch}, batch {done}; first: {first}. "
                "The last checkpoint is kept; a lower lr may help"
            )
        optimizer.step()
        for module in model.modules():
            if isinstance(module, Layer):
                module.clamp_()
        loss_sum += loss * len(label)
        correct += float((score.argmax(1) == label).sum())
        samples += len(label)
        report(Progress(epoch, config.epochs, done, n_batches, loss))
    if not samples:
        raise refusal(
            "min_batch", f"no more than a batch of the {len(train)} training samples", config.min_batch
        )
    processes.share_buffers(model)
    loss_sum, correct, samples = processes.add_up(loss_sum, correct, samples)
    return loss_sum / samples, correct / samples


def fit(
    model: Layer,
    train: Data,
    valid: Data,
    config: TrainConfig,
    *,
    out: PathLike | None = None,
    resume: bool = False,
    init: PathLike | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> FitResult:
    """Train a model, and leave it with the weights of its best validation epoch, in evaluation mode.

    In several processes (`snn.train.processes`) each takes its share of every batch; the first one alone writes and
    calls back.

    Args:
        model: Maps [T, B, N] to outputs [T, B, C]; trained in place.
        train: Training samples.
        valid: Validation samples, which select the epoch.
        config: How to train.
        out: Folder for `metrics.jsonl` (a line per epoch) and `checkpoint/`; None writes nothing.
        resume: Go on from the checkpoint in `out`, if there is one; the end has the bits of an uncut run.
        init: Model file whose weights the run starts from; a run that is resumed has those of its checkpoint.
        callback: Called after every batch and every epoch.

    Raises:
        ValueError: Nothing to train on, a checkpoint of another run, or a file of another model.
        FloatingPointError: The loss is not a number any more.
        OSError: A checkpoint could not be written.
    """
    if config.min_batch < processes.count():
        raise refusal("min_batch", f">= {processes.count()}, the number of processes", config.min_batch)
    folder = None if out is None else Path(out)
    first = processes.rank() == 0
    report = callback if callback and first else (lambda _: None)
    if init is not None:
        load_weights(init, model)
    optimizer = make_optimizer(model, config)
    check_method(model, config)
    data = {"train_samples": len(train), "valid_samples": len(valid)}
    reached = Checkpoint()
    if folder is not None and resume:
        reached = load_checkpoint(folder, model, optimizer, config, data)
    for epoch in range(reached.epoch, config.epochs):
        set_epoch(model, optimizer, config, epoch)
        loss, accuracy = _train_epoch(model, train, optimizer, config, epoch, report)
        scores = evaluate(model, valid, loss=config.loss, batch_size=config.batch_size)
        metrics = {
            "epoch": epoch,
            "train_loss": loss,
            "train_accuracy": accuracy,
            "valid_loss": scores.loss,
            "valid_accuracy": scores.accuracy,
            "rates": scores.rates,
        }
        reached.add(metrics, model)
        if folder is not None and first:
            save_checkpoint(folder, reached, model, optimizer, config, data)
            write_metrics(folder, reached.history)
        report(Progress(epoch, config.epochs, 0, 0, loss, metrics))
    model.load_state_dict(reached.best)
    model.eval()
    return FitResult(reached.history, reached.best_epoch)


def write_metrics(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write all lines of `folder`/metrics.jsonl anew.

    Lines are not appended: a run that is killed after one was written and resumed from the checkpoint before it
    would write it twice.

    Raises:
        OSError: It could not be written; the file before is still whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_whole(folder / "metrics.jsonl", text.encode())
