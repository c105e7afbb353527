"""Train a model, and score it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.arrays import PathLike
from snn.core.checks import choice, flag, refusal, whole
from snn.core.files.whole import write_whole
from snn.nn import LIF, Layer, SteppedNeuron
from snn.train import processes
from snn.train.arguments import check_config, check_functions, check_layer, check_paths
from snn.train.batches import Data, counted_steps, prepare_batch, with_steps
from snn.train.checkpoint import Checkpoint, has_checkpoint, load_checkpoint, save_checkpoint
from snn.train.config import TrainConfig
from snn.train.data_loaders import LoadedBatches, as_data, check_not_empty, steps_per_epoch
from snn.train.epoch import Progress, Run, train_epoch
from snn.train.gradient_hook import OnGradients, check_hook, hook_state
from snn.train.initial_weights import check_initial_weights, load_initial_weights
from snn.train.losses import LOSSES, check_labels, check_seen, valid_mask
from snn.train.methods import check_method, count_right
from snn.train.run_identity import check_named, describe_data, identity
from snn.train.schedules import OptimizerMaker, make_optimizer, set_epoch
from snn.train.scores import BUILT_IN, SCORES, per_sample
from snn.train.state_tree import split

__all__ = ["FitResult", "Scores", "evaluate", "fit", "write_metrics"]


class Scores(NamedTuple):
    """What `evaluate` found.

    Attributes:
        loss: Mean loss of a sample.
        accuracy: Share of samples (of steps, with labels per step) classified right, in [0, 1]; None where labels
            are no classes.
        rates: Mean spikes per neuron and step, per layer of neurons that spike: hid1, hid2, ...
        samples: Samples that have a step; the others are in no mean.
        values: Means of the registered scores that were asked for, by name.
    """

    loss: float
    accuracy: float | None
    rates: dict[str, float]
    samples: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a finished run knows; the model itself holds the selected weights.

    Attributes:
        history: Metrics of every epoch: epoch, train_loss, train_accuracy, valid_loss, valid_accuracy (None where
            labels are no classes), rates, and valid_NAME of every registered score that the config names.
        selected_epoch: The epoch with the best validation, as `TrainConfig.select` says (ties: lower loss), from 0.
    """

    history: list[dict[str, Any]]
    selected_epoch: int

    @property
    def selected(self) -> dict[str, Any]:
        """Metrics of the selected epoch."""
        return self.history[self.selected_epoch]


@contextmanager
def _count_spikes(model: nn.Module) -> Iterator[dict[str, tuple[float, int]]]:
    """Collect (spikes, neuron-steps) of every layer of neurons that spike while the block runs.

    A layer may be given its lengths by position, by keyword or not at all; then all of its steps count.
    """
    totals: dict[str, tuple[float, int]] = {}

    def make_hook(name: str) -> Any:
        def hook(
            _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: tuple[Tensor, Any]
        ) -> None:
            z, lengths = output[0], inputs[2] if len(inputs) > 2 else named.get("lengths")
            if lengths is None:
                lengths = torch.full((z.shape[1],), z.shape[0], device=z.device)
            spikes, neuron_steps = totals.get(name, (0.0, 0))
            valid = torch.where(valid_mask(z, lengths), z, 0.0)
            neurons = z[0, 0].numel()
            totals[name] = (spikes + float(valid.sum()), neuron_steps + int(lengths.sum()) * neurons)

        return hook

    layers = [module for module in model.modules() if isinstance(module, LIF | SteppedNeuron)]
    handles = [
        layer.register_forward_hook(make_hook(f"hid{i}"), with_kwargs=True)
        for i, layer in enumerate(layers, 1)
    ]
    try:
        yield totals
    finally:
        for handle in handles:
            handle.remove()


def evaluate(
    model: Layer,
    data: Data | Iterable[Any],
    *,
    loss: str = "softmax_sum",
    batch_size: int = 256,
    scores: Sequence[str] = (),
) -> Scores:
    """Score a model on every sample of a set, in evaluation mode (its mode is restored).

    Args:
        model: Maps [T, B, N] to outputs [T, B, C].
        data: The samples: a data set, or batches as for `fit`.
        loss: Name of the loss, as in `TrainConfig`.
        batch_size: Samples at a time, >= 1; scores do not depend on it. A loader has its own.
        scores: Names of registered scores to report too.

    Raises:
        ValueError: The set is empty, the loss or a score unknown, batch_size below 1, or a batch does not fit the
            model.
    """
    check_layer(model)
    given = as_data("data", data)
    check_not_empty("data", given)
    return _score("data", model, given, loss, batch_size, scores)


