"""Text as numbers: what a token is, and files of text that are read where they lie."""

from __future__ import annotations

from snn.core.files.text.byte_pairs import BpeTokenizer
from snn.core.files.text.described import TOKENIZERS, check_vocabulary, tokenizer_from
from snn.core.files.text.mapped import MappedText
from snn.core.files.text.tokenizers import ByteTokenizer, CharacterTokenizer, Tokenizer, character_start

__all__ = [
    "TOKENIZERS",
    "BpeTokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "MappedText",
    "Tokenizer",
    "character_start",
    "check_vocabulary",
    "tokenizer_from",
]
