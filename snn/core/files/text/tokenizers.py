"""What a token is: the bytes of a text, its characters, or (`byte_pairs`) pieces that were learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.core.arrays import ByteArray, Int64Array
from snn.core.checks import refusal, wholes

__all__ = ["ByteTokenizer", "CharacterTokenizer", "Tokenizer", "character_start", "decoded"]

Text: TypeAlias = bytes | memoryview | ByteArray
"""Bytes of a text."""


class Tokenizer(ABC):
    """Turn the bytes of a text into tokens, whole numbers in 0..vocab - 1, and back into the same bytes.

    Attributes:
        kind: Name: "bytes", "characters" or "bpe".
        sizes: Bytes that each token stands for, int64 [vocab]; what bits per byte are counted with.
    """

    kind: str
    sizes: Int64Array

    @property
    def vocab(self) -> int:
        """How many tokens there are."""
        return len(self.sizes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type of whole numbers that holds its tokens."""
        return np.min_scalar_type(self.vocab - 1)

    @abstractmethod
    def encode(self, text: Text) -> NDArray[Any]:
        """Give the tokens of a text, [n] of `dtype`.

        Raises:
            ValueError: It holds what the tokenizer does not know; the message says where.
        """

    @abstractmethod
    def decode(self, tokens: ArrayLike) -> bytes:
        """Give the bytes that tokens [n] stand for; a character may be in pieces at either end.

        Raises:
            ValueError: One is no token.
        """

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Say what it is in JSON values, of which `tokenizer_from` makes it again."""

    @staticmethod
    def block_end(text: ByteArray, at: int) -> int:
        """Give the first place from `at` on where a text can be cut and the tokens of both parts are its own."""
        return character_start(text, at)

    def _checked(self, tokens: ArrayLike) -> Int64Array:
        found = wholes("tokens", tokens, low=0, high=self.vocab - 1)
        if found.ndim != 1:
            raise refusal("tokens", "a list of whole numbers [n]", found)
        return found


class ByteTokenizer(Tokenizer):
    """Take every byte as a token, 256 in all; any file is such a text."""

    kind = "bytes"

    def __init__(self) -> None:
        self.sizes = np.ones(256, dtype=np.int64)

    def encode(self, text: Text) -> NDArray[Any]:
        """Give the bytes themselves, [n], without a copy."""
        return np.frombuffer(text, dtype=np.uint8)

    def decode(self, tokens: ArrayLike) -> bytes:
        """Give tokens [n] as bytes; see `Tokenizer.decode`."""
        return self._checked(tokens).astype(np.uint8).tobytes()

    def description(self) -> dict[str, Any]:
        """Say what it is; see `Tokenizer.description`."""
        return {"kind": self.kind}

    @staticmethod
    def block_end(text: ByteArray, at: int) -> int:
        """Give `at`: bytes can be cut everywhere."""
        return min(at, len(text))


class CharacterTokenizer(Tokenizer):
    """Take every character (Unicode code point) of a text in UTF-8 as a token, numbered in the order of Unicode."""

    kind = "characters"

    def __init__(self, characters: str) -> None:
        """Know these characters.

        Raises:
            ValueError: They are none, or no text that UTF-8 can hold.
        """
        if not isinstance(characters, str) or not characters:
            raise refusal("characters", "a text of at least one character", characters)
        self.characters = "".join(sorted(set(characters)))
        try:
            self._codes = _code_points(self.characters)
        except UnicodeEncodeError:
            raise ValueError("characters must be whole characters, got half a one") from None
        self.sizes = np.array([len(one.encode()) for one in self.characters], dtype=np.int64)

    def encode(self, text: Text) -> NDArray[Any]:
        """Give the tokens of a text in UTF-8, [n]; see `Tokenizer.encode`."""
        found = decoded(text, self.kind)
        codes = _code_points(found)
        tokens = np.searchsorted(self._codes, codes).clip(max=self.vocab - 1)
        unknown = self._codes[tokens] != codes
        if unknown.any():
            at = int(unknown.argmax())
            rule = f"of the {self.vocab} characters that the tokenizer knows"
            raise refusal(f"text[{at}]", rule, found[at])
        return tokens.astype(self.dtype)

    def decode(self, tokens: ArrayLike) -> bytes:
        """Give the characters of tokens [n] in UTF-8; see `Tokenizer.decode`."""
        return self._codes[self._checked(tokens)].tobytes().decode("utf-32-le").encode()

    def description(self) -> dict[str, Any]:
        """Say what it is; see `Tokenizer.description`."""
        return {"kind": self.kind, "characters": self.characters}


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def decoded(text: Text, kind: str) -> str:
    """Give bytes as text; `kind` is what the message calls the tokenizer.

    Raises:
        ValueError: They are no UTF-8; the message says where.
    """
    try:
        return str(text, "utf-8") if isinstance(text, bytes | memoryview) else text.tobytes().decode()
    except UnicodeDecodeError as error:
        rule = f"UTF-8 for a tokenizer of {kind} (one of bytes takes any)"
        raise refusal(f"text[{error.start}]", rule, bytes(error.object[error.start : error.end])) from None


def character_start(text: ByteArray, at: int) -> int:
    """Give the first place from `at` on where a character of UTF-8 starts: at most 3 bytes later."""
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1
    return min(at, len(text))
