"""Zero-shot retrieval: pairing, splits, what may be chosen by what, controls, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t

from snn.liquid import (
    ContrastiveConfig,
    Sense,
    Split,
    ZeroShot,
    all_splits,
    mean_interval,
    pair_up,
    zero_shot,
)

FAST = ContrastiveConfig(dims=16, epochs=8, batch_size=16, lr=3e-3)


def senses(seed=0, classes=6, train=24, test=12, noise=0.7, shared=3):
    """Two senses that feel the same hidden vector of each class through matrices of their own."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(classes, shared))
    made = []
    for width in (10, 14):
        look = rng.normal(size=(shared, width))
        parts = []
        for count in (train, test):
            label = rng.permutation(np.repeat(np.arange(classes), count))
            parts += [(hidden[label] + noise * rng.normal(size=(len(label), shared))) @ look, label]
        made.append(Sense(*parts))
    return made


def test_all_45_splits_of_ten_digits():
    splits = all_splits(np.repeat(np.arange(10), 3))
    assert len(splits) == len(set(splits)) == 45 and Split((0, 1, 2, 3, 4, 5, 6, 7), (8, 9)) in splits
    assert all(set(seen) | set(unseen) == set(range(10)) for seen, unseen in splits)
    assert len(all_splits(range(10), 3)) == 120


def test_the_ith_of_a_class_is_paired_with_the_ith():
    pairs = pair_up(np.array([0, 1, 0, 1, 1, 0]), np.array([1, 1, 0, 0, 2, 1]), (0, 1), 2)
    assert pairs.tolist() == [[0, 2], [2, 3], [1, 0], [3, 1]]


def test_related_senses_are_matched_and_controls_are_at_chance():
    image, sound = senses(classes=14, noise=0.3, shared=2)
    splits = all_splits(range(14))[::15]
    config = replace(FAST, epochs=20, normalised=True, temperature=0.2)
    found = zero_shot(image, sound, splits, config, relabelings=0)
    assert isinstance(found[0], ZeroShot) and np.isnan(found[0].shuffled)
    assert [result.split for result in found] == list(splits)
    assert np.mean([result.seen for result in found]) > 0.3  # chance is 1 / 12
    assert np.mean([result.unseen for result in found]) > 0.7  # chance is 1 / 2
    assert all(result.chance == 0.5 and 0 <= result.epoch < 20 for result in found)


def test_with_shuffled_labels_unseen_retrieval_is_chance():
    """papers.md 5.6, 6: over relabelings, within the 99 % interval of their mean and of a fair coin."""
    image, sound = senses(seed=1)
    (result,) = zero_shot(image, sound, [Split((0, 1, 2, 3), (4, 5))], FAST, relabelings=40)
    assert result.shuffled_low <= 0.5 <= result.shuffled_high
    assert 0.2 < result.random_projection < 0.8
    assert result.shuffled_low < result.shuffled < result.shuffled_high
    assert result.shuffled_high - result.shuffled_low < 0.3
    coin = norm.ppf(0.995) * 0.5 / np.sqrt(72)  # 72 sounds ask: what one draw of fair coins may be off by
    assert abs(result.shuffled - 0.5) < coin


def test_unseen_samples_and_test_labels_choose_nothing():
    image, sound = senses()
    split = [Split((0, 1, 2, 3), (4, 5))]
    (before,) = zero_shot(image, sound, split, FAST, relabelings=2)
    rng = np.random.default_rng(9)
    changed = []
    for side in (image, sound):
        unseen = np.isin(side.train_label, (4, 5))
        train = np.where(unseen[:, None], rng.normal(size=side.train.shape), side.train)
        changed.append(Sense(train, side.train_label, rng.normal(size=side.test.shape), side.test_label))
    (after,) = zero_shot(*changed, split, FAST, relabelings=2)
    assert (after.valid, after.epoch) == (before.valid, before.epoch)
    for old, new in zip(before.projections, after.projections, strict=True):
        assert all(a.equal(b) for a, b in zip(old, new, strict=True))
    assert after.unseen != before.unseen


def test_a_split_does_not_depend_on_the_others():
    image, sound = senses()
    splits = all_splits(range(6))
    (alone,) = zero_shot(image, sound, splits[1:2], FAST, relabelings=2)
    _, second = zero_shot(image, sound, splits[:2], FAST, relabelings=2)
    for name in ("seen", "unseen", "shuffled", "random_projection"):
        assert getattr(alone, name) == pytest.approx(
            getattr(second, name), abs=0.03
        )  # the order of sums is another
    assert alone.valid == pytest.approx(second.valid, abs=0.06)


