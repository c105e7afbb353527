"""The crop and the chunks of the resistive-memory liquid, against plain arrays and torch.chunk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snn.core import Events, Raster, TimeGrid
from snn.datasets import centre_crop, chunk


def drawn(shape, density=0.3, lengths=None, seed=0):
    z = np.random.default_rng(seed).poisson(density, shape)
    if lengths is not None:
        z[np.arange(shape[0])[:, None] >= lengths] = 0
    return z, Raster(z, TimeGrid(shape[0], 2.0), lengths).to_events()


@pytest.mark.parametrize(
    ("size", "polarity", "binary"), [(16, 1, True), (16, 0, False), (34, 1, False), (5, 0, True)]
)
def test_a_crop_is_the_middle_of_the_frames(size, polarity, binary):
    z, events = drawn((4, 3, 2 * 34 * 34))
    cut = centre_crop(events, (2, 34, 34), size=size, polarity=polarity, binary=binary)
    edge = (34 - size) // 2
    frames = z.reshape(4, 3, 2, 34, 34)[:, :, polarity, edge : edge + size, edge : edge + size]
    wanted = frames.reshape(4, 3, -1)
    assert np.array_equal(cut.to_raster(4).z, np.minimum(wanted, 1) if binary else wanted)
    assert cut.n_units == size**2 and cut.dt_ms == 2.0 and (cut.n_steps == 4).all()


@pytest.mark.parametrize("windows", [1, 7, 10, 129, 200])
def test_chunks_are_those_of_torch(windows):
    lengths = np.array([200, 130, 129, 61, 1])
    z, events = drawn((200, 5, 6), 0.1, lengths)
    made = chunk(events, windows).to_raster(windows).z
    for b, length in enumerate(lengths):
        parts = torch.chunk(torch.from_numpy(z[:length, b]), windows)
        wanted = np.zeros((windows, 6), dtype=int)
        wanted[: len(parts)] = [part.bool().any(0).int().tolist() for part in parts]
        assert np.array_equal(made[:, b], wanted)
    assert (chunk(events, windows).n_steps == windows).all()


def test_what_is_empty_stays_empty():
    none = Events.from_lists([[], []], [[], []], n_units=8, dt_ms=1.0, n_steps=[0, 5])
    assert chunk(none, 3).n_events == 0 and chunk(none, 3).n_steps.tolist() == [3, 3]
    assert centre_crop(none, (2, 2, 2), size=1).n_steps.tolist() == [0, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda e: centre_crop(e, (2, 3, 3)),
            r"shape must be \(2 polarities, H, W\) of 8 units in all, got \(2, 3, 3\)",
        ),
        (lambda e: centre_crop(e, (1, 2, 4)), "shape must be"),
        (lambda e: centre_crop(e, (2, 2, 2), size=3), "size must be a whole number >= 1 and <= 2, got 3"),
        (lambda e: centre_crop(e, (2, 2, 2), size=1, polarity=2), "polarity must be one of 0, 1, got 2"),
        (lambda e: centre_crop([1], (2, 2, 2), size=1), r"events must be a Events, got \[1\]"),
        (lambda e: chunk(e, 0), "windows must be a whole number >= 1, got 0"),
        (lambda e: chunk(3), "events must be a Events, got 3"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        change(drawn((2, 1, 8))[1])
