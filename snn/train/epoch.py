"""One epoch of training: batches, gradients, steps of the optimiser."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from snn.core.checks import refusal
from snn.nn import Layer
from snn.train import processes
from snn.train.batches import Data, Prepared, prepare_batch, with_steps
from snn.train.config import TrainConfig
from snn.train.data_loaders import LoadedBatches, steps_per_epoch
from snn.train.gradient_hook import OnGradients, clip_gradients
from snn.train.losses import LOSSES, check_seen
from snn.train.methods import BatchResult, accumulate
from snn.train.non_finite import explain, gradients_are_finite
from snn.train.schedules import set_step

__all__ = ["Progress", "Run", "train_epoch"]


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
class Run:
    """What stays the same from one epoch of a run to the next.

    Attributes:
        model: The model.
        train: Training samples.
        valid: Validation samples.
        config: How to train.
        optimizer: Its optimiser.
        hook: What is done to gradients before a step.
        report: Takes progress.
    """

    model: Layer
    train: Data
    valid: Data
    config: TrainConfig
    optimizer: torch.optim.Optimizer
    hook: OnGradients | None
    report: Callable[[Progress], None]


def seed_globally(key: tuple[int, ...]) -> None:
    """Set the global random numbers of torch, numpy and Python, of which a data set may draw, to those of a key."""
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def train_epoch(run: Run, epoch: int, steps: int) -> tuple[float, float | None, int]:
    """Run one epoch, decided by (seed, epoch) alone; give its mean loss, accuracy and number of steps."""
    model, config = run.model, run.config
    key = (config.seed, epoch, processes.rank()) if processes.rank() else (config.seed, epoch)
    seed_globally(key)
    model.train()
    due = steps_per_epoch(run.train, config.batch_size, config.min_batch)
    n_batches = due or 1 if isinstance(run.train, LoadedBatches) else -(-len(run.train) // config.batch_size)
    loss_sum, right, labels, samples, done = 0.0, 0.0, 0.0, 0.0, 0
    batches = run.train.batches(config.batch_size, seed=(config.seed, epoch), min_batch=config.min_batch)
    for done, batch in enumerate(batches, 1):
        set_step(run.optimizer, config, epoch, steps + done - 1, due)
        whole_batch = prepare_batch(batch, model)
        mine = with_steps(processes.own_share(whole_batch), model)
        count = int((whole_batch.lengths > model.tail_steps).sum())
        found = BatchResult(0.0, None, 0, 0)
        if count:  # else there is nothing to learn from, and no step to take
            found = _learn(run, mine, len(mine.lengths) / count, f"epoch {epoch}, batch {done}")
        loss_sum += found.loss * len(mine.lengths)
        right, labels, samples = right + found.right, labels + found.labels, samples + len(mine.lengths)
        run.report(Progress(epoch, config.epochs, done, n_batches, found.loss))
    if not done and isinstance(run.train, LoadedBatches):
        raise ValueError("train must give at least one batch, got none")
    if not done:
        raise refusal(
            "min_batch", f"no more than a batch of the {len(run.train)} training samples", config.min_batch
        )
    processes.share_buffers(model)
    loss_sum, right, labels, samples = processes.add_up(loss_sum, right, labels, samples)
    check_seen("train", samples, labels, LOSSES.find(config.loss))
    return loss_sum / samples, right / labels if labels else None, done


def _learn(run: Run, batch: Prepared, share: float, where: str) -> BatchResult:
    """Take one step of the optimiser on this process's share of a batch."""
    model, config = run.model, run.config
    run.optimizer.zero_grad(set_to_none=True)
    x, lengths, label, per_step = batch
    found = accumulate(model, x, lengths, label, config, per_step=per_step)
    processes.average_gradients(model, share)
    if run.hook is not None:
        run.hook(model)
    if not (math.isfinite(found.loss) and gradients_are_finite(model)):
        raise FloatingPointError(
            f"loss {found.loss} or its gradient is not finite in {where}; "
            f"{explain(model, batch, found.loss, config.loss)}. The last checkpoint is kept"
        )
    clip_gradients(model, config.clip_norm)
    run.optimizer.step()
    for module in model.modules():
        if isinstance(module, Layer):
            module.clamp_()
    return found