@torch.no_grad()
def _score(name: str, model: Layer, data: Data, loss: str, batch_size: int, scores: Sequence[str]) -> Scores:
    """Do what `evaluate` does; `name` is that of the set in messages."""
    if not isinstance(scores, tuple | list):
        raise refusal("scores", "a tuple of names", scores)
    for i, one in enumerate(scores):
        choice(f"scores[{i}]", one, tuple(SCORES))
    scoring, batch_size = LOSSES.find(loss), whole("batch_size", batch_size, low=1)
    mode = model.training
    model.eval()
    loss_sum, right, labels, samples = 0.0, 0, 0, 0
    sums = dict.fromkeys(scores, 0.0)
    try:
        with _count_spikes(model) as totals:
            for batch in data.batches(batch_size):
                x, lengths, label, per_step = with_steps(prepare_batch(batch, model), model)
                if not len(lengths):
                    continue
                y, _ = model(x, None, lengths)
                check_labels(scoring, label, y.shape[-1], per_step)
                labelled = counted_steps(model, lengths, per_step)
                loss_sum += float(scoring.per_sample(y, labelled, label).sum())
                found = count_right(scoring, y, labelled, label, per_step)
                right, labels, samples = right + found.right, labels + found.labels, samples + len(lengths)
                for key in sums:
                    sums[key] += float(per_sample(key, y, labelled, label).sum())
    finally:
        model.train(mode)
    check_seen(name, samples, labels, scoring)
    rates = {key: spikes / neuron_steps for key, (spikes, neuron_steps) in totals.items()}
    values = {key: total / samples for key, total in sums.items()}
    return Scores(loss_sum / samples, right / labels if labels else None, rates, samples, values)


def _run_epoch(run: Run, reached: Checkpoint) -> dict[str, Any]:
    """Train for an epoch and score it; give its metrics, which `reached` then knows."""
    config, epoch = run.config, reached.epoch
    set_epoch(run.model, run.optimizer, config, epoch)
    for data in (run.train, run.valid):
        if isinstance(data, LoadedBatches):
            data.set_epoch(config.seed, epoch)
    loss, accuracy, steps = train_epoch(run, epoch, reached.steps)
    scores = _score("valid", run.model, run.valid, config.loss, config.batch_size, config.reported_scores)
    metrics = {
        "epoch": epoch,
        "train_loss": loss,
        "train_accuracy": accuracy,
        "valid_loss": scores.loss,
        "valid_accuracy": scores.accuracy,
        "rates": scores.rates,
        **{f"valid_{name}": value for name, value in scores.values.items()},
    }
    _check_selecting(metrics, config.select)
    reached.steps += steps
    reached.add(metrics, run.model)
    return metrics


def _check_selecting(metrics: dict[str, Any], select: str) -> None:
    """Refuse a NaN among what epochs are selected by: no epoch is larger or smaller than it."""
    names = [f"valid_{name}" for name in dict.fromkeys((select, BUILT_IN[1]))]
    for name in names:
        value = metrics[name]
        if value is not None and math.isnan(value):
            raise FloatingPointError(
                f"{name} must be a number to select an epoch by, got nan in epoch {metrics['epoch']}; "
                "the last checkpoint is kept"
            )


def _check_run(run: Run, keeps: bool, resume: bool, named: dict[str, Any]) -> None:
    """Refuse settings that do not go with the model, the data or the processes, before the first step.

    Args:
        run: The run.
        keeps: Whether checkpoints are written.
        resume: Whether it goes on from one.
        named: Functions that a checkpoint knows by their names.
    """
    config = run.config
    if config.min_batch < processes.count():
        raise refusal("min_batch", f">= {processes.count()}, the number of processes", config.min_batch)
    check_method(run.model, config)
    check_not_empty("train", run.train)
    check_not_empty("valid", run.valid)
    for data in (run.train, run.valid):
        if isinstance(data, LoadedBatches):
            if processes.count() > 1:
                data.check_processes()
            if resume:
                data.check_order("to resume")
    if keeps:
        for name, made in named.items():
            check_named(name, made)
    by_step = config.schedule_by == "step"
    if by_step and steps_per_epoch(run.train, config.batch_size, config.min_batch) is None:
        raise refusal(
            "schedule_by", "'epoch' with a loader that does not know its length", config.schedule_by
        )
    check_hook(run.hook, run.model, config)
    if keeps:
        split(
            "on_gradients", hook_state(run.hook)
        )  # refuses, now and not after an epoch, what cannot be kept


