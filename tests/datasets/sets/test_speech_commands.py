"""Speech Commands and Spiking Speech Commands: files of their layouts, made here; damaged wav files."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from samples import write_shd
from scipy.io import wavfile
from sounds import LISTS, RATE, falls_and_rises, write_speech_commands, write_wav

from snn.datasets import DataError, MelFrontEnd, SoundSet, gsc, ssc, verify
from snn.datasets.formats.locate import Source
from snn.datasets.formats.wav_file import read_wav

FRONT_END = MelFrontEnd(mels=10)


@pytest.fixture
def words(tmp_path):
    return write_speech_commands(tmp_path / "words")


def test_sounds_are_found_by_the_lists(words):
    sets = gsc(words, front_end=FRONT_END)
    assert [len(part) for part in sets] == [6, 2, 4] and sets[0].classes == ("down", "up")
    train, _, test = sets
    assert train.name == "Speech Commands v2 sample (6 + 2 + 4 of 84843 + 9981 + 11005 sounds)"
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1] and (train.n_units, train.dt_ms, train.shape) == (
        10,
        10.0,
        (),
    )
    sound = np.round(32767 * falls_and_rises(1, 4)) / 32768
    values, label = test[2]
    assert label == 1 and np.array_equal(values, FRONT_END(sound, RATE))
    reports = verify(words)
    assert [report.split for report in reports] == ["train", "valid", "test"]
    assert reports[0].about == "6 sounds, 1.5 s, 2 words"
    write_wav(words / "up" / "00000004_nohash_0.wav", falls_and_rises(1, 4)[:3000])
    batch = next(test.subset([2, 3]).batches(2))
    assert (
        batch.x.shape == (26, 2, 10) and batch.lengths.tolist() == [19, 26] and batch.label.tolist() == [1, 1]
    )
    assert not batch.x[19:, 0].any() and np.array_equal(batch.x[:, 1], test[3][0])
    with pytest.raises(ValueError, match="front_end must be a MelFrontEnd, got 3"):
        SoundSet("words", train.files, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / LISTS["test"]).unlink(), "must be the unpacked folder of Speech Commands"),
        (
            lambda folder: (folder / LISTS["valid"]).write_text("up/none.wav\n"),
            "validation_list.txt: line 1 must name a wav file that is there, <word>/<name>, got 'up/none.wav'",
        ),
        (
            lambda folder: (folder / LISTS["valid"]).write_text((folder / LISTS["test"]).read_text()),
            "files must be in one of .*_list.txt and .*_list.txt, got down/00000004_nohash_0.wav in both",
        ),
        (
            lambda folder: (folder / LISTS["valid"]).write_text(""),
            "must hold files for .*, got none for valid",
        ),
        (
            lambda folder: (folder / LISTS["valid"]).write_bytes(b"\xff"),
            "validation_list.txt is no list of files",
        ),
        (
            lambda folder: write_wav(folder / "up" / "00000000_nohash_0.wav", np.zeros(9000), 6000),
            "00000000_nohash_0.wav: rate_hz must be at least 8000, for bands up to 4000 Hz, got 6000",
        ),
        (
            lambda folder: write_wav(folder / "up" / "00000000_nohash_0.wav", np.zeros(500)),
            r"00000000_nohash_0.wav: len\(sound\) must be at least 514, half a window at 16000 Hz, got 500",
        ),
    ],
)
def test_strange_folders_are_refused(words, change, message):
    change(words)
    with pytest.raises(DataError, match=message) as refused:
        gsc(words)
    assert str(refused.value).startswith(str(words))


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_wav_files_of_any_numbers(kind, tmp_path):
    values = np.array([0.0, 0.5, -0.5, 0.25, -1.0])
    bits = 8 * np.dtype(kind).itemsize
    stored = (
        values
        if np.dtype(kind).kind == "f"
        else values * 2.0 ** (bits - 1) + (128 if kind == np.uint8 else 0)
    )
    wavfile.write(tmp_path / "a.wav", 11_025, stored.astype(kind))
    found = read_wav(Source(tmp_path / "a.wav"))
    assert found.rate_hz == 11_025 and found.values.tolist() == values.tolist()


def edited(data, place, value):
    return data[:place] + value + data[place + len(value) :]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: data[:-7], "size must be 244 bytes, as its header says .*, got 237"),
        (lambda data: data + b"more", "size must be 244 bytes"),
        (lambda data: data[:3], "size must be"),
        (lambda data: b"", "size must be"),
        (
            lambda data: edited(data, 0, b"RIFT"),
            "is damaged or no plain wav file: File format b'RIFT' not understood",
        ),
        (lambda data: edited(data, 40, struct.pack("<I", 20)), "is damaged or no plain wav file: Chunk"),
        (lambda data: edited(data, 22, b"\x02"), "is damaged or no plain wav|shape of the sound must be"),
        (lambda data: edited(data, 24, bytes(8)), "rate must be at least one value in a second, got 0"),
    ],
)
def test_damaged_wav_files_are_refused(edit, message, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 100))
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(DataError, match=message) as refused:
        read_wav(Source(path))
    assert str(refused.value).startswith(str(path))


def test_other_sounds_are_refused(tmp_path):
    for values, message in (
        (
            np.zeros((9, 2), np.int16),
            r"shape of the sound must be \[T\], one channel that is not empty, got \(9, 2\)",
        ),
        (np.array([0.0, np.nan], np.float32), "value 1 must be finite, got nan"),
        (np.zeros(0, np.int16), "shape of the sound must be"),
    ):
        wavfile.write(tmp_path / "a.wav", RATE, values)
        with pytest.raises(DataError, match=message):
            read_wav(Source(tmp_path / "a.wav"))


def write_ssc(folder, classes=("yes", "no")):
    for split, count in (("train", 4), ("valid", 2), ("test", 3)):
        times, units = [[0.01 * i, 0.2] for i in range(count)], [[i, 699] for i in range(count)]
        write_shd(folder / f"ssc_{split}.h5", times, units, np.arange(count) % 2, classes=classes)


def test_spiking_words_have_a_file_for_validation(tmp_path):
    write_ssc(tmp_path)
    for path in (tmp_path, tmp_path / "ssc_valid.h5"):
        sets = ssc(path, dt_ms=100.0, group=70)
        assert [len(part) for part in sets] == [4, 2, 3]
        assert (
            sets[1].events.unit.tolist() == [0, 9, 0, 9] and sets[0].name == "SSC (Spiking Speech Commands)"
        )
    assert [(report.split, report.samples) for report in verify(tmp_path)] == [
        ("train", 4),
        ("valid", 2),
        ("test", 3),
    ]
    (tmp_path / "ssc_valid.h5").unlink()
    with pytest.raises(
        DataError, match=r"must hold one file \*valid\*.h5 .*, got none among: ssc_test.h5, ssc_train"
    ):
        ssc(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="is the test split; its valid split is not at .*ssc_valid.h5"
    ):
        ssc(tmp_path / "ssc_test.h5")
    write_shd(tmp_path / "ssc_valid.h5", [[0.1]], [[1]], [0], classes=("yes", "maybe"))
    with pytest.raises(DataError, match="must name the same classes, got yes, no and yes, maybe"):
        ssc(tmp_path)
    with pytest.raises(ValueError, match="group must be a divisor of 700, got 3"):
        ssc(tmp_path, group=3)
