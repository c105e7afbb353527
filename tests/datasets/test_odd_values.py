"""Odd values in every public field of data sets: taken as what they stand for, or refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from odd_values import ODD_VALUES, number_of, whole_of, within
from samples import small_mnist, small_shd, write_recordings

import snn
from snn.datasets import (
    EventCameraSet,
    FrameBinning,
    ImageAugment,
    ImageSet,
    SpikeAugment,
    SpikeSet,
    collate,
    find,
    folds,
    hold_out,
    images,
    nmnist,
    shd,
    verify,
)
from snn.datasets.formats.atis_bin import read_nmnist_bin
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source

EVENTS = snn.Events.from_lists([[0], [1]], [[0], [3]], n_units=4, dt_ms=1.0, n_steps=2)
PIXELS = np.zeros((2, 1, 2, 2), np.uint8)
LABELS, NONE, CLASSES = np.array([0, 1]), np.full(2, -1), ("a", "b")
FILES = LabelledFiles((Source(Path("a")), Source(Path("b"))), LABELS, CLASSES)
WORDS = SpikeSet("words", EVENTS, LABELS, NONE, CLASSES)
PICTURES = ImageSet("pictures", PIXELS, LABELS, CLASSES, 2)


def films(**fields):
    given = {
        "shape": (2, 3, 4),
        "read_file": read_nmnist_bin,
        "frame_binning": FrameBinning(3),
        "nominal_ms": 30.0,
    }
    return EventCameraSet("films", FILES, **{**given, **fields})


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    places = [tmp_path_factory.mktemp(name) for name in ("shd", "mnist", "digits")]
    small_shd(places[0])
    small_mnist(places[1])
    write_recordings(places[2], 2, 1, digits=2)
    return places


def refused(name, field, make, value, extra=()):
    with pytest.raises((ValueError, TypeError)) as caught:
        make(value)
    assert type(caught.value) in (ValueError, TypeError), f"{name}: {caught.value!r}"
    assert any(text in str(caught.value) for text in (field, *extra)), f"{name}: {caught.value}"


WHOLES = [
    ("n_steps", 1, 2**53, lambda v: ImageSet("p", PIXELS, LABELS, CLASSES, v).n_steps),
    ("dropped_spikes", 0, np.inf, lambda v: SpikeSet("w", EVENTS, LABELS, NONE, CLASSES, v).dropped_spikes),
    ("n_bins", 1, np.inf, lambda v: FrameBinning(v).n_bins),
    ("shift", 0, 2**31 - 1, lambda v: ImageAugment(v).shift),
    ("shift_units", 0, 2**31 - 1, lambda v: SpikeAugment(v).shift_units),
    ("k", 2, 2, lambda v: len(folds([0, 1], v))),
    ("batch_size", 1, np.inf, lambda v: len(list(WORDS.batches(v))) and v),
    ("min_batch", 1, np.inf, lambda v: list(PICTURES.batches(1, min_batch=v)) and v),
]
OPTIONAL = {"n_bins"}


@pytest.mark.parametrize(("field", "low", "high", "make"), WHOLES, ids=[row[0] for row in WHOLES])
def test_whole_numbers(field, low, high, make):
    for name, value in ODD_VALUES:
        given = whole_of(name)
        if within(given, low, high):
            found = make(value)
            assert found == given or field in ("min_batch", "batch_size"), name
        else:
            refused(name, field, make, value)


NUMBERS = [
    ("stretch", lambda n: 0 <= n < 1, lambda v: SpikeAugment(stretch=v).stretch),
    ("drop", lambda n: 0 <= n < 1, lambda v: SpikeAugment(drop=v).drop),
    ("blend", lambda n: 0 <= n <= 1, lambda v: SpikeAugment(blend=v).blend),
    ("dt_ms", lambda n: 0.001 <= n < np.inf, lambda v: FrameBinning(None, v).dt_ms),
    ("nominal_ms", lambda n: 0 < n < np.inf, lambda v: films(nominal_ms=v).nominal_ms),
]


@pytest.mark.parametrize(("field", "allowed", "make"), NUMBERS, ids=[row[0] for row in NUMBERS])
def test_numbers(field, allowed, make):
    for name, value in ODD_VALUES:
        given = number_of(name)
        if given is not None and abs(given) <= sys.float_info.max and allowed(given):
            found = make(value)
            assert type(found) is float and found == float(given), name
        else:
            refused(name, field, make, value)


FLAGS = [
    ("mirror", lambda v: ImageAugment(mirror=v).mirror),
    ("blend_speakers", lambda v: SpikeAugment(blend_speakers=v).blend_speakers),
    ("per_step", lambda v: collate([([1, 2], [0, 1])], per_step=v) and True),
]


@pytest.mark.parametrize(("field", "make"), FLAGS, ids=[row[0] for row in FLAGS])
def test_flags(field, make):
    for name, value in ODD_VALUES:
        if name in ("True", "numpy True", "0-d torch True") or (field == "per_step" and value is None):
            assert make(value) is True
        else:
            refused(name, field, make, value)


LISTS = [  # a list of two whole numbers from low to high
    ("labels", 0, 1, lambda v: SpikeSet("w", EVENTS, v, NONE, CLASSES).labels),
    ("labels", 0, 1, lambda v: ImageSet("p", PIXELS, v, CLASSES, 2).labels),
    ("labels", 0, 1, lambda v: LabelledFiles(FILES.sources, v, CLASSES).labels),
    ("speakers", -1, 9, lambda v: SpikeSet("w", EVENTS, LABELS, v, CLASSES).speakers),
]
GOOD = [[0, 1], (1, 1), np.array([0, 1], np.uint8), np.array([1.0, 0.0]), np.array([0, 1], ">i2"), range(2)]


@pytest.mark.parametrize(("field", "low", "high", "make"), LISTS, ids=lambda value: str(value)[:8])
def test_labels_and_speakers(field, low, high, make):
    for value in GOOD:
        found = make(value)
        assert found.dtype == np.int64 and found.tolist() == [int(one) for one in value]
    for name, value in (
        *ODD_VALUES,
        ("0.7", [0.7, 1]),
        ("2^63", [2**63, 0]),
        ("-2", [-2, 0]),
        ("three", [0, 1, 0]),
    ):
        if name != "torch int32 [2]" or high < 2:
            refused(name, field, make, value)


INDICES = [
    lambda v: WORDS.subset(v).labels,
    lambda v: PICTURES.subset(v).labels,
    lambda v: films().subset(v).labels,
]


@pytest.mark.parametrize("make", INDICES)
def test_indices(make):
    for value, kept in (
        *((value, [int(one) for one in value]) for value in GOOD),
        ([-1, 0], [1, 0]),
        ([True, False], [0]),
        (np.array([False, True]), [1]),
        ([], []),
        (np.zeros(0), []),
    ):
        assert make(value).tolist() == kept
    for name, value in ODD_VALUES:
        if name in ("empty list", "empty array", "bool array"):
            continue
        if name in ("torch int32 [2]", "range", "array [1]", "-100 array"):
            with pytest.raises(IndexError, match=r"indices\[\d\] must be from -2 to 1, got"):
                make(value)
        elif name == "torch bool [2]":
            assert make(value).tolist() == [0]
        else:
            refused(name, "indices", make, value)
    refused("a short mask", "indices", make, [True])


@pytest.mark.parametrize("data", [WORDS, PICTURES, films()])
def test_one_index(data):
    for name, value in ODD_VALUES:
        given = whole_of(name)
        integer = given is not None and hasattr(value, "__index__")
        if integer and not isinstance(value, float | np.floating) and -2 <= given < 2:
            assert data is not WORDS or data[value][1] == LABELS[given]
        else:
            with pytest.raises((TypeError, IndexError), match="^index must be "):
                data[value]


@pytest.mark.parametrize("split", [lambda v: hold_out(v, 0.5), lambda v: folds(v, 2)])
def test_labels_to_split_by(split):
    for name, value in ODD_VALUES:
        if name in ("array [1]", "range", "torch int32 [2]", "empty list", "empty array"):
            continue
        refused(name, "labels", split, value)
    for name, value in ODD_VALUES:
        if not within(number_of(name), 5e-324, 1 - 1e-16):
            refused(name, "valid_fraction", lambda v: hold_out([0, 0, 1, 1], v), value)
        if not within(whole_of(name), 0):
            refused(name, "seed", lambda v: hold_out([0, 0, 1, 1], 0.5, v), value)
            refused(name, "seed", lambda v: folds([0, 0, 1, 1], 2, v), value)


def test_seeds_of_batches():
    for name, value in ODD_VALUES:
        if value is None or within(whole_of(name), 0):
            assert next(WORDS.batches(2, seed=value)).x.shape == (2, 2, 4)
        elif not isinstance(value, list | range) and getattr(value, "ndim", 0) != 1:
            refused(name, "seed", lambda v: next(WORDS.batches(2, seed=v)), value)
    assert next(WORDS.batches(2, seed=(3, 1))).x.shape == (2, 2, 4)
    for seed in ((0.5, 1), [True], (1, -1), np.array([0.5])):
        refused(str(seed), "seed", lambda v: next(WORDS.batches(2, seed=v)), seed)


def test_whole_sets(folders):
    calls = [
        (shd, folders[0], ("dt_ms", "group", "max_ms", "seed", "binning", "split_by", "valid_fraction")),
        (images, folders[1], ("n_steps", "max_train", "valid_fraction", "seed")),
        (nmnist, folders[2], ("n_bins", "dt_ms", "frames", "valid_fraction", "seed")),
    ]
    for call, folder, fields in calls:
        for field in fields:
            for name, value in ODD_VALUES:
                number = number_of(name)
                if value is None or within(number, 0) or (field == "max_ms" and number is not None):
                    continue  # what is taken is tested elsewhere
                refused(f"{field} {name}", field, lambda v, f=field, c=call, p=folder: c(p, **{f: v}), value)


def test_places():
    for name, value in ODD_VALUES:
        if isinstance(value, str) or value is None:
            continue
        for read in (shd, images, nmnist, verify):
            refused(name, "path", read, value)
        refused(name, "name", find, value)


def test_items_put_together():
    good = np.zeros((2, 3), np.float32)
    for name, value in ODD_VALUES:
        for item in ((good, value), (value, 0)):
            try:
                x, lengths, label = collate([item])
                assert (
                    x.dtype.kind in "iuf"
                    and lengths.dtype == np.int64
                    and label.dtype in (np.int64, np.float32)
                )
                assert (
                    np.array_equal(np.asarray(item[1]), label[0], equal_nan=True)
                    or len(label) != 1
                    or label.ndim
                )
            except (ValueError, TypeError) as error:
                assert type(error) in (ValueError, TypeError) and "items[0]" in str(error), name
    for value in (1e39, -1e308, np.float64(2.0**130), 2**63, np.uint64(2**63)):
        refused(str(value), "items[0][1]", lambda v: collate([(good, v)]), value)
    refused("1e39", "items[0][0]", lambda v: collate([(v, 0)]), [1e39, 0.0])
    for items in (5, None, "ab", {}, iter([])):
        refused(str(items), "items", collate, items)


def test_fields_of_other_kinds():
    for make, field in (
        (lambda v: SpikeSet("w", v, LABELS, NONE, CLASSES), "events"),
        (lambda v: SpikeSet("w", EVENTS, LABELS, NONE, v), "classes"),
        (lambda v: SpikeSet("w", EVENTS, LABELS, NONE, CLASSES, 0, v), "shape"),
        (lambda v: ImageSet("p", v, LABELS, CLASSES, 1), "pixels"),
        (lambda v: films(frame_binning=v), "frame_binning"),
        (lambda v: films(shape=v), "shape"),
        (lambda v: snn.datasets.AugmentedSpikes(v, SpikeAugment(1)), "base"),
        (lambda v: snn.datasets.AugmentedSpikes(WORDS, v), "augment"),
        (lambda v: snn.datasets.AugmentedImages(PICTURES, v), "augment"),
    ):
        for name, value in ODD_VALUES:
            try:
                make(value)
                assert field in ("shape", "classes"), name
            except (ValueError, TypeError) as error:
                said = str(error)
                assert type(error) in (ValueError, TypeError) and (field in said or "labels" in said), (
                    name,
                    said,
                )
    assert SpikeSet("w", EVENTS, LABELS, NONE, CLASSES, 0, [2, 2.0]).shape == (2, 2)
    refused("(2, 3)", "shape", lambda v: SpikeSet("w", EVENTS, LABELS, NONE, CLASSES, 0, v), (2, 3))
