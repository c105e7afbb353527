"""A block: time mixing and channel mixing, each beside the stream that it adds to."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from snn.core.checks import number
from snn.hardware import register_counter
from snn.kernels import draw_key, hashed_dropout
from snn.language.channel_mixing import ChannelMixing, ChannelMixingState
from snn.language.counters import count_block
from snn.language.mixing import Variant
from snn.language.time_mixing import TimeMixing, TimeMixingState
from snn.nn import Layer, register_layer
from snn.nn.tensor_checks import check_input, check_state

__all__ = ["Block", "BlockState"]


class BlockState(NamedTuple):
    """Carry a block on.

    Attributes:
        time_mixing: State of the time mixing.
        channel_mixing: State of the channel mixing.
    """

    time_mixing: TimeMixingState
    channel_mixing: ChannelMixingState


@register_layer
class Block(Layer):
    """Add to the stream x what time mixing makes of it, then what channel mixing makes of the sum.

    x <- x + time_mixing(LayerNorm(x)); x <- x + channel_mixing(LayerNorm(x)); in training, dropout of the whole
    stream, token by token. Where neurons are, and what they do, say `TimeMixing` and `ChannelMixing`.
    Source: Zhu et al., "SpikeGPT", 2023, whose code drops the stream too.
    """

    def __init__(
        self,
        width: int,
        variant: Variant = "spike_after",
        *,
        layer: int = 0,
        layers: int = 1,
        dropout: float = 0.03,
    ) -> None:
        """Make fresh weights.

        Args:
            width: Channels d, >= 1.
            variant: Where neurons are: "spike_after" the weights, "spike_before" them, or "none" at all.
            layer: Place among the layers of a model, in 0..layers - 1.
            layers: Layers of the model, >= 1.
            dropout: Share of the stream's numbers that are dropped in training, in [0, 1).

        Raises:
            ValueError: A value is out of its range; the message names it.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.dropout = number("dropout", dropout, low=0.0, below=1.0)
        self.time_mixing = TimeMixing(width, variant, layer=layer, layers=layers)
        self.channel_mixing = ChannelMixing(width, variant, layer=layer, layers=layers)
        self.norm_time = nn.LayerNorm(width)
        self.norm_channel = nn.LayerNorm(width)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return self.time_mixing.config() | {"dropout": self.dropout}

    def forward(
        self, x: Tensor, state: BlockState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, BlockState]:
        """Map the stream [T, B, d] to the stream [T, B, d]."""
        check_input("Block", x, self.time_mixing.width)
        before = (None, None) if state is None else check_state("Block", BlockState, state, (), ())
        y, time_mixing = self.time_mixing(self.norm_time(x), before[0], lengths)
        x = x + y
        y, channel_mixing = self.channel_mixing(self.norm_channel(x), before[1], lengths)
        x = x + y
        if self.training and self.dropout:
            x = hashed_dropout(x, self.dropout, draw_key())
        return x, BlockState(time_mixing, channel_mixing)


register_counter(Block, count_block)
