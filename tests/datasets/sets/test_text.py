"""Texts of all layouts as windows: cut where they should be, drawn by the seed, each token followed by its next."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile

import numpy as np
import pytest
from samples import SHARED

from snn.core.files.text import ByteTokenizer, CharacterTokenizer
from snn.datasets import DataError, TextBatch, TextSet, text
from snn.datasets.sets import text as module

BODY = bytes(range(32, 127)) * 20


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "enwik8"
    path.write_bytes(BODY)
    return path


def joined(sets):
    return b"".join(part.tokenizer.decode(part.tokens) for part in sets)


def test_bytes_are_cut_at_90_and_95_per_cent(file):
    sets = text(file, context=16)
    n = len(BODY)
    assert [len(part.tokens) for part in sets] == [
        n * 90 // 100,
        n * 95 // 100 - n * 90 // 100,
        n - n * 95 // 100,
    ]
    assert joined(sets) == BODY and [part.n_bytes for part in sets] == [len(part.tokens) for part in sets]
    assert [part.name for part in sets] == ["enwik8 (train)", "enwik8 (valid)", "enwik8 (test)"]
    assert all(part.mapped is not None and part.vocab == 256 for part in sets)


def test_no_character_is_cut_in_two(tmp_path):
    path, moved = tmp_path / "text", set()
    for extra in range(9):
        body = b"x" * extra + "\U0001f41d".encode() * 301
        path.write_bytes(body)
        sets = text(path, "characters", context=4)
        assert joined(sets) == body and sum(part.n_bytes for part in sets) == len(body)
        end = 0
        for part, share in zip(sets[:2], (90, 95), strict=True):
            end += part.n_bytes
            moved.add(end - len(body) * share // 100)
            body[:end].decode()
    assert moved == {1, 2}  # some cuts lie inside a character, and all go on to the next start


def test_characters_and_pieces_are_the_same_whatever_the_blocks(tmp_path, monkeypatch):
    path = tmp_path / "text"
    path.write_bytes("Käfer läuft\nüber 語 das\n".encode() * 100)
    kinds = ["characters"]
    try:
        import tokenizers  # noqa: F401
    except ImportError:
        pass
    else:
        kinds.append("bpe")
    for kind in kinds:
        monkeypatch.setattr(module, "BLOCK", 1 << 24)
        whole = text(path, kind, vocabulary=270, context=8)
        monkeypatch.setattr(module, "BLOCK", 37)
        blocks = text(path, kind, vocabulary=270, context=8)
        for one, other in zip(whole, blocks, strict=True):
            assert (one.tokens == other.tokens).all()
            assert one.tokenizer.description() == other.tokenizer.description()
        assert joined(whole) == path.read_bytes()


def test_packed_files_and_layouts_in_parts(tmp_path):
    for name, pack in (("a.gz", gzip.compress), ("a.bz2", bz2.compress), ("a.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(BODY))
        assert joined(text(tmp_path / name, context=16)) == BODY
    with zipfile.ZipFile(tmp_path / "enwik8.zip", "w") as archive:
        archive.writestr("enwik8", BODY)
    assert joined(text(tmp_path / "enwik8.zip", context=16)) == BODY
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    for part, size in (("train", 400), ("valid", 100), ("test", 60)):
        (folder / f"wiki.{part}.tokens").write_bytes(BODY[:size])
    (folder / "README.md").write_text("beside")
    sets = text(folder, context=16)
    assert [len(part.tokens) for part in sets] == [400, 100, 60]
    with zipfile.ZipFile(tmp_path / "wikitext.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"wikitext-2/{file.name}")
    for one, other in zip(sets, text(tmp_path / "wikitext.zip", context=16), strict=True):
        assert (one.tokens == other.tokens).all()


def test_windows_in_order_predict_every_token_but_the_first(file):
    part = text(file, context=16)[2]
    x, label = [], []
    for batch in part.batches(4):
        assert isinstance(batch, TextBatch) and batch.x.dtype == batch.label.dtype == np.int64
        for b, length in enumerate(batch.lengths):
            x.append(batch.x[:length, b])
            label.append(batch.label[:length, b])
            assert (batch.label[length:, b] == -100).all()
    assert (np.concatenate(x) == part.tokens[:-1]).all() and (np.concatenate(label) == part.tokens[1:]).all()
    assert len(part) == len(x) == -(-(len(part.tokens) - 1) // 16)


def test_drawn_windows_are_decided_by_the_seed(file):
    train = text(file, context=16, windows=50)[0]
    assert len(train) == 50

    def drawn(seed, batch_size=7):
        return np.concatenate([batch.x for batch in train.batches(batch_size, seed=seed)], axis=1)

    assert drawn((3, 1)).shape == (16, 50)
    assert (drawn((3, 1)) == drawn((3, 1), batch_size=50)).all()
    assert (drawn((3, 1)) != drawn((3, 2))).any() and (drawn((3, 1)) != drawn((4, 1))).any()
    for batch in train.batches(7, seed=0):
        assert (batch.x[1:] == batch.label[:-1]).all() and (batch.lengths == 16).all()
    assert sum(len(batch.lengths) for batch in train.batches(7, seed=0, min_batch=2)) == 49


def test_windows_are_drawn_from_all_places_alike():
    tokens = np.arange(21, dtype=np.uint8)
    part = TextSet("count", tokens, ByteTokenizer(), 4, windows=17_000)
    starts = np.concatenate([batch.x[0] for batch in part.batches(1000, seed=0)])
    found = np.bincount(starts)
    assert len(found) == 17  # the last one that a whole window and its label fit behind
    assert ((found - 1000) ** 2 / 1000).sum() < 40  # chi-square of 16 degrees of freedom, p = 0.001: 39.3
    assert (part.at([0, 16]).x == np.array([[0, 1, 2, 3], [16, 17, 18, 19]]).T).all()


def test_a_file_that_changes_under_a_run_is_refused(file):
    train, valid, _ = text(file, context=16)
    batches = train.batches(4, seed=0)
    next(batches)
    os.truncate(file, 500)
    with pytest.raises(
        ValueError, match="enwik8 must stay as it is while it is read, got 500 bytes, not 1900"
    ):
        next(batches)
    with pytest.raises(ValueError, match="must stay as it is"):
        valid.at([0])


def test_bad_texts_are_one_line(tmp_path, file):
    with pytest.raises(
        ValueError, match=r"text of enwik8 \(valid\) must be longer than a window of 256 tokens, got '95"
    ):
        text(file)
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="empty must hold text, got an empty file"):
        text(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="no file, folder or zip at"):
        text(tmp_path / "none")
    (tmp_path / "latin").write_bytes(BODY + "ä".encode("latin-1") * 3)
    with pytest.raises(
        DataError, match=r"^.*latin.*: text\[\d+\] must be UTF-8 for a tokenizer of characters"
    ):
        text(tmp_path / "latin", "characters", context=4)
    (tmp_path / "cut.bz2").write_bytes(bz2.compress(BODY)[:-20])
    with pytest.raises(DataError, match=r"cut.bz2 is cut short or not bz2"):
        text(tmp_path / "cut.bz2")
    two = tmp_path / "two"
    two.mkdir()
    for name in "ab":
        (two / name).write_bytes(BODY)
    with pytest.raises(DataError, match=r"must hold one text, or one file each .*, got 'a', 'b'$"):
        text(two)
    with pytest.raises(
        ValueError, match="tokenizer must be one of 'bytes', 'characters', 'bpe', got 'words'"
    ):
        text(file, "words")
    with pytest.raises(DataError, match=r"enwik8: text\[0\] must be of the 2 characters .*, got ' '"):
        text(file, CharacterTokenizer("ab"), context=16)
    for name, value in (("context", 0), ("windows", 0)):
        with pytest.raises(ValueError, match=f"{name} must be a whole number >= 1, got 0"):
            text(file, **{"context": 16, name: value})
    with pytest.raises(ValueError, match="tokens must be an array of unsigned whole numbers"):
        TextSet("x", [1, 2, 3], ByteTokenizer(), 2)
    with pytest.raises(ValueError, match=r"starts\[0\] must be a whole number >= 0"):
        text(file, context=16)[0].at([-1])


@pytest.mark.skipif(not (SHARED / "text").exists(), reason="needs the texts of SNN_SHARED or ../shared")
def test_real_texts():
    sets = text(SHARED / "text" / "tinyshakespeare.txt", "characters")
    assert sum(part.n_bytes for part in sets) == 1_115_394 and sets[0].vocab == 65
    wiki = text(SHARED / "text" / "enwiki-articles1-shortened.xml.bz2")
    assert [len(part.tokens) for part in wiki] == [5_480_771, 304_487, 304_488]
