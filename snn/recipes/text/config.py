"""What a run on a text is set up with: settings, data, model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import snn
import snn.language  # registers the loss
from snn.core.checks import choice, instance, keep, number, refusal, whole
from snn.core.files.text import Tokenizer
from snn.core.files.text.described import TokenizerKind
from snn.datasets import TextSet
from snn.recipes.fields import path_text
from snn.train.config import TrainConfig

__all__ = ["DATA_FIELDS", "LOSS", "TextConfig", "build_model", "load_data"]

Variant = Literal["spike_after", "spike_before", "none"]

LOSS = "next_token"
"""Cross-entropy of the next token, and a penalty on large logits in its gradient; see `next_token_loss`."""


def _train() -> TrainConfig:
    """Give the defaults of training: Adam and clipping as in SpikeGPT's code, a rate for small models."""
    return TrainConfig(
        epochs=10,
        batch_size=16,
        min_batch=1,
        loss=LOSS,
        select="loss",
        betas=(0.9, 0.99),
        eps=4e-9,
        weight_decay=0.0,
        clip_norm=1.0,
        schedule="cosine",
        schedule_by="step",
        warmup_steps=50,
        lr=3e-3,
    )


@dataclass(frozen=True, slots=True)
class TextConfig:
    """Set up a run on a text.

    How long it trains: `train.epochs` passes; or `budget_tokens` in all, in `train.epochs` equal parts; or
    `minutes`. All batches are whole, so that a pass or a part may end a little before, and `train.min_batch` has no
    say.

    Attributes:
        data: A file, or a folder or zip with one text or with its parts (see `snn.datasets.text`).
        tokenizer: What a token is: "bytes", "characters" or "bpe" (pieces learned from the training part).
        vocabulary: Tokens of "bpe" at most, >= 256.
        variant: Where the neurons of a block are: "spike_after" its weights (the paper), "spike_before" them, or
            "none" at all.
        layers: Blocks, >= 1.
        width: Channels of the stream, >= 1.
        dropout: Share of the stream that is dropped in training behind every block, in [0, 1).
        context: Tokens of a window, in training and in the test, >= 1.
        budget_tokens: Tokens to train on; None: whole passes.
        minutes: For trials: train for so long by the clock, > 0, at a constant learning rate, and stop after the
            batch in hand; such a run cannot be resumed. None: not by the clock.
        sample: Tokens of the sample of text that is logged after each epoch, >= 0.
        train: How to train.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    data: str | None = None
    tokenizer: TokenizerKind = "bytes"
    vocabulary: int = 4096
    variant: Variant = "spike_after"
    layers: int = 6
    width: int = 192
    dropout: float = 0.0
    context: int = 256
    budget_tokens: int | None = None
    minutes: float | None = None
    sample: int = 200
    train: TrainConfig = field(default_factory=_train)

    def __post_init__(self) -> None:
        keep(self, path_text, "data", optional=True)
        keep(self, choice, "tokenizer", allowed=TokenizerKind)
        keep(self, whole, "vocabulary", low=256)
        keep(self, choice, "variant", allowed=Variant)
        keep(self, whole, "layers", "width", "context", low=1)
        keep(self, number, "dropout", low=0, below=1)
        keep(self, whole, "sample", low=0)
        keep(self, instance, "train", kind=TrainConfig)
        keep(self, whole, "budget_tokens", low=1, optional=True)
        keep(self, number, "minutes", above=0, optional=True)
        if self.train.select == "accuracy" or self.train.method != "bptt":
            rule = "method 'bptt' and select 'loss' or a registered score, for a text"
            raise refusal("train", rule, f"{self.train.method!r} and {self.train.select!r}")
        if self.minutes is not None:
            if self.budget_tokens is not None:
                raise refusal("minutes", "None with budget_tokens", self.minutes)
            object.__setattr__(self, "train", replace(self.train, epochs=1, schedule="constant"))
        elif self.budget_tokens is not None:
            batch = self.train.batch_size * self.context
            if self.budget_tokens < batch * self.train.epochs:
                rule = (
                    f">= {batch * self.train.epochs}: {self.train.epochs} epochs of a batch of {batch} tokens"
                )
                raise refusal("budget_tokens", rule, self.budget_tokens)

    def windows(self, training_tokens: int) -> int:
        """Give the windows of an epoch, whole batches of them, for a training part of so many tokens."""
        batch = self.train.batch_size * self.context
        epoch = training_tokens if self.budget_tokens is None else self.budget_tokens // self.train.epochs
        return max(1, epoch // batch) * self.train.batch_size


DATA_FIELDS = ("data", "tokenizer", "vocabulary", "context")
"""Fields of `TextConfig` that decide what a model is given; saved with it."""


def load_data(config: TextConfig, tokenizer: Tokenizer | None = None) -> tuple[TextSet, TextSet, TextSet]:
    """Read the training, validation and test text.

    Args:
        config: The settings.
        tokenizer: What a token is, if that is known; None: what the settings say.

    Raises:
        FileNotFoundError: `data` is None, or nothing is there.
        ValueError: The text is damaged or too short, or the tokenizer of another kind.
    """
    if config.data is None:
        raise FileNotFoundError(
            "data must be the path of a text, got None: no text comes with snn (--data FILE)"
        )
    if tokenizer is not None and tokenizer.kind != config.tokenizer:
        rule = f"{tokenizer.kind!r}, the one of the model that the run begins with"
        raise refusal("tokenizer", rule, config.tokenizer)
    given: Any = config.tokenizer if tokenizer is None else tokenizer
    sizes = {"vocabulary": config.vocabulary, "context": config.context}
    train, valid, test = snn.datasets.text(config.data, given, **sizes)
    return train.with_windows(config.windows(len(train.tokens))), valid, test


def build_model(config: TextConfig, vocab: int) -> snn.language.SpikeGPT:
    """Build the untrained model."""
    import torch

    torch.manual_seed(config.train.seed)
    sizes = vocab, config.layers, config.width, config.variant
    return snn.language.SpikeGPT(*sizes, dropout=config.dropout)
