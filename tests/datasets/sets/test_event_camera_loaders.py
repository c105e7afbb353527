"""DVS-Gesture and CIFAR10-DVS: files of their layouts, as SpikingJelly and tonic read them."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest
from event_files import (
    CIFAR10,
    aedat3,
    drawn_events,
    packet,
    polarity_words,
    rows,
    write_cifar10_dvs,
    write_gesture_arrays,
    write_gestures,
)
from spikingjelly_readers import spikingjelly_datasets

from snn.datasets import DataError, FrameBinning, cifar10_dvs, dvs_gesture
from snn.datasets.sets.cifar10_dvs import load_cifar10_dvs
from snn.datasets.sets.dvs_gesture import load_dvs_gesture

BINNING = FrameBinning(4)


def from_zero(time):
    return time - time.min()


@pytest.fixture(scope="module")
def gestures(tmp_path_factory):
    return write_gestures(tmp_path_factory.mktemp("gestures"))


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return write_cifar10_dvs(tmp_path_factory.mktemp("cifar10"))


def test_gestures_are_cut_as_spikingjelly_cuts_them(gestures, monkeypatch):
    load_aedat_v3 = spikingjelly_datasets(monkeypatch, "utils").load_aedat_v3
    train, test = load_dvs_gesture(gestures, BINNING)
    assert (len(train), len(test)) == (
        22,
        22,
    ) and train.name == "DVS-Gesture sample (22 + 22 of 1176 + 288 trials)"
    for part, user in ((train, "user02_led"), (test, "user25_led")):
        theirs = load_aedat_v3(str(gestures / f"{user}.aedat"))
        assert part.labels[11:].tolist() == list(range(11))
        for k, source in enumerate(part.files.sources[11:]):
            own = (theirs["t"] >= 10**6 + 1000 * k) & (theirs["t"] < 10**6 + 1000 * k + 900)
            columns = [from_zero(theirs["t"][own]), *(theirs[name][own] for name in "xyp")]
            assert rows(part.read_file(source)) == list(zip(*(c.tolist() for c in columns), strict=True))


def test_gestures_without_what_is_invalid_and_in_any_order(gestures, tmp_path):
    shutil.copytree(gestures, tmp_path, dirs_exist_ok=True)
    words = polarity_words(drawn_events(400, (128, 128), 2, span_us=11_000, start_us=10**6))  # of user02
    spoilt = [word for word, time in words for word in ((77 << 17, time), (word, time))]
    spoilt[40:50] = spoilt[49:39:-1]
    packets = [packet(spoilt[k : k + 16]) for k in range(0, len(spoilt), 16)]
    (tmp_path / "user02_led.aedat").write_bytes(aedat3(*packets))
    with pytest.raises(DataError, match="user02_led.aedat: time of event 21 must be >= "):
        dvs_gesture(tmp_path)
    (whole, _), (found, _) = (load_dvs_gesture(where, BINNING, sort=True) for where in (gestures, tmp_path))
    for i, source in enumerate(found.files.sources):
        assert sorted(rows(found.read_file(source))) == sorted(rows(whole.read_file(whole.files.sources[i])))


def test_gestures_in_batches(gestures):
    train, valid, test = dvs_gesture(gestures, n_bins=3, valid_fraction=0.5)
    assert (len(train), len(valid), len(test)) == (11, 11, 22)
    batch = next(test.batches(4))
    assert batch.x.shape == (3, 4, 2, 128, 128) and batch.x.sum() == sum(
        len(test.read_file(source).x) for source in test.files.sources[:4]
    )
    assert dvs_gesture(gestures, dt_ms=0.1, valid_fraction=0.5)[2].dt_ms == 0.1


def test_gestures_as_tonic_leaves_them(tmp_path, monkeypatch):
    import tonic

    write_gesture_arrays(tmp_path / "DVSGesture", people=1)
    monkeypatch.setattr(tonic.datasets.DVSGesture, "_check_exists", lambda self: True)
    train, test = load_dvs_gesture(tmp_path / "DVSGesture", BINNING)
    assert train.name.startswith("DVS-Gesture (tonic) sample (11 + 11 of 1077 + 264")
    for part, is_train in ((train, True), (test, False)):
        theirs = tonic.datasets.DVSGesture(str(tmp_path), train=is_train)
        found = {target: events for events, target in theirs}
        for source, label in zip(part.files.sources, part.labels, strict=True):
            events = found[int(label)]
            events["t"] = from_zero(events["t"])
            assert rows(part.read_file(source)) == [
                tuple(map(int, row)) for row in events[["t", "x", "y", "p"]]
            ]
    damaged = tmp_path / "DVSGesture" / "ibmGestureTest" / "user24_led" / "3.npy"
    for array, message in (
        (np.zeros((5, 3)), "of shape .E, 4.: x, y, polarity, ms, got ndarray of shape .5, 3."),
        (np.full((5, 4), 0.5), "the array.0, 0. must be a whole number"),
        (np.full((5, 4), 2), "polarity of event 0 must be 0 to 1, got 2"),
    ):
        np.save(damaged, array)
        with pytest.raises(DataError, match=f"3.npy.*{message}"):
            dvs_gesture(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "trials_to_test.txt",
            b"user24",
            b"../user24",
            "each line must be the name of a recording, .*'../user24",
        ),
        (
            "user01_led_labels.csv",
            b"class,",
            b"label,",
            "first line must be class,startTime_usec,endTime_usec",
        ),
        (
            "user01_led_labels.csv",
            b"\n1,",
            b"\n12,",
            "row 1 must be a class from 1 to 11, a start and a later end",
        ),
        (
            "user01_led_labels.csv",
            b"1000900",
            b"1000000",
            "row 1 must be a class from 1 to 11.*'1,1000000,1000000'",
        ),
        (
            "user01_led_labels.csv",
            b"1000000,1000900",
            b"1,2",
            "row 1 must be a time within the events of user01_led",
        ),
        ("user01_led.aedat", b"AER-DAT3.1", b"AER-DAT2.0", "first line must be #!AER-DAT3.1"),
    ],
)
def test_bad_gestures_are_named(tmp_path, name, old, new, message):
    folder = write_gestures(tmp_path, people=1, n=200)
    file = folder / name
    assert old in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match=f"{name}: {message}"):
        dvs_gesture(folder)


def test_objects_as_spikingjelly_reads_them(objects, monkeypatch):
    load_origin_data = spikingjelly_datasets(monkeypatch, "cifar10_dvs")._load_origin_data
    train, test = load_cifar10_dvs(objects, BINNING)
    assert (len(train), len(test)) == (20, 10) and train.classes == CIFAR10
    assert train.name == "CIFAR10-DVS sample (30 of 10000 recordings)"
    for part in (train, test):
        for source in part.files.sources:
            theirs = load_origin_data(str(source))
            columns = [from_zero(theirs["t"].astype(int)), *(theirs[name].astype(int) for name in "xyp")]
            assert rows(part.read_file(source)) == list(zip(*(c.tolist() for c in columns), strict=True))


def test_objects_in_zips_and_batches(objects, tmp_path):
    for name in CIFAR10:
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as packed:
            for file in sorted((objects / name).iterdir()):
                packed.write(file, f"{name}/{file.name}")
    sets = [cifar10_dvs(where, dt_ms=25.0, valid_fraction=0.5) for where in (objects, tmp_path)]
    for plain, packed in zip(*sets, strict=True):
        assert len(plain) == 10 and np.array_equal(plain.labels, packed.labels)
        one, other = next(plain.batches(10)), next(packed.batches(10))
        assert np.array_equal(one.x, other.x) and one.x.shape[1:] == (10, 2, 128, 128) and one.x.sum() == 300


def test_bad_objects_are_named(objects, tmp_path):
    with pytest.raises(DataError, match="must hold <class>/.*.aedat, got none of airplane, automobile"):
        cifar10_dvs(tmp_path)
    few = write_cifar10_dvs(tmp_path / "few", numbers=(100,))
    with pytest.raises(
        DataError, match="class 'airplane' must have files numbered 0 to 99, the test set, got none"
    ):
        cifar10_dvs(few)
    file = few / "cat" / "cifar10_cat_100.aedat"
    file.rename(file.with_name("cat.aedat"))
    with pytest.raises(
        DataError, match="cat.aedat: name must be cifar10_<class>_<number>.aedat, got 'cat.aedat'"
    ):
        cifar10_dvs(few)
