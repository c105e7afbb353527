"""Make a tokenizer of its description, as a model file holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from snn.core.checks import choice, refusal
from snn.core.files.json_file import fields_of
from snn.core.files.text.byte_pairs import BpeTokenizer
from snn.core.files.text.tokenizers import ByteTokenizer, CharacterTokenizer, Tokenizer

__all__ = ["TOKENIZERS", "TokenizerKind", "check_vocabulary", "tokenizer_from"]

TokenizerKind = Literal["bytes", "characters", "bpe"]
TOKENIZERS: tuple[str, ...] = get_args(TokenizerKind)
"""Kinds of tokenizers."""

_MAKERS: dict[str, tuple[tuple[str, ...], Callable[..., Tokenizer]]] = {
    "bytes": ((), ByteTokenizer),
    "characters": (("characters",), CharacterTokenizer),
    "bpe": (("definition",), BpeTokenizer),
}


def tokenizer_from(description: Any) -> Tokenizer:
    """Make the tokenizer that `Tokenizer.description` described.

    Raises:
        ValueError: It is no such description.
    """
    if not isinstance(description, dict):
        raise refusal("tokenizer", "the description of one", description)
    kind = choice("kind of the tokenizer", description.get("kind"), TOKENIZERS)
    names, make = _MAKERS[kind]
    held = fields_of("tokenizer", description, ("kind", *names))
    return make(*(held[name] for name in names))


def check_vocabulary(tokenizer: Tokenizer, vocab: int) -> None:
    """Refuse a tokenizer whose tokens are not those of a model.

    Raises:
        ValueError: There are more or fewer.
    """
    if tokenizer.vocab != vocab:
        rule = f"one of {vocab} tokens, the model's vocabulary"
        raise refusal("tokenizer", rule, f"{tokenizer.kind}, {tokenizer.vocab} tokens")