def fit(
    model: Layer,
    train: Data | Iterable[Any],
    valid: Data | Iterable[Any],
    config: TrainConfig,
    *,
    out: PathLike | None = None,
    resume: bool = False,
    callback: Callable[[Progress], None] | None = None,
    on_gradients: OnGradients | None = None,
    optimizer: OptimizerMaker | None = None,
    init: PathLike | None = None,
) -> FitResult:
    """Train a model, and leave it with the weights of its best validation epoch, in evaluation mode.

    In several processes (`snn.train.processes`) each takes its share of every batch; the first one alone writes
    and calls back. Before a step of the optimiser gradients are averaged over processes, given to `on_gradients`,
    checked to be finite, and clipped.

    Args:
        model: Maps [T, B, N] to outputs [T, B, C]; trained in place.
        train: Training samples: a data set, or an iterable of batches (x, label) or (x, lengths, label), such as a
            `DataLoader`, x [T, B, ...]. The order and size of its batches are its own: `config.batch_size` and
            `min_batch` are not used. A generator that it has is set from (seed, epoch) before each epoch, and so
            are the global random numbers of torch, numpy and Python, of which it may draw.
        valid: Validation samples, likewise, which select the epoch.
        config: How to train.
        out: Folder for `metrics.jsonl` (a line per epoch) and `checkpoint/`; None writes nothing. Those of a run
            that was there before are overwritten, unless `resume` is true.
        resume: Go on from the checkpoint in `out`, if there is one; the end has the bits of an uncut run. Model,
            data and config must be those of the run, but for more epochs.
        callback: Called after every batch and every epoch.
        on_gradients: Called with the model before every step, to change its gradients; see `OnGradients`.
        optimizer: Makes an optimiser of one's own from parameter groups (`parameter_groups`); None: the config's.
            Of its groups, those that keep their `role` have their learning rate set by the schedule.
        init: Model file whose weights the run starts from. A run that is resumed has those of its checkpoint, and
            starts from these where it was stopped before its first.

    Raises:
        ValueError: Nothing to train on, a checkpoint of another run, data or functions with which a run cannot be
            resumed, or a file of another model.
        FloatingPointError: The loss, or the score that selects the epoch, is not a number any more.
        OSError: A checkpoint could not be written.
    """
    check_layer(model)
    check_config(config)
    resume = flag("resume", resume)
    check_functions(callback=callback)
    check_paths(out=out, init=init)
    if resume and out is None:
        raise refusal("out", "the folder of the run to resume", out)
    folder = None if out is None else Path(out)
    sets = as_data("train", train), as_data("valid", valid)
    first = processes.rank() == 0
    began = None if init is None else _begin_with(init, model, folder if resume else None)
    made = make_optimizer(model, config, optimizer)
    run = Run(model, *sets, config, made, on_gradients, callback if callback and first else (lambda _: None))
    _check_run(run, folder is not None, resume, {"on_gradients": on_gradients, "optimizer": optimizer})
    return _run_epochs(run, folder, resume, first, optimizer, began)


def _begin_with(init: PathLike, model: Layer, resumed: Path | None) -> str | None:
    """Fill a model with a file's weights, unless its run goes on from a checkpoint; give the file's checksum."""
    if resumed is None or not has_checkpoint(resumed):
        return load_initial_weights(init, model)
    # its weights are not needed any more, nor the file; but it must not be another
    return check_initial_weights(init, model) if Path(init).exists() else None


def _run_epochs(
    run: Run,
    folder: Path | None,
    resume: bool,
    first: bool,
    optimizer: OptimizerMaker | None,
    began: str | None,
) -> FitResult:
    """Run all epochs that are still to be run; `began` tells the file whose weights the run began with."""
    model, config = run.model, run.config
    reached = Checkpoint(config.select)
    if folder is not None:
        what = identity(model, describe_data(run.train, run.valid), config, run.hook, optimizer, began)
        if resume:
            reached = load_checkpoint(folder, model, run.optimizer, run.hook, what)
    while reached.epoch < config.epochs:
        metrics = _run_epoch(run, reached)
        if folder is not None and first:
            save_checkpoint(folder, reached, model, run.optimizer, run.hook, what)
            write_metrics(folder, reached.history)
        run.report(Progress(metrics["epoch"], config.epochs, 0, 0, metrics["train_loss"], metrics))
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
