"""Data sets of tonic by their events: the same as our own readers of the same files; what tonic's frames lose."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tonic
from samples import SHARED, write_recordings, write_shd

from snn.datasets import DataError, EventCameraSet, FrameBinning, SpikeSet, from_tonic, shd
from snn.datasets.sets.nmnist import load_nmnist

KIND = np.dtype([("x", np.int16), ("y", np.int16), ("p", np.int8), ("t", np.int64)])


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch):
    for name in ("NMNIST", "SHD"):
        monkeypatch.setattr(getattr(tonic.datasets, name), "_check_exists", lambda self: True)


def same_spikes(ours, theirs):
    assert isinstance(theirs, SpikeSet) and theirs.classes == ours.classes
    for name in ("step", "unit", "offsets", "n_steps"):
        assert np.array_equal(getattr(ours.events, name), getattr(theirs.events, name)), name
    assert np.array_equal(ours.labels, theirs.labels) and np.array_equal(ours.speakers, theirs.speakers)


def same_recordings(ours, theirs):
    assert isinstance(theirs, EventCameraSet) and len(ours) == len(theirs) and ours.shape == theirs.shape
    at_place = {str(ours.files.sources[i]).rpartition("/T")[2]: i for i in range(len(ours))}
    for i, path in enumerate(theirs.read_file.dataset.data):
        j = at_place[path.rpartition("/T")[2]]
        pairs = zip(
            ours.read_file(ours.files.sources[j]), theirs.read_file(theirs.files.sources[i]), strict=True
        )
        assert all(np.array_equal(one, other) for one, other in pairs) and ours.labels[j] == theirs.labels[i]


def test_small_shd(tmp_path):
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, 0.9, n)) for n in (40, 1, 9, 70)]
    units = [rng.integers(0, 700, len(row)) for row in times]
    (tmp_path / "SHD").mkdir()
    for split in ("train", "test"):
        write_shd(tmp_path / "SHD" / f"shd_{split}.h5", times, units, [0, 1, 0, 1], speakers=[3, 1, 2, 0])
    _, _, ours = shd(tmp_path / "SHD", dt_ms=4.0, group=1, valid_fraction=0.5)
    same_spikes(ours, from_tonic(tonic.datasets.SHD(str(tmp_path), train=False), dt_ms=4.0))


def test_small_nmnist(tmp_path):
    write_recordings(tmp_path / "NMNIST", train=2, test=1)
    _, ours = load_nmnist(tmp_path / "NMNIST", FrameBinning(None, 5.0))
    theirs = from_tonic(tonic.datasets.NMNIST(str(tmp_path), train=False), dt_ms=5.0)
    same_recordings(ours, theirs)
    assert theirs.name == "NMNIST (tonic)" and theirs.classes[3] == "3 - three"
    assert np.array_equal(next(ours.batches(10)).x, next(theirs.batches(10)).x)


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the samples of SHD's layout and N-MNIST (../shared) are not here"
)
class TestRealFiles:
    def test_spoken_words(self, tmp_path, monkeypatch):
        monkeypatch.setattr(
            tonic.datasets.SHD, "__len__", lambda self: 60
        )  # it opens the file for every word
        (tmp_path / "SHD").mkdir()
        for split in ("train", "test"):  # the smaller one serves for both
            packed = gzip.open(SHARED / "fsdd-spikes" / "fsdd_spikes_test.h5.gz")
            with (tmp_path / "SHD" / f"shd_{split}.h5").open("wb") as file:
                shutil.copyfileobj(packed, file)
        _, _, ours = shd(tmp_path / "SHD", dt_ms=10.0, group=1)
        theirs = from_tonic(tonic.datasets.SHD(str(tmp_path), train=False), dt_ms=10.0, speaker=range(60))
        assert theirs.events.n_events > 50_000
        same_spikes(replace(ours.subset(range(60)), speakers=range(60)), theirs)

    def test_digits(self, tmp_path):
        with zipfile.ZipFile(SHARED / "nmnist-small.zip") as packed:
            packed.extractall(tmp_path / "NMNIST")
        _, ours = load_nmnist(tmp_path / "NMNIST", FrameBinning(5))
        same_recordings(ours, from_tonic(tonic.datasets.NMNIST(str(tmp_path), train=False), n_bins=5))


class Given:
    """A data set of given samples."""

    def __init__(self, samples, sensor_size=(6, 5, 2), **attributes):
        self.samples, self.sensor_size = samples, sensor_size
        for name, value in attributes.items():
            setattr(self, name, value)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def events(*rows, kind=KIND):
    return np.array(list(rows), dtype=kind)


def test_disorder_empty_samples_and_the_callers_arrays():
    given = events((1, 2, 1, 9000), (5, 4, 0, 1000), (1, 2, 1, 9000))
    kept = given.copy()
    found = from_tonic(Given([(given, "b"), (events(), "a")]), dt_ms=1.0)
    frames, empty = found[0][0], found[1][0]
    assert frames.shape == (10, 2, 5, 6) and empty.shape == (0, 2, 5, 6) and frames.dtype == empty.dtype
    assert frames[9, 1, 2, 1] == 2 and frames[1, 0, 4, 5] == 1 and frames.sum() == 3
    assert np.array_equal(given, kept) and found.classes == ("a", "b") and found.labels.tolist() == [1, 0]
    first = from_tonic(Given([(given, 0)]), dt_ms=1.0, start="first_event")
    assert first[0][0].shape[0] == 9
    assert from_tonic(Given([(given, 0)]), n_bins=4)[0][0].sum() == 3


def test_minus_one_where_told():
    given = events((1, 2, -1, 5), (1, 2, 1, 6))
    with pytest.raises(
        DataError, match=r"Given \(tonic\): sample 0 .*p\[0\] must be 0 or 1 \(or off=-1 be given\), got -1"
    ):
        from_tonic(Given([(given, 0)]), dt_ms=1.0)
    ((frames, _),) = from_tonic(Given([(given, 0)]), dt_ms=1.0, off=-1)
    assert frames[0, 0, 2, 1] == frames[0, 1, 2, 1] == 1
    with pytest.raises(DataError, match=r"p\[1\] must be -1 or 1, got 0"):
        from_tonic(Given([(events((1, 2, 1, 5), (1, 2, 0, 6)), 0)]), dt_ms=1.0, off=-1)


def test_sound_and_speakers():
    kind = np.dtype([("t", int), ("x", int), ("p", int)])
    given = Given(
        [(events((7000, 2, 1), (500, 0, 1), kind=kind), 1)], (3, 1, 1), classes=np.array([b"no", b"yes"])
    )
    found = from_tonic(given, dt_ms=1.0, speaker=[4])
    assert isinstance(found, SpikeSet) and found.classes == ("no", "yes") and found.speakers.tolist() == [4]
    assert (
        found.events.step.tolist() == [0, 7] and found.events.unit.tolist() == [0, 2] and found.n_units == 3
    )
    with pytest.raises(ValueError, match="speaker must be of shape .1., one for each sample"):
        from_tonic(given, dt_ms=1.0, speaker=[4, 5])


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (Given([(np.zeros((3, 2, 5, 6)), 0)]), {}, "sample 0: events must be an array with the fields t, x, y, p"),
        (Given([(events((6, 0, 1, 5)), 0)]), {}, "sample 0: x of event 0 must be 0 to 5, got 6"),
        (Given([(events((1, 0, 1, -5)), 0)]), {}, "sample 0 .*t.0. must be a whole number >= 0, got -5"),
        (Given([(events(), 0)], None), {}, "shape must be .N,. or .2, H, W., as the data set names no sensor_size"),
        (Given([(events(), 0)], (6, 5, 1)), {}, "shape must be .N,. units or .2 polarities, H rows, W columns."),
        (Given([(events(), 0)]), {"shape": (3, 4)}, "shape must be .N,. units or .2 polarities"),
        (Given([(events(), 0)]), {"speaker": [1]}, "speaker must be None for a camera, got .1."),
        (Given([(events(), 0)]), {"n_bins": 3}, "give n_bins or dt_ms"),
        (Given([(events(), 0)]), {"off": 2}, "off must be one of 0, -1, got 2"),
        (Given([(events(), 10**8)]), {}, "class must be <= 100000 .*, got 100000000"),
        (Given([1]), {}, "sample 0: it must be .events, target., got 1"),
        (Given([(events(), -1)]), {}, "class.0. must be a whole number >= 0, got -1"),
        (Given([(events((0, 1, 1, 1)), 0)], (6, 1, 1)), {}, "y of event 0 must be 0 to 0, got 1"),
        (Given([(events((0, 0, 1, 1), (0, 0, 0, 2)), 0)], (6, 1, 1)), {}, "p must be the same in all events"),
    ],
)  # fmt: skip
def test_what_is_refused(dataset, options, message):
    with pytest.raises(ValueError, match=message):
        from_tonic(dataset, **{"dt_ms": 1.0, **options})


def test_no_data_set():
    with pytest.raises(TypeError, match="dataset must give samples by index and have a length, got 5"):
        from_tonic(5, dt_ms=1.0)
