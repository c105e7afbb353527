"""Still images as constant currents."""

from __future__ import annotations

import numpy as np

from snn.datasets import ImageSet


def image_set(samples=20, n_steps=5):
    pixels = np.random.default_rng(0).integers(0, 256, (samples, 1, 6, 5)).astype(np.uint8)
    return ImageSet("made here", pixels, np.arange(samples) % 4, tuple("0123"), n_steps)


def test_a_batch_is_a_constant_current():
    images = image_set()
    batch = next(images.batches(7))
    assert batch.x.shape == (5, 7, 1, 6, 5) and batch.x.dtype == np.float32
    assert (batch.x == batch.x[0]).all() and (batch.lengths == 5).all()
    assert np.allclose(batch.x[0], images.pixels[:7] / 255, atol=1e-7)
    seen = np.concatenate([b.sample for b in images.batches(8, seed=1)])
    assert sorted(seen) == list(range(len(images)))


def test_a_subset_keeps_images_and_labels_together():
    images = image_set()
    part = images.subset([5, 2])
    assert part.labels.tolist() == [1, 2] and (part.pixels == images.pixels[[5, 2]]).all()
    assert part.shape == (1, 6, 5) and part.n_steps == 5
