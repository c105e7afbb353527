"""Folders of native files: with splits and without, checked, in batches."""

from __future__ import annotations

import pytest
from event_files import dat, drawn_events, rows
from samples import write_recordings

from snn.datasets import DataError, event_folder


def write_cars(folder, each=6):
    for k, name in enumerate(("background", "cars")):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            (folder / name / f"{i}.dat").write_bytes(
                dat(drawn_events(20, (100, 120), 10 * k + i, start_us=7000))
            )
    return folder


def test_without_splits(tmp_path):
    sets = event_folder(
        write_cars(tmp_path / "ncars"), (2, 100, 120), n_bins=4, test_fraction=0.33, valid_fraction=0.5
    )
    assert [len(part) for part in sets] == [4, 4, 4] and sets[0].name == "recordings of ncars"
    assert len({str(source) for part in sets for source in part.files.sources}) == 12
    assert all(
        sorted(part.labels) == [0, 0, 1, 1] and part.classes == ("background", "cars") for part in sets
    )
    batch = next(sets[2].batches(4))
    assert batch.x.shape == (4, 4, 2, 100, 120) and batch.x.sum() == 80
    first = sets[0].files.sources[0]
    seen = drawn_events(20, (100, 120), int(first.path.stem), start_us=7000)
    assert rows(sets[0].read_file(first)) == rows(seen._replace(time_us=seen.time_us - seen.time_us[0]))
    assert 15 < sets[0].nominal_ms < 100 and sets[0].dt_ms == sets[0].nominal_ms / 4


def test_with_splits(tmp_path):
    train, valid, test = event_folder(
        write_recordings(tmp_path, 4, 2, digits=3), (2, 34, 34), dt_ms=50.0, valid_fraction=0.25
    )
    assert (len(train), len(valid), len(test)) == (9, 3, 6) and test.dt_ms == 50.0
    assert all("Test" in str(source) for source in test.files.sources)


def test_what_is_refused(tmp_path):
    cars = write_cars(tmp_path / "ncars")
    for arguments, message in (
        ({"shape": (100, 120)}, "shape must be .2 polarities, H rows, W columns., got .100, 120."),
        ({"shape": (2, 100, 12)}, "background/0.dat: x of event .* must be 0 to 11"),
        ({"test_fraction": 1.0}, "test_fraction must be a finite number > 0 and < 1, got 1.0"),
        ({"valid_fraction": 0.0}, "valid_fraction must be a finite number > 0 and < 1, got 0.0"),
        ({"test_fraction": 0.999}, "test_fraction 0.999 of .* samples leaves a split empty"),
        ({"sort": 1}, "sort must be"),
    ):
        with pytest.raises(ValueError, match=message):
            event_folder(cars, **{"shape": (2, 100, 120), **arguments})
    with pytest.raises(DataError, match="empty must hold <class>/.*[*].bin or .*, got none of any class"):
        (tmp_path / "empty").mkdir()
        event_folder(tmp_path / "empty", (2, 9, 9))
