"""Texts become tokens and come back byte for byte; what a tokenizer does not know is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.core.files.text import (
    TOKENIZERS,
    BpeTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    Tokenizer,
    character_start,
    check_vocabulary,
    tokenizer_from,
)

TEXT = "Der Käfer läuft über das Blatt.\n\n<|endoftext|> 語 \U0001f41d \t  x\r\nKäfer Käfer läuft\n" * 3


@pytest.fixture(scope="module")
def pieces():
    pytest.importorskip("tokenizers", reason="the extra 'bpe' is not installed")
    return BpeTokenizer.learn([TEXT.encode()], 280)


def made(kind, pieces=None):
    return {"bytes": ByteTokenizer(), "characters": CharacterTokenizer(TEXT), "bpe": pieces}[kind]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_text_comes_back_and_its_bytes_are_counted(kind, request):
    tokenizer = made(kind, request.getfixturevalue("pieces") if kind == "bpe" else None)
    tokens = tokenizer.encode(TEXT.encode())
    assert (
        isinstance(tokenizer, Tokenizer)
        and tokens.dtype == tokenizer.dtype
        and tokens.max() < tokenizer.vocab
    )
    assert tokenizer.decode(tokens) == TEXT.encode()
    assert tokenizer.sizes[tokens].sum() == len(TEXT.encode())
    again = tokenizer_from(json.loads(json.dumps(tokenizer.description())))
    assert type(again) is type(tokenizer) and (again.encode(TEXT.encode()) == tokens).all()


def test_how_many_tokens_there_are(pieces):
    assert ByteTokenizer().vocab == 256
    assert CharacterTokenizer("abca").vocab == 3
    assert CharacterTokenizer("ca").decode([0, 1, 1]) == b"acc"
    assert 256 < pieces.vocab <= 280
    joined = pieces.encode("Käfer läuft".encode())
    assert len(joined) < len("Käfer läuft".encode())


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_pieces_lose_no_text(text):
    pytest.importorskip("tokenizers", reason="the extra 'bpe' is not installed")
    tokenizer = BpeTokenizer.learn([b"abc abc\n"], 256)
    tokens = tokenizer.encode(text.encode())
    assert tokenizer.vocab == 256 and tokenizer.decode(tokens) == text.encode()


def test_pieces_by_the_plain_rule():
    """Byte pairs are joined in the order in which they were learned, most frequent first."""
    pytest.importorskip("tokenizers", reason="the extra 'bpe' is not installed")
    found = []
    for vocab in (256, 257, 258):
        tokenizer = BpeTokenizer.learn([b"abab abab xy\n"], vocab)
        found.append([tokenizer.decode([token]) for token in tokenizer.encode(b"ababxy")])
    # "ab" is there four times, then "ab" with "ab" twice; all other pairs once
    assert found == [[b"a", b"b", b"a", b"b", b"x", b"y"], [b"ab", b"ab", b"x", b"y"], [b"abab", b"x", b"y"]]


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 400))
def test_blocks_have_the_tokens_of_the_whole(kind, at):
    if kind == "bpe":
        pytest.importorskip("tokenizers", reason="the extra 'bpe' is not installed")
    tokenizer = made(kind, learned_once() if kind == "bpe" else None)
    data = np.frombuffer(TEXT.encode(), dtype=np.uint8)
    cut = tokenizer.block_end(data, min(at, len(data)))
    assert min(at, len(data)) <= cut <= len(data)
    parts = [tokenizer.encode(part) for part in (data[:cut], data[cut:])]
    assert (np.concatenate(parts) == tokenizer.encode(data)).all()


def learned_once(kept=[]):  # noqa: B006
    if not kept:
        kept.append(BpeTokenizer.learn([TEXT.encode()], 280))
    return kept[0]


def test_the_start_of_a_character():
    data = np.frombuffer("aä語\U0001f41d".encode(), dtype=np.uint8)
    starts = [0, 1, 3, 6]
    for at in range(len(data)):
        assert character_start(data, at) == min([s for s in starts if s >= at], default=len(data))


def test_what_a_tokenizer_does_not_know_is_named(pieces):
    with pytest.raises(
        ValueError, match=r"^text\[2\] must be of the 2 characters that the tokenizer knows, got 'z'$"
    ):
        CharacterTokenizer("ab").encode(b"abz")
    for tokenizer in (CharacterTokenizer("ab"), pieces):
        with pytest.raises(
            ValueError, match=r"^text\[1\] must be UTF-8 for a tokenizer of .*, got b'\\xff'$"
        ):
            tokenizer.encode(b"a\xffb")
    for tokenizer in (CharacterTokenizer("ab"), pieces, ByteTokenizer()):
        with pytest.raises(
            ValueError, match=rf"tokens\[1\] must be a whole number >= 0 and <= {tokenizer.vocab - 1}"
        ):
            tokenizer.decode([0, tokenizer.vocab])


def test_descriptions_that_are_none_are_refused(pieces):
    for description, message in [
        (None, "tokenizer must be the description of one"),
        ({"kind": "words"}, "kind of the tokenizer must be one of"),
        ({"kind": "characters"}, "field 'characters' is missing"),
        ({"kind": "characters", "characters": ""}, "characters must be a text of at least one character"),
        ({"kind": "characters", "characters": "\ud800"}, "characters must be whole characters"),
        ({"kind": "bytes", "more": 1}, "field 'more' is unknown"),
        ({"kind": "bpe", "definition": "{"}, "must be JSON"),
        ({"kind": "bpe", "definition": "{}"}, "must be byte-level BPE"),
    ]:
        with pytest.raises(ValueError, match=message):
            tokenizer_from(description)
    with pytest.raises(
        ValueError, match="must be one of 65 tokens, the model's vocabulary, got 'bytes, 256 tokens'"
    ):
        check_vocabulary(ByteTokenizer(), 65)
    with pytest.raises(ValueError, match="vocabulary must be a whole number >= 256, got 100"):
        BpeTokenizer.learn([b"a"], 100)


def test_foreign_definitions_that_would_change_text_are_refused(pieces):
    whole = json.loads(pieces.description()["definition"])
    special = {"id": 0, "content": "x", "single_word": False, "lstrip": False, "rstrip": False}
    for name, value in [
        ("normalizer", {"type": "Lowercase"}),
        ("added_tokens", [special | {"normalized": False, "special": True}]),
        ("pre_tokenizer", whole["pre_tokenizer"] | {"add_prefix_space": True}),
    ]:
        with pytest.raises(ValueError, match="of a BPE tokenizer must be"):
            BpeTokenizer(json.dumps(whole | {name: value}))
    missing = json.loads(json.dumps(whole))
    del missing["model"]["vocab"]["!"]
    missing["model"]["vocab"]["!!"] = 0
    with pytest.raises(ValueError, match=r"must be with all 256 bytes, got 'none for \[33\]'"):
        BpeTokenizer(json.dumps(missing))


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ValueError, match=r"needs the package tokenizers: pip install 'snn\[bpe\]'"):
        BpeTokenizer.learn([b"a"], 256)
