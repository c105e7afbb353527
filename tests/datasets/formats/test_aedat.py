"""AEDAT 2.0 and 3.1: equal to tonic and SpikingJelly where these are right; what is no event, clocks that wrap."""

from __future__ import annotations

import numpy as np
import pytest
from event_files import aedat2, aedat3, drawn_events, of_dvs128, packet, polarity_words, rows
from spikingjelly_readers import spikingjelly_datasets

from snn.datasets import DataError
from snn.datasets.formats.aedat import read_aedat2
from snn.datasets.formats.aedat3 import read_aedat3
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.locate import Source

DAVIS = "# AEChip: eu.seebetter.ini.chips.davis.Davis346red"


def saved(tmp_path, data):
    (tmp_path / "a.aedat").write_bytes(data)
    return Source(tmp_path / "a.aedat")


def test_dvs128_is_read_upright(tmp_path):
    seen = drawn_events(50, (128, 128))
    outside = (1 << 15 | 5, int(seen.time_us[-1]))
    source = saved(tmp_path, aedat2([*of_dvs128(seen), outside]))
    assert rows(read_aedat2(source)) == rows(seen)


def test_davis_as_tonic_reads_it_without_frames_and_signals(tmp_path):
    from tonic.io import read_davis_346

    seen = drawn_events(50, (260, 346), start_us=7)
    words = [(259 - y << 22 | 345 - x << 12 | p << 11, t) for t, x, y, p in rows(seen)]
    header = (DAVIS, "# Creation time: System.currentTimeMillis() 1695355587880")
    source = saved(tmp_path, aedat2(words, header))
    _, _, theirs = read_davis_346(str(source))
    assert (
        rows(read_aedat2(source))
        == rows(seen)
        == [tuple(map(int, row)) for row in theirs[["t", "x", "y", "p"]]]
    )
    others = [(1 << 31 | 77 << 12, 3), (1 << 10, 4)]
    assert rows(read_aedat2(saved(tmp_path, aedat2([*others, *words], header)))) == rows(seen)


def test_clocks_that_start_again(tmp_path):
    seen = CameraEvents(np.array([2**32 - 5, 2**32 - 1, 2**32 + 3, 2**32 + 9]), *np.zeros((3, 4), int))
    assert rows(read_aedat2(saved(tmp_path, aedat2(of_dvs128(seen))))) == rows(seen)
    late = seen._replace(time_us=np.array([2**32 - 5, 2**32 - 1, 3 * 2**31 + 3, 3 * 2**31 + 9]))
    parts = [packet(polarity_words(CameraEvents(*(c[i : i + 2] for c in late))), 1 + i) for i in (0, 2)]
    assert rows(read_aedat3(saved(tmp_path, aedat3(*parts)))) == rows(late)


def test_aedat3_as_spikingjelly_reads_it_without_what_is_invalid(tmp_path, monkeypatch):
    load_aedat_v3 = spikingjelly_datasets(monkeypatch, "utils").load_aedat_v3
    seen = drawn_events(60, (128, 128))
    words = polarity_words(seen)
    source = saved(tmp_path, aedat3(packet(words[:20]), packet([(1, 2)], kind=0), packet(words[20:], 0)))
    theirs = load_aedat_v3(str(source))
    assert (
        rows(read_aedat3(source))
        == rows(seen)
        == list(zip(*(theirs[k].tolist() for k in "txyp"), strict=True))
    )
    invalid = (words[5][0] & ~1, words[5][1])
    source = saved(tmp_path, aedat3(packet([*words[:5], invalid, *words[5:]], spare=3)))
    assert rows(read_aedat3(source)) == rows(seen)


def test_disorder_is_refused_or_sorted(tmp_path):
    late_first = CameraEvents(*(column[[1, 0, 2]] for column in drawn_events(3, (128, 128))))
    source = saved(tmp_path, aedat2(of_dvs128(late_first)))
    with pytest.raises(DataError, match="a.aedat: time of event 1 must be >= "):
        read_aedat2(source)
    assert rows(read_aedat2(source, sort=True)) == rows(drawn_events(3, (128, 128)))


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (read_aedat2, aedat3(), "first line must be #!AER-DAT2.0, got '#!AER-DAT3.1'"),
        (read_aedat2, b"\x00\x01\x02", "first line must be #!AER-DAT2.0"),
        (read_aedat2, aedat2([(2, 3)])[:-1], "bytes of events must be a multiple of 8.*, got 7"),
        (
            read_aedat2,
            aedat2([], ("# AEChip: ch.unizh.Retina",)),
            "AEChip must be that of a DVS128.*'ch.unizh.Retina'",
        ),
        (
            read_aedat2,
            aedat2([(2, 3), (1 << 16, 4)]),
            "AEChip must be .*as address 1 has more than 16 bits, got None",
        ),
        (read_aedat2, aedat2([(1023 << 12, 3)], (DAVIS,)), "x of event 0 must be 0 to 345, got -678"),
        (read_aedat3, aedat2([]), "first line must be #!AER-DAT3.1, got '#!AER-DAT2.0'"),
        (read_aedat3, aedat3(header=("#Format: SerializedTS",)), "Format must be RAW, got 'SerializedTS'"),
        (read_aedat3, aedat3(packet([(1, 2)])[:20]), "is cut short within the head of a packet, at byte 61"),
        (
            read_aedat3,
            aedat3(packet([(1, 2)])[:-1]),
            "end of the packet at byte 61 must be at most 96, .*got 97",
        ),
        (read_aedat3, aedat3(packet([(1, 2)], overflow=-1)), "sizes of the packet at byte 61 must be >= 0"),
        (
            read_aedat3,
            aedat3(packet([(1, 2)], spare=-1)),
            "number of the packet at byte 61 must be 0 to 0, .*, got 1",
        ),
    ],
)
def test_what_is_refused(tmp_path, read, data, message):
    with pytest.raises(DataError, match=f"a.aedat:? {message}"):
        read(saved(tmp_path, data))
