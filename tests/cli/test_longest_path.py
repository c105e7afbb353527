"""A network file knows no model: `simulate` runs on until the latest spike has come out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snn
from snn.cli import main
from snn.cli.samples import _longest_path


def chain(first, second, around=0.0, order=("in", "hid", "out")):
    """Neurons that pass on every spike: in -> hid -> out, and in -> out directly; declared in some order."""
    relay = snn.LIFParams(decay=0.0)
    one_to_one = np.eye(70)
    return snn.Network(
        10.0,
        [snn.Population(name, 70, None if name == "in" else relay) for name in order],
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


def test_the_order_of_declaration_does_not_matter(tmp_path):
    samples, steps, spikes = simulated(chain(0.0, 0.0), tmp_path / "undelayed")
    late = chain(30.0, 50.0, 10.0, order=("out", "hid", "in"))
    assert simulated(late, tmp_path / "delayed") == (samples, steps + 8 * samples, spikes)


def test_a_loop_counts_as_gone_through_once():
    def network(*links):
        populations = [
            snn.Population("in", 1),
            *(snn.Population(n, 1, snn.LIFParams(decay=0.0)) for n in "abc"),
        ]
        return snn.Network(1.0, populations, [snn.Projection(i, j, [[1.0]], float(d)) for i, j, d in links])

    there, back = ("a", "b", 3), ("b", "a", 7)
    assert _longest_path(network(("in", "a", 5), there, back, ("b", "c", 4))) == 5 + (3 + 7) + 4
    assert _longest_path(network(("in", "a", 5), ("a", "a", 9), ("a", "c", 2))) == 7
