"""Any text as training, validation and test windows of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import ByteArray, PathLike
from snn.core.checks import choice, whole
from snn.core.files.text import BpeTokenizer, ByteTokenizer, CharacterTokenizer, Tokenizer, character_start
from snn.core.files.text.described import TOKENIZERS, TokenizerKind
from snn.core.files.text.tokenizers import decoded
from snn.core.memory import check as check_memory
from snn.datasets.errors import DataError
from snn.datasets.formats.text_file import PARTS, TextSource, find_texts, open_text
from snn.datasets.text_set import TextSet

__all__ = ["text"]

BLOCK = 1 << 24
"""Bytes of a text that are encoded at a time."""


def text(
    path: PathLike,
    tokenizer: TokenizerKind | Tokenizer = "bytes",
    *,
    vocabulary: int = 4096,
    context: int = 256,
    windows: int | None = None,
) -> tuple[TextSet, TextSet, TextSet]:
    """Read a text as windows of tokens: training, validation and test part.

    One file is cut at bytes n * 90 // 100 and n * 95 // 100 (enwik8: 90, 5 and 5 MB); for characters and "bpe" each
    cut moves to the next start of a character, at most 3 bytes on. Parts in files of their own, as WikiText has
    them, stay as they are.

    Args:
        path: A file, or a folder or zip with one file or with one for each part; see `find_texts`. A plain file is
            mapped into memory and has to stay as it is; a packed one is unpacked.
        tokenizer: What a token is: "bytes" (any file); "characters" of UTF-8, all that the text holds in any part;
            "bpe", pieces learned from the training part, which takes the package `tokenizers`; or a tokenizer,
            that of a model, say.
        vocabulary: Tokens of "bpe" at most, >= 256.
        context: Tokens of a window, >= 1.
        windows: Windows drawn for an epoch of the training part; None: as many as it has in order.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: It is empty, damaged, or holds what the tokenizer does not know.
        ValueError: A part is not longer than a window, or an argument is out of its range.
        MemoryError: Its tokens would not fit.
    """
    context = whole("context", context, low=1)
    found = {part: open_text(source) for part, source in find_texts(path).items()}
    exact = tokenizer == "bytes" or isinstance(tokenizer, ByteTokenizer)
    name, parts = _parts(found, exact)
    made = _made(tokenizer, parts, vocabulary)
    sets = []
    for part, text_of in zip(PARTS, parts, strict=True):
        mapped = text_of.mapped if made.kind == "bytes" else None
        tokens = _encoded(made, text_of)
        with _named(text_of):
            sets.append(TextSet(f"{name} ({part})", tokens, made, context, None, mapped))
    train = sets[0] if windows is None else sets[0].with_windows(windows)
    return train, sets[1], sets[2]


def _parts(found: dict[str, TextSource], exact: bool) -> tuple[str, list[TextSource]]:
    """Give the name of a text and its three parts."""
    if "whole" not in found:
        return found["train"].name, [found[part] for part in PARTS]
    whole_text = found["whole"]
    data, n = whole_text.data, len(whole_text.data)
    cuts = [0, n * 90 // 100, n * 95 // 100, n]
    if not exact:
        cuts = [character_start(data, cut) for cut in cuts]
    return whole_text.name, [whole_text.part(a, b) for a, b in pairwise(cuts)]


def _made(tokenizer: Any, parts: list[TextSource], vocabulary: int) -> Tokenizer:
    """Give the tokenizer of that name, learned from the text where it has to be."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    kind = choice("tokenizer", tokenizer, TOKENIZERS)
    if kind == "bytes":
        return ByteTokenizer()
    if kind == "bpe":
        with _named(parts[0]):
            blocks = (block for _, block in _blocks(parts[0].data, BpeTokenizer.block_end))
            return BpeTokenizer.learn(blocks, whole("vocabulary", vocabulary, low=256))
    characters: set[str] = set()
    for part in parts:
        with _named(part):
            for _, block in _blocks(part.data, CharacterTokenizer.block_end):
                characters.update(decoded(block, kind))
    return CharacterTokenizer("".join(characters))


def _encoded(tokenizer: Tokenizer, part: TextSource) -> NDArray[Any]:
    """Give the tokens of a part: of bytes these themselves, where they lie."""
    if tokenizer.kind == "bytes":
        return part.data
    check_memory(2 * tokenizer.dtype.itemsize * len(part.data), f"the tokens of {part.where}")
    tokens = []
    for start, block in _blocks(part.data, tokenizer.block_end):
        with _named(part, f", from byte {part.start + start} on" if part.start + start else ""):
            tokens.append(tokenizer.encode(block))
    return np.concatenate(tokens)


def _blocks(data: ByteArray, block_end: Callable[[ByteArray, int], int]) -> Iterator[tuple[int, ByteArray]]:
    """Cut a text into blocks that are encoded by themselves; give each with its place."""
    start = 0
    while start < len(data):
        end = block_end(data, min(start + BLOCK, len(data)))
        yield start, data[start:end]
        start = end


@contextmanager
def _named(part: TextSource, place: str = "") -> Iterator[None]:
    """Name the file in what is said of its text, which is then an error of the data."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{part.where}{place}: {error}") from error
