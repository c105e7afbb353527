"""Varied images: moved whole, mirrored, decided by the seed."""

from __future__ import annotations

import numpy as np
import pytest
from samples import write_recordings

from snn.datasets import AugmentedImages, ImageAugment, nmnist


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("nmnist"))


def test_shifted_images_move_whole(tree):
    train, _, _ = nmnist(tree, n_bins=4)
    plain, moved = (
        next(train.batches(8, seed=5)),
        next(AugmentedImages(train, ImageAugment(2)).batches(8, seed=5)),
    )
    again = next(AugmentedImages(train, ImageAugment(2)).batches(8, seed=5))
    assert len(AugmentedImages(train, ImageAugment(2))) == len(train)
    assert np.array_equal(moved.x, again.x) and (moved.sample == plain.sample).all()
    found = set()
    for b in range(8):
        wide = np.pad(plain.x[:, b], ((0, 0), (0, 0), (2, 2), (2, 2)))
        fits = [
            (r, c)
            for r in range(5)
            for c in range(5)
            if np.array_equal(wide[..., r : r + 34, c : c + 34], moved.x[:, b])
        ]
        assert len(fits) == 1  # the same move in all frames and polarities
        found |= set(fits)
    assert len(found) > 3
    mirrored = next(AugmentedImages(train, ImageAugment(mirror=True)).batches(30, seed=0)).x
    straight = next(train.batches(30, seed=0)).x
    turned = [np.array_equal(mirrored[:, b], straight[:, b, ..., ::-1]) for b in range(30)]
    kept = [np.array_equal(mirrored[:, b], straight[:, b]) for b in range(30)]
    assert all(a != b for a, b in zip(turned, kept, strict=True)) and 5 < sum(turned) < 25
    assert not ImageAugment() and ImageAugment(1) and ImageAugment(mirror=True)


@pytest.mark.parametrize("shift", [-1, 1.5, True])
def test_impossible_shifts_are_refused(shift):
    with pytest.raises(ValueError, match=f"shift must be a whole number >= 0, got {shift}"):
        ImageAugment(shift)
