"""How gradients are made: through all of time, in pieces of it, or inside each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn.kernels.local import local_in_time
from snn.nn import BatchNorm, Layer
from snn.train.config import TrainConfig
from snn.train.losses import LOSSES

__all__ = ["Outcome", "backward", "check_method"]


def check_method(model: nn.Module, config: TrainConfig) -> None:
    """Refuse layers that look at all steps where the method sees some at a time.

    Raises:
        ValueError: A BatchNorm is over "sequence" and the method is not plain "bptt".
    """
    if config.method == "bptt" and config.chunk is None:
        return
    for name, layer in model.named_modules():
        if isinstance(layer, BatchNorm) and layer.over == "sequence":
            raise ValueError(
                f"{name}: BatchNorm over 'sequence' needs all steps at once; "
                f"{config.method} in pieces needs over='step'"
            )


class Outcome(NamedTuple):
    """What a pass over a batch found; the gradients are in the parameters."""

    loss: float
    """Mean loss of a sample."""
    score: Tensor
    """Scores [B, C], without graph."""


class Piece(NamedTuple):
    """A run of steps, and whether its gradients are taken."""

    start: int
    stop: int
    learn: bool


def backward(model: Layer, x: Tensor, lengths: Tensor, label: Tensor, config: TrainConfig) -> Outcome:
    """Run a batch x [T, B, ...] forward and backward by the config's method, adding to the parameters' gradients.

    "bptt" keeps the graph of all steps, or of `chunk` steps at a time if that is set (truncated). "sltt" takes
    gradients inside each step only, `chunk` steps at a time, which changes nothing but memory and speed; with `k`
    it takes those of k steps drawn at random, and 1 / T stays the weight of a step unless `rescale_k`.
    Source: Meng et al., "Towards Memory- and Time-Efficient Backpropagation for Training SNNs" (SLTT), 2023.
    """
    loss = LOSSES[config.loss]
    if config.method == "bptt" and config.chunk is None:
        y, _ = model(x, None, lengths)
        value = loss.per_sample(y, lengths, label).mean()
        value.backward()  # type: ignore[no-untyped-call]
        return Outcome(value.item(), loss.score(y.detach(), lengths))
    weight = len(x) / config.k if config.k and config.rescale_k else 1.0
    total, scores, state = 0.0, [], None
    for piece in _pieces(len(x), config):
        part = x[piece.start : piece.stop]
        now = (lengths - piece.start).clamp(0, len(part))
        with torch.set_grad_enabled(piece.learn):
            y, state = _run(model, part, state, now, local=config.method == "sltt")
            value = loss.per_sample(y, now, label, lengths).mean()
        if piece.learn:
            (value * weight).backward()  # type: ignore[no-untyped-call]
        state = _detach(state)
        total += value.item()
        scores.append(loss.score(y.detach(), now))
    return Outcome(total, torch.stack(scores).sum(0))


def _run(model: Layer, x: Tensor, state: Any, lengths: Tensor, local: bool) -> Any:
    if not local:
        return model(x, state, lengths)
    with local_in_time():
        return model(x, state, lengths)


def _pieces(steps: int, config: TrainConfig) -> Iterator[Piece]:
    """Cut 0..steps into runs of at most `chunk` steps that all learn or all do not."""
    chunk = config.chunk or CHUNK
    learn = torch.ones(steps, dtype=torch.bool)
    if config.k is not None and config.k < steps:
        learn[:] = False
        learn[torch.randperm(steps)[: config.k]] = True
    start = 0
    for t in range(1, steps + 1):
        if t == steps or learn[t] != learn[start] or t - start == chunk:
            yield Piece(start, t, bool(learn[start]))
            start = t


CHUNK = 25
"""Steps at a time in "sltt": enough for the fused kernels to run at full speed."""


def _detach(state: Any) -> Any:
    """Cut a state, a tree of tuples of tensors, off the graph."""
    if isinstance(state, Tensor):
        return state.detach()
    parts = [_detach(part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
