"""Two projections into one space, trained so that what belongs together lies together: many trainings at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu, log_softmax, normalize

from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import flag, keep, number, whole

__all__ = [
    "ContrastiveConfig",
    "Projection",
    "contrastive_loss",
    "fit_projections",
    "generator",
    "random_projection",
    "retrieve",
]


@dataclass(frozen=True, slots=True)
class ContrastiveConfig:
    """Set up the training of two projections; the paper's are 64, 100, 8 and 1e-3, not normalised.

    Attributes:
        dims: Size of the common space, >= 1.
        epochs: Passes over the pairs, >= 1.
        batch_size: Pairs in a step, each told apart from the others, >= 2.
        lr: Learning rate of Adam, > 0.
        temperature: What products are divided by in the loss, > 0.
        normalised: Whether points are brought to length 1 before they are compared, in training and retrieval.
        seed: Decides the first weights and the order of pairs, >= 0.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    dims: int = 64
    epochs: int = 10
    batch_size: int = 64
    lr: float = 3e-3
    temperature: float = 1.0
    normalised: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        keep(self, whole, "dims", "epochs", low=1)
        keep(self, whole, "batch_size", low=2)
        keep(self, number, "lr", "temperature", above=0)
        keep(self, flag, "normalised")
        keep(self, whole, "seed", low=0)


class Projection(NamedTuple):
    """Hold the projection of one sense in each of R runs: features less `mean`, by `scale`, Linear, GELU.

    Attributes:
        mean: Mean of the features in training, [R, F].
        scale: Their standard deviation, 1 where a feature is constant, [R, F].
        weight: [R, F, dims].
        bias: [R, dims].
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Map features [R, B, F], or [B, F] for all runs, to points [R, B, dims]."""
        x = (features - self.mean[:, None]) / self.scale[:, None]
        return gelu(x @ self.weight + self.bias[:, None])


def contrastive_loss(a: Tensor, b: Tensor, *, temperature: float = 1.0, normalised: bool = False) -> Tensor:
    """Give the symmetric contrastive loss of pairs: cross-entropy of finding each partner, mean of both ways.

    Args:
        a: Points of one sense, [..., P, dims].
        b: Points of the other, of which row i belongs to row i of `a`.
        temperature: What products are divided by.
        normalised: Whether points are brought to length 1 first.

    Returns:
        A loss for each leading index, [...].
    Source: Radford et al., "Learning transferable visual models from natural language supervision", 2021.
    """
    if normalised:
        a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    logits = a @ b.transpose(-1, -2) / temperature
    found = [log_softmax(logits, dim).diagonal(dim1=-2, dim2=-1).mean(-1) for dim in (-1, -2)]
    return -0.5 * (found[0] + found[1])


def retrieve(
    query: Tensor,
    query_label: Int64Array,
    pool: Tensor,
    pool_label: Int64Array,
    *,
    normalised: bool = False,
) -> Tensor:
    """Give the share of queries whose nearest point of the pool, by dot product, has their label.

    Args:
        query: Points, [R, Q, dims].
        query_label: [Q], or one for each run, [R, Q].
        pool: Points, [R, P, dims].
        pool_label: [P] or [R, P].
        normalised: Whether points are brought to length 1 first; the paper does not.

    Returns:
        The share in each run, float64 [R].
    """
    if normalised:
        query, pool = normalize(query, dim=-1), normalize(pool, dim=-1)
    nearest = (query @ pool.transpose(-1, -2)).argmax(-1)
    wanted = torch.from_numpy(np.asarray(query_label)).expand(nearest.shape)
    labels = torch.from_numpy(np.asarray(pool_label)).expand(len(pool), pool.shape[1])
    return (labels.gather(1, nearest) == wanted).double().mean(-1)


