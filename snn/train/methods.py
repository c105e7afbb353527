"""How gradients are made: through all of time, in pieces of it, or inside each step, with traces or without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from snn.core.checks import flag, number, refusal
from snn.kernels.presynaptic import PresynapticTraces, with_traces
from snn.kernels.step_local import local_in_time
from snn.nn import BatchNorm, Layer, Linear
from snn.nn.batch_norm import keep_statistics
from snn.train.arguments import check_config, check_layer, check_module
from snn.train.batches import Prepared, counted_steps, has_step_labels, with_steps
from snn.train.config import TrainConfig
from snn.train.losses import IGNORED, LOSSES, Loss, check_labels, valid_steps
from snn.train.step_memory import steps_at_a_time
from snn.train.traces import trace_decays

__all__ = ["BatchResult", "accumulate", "backward", "check_method", "count_right"]


def check_method(model: nn.Module, config: TrainConfig) -> None:
    """Refuse layers that look at all steps where the method sees some at a time, or that "ottt" cannot train.

    Raises:
        ValueError: A BatchNorm is over "sequence", not frozen, and the method is not plain "bptt"; or as
            `snn.train.traces.trace_decays` says.
    """
    check_module(model)
    check_config(config)
    if config.method == "ottt":
        check_layer(model)
        trace_decays(cast(Layer, model))
    if config.method == "bptt" and config.chunk is None:
        return
    for name, layer in model.named_modules():
        if isinstance(layer, BatchNorm) and layer.over == "sequence" and not layer.frozen:
            rule = f"'step' where method {config.method!r} sees some steps at a time"
            raise refusal(f"over of {name} (BatchNorm)", rule, layer.over)


class BatchResult(NamedTuple):
    """What a pass over a batch found; the gradients are in the parameters.

    Attributes:
        loss: Mean loss of a sample, of those that have steps; 0 where none has.
        score: Scores [B, C] of these, without graph; None where labels are per step, or no classes.
        right: Labels predicted right: of samples, or of steps that have one.
        labels: Labels that were predicted; 0 where they are no classes.
    """

    loss: float
    score: Tensor | None
    right: int
    labels: int


def count_right(loss: Loss, y: Tensor, lengths: Tensor, label: Tensor, per_step: bool) -> BatchResult:
    """Count how many labels the outputs of a batch predict; the loss is left at 0.

    Args:
        loss: How outputs are scored.
        y: Outputs, [T, B, C].
        lengths: Steps of each sample that count, [B].
        label: Classes [B], or [T, B] with `per_step`.
        per_step: Whether every step is predicted by its own output.
    """
    if not loss.has_classes:
        return BatchResult(0.0, None, 0, 0)
    if not per_step:
        return _by_score(loss.score(y, lengths), label)
    counted = valid_steps(y, lengths) & (label != IGNORED)
    right = (y.argmax(-1) == label) & counted
    return BatchResult(0.0, None, int(right.sum()), int(counted.sum()))


def _by_score(score: Tensor, label: Tensor) -> BatchResult:
    """Count how many labels [B] the scores [B, C] predict."""
    return BatchResult(0.0, score, int((score.argmax(1) == label).sum()), len(label))


def accumulate(
    model: Layer,
    x: Tensor,
    lengths: Tensor,
    label: Tensor,
    config: TrainConfig,
    *,
    per_step: bool | None = None,
) -> BatchResult:
    """Run a batch as `backward` does, in `config.accumulate` parts of its samples, one after another."""
    per_step = has_step_labels(x, label) if per_step is None else per_step
    x, lengths, label, _ = with_steps(Prepared(x, lengths, label, per_step), model)
    samples = len(lengths)
    parts = min(config.accumulate, samples)
    if parts <= 1:
        return backward(model, x, lengths, label, config, per_step=per_step)
    loss, right, labels, scores = 0.0, 0, 0, []
    for index in torch.arange(samples, device=x.device).tensor_split(parts):
        share = len(index) / samples
        mine = label[:, index] if per_step else label[index]
        part = backward(model, x[:, index], lengths[index], mine, config, share, per_step=per_step)
        loss += part.loss * share
        right, labels = right + part.right, labels + part.labels
        scores += [] if part.score is None else [part.score]
    return BatchResult(loss, torch.cat(scores) if scores else None, right, labels)


def backward(
    model: Layer,
    x: Tensor,
    lengths: Tensor,
    label: Tensor,
    config: TrainConfig,
    share: float = 1.0,
    *,
    per_step: bool | None = None,
) -> BatchResult:
    """Run a batch forward and backward by the config's method, adding to the parameters' gradients.

    "bptt" keeps the graph of all steps. With `chunk` set it keeps that of so many steps at a time: truncated, or
    exact with `recompute`, which runs them a second time. "sltt" takes gradients inside each step only, `chunk`
    steps at a time, which changes nothing but memory and speed; with `k` it takes those of k steps drawn at random.
    "ottt" is "sltt" with a trace of a layer's input in place of that input in the gradient of its weights (and
    delays): a[t] = decay a[t-1] + x[t], with the decay of the neurons that follow; where none do, of those before,
    as published. Layers that see the model's input itself have none, and biases and BatchNorm learn as in "sltt".
    Source: Meng et al., "Towards Memory- and Time-Efficient Backpropagation for Training SNNs" (SLTT), 2023; Xiao
    et al., "Online Training Through Time for Spiking Neural Networks" (OTTT), 2022.

    Args:
        model: Maps [T, B, ...] to outputs [T, B, C].
        x: Input, [T, B, ...], the model's tail included.
        lengths: Valid steps of each sample, [B], tail included. A sample that has none beside the tail is left
            out of the batch.
        label: What the loss takes: classes [B] or [T, B], or targets [B, ...] or [T, B, ...].
        config: Names method, loss and precision.
        share: Factor of the gradients, for a batch that is part of a larger one.
        per_step: Whether labels are per step, of which those in the tail are not looked at; None: as their shape
            says.

    Raises:
        ValueError: A label is no class of the model, or an argument of another kind.
    """
    check_layer(model)
    check_config(config)
    loss, share = LOSSES.find(config.loss), number("share", share, low=0.0)
    per_step = has_step_labels(x, label) if per_step is None else flag("per_step", per_step)
    x, lengths, label, _ = with_steps(Prepared(x, lengths, label, per_step), model)
    if not len(lengths):
        return BatchResult(0.0, None, 0, 0)
    if config.method == "bptt" and (config.chunk is None or config.recompute):
        with _forward_of(config, x):
            y = _recomputed(model, x, lengths, config.chunk or len(x))
        check_labels(loss, label, y.shape[-1], per_step)
        labelled = counted_steps(model, lengths, per_step)
        value = loss.per_sample(y, labelled, label).mean()
        (share * value).backward()  # type: ignore[no-untyped-call]
        found = count_right(loss, y.detach(), labelled, label, per_step)
        return found._replace(loss=value.item())
    with _weights_by_sender(model):
        return _in_pieces(model, x, lengths, label, config, share, per_step)


@contextmanager
def _weights_by_sender(model: nn.Module) -> Iterator[None]:
    """Keep weights [out, in] and their gradients sender by sender in memory, while the block runs.

    Event-driven products read them in that order. Otherwise every piece of the sequence would transpose all weights
    before it runs, and their gradients after it.
    """
    weights = list(dict.fromkeys(layer.weight for layer in model.modules() if isinstance(layer, Linear)))
    before = [(weight.data, weight.grad) for weight in weights]
    for weight in weights:
        weight.data, weight.grad = weight.data.t().contiguous().t(), None
    try:
        yield
    finally:
        for weight, (data, grad) in zip(weights, before, strict=True):
            weight.data, new = data, weight.grad
            weight.grad = grad if new is None else new.contiguous() if grad is None else grad.add_(new)


def _in_pieces(
    model: Layer,
    x: Tensor,
    lengths: Tensor,
    label: Tensor,
    config: TrainConfig,
    share: float,
    per_step: bool,
) -> BatchResult:
    """Run `backward` piece by piece in time, each from the state that the one before left, cut off its graph."""
    loss = LOSSES.find(config.loss)  # a mean over steps: TrainConfig refuses the others
    marked = config.k is not None and config.k < len(x)
    traces = PresynapticTraces(trace_decays(model)) if config.method == "ottt" else None
    chunk = config.chunk or steps_at_a_time(model, x, marked, traces is not None)
    learns = _draw(len(x), config.k).to(x.device)
    weight = share * (len(x) / config.k if config.k and config.rescale_k else 1.0)
    labelled = counted_steps(model, lengths, per_step)
    total, found, score, state = 0.0, BatchResult(0.0, None, 0, 0), None, None
    full_length = bool((lengths == len(x)).all())
    for start in range(0, len(x), chunk):
        part, learn = x[start : start + chunk], learns[start : start + chunk]
        due = label[start : start + chunk] if per_step else label
        now, counted = ((steps - start).clamp(0, len(part)) for steps in (lengths, labelled))
        learning = bool(learn.any())
        with torch.set_grad_enabled(learning):
            with _forward_of(config, x, learn if marked else None), with_traces(traces):
                y, state = model(part, state, None if full_length else now)
            if not start:
                check_labels(loss, label, y.shape[-1], per_step)
            valid = valid_steps(y, counted)
            learned = _loss_of(learn, loss, y, valid, due, per_step) / labelled
            rest = _loss_of(~learn, loss, y.detach(), valid, due, per_step) / labelled
        if learning:
            (weight * learned.mean()).backward()  # type: ignore[no-untyped-call]
        state = _detach(state, type(model).__name__)
        total += float((learned + rest).detach().mean())
        if per_step:
            new = count_right(loss, y.detach(), counted, due, per_step)
            found = found._replace(right=found.right + new.right, labels=found.labels + new.labels)
        elif loss.has_classes:
            part_score = loss.score(y.detach(), now)
            score = part_score if score is None else score + part_score
    return (found if score is None else _by_score(score, label))._replace(loss=total)


def _loss_of(steps: Tensor, loss: Loss, y: Tensor, valid: Tensor, label: Tensor, per_step: bool) -> Tensor:
    """Sum the losses of the marked steps, [B]."""
    some = steps.nonzero()[:, 0]  # by index: the gradient of a mask takes three times as long
    if not len(some):
        return y.new_zeros(y.shape[1])
    labels = label.index_select(0, some) if per_step else label
    return loss.each_step(y.index_select(0, some), valid.index_select(0, some), labels).sum(0)


@contextmanager
def _forward_of(config: TrainConfig, x: Tensor, learn: Tensor | None = None) -> Iterator[None]:
    """Set where gradients may go (`learn` marks the steps that learn) and the precision, for a forward pass."""
    local = nullcontext() if config.method == "bptt" else local_in_time(learn)
    half = torch.autocast(x.device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
    with local, half:
        yield


def _draw(steps: int, k: int | None) -> Tensor:
    """Mark the steps that learn, bool [T]: all, or k of them at random."""
    learn = torch.ones(steps, dtype=torch.bool)
    if k is not None and k < steps:
        learn[:] = False
        learn[torch.randperm(steps)[:k]] = True
    return learn


def _recomputed(model: Layer, x: Tensor, lengths: Tensor, chunk: int) -> Tensor:
    """Run all steps and keep the states between chunks, but no graph; backward runs each chunk again."""
    if chunk >= len(x):
        return cast(Tensor, model(x, None, lengths)[0])
    outputs, state = [], None
    for start in range(0, len(x), chunk):
        part = x[start : start + chunk]
        now = (lengths - start).clamp(0, len(part))
        y, state = checkpoint(
            model,
            part,
            state,
            now,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), keep_statistics()),
        )
        outputs.append(y)
    return torch.cat(outputs)


def _detach(state: Any, model: str) -> Any:
    """Cut a state, a tree of tuples of tensors, off the graph.

    Raises:
        ValueError: It holds something else; the message names the model's class.
    """
    if isinstance(state, Tensor):
        return state.detach()
    if not isinstance(state, tuple | list):
        raise ValueError(
            f"state of {model} must be a tree of tuples and tensors, got {type(state).__name__} in it"
        )
    parts = [_detach(part, model) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
