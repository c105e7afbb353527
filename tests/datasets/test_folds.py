"""Samples split evenly over the classes."""

from __future__ import annotations

import numpy as np
import pytest

from snn.datasets import folds, hold_out


def test_folds_and_held_out_parts_are_even():
    labels = np.repeat([0, 1, 2], [50, 30, 23])
    parts = folds(labels, 5, seed=1)
    assert sorted(np.concatenate(parts)) == list(range(103))
    counts = np.array([np.bincount(labels[part], minlength=3) for part in parts])
    assert (np.ptp(counts, axis=0) <= 1).all() and np.ptp(counts.sum(1)) <= 1
    assert not np.array_equal(parts[0], folds(labels, 5, seed=2)[0])
    kept, held = hold_out(labels, 0.1)
    assert np.bincount(labels[held]).tolist() == [5, 3, 2] and len(kept) + len(held) == 103
    assert not set(kept) & set(held)
    for k in (1, 104, True):
        with pytest.raises(ValueError, match="k must be a whole number >= 2 and <= 103"):
            folds(labels, k)
    with pytest.raises(ValueError, match="leaves a split empty"):
        hold_out([0, 1], 0.1)
    assert hold_out([0, 0, 1, 1, 2], 0.1)[1].size == 2