def random_projection(
    features: Tensor, rows: Tensor, dims: int, generators: list[torch.Generator]
) -> Projection:
    """Make an untrained projection for each of R runs.

    Weights are uniform within 1 / sqrt(F), as torch's Linear has them.

    Args:
        features: [B, F].
        rows: Those that a run will be trained on, which give its mean and scale, [R, P].
        dims: Size of the common space.
        generators: What each run draws from, [R].
    """
    width = features.shape[1]
    mean, scale = zip(
        *((x.mean(0), x.std(0, correction=0)) for x in (features[own] for own in rows)), strict=True
    )
    spread = torch.stack(scale)
    bound = 1 / math.sqrt(width)
    weight, bias = (
        torch.stack([(2 * torch.rand(shape, generator=g) - 1) * bound for g in generators])
        for shape in ((width, dims), (dims,))
    )
    return Projection(torch.stack(mean), torch.where(spread > 0, spread, 1.0), weight, bias)


def fit_projections(
    a: Float32Array,
    b: Float32Array,
    pairs: Int64Array,
    valid: Int64Array,
    valid_label: Int64Array,
    config: ContrastiveConfig,
    keys: Sequence[tuple[int, ...]],
) -> tuple[Projection, Projection, Int64Array, Tensor]:
    """Train projections of two senses in R runs at a time, and keep each run's best epoch on its held-out pairs.

    An epoch is as good as the retrieval of `a` from `b` among the held-out pairs. A run's result does not depend on
    the runs beside it.

    Args:
        a: Features of one sense, [Ba, Fa].
        b: Features of the other, [Bb, Fb].
        pairs: Rows of `a` and `b` that belong together, [R, P, 2].
        valid: Pairs held out, [R, V, 2].
        valid_label: Class of each, [R, V].
        config: How to train.
        keys: What tells a run from others: its first weights and order are drawn by (config.seed, *key), [R].

    Returns:
        The two projections, the epoch kept by each run [R], and its retrieval among the held-out pairs [R].
    """
    generators = [generator(config.seed, *key) for key in keys]
    senses = [torch.from_numpy(np.asarray(x, dtype=np.float32)) for x in (a, b)]
    rows, held = (torch.from_numpy(part) for part in (pairs, valid))
    now = [random_projection(x, rows[..., i], config.dims, generators) for i, x in enumerate(senses)]
    parameters = [p.requires_grad_() for side in now for p in (side.weight, side.bias)]
    optimizer = torch.optim.Adam(parameters, config.lr, fused=True)
    kept = [Projection(*(p.detach().clone() for p in side)) for side in now]
    best, epoch_kept = torch.full((len(pairs),), -1.0, dtype=torch.float64), np.zeros(len(pairs), np.int64)
    runs = torch.arange(len(pairs))[:, None]
    for epoch in range(config.epochs):
        order = torch.stack([torch.randperm(pairs.shape[1], generator=g) for g in generators])
        for start in range(0, pairs.shape[1], config.batch_size):
            batch = rows[runs, order[:, start : start + config.batch_size]]
            points = [side(x[batch[..., i]]) for i, (side, x) in enumerate(zip(now, senses, strict=True))]
            loss = contrastive_loss(
                points[0], points[1], temperature=config.temperature, normalised=config.normalised
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss.sum())  # runs share no parameter: the gradient of each is its own
            optimizer.step()
        with torch.no_grad():
            left, right = (side(x[held[..., i]]) for i, (side, x) in enumerate(zip(now, senses, strict=True)))
            score = retrieve(right, valid_label, left, valid_label, normalised=config.normalised)
            better = score > best
            best = torch.where(better, score, best)
            epoch_kept[better.numpy()] = epoch
            for side, into in zip(now, kept, strict=True):
                into.weight[better], into.bias[better] = side.weight[better], side.bias[better]
    return kept[0], kept[1], epoch_kept, best


def generator(*seed: int) -> torch.Generator:
    """Make torch's generator of several numbers >= 0."""
    drawn = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(drawn >> 1))
