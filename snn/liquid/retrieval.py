"""Zero-shot retrieval across two senses: which image goes with a sound of a class that no pair ever showed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from snn.core.arrays import Float32Array, Float64Array, Int64Array
from snn.core.checks import finite, instance, number, refusal, whole, wholes
from snn.liquid.contrastive import (
    ContrastiveConfig,
    Projection,
    fit_projections,
    generator,
    random_projection,
    retrieve,
)

__all__ = ["Sense", "Split", "ZeroShot", "all_splits", "mean_interval", "pair_up", "zero_shot"]


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """Hold what one sense gives of its samples, such as the counts of its liquid.

    Attributes:
        train: Features, [B, F], finite.
        train_label: Class of each sample, from 0, [B].
        test: Features of samples that no projection is trained on, [B', F].
        test_label: Their classes, [B'].

    Raises:
        ValueError: Features are not finite or of two widths, or labels are not one class for each sample.
    """

    train: Float32Array
    train_label: Int64Array
    test: Float32Array
    test_label: Int64Array

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            features = finite(name, getattr(self, name)).astype(np.float32)
            if features.ndim != 2 or not features.shape[1]:
                raise refusal(name, "features of shape [B, F]", features)
            label = wholes(f"{name}_label", getattr(self, f"{name}_label"), low=0)
            if label.shape != (len(features),):
                raise refusal(f"{name}_label", f"of shape [{len(features)}], one for each sample", label)
            object.__setattr__(self, name, features)
            object.__setattr__(self, f"{name}_label", label)
        if self.test.shape[1] != self.train.shape[1]:
            raise refusal("test", f"of {self.train.shape[1]} features, as train", self.test)

    @property
    def classes(self) -> Int64Array:
        """Classes that have samples to train on, ascending."""
        return np.unique(self.train_label)


class Split(NamedTuple):
    """Name the classes of an experiment.

    Attributes:
        seen: Those that pairs are made of.
        unseen: Those that no pair shows, among which is retrieved.
    """

    seen: tuple[int, ...]
    unseen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Hold what a split came to; all are shares of sounds whose nearest image is of their class.

    Attributes:
        split: The classes.
        seen: Among test samples of seen classes.
        unseen: Among all samples of unseen classes.
        chance: Of the latter with an image drawn at random.
        valid: Among held-out pairs of seen classes, which chose the epoch.
        epoch: That epoch, from 0.
        projections: Of image and sound, one run each.
        random_projection: `unseen` by projections that are not trained, mean of as many as there are relabelings.
        shuffled: `unseen` after training on labels that were shuffled before samples were paired, mean of all
            relabelings.
        shuffled_low: Lower end of the 99 % interval of that mean (Student).
        shuffled_high: Its upper end.
    """

    split: Split
    seen: float
    unseen: float
    chance: float
    valid: float
    epoch: int
    projections: tuple[Projection, Projection]
    random_projection: float = math.nan
    shuffled: float = math.nan
    shuffled_low: float = math.nan
    shuffled_high: float = math.nan


def all_splits(classes: ArrayLike, unseen: int = 2) -> tuple[Split, ...]:
    """List every split that leaves so many classes unseen: 45 of ten classes and two unseen ones.

    Raises:
        ValueError: `unseen` is below 2 or leaves fewer than two classes to be seen.
    """
    known = tuple(np.unique(wholes("classes", classes, low=0)).tolist())
    unseen = whole("unseen", unseen, low=2)
    if len(known) - unseen < 2:
        raise refusal("unseen", f"at most {len(known) - 2} of {len(known)} classes", unseen)
    return tuple(
        Split(tuple(one for one in known if one not in left), left) for left in combinations(known, unseen)
    )


def pair_up(a_label: Int64Array, b_label: Int64Array, classes: Sequence[int], per_class: int) -> Int64Array:
    """Pair the i-th sample of a class in one sense with its i-th in the other, for so many samples of each class.

    Returns:
        Rows of both, class after class, [len(classes) * per_class, 2].

    Raises:
        ValueError: A class has fewer samples in one of them; the message names the class.
    """
    rows = []
    for one in classes:
        own = [np.flatnonzero(label == one) for label in (a_label, b_label)]
        fewest = min(map(len, own))
        if fewest < per_class:
            raise refusal(f"pairs of class {one}", f"at least {per_class}, as the split needs", fewest)
        rows.append(np.stack([side[:per_class] for side in own], axis=1))
    return np.concatenate(rows)


def zero_shot(
    image: Sense,
    sound: Sense,
    splits: Sequence[Split],
    config: ContrastiveConfig | None = None,
    *,
    per_class: int | None = None,
    valid_fraction: float = 0.2,
    relabelings: int = 20,
) -> tuple[ZeroShot, ...]:
    """Train on pairs of seen classes, select on held-out pairs of them, and retrieve among seen and unseen ones.

    Nothing is chosen by unseen classes. All splits have as many seen classes, and are trained at a time.

    Args:
        image: The sense that is searched.
        sound: The sense that asks.
        splits: The classes of each experiment.
        config: How to train; None is the default.
        per_class: Pairs of each class, >= 2; None takes as many as the smallest seen class of a split has.
        valid_fraction: Share of the pairs of each class that selects the epoch, in (0, 1).
        relabelings: Trainings on shuffled labels for each split, and untrained projections beside them, >= 2; or 0,
            where these controls are NaN.

    Raises:
        ValueError: Fewer than 2 unseen or seen classes, a class that is both, or one with fewer pairs than the
            split needs, or an argument is impossible; the message names it.
    """
    config = ContrastiveConfig() if config is None else instance("config", config, ContrastiveConfig)
    instance("image", image, Sense), instance("sound", sound, Sense)
    checked = [_checked(split, image, sound) for split in splits]
    if len({len(split.seen) for split in checked}) != 1:
        raise refusal("splits", "one or more, all of as many seen classes", [len(s.seen) for s in checked])
    fraction = number("valid_fraction", valid_fraction, above=0, below=1)
    if whole("relabelings", relabelings, low=0) == 1:
        raise refusal("relabelings", "0 or at least 2, which have an interval", relabelings)
    if per_class is None:
        seen = sorted({one for split in checked for one in split.seen})
        per_class = min(int((side.train_label == one).sum()) for side in (image, sound) for one in seen)
    per_class = whole("per_class", per_class, low=2)
    true = _trained(image, sound, checked, config, per_class, fraction)
    found = []
    for r, split in enumerate(checked):
        chosen = float(true.valid[r]), int(true.epoch[r])
        found.append(_result(image, sound, split, true.run(r), *chosen, config))
    if not relabelings:
        return tuple(found)
    controls = _shuffled(image, sound, checked, config, per_class, fraction, relabelings)
    return tuple(
        _controlled(plain, control, _untrained(image, sound, plain.split, config, per_class, relabelings))
        for plain, control in zip(found, controls, strict=True)
    )


class _Trained(NamedTuple):
    image: Projection
    sound: Projection
    epoch: Int64Array
    valid: Tensor

    def run(self, r: int) -> tuple[Projection, Projection]:
        """Give the projections of one run."""
        left, right = (Projection(*(part[r : r + 1] for part in side)) for side in self[:2])
        return left, right


def _checked(split: Split, image: Sense, sound: Sense) -> Split:
    seen, unseen = (
        tuple(wholes(name, values, low=0).tolist()) for name, values in zip(split._fields, split, strict=True)
    )
    for name, classes in (("unseen", unseen), ("seen", seen)):
        if len(set(classes)) < 2 or len(set(classes)) < len(classes):
            raise refusal(f"{name} classes", "at least 2, each once", classes)
        for one in classes:
            for of, side in (("images", image), ("sounds", sound)):
                if not ((side.train_label == one).any() and (side.test_label == one).any()):
                    raise refusal(f"class {one} of {name}", f"among training and test {of}", one)
    if set(seen) & set(unseen):
        raise refusal("unseen classes", f"none of the seen ones {seen}", unseen)
    return Split(seen, unseen)


def _trained(
    image: Sense,
    sound: Sense,
    splits: Sequence[Split],
    config: ContrastiveConfig,
    per_class: int,
    fraction: float,
    relabeled: Sequence[tuple[int, Int64Array]] = (),
) -> _Trained:
    """Pair, hold out and train, a run for each split; `relabeled` numbers shuffled labels of the sounds, by run."""
    held = max(1, round(fraction * per_class))
    if held >= per_class:
        raise refusal("valid_fraction", f"one that leaves pairs of {per_class} to train on", fraction)
    rng = np.random.default_rng((config.seed, 5))
    out = rng.permutation(per_class) < held  # the same places in every class
    kept, valid, label, keys = [], [], [], []
    for split, (i, asked) in zip(splits, relabeled or [(0, sound.train_label)] * len(splits), strict=True):
        keys.append((i, *split.seen, *split.unseen))
        pairs = pair_up(image.train_label, asked, split.seen, per_class)
        marked = np.tile(out, len(split.seen))
        kept.append(pairs[~marked])
        valid.append(pairs[marked])
        label.append(np.repeat(split.seen, held))
    left, right, epoch, score = fit_projections(
        image.train, sound.train, np.stack(kept), np.stack(valid), np.stack(label), config, keys
    )
    return _Trained(left, right, epoch, score)


def _shuffled(
    image: Sense,
    sound: Sense,
    splits: Sequence[Split],
    config: ContrastiveConfig,
    per_class: int,
    fraction: float,
    relabelings: int,
) -> Float64Array:
    """Give the unseen retrieval of projections that were trained on shuffled labels, [splits, relabelings]."""
    repeated = [split for split in splits for _ in range(relabelings)]
    labels = []
    for i, split in enumerate(repeated):
        own, number = np.isin(sound.train_label, split.seen), 1 + i % relabelings
        drawn = sound.train_label.copy()
        rng = np.random.default_rng((config.seed, 6, number, *split.unseen))
        drawn[own] = rng.permutation(drawn[own])
        labels.append((number, drawn))
    trained = _trained(image, sound, repeated, config, per_class, fraction, labels)
    found = [
        float(_retrieved(image, sound, split.unseen, trained.run(i), config))
        for i, split in enumerate(repeated)
    ]
    return np.array(found).reshape(len(splits), relabelings)


def _retrieved(
    image: Sense,
    sound: Sense,
    classes: Sequence[int],
    projections: tuple[Projection, Projection],
    config: ContrastiveConfig,
    *,
    with_train: bool = True,
) -> Tensor:
    """Ask with every sound of some classes for an image among those of the same classes, [R]."""
    points, labels = [], []
    for side, project in zip((image, sound), projections, strict=True):
        features, label = _samples(side, classes, with_train)
        points.append(project(torch.from_numpy(features)))
        labels.append(label)
    return retrieve(points[1], labels[1], points[0], labels[0], normalised=config.normalised)


def _samples(side: Sense, classes: Sequence[int], with_train: bool) -> tuple[Float32Array, Int64Array]:
    features, label = side.test, side.test_label
    if with_train:
        features, label = np.concatenate([side.train, features]), np.concatenate([side.train_label, label])
    own = np.isin(label, classes)
    return features[own], label[own]


def _chance(image: Sense, sound: Sense, classes: Sequence[int]) -> float:
    """Give the chance that an image drawn at random has the class of the sound that asks."""
    asked, pool = (_samples(side, classes, True)[1] for side in (sound, image))
    return float(sum((asked == one).mean() * (pool == one).mean() for one in classes))


def _untrained(
    image: Sense, sound: Sense, split: Split, config: ContrastiveConfig, per_class: int, runs: int
) -> float:
    """Give the mean unseen retrieval of projections that are drawn and not trained."""
    generators = [generator(config.seed, 7, i) for i in range(runs)]
    pairs = pair_up(image.train_label, sound.train_label, split.seen, per_class)
    rows = torch.from_numpy(pairs).expand(runs, -1, -1)
    drawn = [
        random_projection(torch.from_numpy(side.train), rows[..., i], config.dims, generators)
        for i, side in enumerate((image, sound))
    ]
    return float(_retrieved(image, sound, split.unseen, (drawn[0], drawn[1]), config).mean())


def _result(
    image: Sense,
    sound: Sense,
    split: Split,
    projections: tuple[Projection, Projection],
    valid: float,
    epoch: int,
    config: ContrastiveConfig,
) -> ZeroShot:
    return ZeroShot(
        split=split,
        seen=float(_retrieved(image, sound, split.seen, projections, config, with_train=False)),
        unseen=float(_retrieved(image, sound, split.unseen, projections, config)),
        chance=_chance(image, sound, split.unseen),
        valid=valid,
        epoch=epoch,
        projections=projections,
    )


def _controlled(plain: ZeroShot, control: Float64Array, untrained: float) -> ZeroShot:
    low, high = mean_interval(control)
    mean = float(control.mean())
    return replace(plain, random_projection=untrained, shuffled=mean, shuffled_low=low, shuffled_high=high)


def mean_interval(values: ArrayLike, share: float = 0.99) -> tuple[float, float]:
    """Give the interval of the mean of n >= 2 values by Student's distribution.

    Args:
        values: [n].
        share: Of intervals that hold the true mean, in (0, 1).

    Raises:
        ValueError: There are fewer than two values, or they are not finite.
    """
    from scipy.stats import t  # slow to import

    found = finite("values", values)
    if found.ndim != 1 or len(found) < 2:
        raise refusal("values", "a list of at least 2", found)
    share = number("share", share, above=0, below=1)
    reach = t.ppf((1 + share) / 2, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found))
    return float(found.mean() - reach), float(found.mean() + reach)
