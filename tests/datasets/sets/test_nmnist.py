"""N-MNIST: arguments and the real sample."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SHARED, write_recordings

from snn.datasets import nmnist


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("nmnist"))


def test_arguments_are_checked(tree):
    for arguments, message in (
        ({"n_bins": 5, "dt_ms": 1.0}, "give n_bins or dt_ms"),
        ({"n_bins": 0}, "n_bins must be a whole number >= 1, got 0"),
        ({"dt_ms": 0.0}, "dt_ms must be a finite number >= 0.001, got 0.0"),
        ({"dt_ms": 1.0, "frames": "count"}, "frames 'count' needs n_bins, got dt_ms 1.0"),
        ({"frames": "both"}, "frames must be one of 'time', 'count', got 'both'"),
        ({"valid_fraction": 1.0}, "valid_fraction must be a finite number > 0 and < 1, got 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            nmnist(tree, **arguments)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the N-MNIST sample (../shared) is not here")
def test_the_real_sample():
    train, valid, test = nmnist(SHARED / "nmnist-small.zip", n_bins=5)
    assert (len(train), len(valid), len(test)) == (900, 100, 100)
    events = test.events
    assert events.n_events == 385_596 and np.bincount(test.labels)[8] == 2
    on = events.unit >= 34 * 34
    assert abs(on.mean() - 0.5) < 0.01
