"""Go on with a text: read a prompt at once, then draw token by token with the state carried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import keep, number, refusal, whole, wholes
from snn.language.spike_gpt import SpikeGPT
from snn.language.stepper import Stepper
from snn.nn import Layer

__all__ = ["Prompt", "Sampling", "generate", "read_prompt"]

PIECE = 1024
"""Tokens of a prompt that are read at a time."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Say how the next token is drawn from logits: by temperature, then of the likeliest `top_k`, then `top_p`.

    Attributes:
        temperature: What logits are divided by, > 0; below 1 the likely become likelier.
        top_k: Draw from so many likeliest tokens, >= 1; None: all.
        top_p: Draw from the likeliest tokens that have this probability together, in (0, 1]; 1 is all.
        seed: Decides what is drawn, >= 0; each text of a batch has random numbers of its own.

    Raises:
        ValueError: A value is out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        keep(self, number, "temperature", above=0)
        keep(self, whole, "top_k", low=1, optional=True)
        keep(self, number, "top_p", above=0, high=1)
        keep(self, whole, "seed", low=0)

    def draw(self, logits: Tensor, chances: Float64Array) -> Int64Array:
        """Draw a token for each row.

        Args:
            logits: [B, V].
            chances: A number of [0, 1) for each row, [B]: the token is where it falls among the probabilities.
        """
        scaled = logits.detach().double().cpu().numpy() / self.temperature
        order = np.argsort(-scaled, axis=1, kind="stable")
        if self.top_k is not None:
            order = order[:, : self.top_k]
        likeliest = np.take_along_axis(scaled, order, axis=1)
        weights = np.exp(likeliest - likeliest[:, :1])
        sums = weights.cumsum(axis=1)
        # the last token that is needed to reach top_p is still among them
        kept = np.minimum((sums < self.top_p * sums[:, -1:]).sum(axis=1), sums.shape[1] - 1)
        totals = np.take_along_axis(sums, kept[:, None], axis=1)
        places = np.minimum((sums <= chances[:, None] * totals).sum(axis=1), kept)
        return np.take_along_axis(order, places[:, None], axis=1)[:, 0]


class Prompt(NamedTuple):
    """Hold what a model knows after a prompt: values, of which any number of texts can go on.

    Attributes:
        state: State of the model, for a batch of one.
        logits: Of the next token, [1, V].
    """

    state: Any
    logits: Tensor


@torch.no_grad()
def read_prompt(model: Layer, tokens: ArrayLike, after: Prompt | None = None) -> Prompt:
    """Run a model over a prompt, all its tokens at once (1024 at a time).

    Args:
        model: Maps tokens [T, B] to logits [T, B, V]; in evaluation mode.
        tokens: The prompt, [n], n >= 1.
        after: What came before it; None: it begins at rest.

    Raises:
        ValueError: There is no token, or one that is no whole number >= 0.
    """
    found = wholes("tokens", tokens, low=0)
    if found.ndim != 1 or not len(found):
        raise refusal("tokens", "a list of at least one token", found)
    state, device = None if after is None else after.state, _device(model)
    logits = torch.zeros(0)
    for start in range(0, len(found), PIECE):
        piece = torch.from_numpy(found[start : start + PIECE, None]).to(device)
        logits, state = model(piece, state)
    return Prompt(state, logits[-1])


@torch.no_grad()
def generate(
    model: Layer, prompt: Prompt, tokens: int, sampling: Sampling | None = None, *, batch: int = 1
) -> Iterator[Int64Array]:
    """Draw tokens one after another, each from what the model says after those before.

    A text of a batch depends on the seed and its place in the batch alone, not on how many others there are.

    Args:
        model: Maps tokens [T, B] to logits [T, B, V]; in evaluation mode.
        prompt: Where to go on.
        tokens: How many to draw, >= 0.
        sampling: How they are drawn; None: `Sampling()`.
        batch: Texts that go on from the prompt side by side, >= 1.

    Yields:
        The next token of each text, int64 [batch].

    Raises:
        ValueError: A count is out of its range, or the logits are not finite.
    """
    tokens, batch = whole("tokens", tokens, low=0), whole("batch", batch, low=1)
    sampling = sampling or Sampling()
    streams = [np.random.default_rng((sampling.seed, row)) for row in range(batch)]
    state, logits, device = _spread(prompt.state, batch), _spread(prompt.logits, batch), _device(model)
    step = _stepping(model)
    for drawn in range(tokens):
        if not bool(logits.isfinite().all()):
            raise refusal("logits", "finite to draw a token", f"NaN or infinity after {drawn} tokens")
        token = sampling.draw(logits, np.array([stream.random() for stream in streams]))
        yield token
        if drawn + 1 < tokens:
            y, state = step(torch.from_numpy(token[None]).to(device), state)
            logits = y[0]


def _stepping(model: Layer) -> Layer | Stepper:
    """Give what runs a model a token at a time: its compiled form where there is one, else the model itself."""
    if isinstance(model, SpikeGPT):
        with suppress(ValueError):  # on another device, of another type, or with neurons of a user's
            return Stepper(model)
    return model


def _device(model: Layer) -> torch.device:
    return next(model.parameters(), torch.zeros(0)).device


def _spread(tree: Any, batch: int) -> Any:
    """Give the state of one text to a batch of them; batches are the first axis of every tensor."""
    if isinstance(tree, Tensor):
        return tree.expand(batch, *tree.shape[1:]).clone()
    parts = [_spread(part, batch) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
