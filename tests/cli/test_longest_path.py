"""A network file knows no model: `simulate` runs on until the latest spike has come out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snn
from snn.cli import main


def chain(first, second, around=0.0):
    """Neurons that pass on every spike: in -> hid -> out, and in -> out directly."""
    relay = snn.LIFParams(decay=0.0)
    one_to_one = np.eye(70)
    return snn.Network(
        10.0,
        [snn.Population("in", 70), snn.Population("hid", 70, relay), snn.Population("out", 70, relay)],
        [
            snn.Projection("in", "hid", one_to_one, first),
            snn.Projection("hid", "out", one_to_one, second),
            snn.Projection("in", "out", 1e-3 * one_to_one, around),
        ],
    )


def simulated(net, folder):
    """Steps and spikes of all samples, as the command counts them."""
    folder.mkdir()
    net.save(folder / "net.h5")
    assert main(["simulate", str(folder / "net.h5"), "--out", str(folder)]) == 0
    counts = json.loads((folder / "counts.json").read_text())
    return counts["samples"], counts["steps"], counts["spikes"]["out"]


@pytest.mark.parametrize(
    ("delays_ms", "longest"), [((30.0, 50.0), 8), ((50.0, 30.0), 8), ((30.0, 50.0, 90.0), 9)], ids=str
)
def test_delays_along_a_path_add_up(tmp_path, delays_ms, longest):
    samples, steps, spikes = simulated(chain(0.0, 0.0), tmp_path / "undelayed")
    assert spikes > 100 * samples
    assert simulated(chain(*delays_ms), tmp_path / "delayed") == (samples, steps + longest * samples, spikes)
