"""Bits per byte against a plain sum over tokens."""

from __future__ import annotations

import math
import os
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from snn.core.files.text import CharacterTokenizer
from snn.language import SpikeGPT, TextScore, bits_per_byte, score_tokens
from snn.nn import Layer


class CountSoFar(Layer):
    """Predict by how often each token came since rest, plus one: closed form, and it looks at everything before."""

    def __init__(self, vocab):
        super().__init__()
        self.vocab, self.modes = vocab, []

    def forward(self, x, state=None, lengths=None):
        self.modes.append(self.training)
        before = torch.zeros(x.shape[1], self.vocab, dtype=torch.float64) if state is None else state
        counts = before + one_hot(x, self.vocab).double().cumsum(0)
        return (counts + 1).log(), counts[-1]


def plain_bits(tokens, vocab, context=None):
    """The same by a loop, token by token."""
    counts, bits = np.ones(vocab), 0.0
    for i, (token, after) in enumerate(pairwise(tokens)):
        if context is not None and i % context == 0:
            counts = np.ones(vocab)
        counts[token] += 1
        bits -= math.log2(counts[after] / counts.sum())
    return bits


@pytest.mark.parametrize("context", [None, 1, 7, 64, 599, 600, 10_000])
def test_bits_are_those_of_a_plain_loop(context):
    tokens = np.random.default_rng(0).choice(5, 600, p=[0.5, 0.2, 0.1, 0.1, 0.1]).astype(np.uint8)
    model = CountSoFar(5).train()
    sizes = np.array([1, 2, 3, 4, 1])
    found = score_tokens(model, tokens, sizes, context)
    assert isinstance(found, TextScore)
    assert found.bits == pytest.approx(plain_bits(tokens, 5, context), rel=1e-12)
    assert (found.tokens, found.bytes) == (599, sizes[tokens[1:]].sum())
    assert found.bits_per_byte == found.bits / found.bytes
    assert found.perplexity == pytest.approx(2 ** (found.bits / 599))
    assert model.training and not any(model.modes)


def test_pieces_of_a_long_text_are_one(monkeypatch):
    tokens = np.random.default_rng(1).integers(0, 9, 700).astype(np.uint8)
    monkeypatch.setattr("snn.language.bits.LOGITS", 9 * 10)  # ten steps at a time
    for context in (None, 33):
        found = score_tokens(CountSoFar(9), tokens, np.ones(9), context)
        assert found.bits == pytest.approx(plain_bits(tokens, 9, context), rel=1e-12)


@pytest.mark.parametrize("context", [None, 13])
def test_a_file_by_its_bytes(tmp_path, context):
    path = tmp_path / "text"
    path.write_bytes(os.urandom(300))
    tokens = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    found = bits_per_byte(CountSoFar(256), path, context)
    assert found == pytest.approx(plain_bits(tokens, 256, context) / 299, rel=1e-12)


def test_a_fresh_model_knows_nothing(tmp_path):
    """Nothing that it has seen tells bytes apart: 8 bits each, whichever they are."""
    path = tmp_path / "text"
    path.write_bytes(b"What is not learned is not known." * 9)
    torch.manual_seed(0)
    model = SpikeGPT(256, 2, 16)
    model.head.weight.data.zero_()
    assert bits_per_byte(model, path) == pytest.approx(8.0, abs=1e-6)
    assert bits_per_byte(model, path, 10) == pytest.approx(8.0, abs=1e-6)


def test_bits_are_per_byte_whatever_the_tokens_are(tmp_path):
    path = tmp_path / "text"
    path.write_text("ä" * 50 + "b" * 50, encoding="utf-8")
    tokenizer = CharacterTokenizer("äb")
    model = CountSoFar(2)
    bits = plain_bits(np.array([1] * 50 + [0] * 50), 2)
    assert bits_per_byte(model, path, tokenizer=tokenizer) == pytest.approx(bits / (49 * 2 + 50), rel=1e-12)


def test_what_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"abc")
    with pytest.raises(
        ValueError, match="tokenizer must be one of 300 tokens, the model's vocabulary, got 'bytes"
    ):
        bits_per_byte(CountSoFar(300), path)
    with pytest.raises(ValueError, match="context must be a whole number >= 1, got 0"):
        bits_per_byte(CountSoFar(256), path, 0)
    with pytest.raises(FileNotFoundError, match="no file at"):
        bits_per_byte(CountSoFar(256), tmp_path / "none")
    with pytest.raises(ValueError, match=r"model must be a snn.nn.Layer, got"):
        bits_per_byte(len, path)
    path.write_bytes(b"a")
    with pytest.raises(ValueError, match="text of .* must be of at least two tokens, got '1'"):
        bits_per_byte(CountSoFar(256), path)
    with pytest.raises(ValueError, match="tokens must be at least two, got 1"):
        score_tokens(CountSoFar(256), np.zeros(1, dtype=np.uint8), np.ones(256))
