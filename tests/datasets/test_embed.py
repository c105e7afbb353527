"""How the embedded set was chosen."""

from __future__ import annotations

from snn.datasets.embed import choose
from snn.datasets.formats.locate import locate
from snn.datasets.formats.shd_file import read_shd
from snn.datasets.known_folders import EMBEDDED


def test_the_embedded_choice_is_even():
    columns = read_shd(locate(EMBEDDED)["train"])
    chosen = choose(columns, 5)
    assert len(chosen) == 100 and len(set(chosen)) == 100
    speakers = {label: columns.speakers[chosen][columns.labels[chosen] == label] for label in range(20)}
    assert all(len(set(voices)) == 5 for voices in speakers.values())
    assert (choose(columns, 5) == chosen).all()
