"""Pieces of words that were learned from a text: byte-pair encoding, by the library `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core.arrays import ByteArray
from snn.core.checks import refusal, whole
from snn.core.files.json_file import parse_json
from snn.core.files.text.tokenizers import Text, Tokenizer, decoded

__all__ = ["BpeTokenizer"]

_MISSING = "tokenizer 'bpe' needs the package tokenizers: pip install 'snn[bpe]'"
_NEWLINE = 10


class BpeTokenizer(Tokenizer):
    """Take pieces of up to many bytes as tokens, learned from a text; all 256 bytes are among them.

    A text is encoded line by line, so that where it is cut in blocks changes nothing. There are no special tokens:
    text that looks like one is text.
    Source: Sennrich et al., 2016; on bytes, Radford et al., 2019.
    """

    kind = "bpe"

    def __init__(self, definition: str) -> None:
        """Take a definition in the library's JSON.

        Raises:
            ValueError: It is no byte-level BPE that knows every byte and gives back what it is given, or the
                library is not installed.
        """
        self._definition = _checked_definition(definition)
        self._model = _library().Tokenizer.from_str(definition)
        pieces = self._model.get_vocab()
        if sorted(pieces.values()) != list(range(len(pieces))):
            raise refusal("definition of a BPE tokenizer", "numbered from 0 without gaps", len(pieces))
        numbers = {character: byte for byte, character in enumerate(_BYTE_NAMES)}
        self._pieces = [b""] * len(pieces)
        for piece, token in pieces.items():
            if not set(piece) <= numbers.keys():
                raise refusal("token of a BPE tokenizer", "made of bytes", piece)
            self._pieces[token] = bytes(numbers[character] for character in piece)
        missing = set(_BYTE_NAMES) - pieces.keys()
        if missing:
            bytes_missing = sorted(numbers[character] for character in missing)
            raise refusal("definition of a BPE tokenizer", "with all 256 bytes", f"none for {bytes_missing}")
        self.sizes = np.array([len(piece) for piece in self._pieces], dtype=np.int64)

    @classmethod
    def learn(cls, texts: Iterable[Text], vocab: int) -> BpeTokenizer:
        """Learn the pieces of texts in UTF-8.

        Args:
            texts: Blocks of a text, cut by `block_end`.
            vocab: Tokens to know at most, >= 256: the bytes, and those that are joined of them.

        Raises:
            ValueError: `vocab` is below 256, a text is no UTF-8, or the library is not installed.
        """
        vocab = whole("vocabulary", vocab, low=256)
        library = _library()
        from tokenizers import models, pre_tokenizers, trainers

        model = library.Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        # without the whole alphabet, bytes that the text does not hold would vanish from every other one
        trainer = trainers.BpeTrainer(
            vocab_size=vocab,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
            special_tokens=[],
        )
        lines = (line for text in texts for line in decoded(text, cls.kind).split("\n"))
        model.train_from_iterator((line + "\n" for line in lines), trainer)
        return cls(model.to_str())

    def encode(self, text: Text) -> NDArray[Any]:
        """Give the tokens of a text in UTF-8, [n]; see `Tokenizer.encode`."""
        lines = decoded(text, self.kind).split("\n")
        whole_lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
        found = self._model.encode_batch(whole_lines, add_special_tokens=False)
        return np.array([token for line in found for token in line.ids], dtype=self.dtype)

    def decode(self, tokens: ArrayLike) -> bytes:
        """Give the bytes of tokens [n]; see `Tokenizer.decode`."""
        return b"".join(self._pieces[token] for token in self._checked(tokens))

    def description(self) -> dict[str, Any]:
        """Say what it is; see `Tokenizer.description`."""
        return {"kind": self.kind, "definition": self._definition}

    @staticmethod
    def block_end(text: ByteArray, at: int) -> int:
        """Give the first place from `at` on where a line starts."""
        while 0 < at < len(text) and text[at - 1] != _NEWLINE:
            ahead = np.flatnonzero(text[at : at + (1 << 20)] == _NEWLINE)
            at = at + int(ahead[0]) + 1 if len(ahead) else min(at + (1 << 20), len(text))
        return min(at, len(text))


def _byte_names() -> list[str]:
    """Give the character by which byte-level BPE writes each byte: itself if it can be seen, else one above 255."""
    seen = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


_BYTE_NAMES = _byte_names()


def _library() -> Any:
    """Import the library, which only this tokenizer needs.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import tokenizers
    except ImportError:
        raise ValueError(_MISSING) from None
    return tokenizers


def _checked_definition(definition: Any) -> str:
    """Refuse a definition whose text would not come back as it was.

    Raises:
        ValueError: It is no byte-level BPE, or changes text before or after.
    """
    if not isinstance(definition, str):
        raise refusal("definition of a BPE tokenizer", "JSON as text", definition)
    parts = parse_json(definition, "definition of a BPE tokenizer")
    held = parts if isinstance(parts, dict) else {}
    kinds = [(held.get(name) or {}).get("type") for name in ("model", "pre_tokenizer")]
    prefix = (held.get("pre_tokenizer") or {}).get("add_prefix_space")
    if kinds != ["BPE", "ByteLevel"] or prefix is not False:
        raise refusal("definition of a BPE tokenizer", "byte-level BPE without a space put ahead", kinds)
    for name in ("normalizer", "added_tokens", "post_processor", "truncation", "padding"):
        if held.get(name):
            raise refusal(f"{name} of a BPE tokenizer", "none: text must come back as it was", held[name])
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
