"""Every native format by one entry: as written, equal to decoded samples; clocks that wrap; what is refused."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from event_files import (
    aedat2,
    aedat4,
    dat,
    drawn_events,
    evt,
    evt2_words,
    evt3_words,
    of_dvs128,
    rows,
    stmnist_matrix,
)
from samples import SHARED, pack_events
from scipy.io import savemat

from snn.datasets import CameraEvents, DataError, read_events
from snn.datasets.formats.lz4 import unpack_lz4

SAMPLES = SHARED / "event-samples"
AEDAT4 = [
    ("tonic/sample.aedat4", 111_954, [3814652230902501514, 9242016038, 7610797783, 27807864]),
    ("aedat4/davis.aedat4", 117_667, [6984758461125221091, 8898897117, 5295931709, 36328717]),
]
"""Events, and sums of time, x, y and polarity, each event times its place (from 1, modulo 1 009)."""


def read(tmp_path, name, data, **options):
    (tmp_path / name).write_bytes(data)
    return read_events(tmp_path / name, **options)


def part(seen, start, stop):
    return CameraEvents(*(column[start:stop] for column in seen))


def at(times, **other):
    zero = np.zeros(len(times), int)
    return CameraEvents(np.array(times), **{"x": zero, "y": zero, "polarity": zero, **other})


@pytest.mark.parametrize(
    ("name", "write", "sensor"),
    [
        ("a.aedat", lambda seen: aedat2(of_dvs128(seen)), (128, 128)),
        ("a.aedat4", lambda seen: aedat4([part(seen, 0, 20), part(seen, 20, 50)]), (260, 346)),
        ("plain.aedat4", lambda seen: aedat4([seen], packing=0), (260, 346)),
        ("a.raw", lambda seen: evt(evt2_words(seen), "2.0", ("% geometry 640x480",)), (480, 640)),
        ("b.raw", lambda seen: evt(evt3_words(seen), "3.0", ("% format EVT3;height=720;width=1280",)), (720, 1280)),
        ("a.dat", lambda seen: dat(seen, ("% Version 2", "% Height 240", "% Width 304")), (240, 304)),
        ("a.bin", lambda seen: pack_events((x, y, p, t) for t, x, y, p in rows(seen)), (180, 240)),
        ("a.dat.gz", lambda seen: gzip.compress(dat(seen)), (240, 304)),
    ],
)  # fmt: skip
def test_what_is_written_is_read(tmp_path, name, write, sensor):
    seen = drawn_events(50, sensor, start_us=4000)
    found = read(tmp_path, name, write(seen))
    assert rows(found) == rows(seen) and {column.dtype for column in found} == {np.dtype(np.int64)}
    if name != "a.bin":
        assert rows(read(tmp_path, f"empty-{name}", write(part(seen, 0, 0)))) == []


def test_stmnist(tmp_path):
    seen = drawn_events(50, (10, 10))
    savemat(tmp_path / "a.mat", {"spiketrain": stmnist_matrix(seen)}, do_compression=True)
    assert rows(read_events(tmp_path / "a.mat")) == rows(seen)
    odd = stmnist_matrix(seen)
    for matrix, message in (
        (odd[:100], "spiketrain must be a matrix of 101 rows of doubles, got double of shape .100, 50."),
        (np.where(odd == 1, 0.5, odd), "every column of spiketrain must be 0 but for one 1 or -1"),
        (np.where(np.arange(101)[:, None] == 100, np.nan, odd), "times.0. must be finite"),
    ):
        savemat(tmp_path / "b.mat", {"spiketrain": matrix})
        with pytest.raises(DataError, match=f"b.mat.*{message}"):
            read_events(tmp_path / "b.mat")


@pytest.mark.parametrize(
    ("name", "write", "times"),
    [
        ("a.dat", dat, [2**32 - 2, 2**32 - 1, 2**32, 2**33]),
        ("a.raw", lambda seen: evt(evt2_words(seen), "2.0"), [2**34 - 70, 2**34 - 1, 2**34 + 5, 2**35 + 3]),
        (
            "b.raw",
            lambda seen: evt(evt3_words(seen)),
            [2**24 - 5000, 2**24 - 1, 2**24 + 1, 2**25 - 9, 2**25 + 4],
        ),
    ],
)
def test_clocks_that_start_again(tmp_path, name, write, times):
    steps = [times[0]]
    while (
        steps[-1] < times[-1]
    ):  # a clock that starts again is seen if it was read once in every half of its range
        steps.append(min(steps[-1] + (times[-1] - times[0]) // 16, times[-1]))
    assert rows(read(tmp_path, name, write(at(steps)))) == rows(at(steps))
    close = at(times[:3])
    assert rows(read(tmp_path, name, write(close))) == rows(close)


def test_evt3_words_that_change_nothing_or_come_too_early(tmp_path):
    early = [0x6005, 0x0003, 0x2001, 0x8002, 0x2004]
    others = [0xA001, 0xE123, 0x7001, 0xF002]
    corrected = [0x632B, 0x6320, 0x2005, 0x8003, 0x2006]
    found = read(tmp_path, "a.raw", evt([*early, *others, *corrected]))
    assert rows(found) == [(8192, 4, 3, 0), (8192 + 0x320, 5, 3, 0), (3 * 4096, 6, 3, 0)]
    assert rows(read(tmp_path, "b.raw", evt([0x10000000, 0x80000001, 0xA0000000, 0x11400801], "2.0"))) == [
        (69, 1, 1, 1)
    ]


def lz4(*blocks, flags=0x40):
    stored = b"".join(struct.pack("<I", len(block)) + block for block in blocks)
    return memoryview(struct.pack("<IBBB", 0x184D2204, flags, 0x40, 0) + stored + bytes(4))


def test_lz4_repeats_what_is_behind_it_in_this_block_and_the_one_before():
    first = bytes([0x4F]) + b"abcd" + bytes([4, 0, 255, 11, 0x10]) + b"z"
    second = bytes([0x02, 3, 0, 0x20]) + b"yx"
    whole = (b"abcd" * 80)[:289] + b"z"
    assert bytes(unpack_lz4(lz4(first, second), 10**6)) == whole + whole[-3:] * 2 + b"yx"
    with pytest.raises(ValueError, match="damaged, or larger than 289 bytes"):
        unpack_lz4(lz4(first), 289)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (lz4(b"\x40abc"), "damaged"),
        (lz4(b"\x40abcd\x00\x00\x10z"), "damaged"),  # 0 bytes back
        (lz4(b"\x40abcd\x05\x00\x10z"), "damaged"),  # before the first byte
        (lz4(b"\x1fa\x01\x00" + b"\xff" * 260 + b"\x00\x10z"), "damaged"),  # more than a block may hold
        (lz4(b"\xf0" + b"\xff" * 260 + b"\x00" + bytes(66_315)), "damaged"),
        (lz4(b"\xf0\x05" + bytes(20) + b"\x01\x00\xf0"), "damaged"),  # a size of literals is cut
        (lz4(b"\xf0\x05" + bytes(20) + b"\x01\x00\x1fz\x01\x00"), "damaged"),  # and one of a match
        (lz4(b"\x40abcd\x04"), "damaged"),
        (lz4(b"\xf0\xff"), "damaged"),
        (lz4(b"\x10a")[:-5], "cut short"),
        (lz4(b"\x10a", flags=0x41), "with a dictionary"),
        (lz4(b"\x10a", flags=0x44), "does not end with its packet"),
        (memoryview(b"0123456789"), "no frame"),
    ],
)
def test_bad_lz4(frame, message):
    with pytest.raises(ValueError, match=message):
        unpack_lz4(frame, 10**6)


ONE = drawn_events(1, (34, 34))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.es", b"Event Stream\x02", ".es must be AEDAT 2.0, 3.1 or 4.0, .*begins with b'Event Strea'"),
        ("a.raw", evt([], "2.1"), "version in the header must be EVT 2.0 or 3.0, got 'EVT 2.1'"),
        ("a.raw", b"", "version in the header must be EVT 2.0 or 3.0, got None"),
        ("a.raw", evt([], header=("% endianness big",)), "endianness in the header must be little, got 'big'"),
        ("a.raw", evt([0x8000]) + b"0", "bytes of events must be a multiple of 2.*, got 3"),
        ("a.raw", evt([0x8000, 0x6000, 0x9000]), "type of word 2 must be one of 0, 2, 3, .*, got 9"),
        ("a.raw", evt([0x80000000, 0x50000000], "2.0"), "type of word 1 must be one of 0, 1, 8, .*, got 5"),
        ("a.raw", evt([0x8000, 0x6001, 3, 0x2001, 0x6000, 0x2001]), "time of event 1 must be >= 1 us"),
        ("a.raw", evt([0x8000, 720, 0x2001], header=("% geometry 1280x720",)), "y of event 0 must be 0 to 719"),
        ("a.dat", dat(ONE, ("% Version 1",)), "Version in the header must be 2, got '1'"),
        ("a.dat", dat(ONE, kind=14), "events must be of type 0 or 12 .*, got type 14 and 8 bytes"),
        ("a.dat", dat(ONE)[:-1], "bytes of events must be a multiple of 8.*, got 7"),
        ("a.dat", dat(ONE._replace(polarity=ONE.polarity + 2)), "polarity of event 0 must be 0 to 1"),
        ("a.bin", b"", "size must be a multiple of 5 bytes, and more than 0"),
        ("a.aedat4", aedat4([ONE], packing=3), "compression must be none or LZ4, got 'ZSTD'"),
        ("a.aedat4", aedat4([ONE])[:-1], "size of the packet at byte .* must be 0 to "),
        ("a.aedat4", aedat4([ONE]).replace(b"IMUS", b"EVTS"), "is damaged"),
        ("a.aedat4", aedat4([ONE]).replace(b'key="sizeX"', b'key="sizeZ"'), "is damaged"),
        ("a.aedat4", aedat4([ONE], sensor=(1, 1)), "x of event 0 must be 0 to 0"),
        ("a.mat", b"MATLAB 5.0 MAT-file" + bytes(200), ".mat"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, name, data, message):
    with pytest.raises(DataError, match=f"{tmp_path}/a.*{message}"):
        read(tmp_path, name, data)


def test_disorder_is_refused_or_sorted(tmp_path):
    seen = drawn_events(3, (34, 34))
    mixed = dat(CameraEvents(*(column[[2, 0, 1]] for column in seen)))
    with pytest.raises(DataError, match="time of event 1 must be >= "):
        read(tmp_path, "a.dat", mixed)
    assert rows(read(tmp_path, "a.dat", mixed, sort=True)) == rows(seen)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of event files (../shared) are not here")
class TestSamples:
    def test_evt(self):
        """The decoded file has the times of expelliarmus 1.1.12, which adds 4 096 us where a lower half falls."""
        truth, seen = (
            np.load(SAMPLES / "evt" / "evt3_sample.npy"),
            read_events(SAMPLES / "evt" / "evt3_sample.raw"),
        )
        assert all(np.array_equal(truth[name], column) for name, column in zip("xyp", seen[1:], strict=True))
        added, lost = np.divmod(truth["t"] - seen.time_us, 4096)
        assert not lost.any() and added[0] == 0 and added[-1] == 11 and set(np.diff(added)) == {0, 1}
        word = np.fromfile(SAMPLES / "evt" / "evt3_sample.raw", "<u2", offset=166)
        high = word[word >> 12 == 8] & 0xFFF
        assert set(seen.time_us >> 12) == set(high.tolist()) != set(truth["t"] >> 12)

    @pytest.mark.parametrize(
        ("coding", "name"), [("evt2", "evt/evt2_sample.raw"), ("dat", "tonic/sample_ncars.dat")]
    )
    def test_as_expelliarmus_reads_them(self, coding, name):
        from expelliarmus import Wizard

        wizard = Wizard(encoding=coding)
        wizard.set_file(str(SAMPLES / name))
        theirs, seen = wizard.read(), read_events(SAMPLES / name)
        assert all(np.array_equal(theirs[field], column) for field, column in zip("txyp", seen, strict=True))

    @pytest.mark.parametrize(("name", "number", "sums"), AEDAT4)
    def test_aedat4_as_aedat_2_3_0_reads_it(self, name, number, sums):
        seen = read_events(SAMPLES / name)
        place = np.arange(1, len(seen.x) + 1) % 1009
        assert len(seen.x) == number and [int((column * place).sum()) for column in seen] == sums

    def test_others(self):
        touched = read_events(SAMPLES / "tonic" / "sample_stmnist.mat")
        assert len(touched.x) == 2346 and touched.time_us[[0, -1]].tolist() == [196_626, 895_744]
        assert not read_events(SAMPLES / "tonic" / "sample_aedat_header.aedat").x.size
        faces = read_events(SAMPLES / "ncaltech101" / "faces_easy_0001.bin")
        assert len(faces.x) == 67_445 and faces.time_us[-1] == 299_364