def test_chance_follows_the_shares_of_classes():
    image, sound = senses()
    lopsided = Sense(
        image.train[image.train_label != 4],
        image.train_label[image.train_label != 4],
        image.test,
        image.test_label,
    )
    with pytest.raises(ValueError, match="class 4 of unseen must be among training and test images"):
        zero_shot(lopsided, sound, [Split((0, 1, 2, 3), (4, 5))], FAST, relabelings=2)
    keep = (image.train_label != 4) | (np.cumsum(image.train_label == 4) <= 6)
    fewer = Sense(image.train[keep], image.train_label[keep], image.test, image.test_label)
    few = (sound.train_label != 4) | (np.cumsum(sound.train_label == 4) <= 12)
    asks = Sense(sound.train[few], sound.train_label[few], sound.test, sound.test_label)
    (result,) = zero_shot(fewer, asks, [Split((0, 1, 2, 3), (4, 5))], FAST, relabelings=2)
    assert result.chance == pytest.approx(24 / 60 * 18 / 54 + 36 / 60 * 36 / 54)


def test_the_interval_of_a_mean():
    values = [0.4, 0.5, 0.7, 0.6]
    low, high = mean_interval(values)
    reach = t.ppf(0.995, 3) * np.std(values, ddof=1) / 2
    assert (low, high) == pytest.approx((0.55 - reach, 0.55 + reach))
    draws = np.random.default_rng(0).normal(size=(400, 5))
    inside = [low <= 0 <= high for low, high in (mean_interval(row, 0.9) for row in draws)]
    assert 0.85 < np.mean(inside) < 0.95


SIX = Split((0, 1, 2, 3), (4, 5))


@pytest.mark.parametrize(
    ("split", "options", "message"),
    [
        (Split((0, 1, 2), (4,)), {}, r"unseen classes must be at least 2, each once, got \(4,\)"),
        (Split((0, 1, 2), (4, 4)), {}, "unseen classes must be at least 2, each once"),
        (Split((0,), (4, 5)), {}, "seen classes must be at least 2, each once"),
        (Split((0, 1, 4), (4, 5)), {}, r"unseen classes must be none of the seen ones \(0, 1, 4\)"),
        (Split((0, 1, 2), (4, 8)), {}, "class 8 of unseen must be among training and test images, got 8"),
        (SIX, {"per_class": 25}, "pairs of class 0 must be at least 25, as the split needs, got 24"),
        (SIX, {"per_class": 1}, "per_class must be a whole number >= 2, got 1"),
        (SIX, {"valid_fraction": 0}, "valid_fraction must be a finite number > 0 and < 1, got 0"),
        (
            SIX,
            {"valid_fraction": 0.99},
            "valid_fraction must be one that leaves pairs of 24 to train on, got 0.99",
        ),
        (SIX, {"relabelings": 1}, "relabelings must be 0 or at least 2, which have an interval, got 1"),
        (SIX, {"relabelings": -1}, "relabelings must be a whole number >= 0, got -1"),
        (SIX, {"config": 3}, "config must be a ContrastiveConfig, got 3"),
    ],
)
def test_bad_input_is_refused(split, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        zero_shot(*senses(), [split], **options)


def test_bad_senses_and_splits_are_refused():
    good = np.zeros((2, 3)), [0, 1], np.zeros((1, 3)), [0]
    for change, message in (
        ({0: np.full((2, 3), np.nan)}, r"train\[0, 0\] must be finite, got nan"),
        ({0: np.zeros(2)}, r"train must be features of shape \[B, F\]"),
        ({1: [0]}, r"train_label must be of shape \[2\], one for each sample"),
        ({3: [-1]}, r"test_label\[0\] must be a whole number >= 0, got -1"),
        ({2: np.zeros((1, 4))}, "test must be of 3 features, as train"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            Sense(*[change.get(i, part) for i, part in enumerate(good)])
    with pytest.raises(ValueError, match="^unseen must be a whole number >= 2, got 1$"):
        all_splits(range(10), 1)
    with pytest.raises(ValueError, match="^unseen must be at most 8 of 10 classes, got 9$"):
        all_splits(range(10), 9)
    with pytest.raises(ValueError, match="^splits must be one or more, all of as many seen classes"):
        zero_shot(*senses(), [])
    with pytest.raises(ValueError, match=r"^values must be a list of at least 2"):
        mean_interval([1.0])
