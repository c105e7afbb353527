"""What a transformer of the same size would compute: the baseline of a language model's energy."""

from __future__ import annotations

from typing import Any

from snn.core.checks import whole
from snn.hardware import LayerCounts, Ledger
from snn.language.counters import norm_operations

__all__ = ["transformer_ledger"]

_NOTES = (
    "Transformer: a normalisation ahead of every part; heads of 64 channels; a hidden layer of 4.5 widths behind a "
    "rectifier, so that a block has the 13 d^2 weights of a SpikeGPT block; all its outputs are multiplied.",
    "Attention of a token to itself and those before it, keys and values kept: products with the queries, softmax "
    "less its maximum, products with the values. Reading what is kept is not counted, which favours it.",
)


def transformer_ledger(vocab: int, layers: int, width: int, context: int) -> Ledger:
    """Count one window of a transformer with as many weights as a SpikeGPT of these sizes; no network is run.

    Args:
        vocab: Tokens V, >= 1.
        layers: Blocks L, >= 1.
        width: Channels d, a multiple of 2.
        context: Tokens of the window T, >= 1; a token's cost rises with its place in it.

    Returns:
        A ledger of one sample of T steps.

    Raises:
        ValueError: A size is none, or the width is odd.
    """
    vocab, layers = whole("vocab", vocab, low=1), whole("layers", layers, low=1)
    half, context = whole("width / 2", width / 2, low=1), whole("context", context, low=1)
    width, hidden = 2 * half, 9 * half
    made = _Rows(context)
    made.look_up("embedding", vocab, width)
    for i in range(layers):
        name = f"blocks.{i}."
        made.elements(name + "norm_attention", width, norm_operations(width))
        for part in ("query", "key", "value"):
            made.weights(name + part, width, width)
        made.attention(name + "attention", width)
        made.weights(name + "output", width, width)
        made.elements(name + "norm_hidden", width, norm_operations(width))
        made.weights(name + "up", width, hidden)
        made.elements(name + "rectifier", hidden, {"element_adds": hidden})
        made.weights(name + "down", hidden, width)
        made.elements(name + "stream", width, {"element_adds": 2 * width})
    made.elements("norm_out", width, norm_operations(width))
    made.weights("head", width, vocab)
    return Ledger(tuple(made.rows), _NOTES)


class _Rows:
    """Write the rows of one window."""

    def __init__(self, context: int) -> None:
        self.context = context
        self.rows: list[LayerCounts] = []

    def add(self, name: str, **fields: Any) -> None:
        self.rows.append(LayerCounts(name=name, post=name, samples=1, steps=self.context, **fields))

    def weights(self, name: str, n_pre: int, n_post: int) -> None:
        """Add a product of real numbers with a matrix: one multiply-accumulate per weight and token."""
        size = n_pre * n_post
        counts: dict[str, Any] = {"n_pre": n_pre, "n_post": n_post, "synapses": size, "dense_synapses": size}
        counts |= dict.fromkeys(("synaptic_events", "active_inputs", "macs"), size * self.context)
        counts |= {"input_spikes": n_pre * self.context, "values": "real"}
        self.add(name, pre=f"{name}.inputs", **counts)

    def look_up(self, name: str, vocab: int, width: int) -> None:
        """Add a table of rows, and the sum with a table of places."""
        stored, read = vocab * width, width * self.context
        counts: dict[str, Any] = {"n_pre": 1, "n_post": width, "synapses": width, "dense_synapses": width}
        counts |= {"input_spikes": self.context, "synaptic_events": read, "active_inputs": read}
        self.add(name, pre="in", stored_weights=stored, dense_weights=stored, **counts)
        self.elements(f"{name}.place", width, {"element_adds": width})

    def elements(self, name: str, size: int, each: dict[str, int]) -> None:
        """Add what is computed element by element, the same for every token."""
        counts: dict[str, Any] = {field: often * self.context for field, often in each.items()}
        self.add(name, n_post=size, **counts)

    def attention(self, name: str, width: int) -> None:
        """Add the attention of every token to all up to itself: no weights, two products of numbers per channel."""
        tokens, heads = self.context, max(1, width // 64)
        pairs = tokens * (tokens + 1) // 2
        self.add(
            name,
            n_post=width,
            element_multiplies=2 * width * pairs
            + 2 * width * tokens,  # and the scale, and over the softmax's sum
            element_adds=2 * width * pairs
            + 3 * heads * pairs,  # and the maximum, the distance from it, the sum
            exponentials=heads * pairs,
            divisions=heads * tokens,
        )
