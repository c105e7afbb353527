"""What would take a row or a train for each of very many units is refused before it is made."""

from __future__ import annotations

import pytest

import snn
from snn.interop import nwb, sonata
from snn.interop.neo import to_block

MANY = {"in": snn.Events([3], [7], [0, 1], 2**31 - 1, 1.0, 5)}


def test_very_many_units(tmp_path):
    with pytest.raises(MemoryError, match="rows for 2,147,483,647 units of 'in' need about 256.0 GiB"):
        nwb.write(MANY, tmp_path / "f.nwb")
    with pytest.raises(MemoryError, match="2,147,483,647 spike trains need about"):
        to_block(MANY)
    sonata.write_spikes(MANY, tmp_path / "f.h5")
    assert sonata.read_spikes(tmp_path / "f.h5").spikes == MANY
