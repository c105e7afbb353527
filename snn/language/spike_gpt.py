"""SpikeGPT: a language model of spiking blocks, which trains on all tokens at once and goes on token by token."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from snn.core.checks import choice, refusal, shown, whole
from snn.hardware import register_counter
from snn.language.block import Block, BlockState
from snn.language.counters import count_spike_gpt
from snn.language.embedding import Embedding, EmbeddingKind
from snn.language.initial import Initial, fill_matrices_, wake_
from snn.language.mixing import Variant
from snn.language.projection import Projection
from snn.language.state_checks import check_finite
from snn.nn import Layer, register_layer

__all__ = ["SIZES", "SpikeGPT"]

SIZES: dict[str, dict[str, int]] = {
    "46M": {"vocab": 5015, "layers": 12, "width": 512},
    "216M": {"vocab": 50277, "layers": 18, "width": 768},
}
"""The published models: on enwik8 by characters of Unicode, and on OpenWebText by the pairs of GPT-NeoX."""


@register_layer
class SpikeGPT(Layer):
    """Give for every token the logits of the one that follows; one token is one step of the neurons.

    Tokens become rows of numbers or bits (`Embedding`), which are normalised and pass the blocks (`Block`); the
    head reads the normalised stream. It has L (13 d^2 + 11 d) + 4 d + 2 V d parameters.
    Source: Zhu et al., "SpikeGPT: Generative Pre-trained Language Model with Spiking Neural Networks", 2023.
    """

    def __init__(
        self,
        vocab: int,
        layers: int,
        width: int,
        variant: Variant = "spike_after",
        *,
        embedding: EmbeddingKind | None = None,
        initial: Initial = "rwkv4",
        dropout: float = 0.03,
    ) -> None:
        """Make fresh weights.

        Args:
            vocab: Tokens V, >= 1.
            layers: Blocks L, >= 1.
            width: Channels d of the stream, >= 1.
            variant: "spike_after": neurons behind the weights of a block, as in the paper; no weight sees spikes.
                "spike_before": neurons ahead of all weights of a block but the output of time mixing, which begin
                larger so that the neurons fire. "none": RWKV-4, the same model without neurons.
            embedding: "binary" or "real"; None: "real" for the variant "none", else "binary".
            initial: First matrices: "rwkv4" as meant, "rwkv4_as_run" by SpikeGPT's code, or "torch"'s own, with
                which its default script begins; see `snn.language.initial.fill_matrices_`.
            dropout: Share of the stream's numbers that are dropped in training behind every block, in [0, 1).

        Raises:
            ValueError: A value is out of its range; the message names it.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        if embedding is None:
            embedding = "real" if variant == "none" else "binary"
        self.layers = whole("layers", layers, low=1)
        self.initial: Initial = choice("initial", initial, Initial)
        self.embedding = Embedding(vocab, width, embedding)
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, variant, layer=i, layers=layers, dropout=dropout) for i in range(self.layers)
        )
        self.norm_out = nn.LayerNorm(width)
        self.head = Projection(width, vocab)
        fill_matrices_(self, self.initial)
        if variant == "spike_before":
            wake_(self)

    @property
    def vocab(self) -> int:
        """Number of tokens V."""
        return self.embedding.vocab

    @property
    def width(self) -> int:
        """Channels d of the stream."""
        return self.embedding.width

    @property
    def names(self) -> dict[Layer, str]:
        """Names of its layers in ledgers: their places in the model."""
        held = ((name, layer) for name, layer in self.named_modules() if isinstance(layer, Layer))
        return {layer: name for name, layer in held if name}

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        block: Any = self.blocks[0]
        return {
            "vocab": self.vocab,
            "layers": self.layers,
            "width": self.width,
            "variant": block.time_mixing.variant,
            "embedding": self.embedding.kind,
            "initial": self.initial,
            "dropout": block.dropout,
        }

    def forward(
        self, x: Tensor, state: tuple[BlockState, ...] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[BlockState, ...]]:
        """Map tokens int64 [T, B] to logits [T, B, V] of the tokens that follow.

        Args:
            x: Tokens, each in 0..V - 1.
            state: What an earlier call gave; None begins at rest.
            lengths: Valid tokens of each sample [B]; None: all.

        Raises:
            TypeError: Tokens are no tensor, or `state` is none of this model.
            ValueError: A token is outside the vocabulary; the state is of another batch or model, or not finite;
                or gradients are to stay inside a token (method "sltt").
        """
        y, after = self.features(x, state, lengths)
        return self.head(y)[0], after

    def features(
        self, x: Tensor, state: tuple[BlockState, ...] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[BlockState, ...]]:
        """Map tokens int64 [T, B] to what the head reads [T, B, d]; the rest is as in `forward`."""
        states: tuple[BlockState | None, ...] = (None,) * self.layers
        if state is not None:
            if not isinstance(state, tuple):
                raise TypeError(f"state of SpikeGPT must be a tuple of BlockState, got {shown(state)}")
            if len(state) != self.layers:
                raise refusal("state of SpikeGPT", f"a tuple of {self.layers} BlockState", len(state))
            check_finite("SpikeGPT", state)
            states = state
        y, after = self.norm_in(self.embedding(x)[0]), []
        for block, before in zip(self.blocks, states, strict=True):
            y, new = block(y, before, lengths)
            after.append(new)
        return self.norm_out(y), tuple(after)


register_counter(SpikeGPT, count_spike_gpt)
