"""Channel mixing: what a token makes of its own channels, in a wider hidden layer."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from snn.hardware import register_counter
from snn.kernels import gate, squared_relu, token_shift
from snn.language.counters import count_channel_mixing
from snn.language.initial import channel_mixes
from snn.language.mixing import Mixing, Variant
from snn.language.projection import Projection
from snn.nn import LIFState, register_layer
from snn.nn.receptors import at_length
from snn.nn.tensor_checks import check_input, check_lengths, check_state

__all__ = ["ChannelMixing", "ChannelMixingState"]


class ChannelMixingState(NamedTuple):
    """Carry a channel mixing on.

    Attributes:
        last: The token before, as it came in, [B, d].
        fire: Membranes of the neurons, [B, d] each and [B, 4 d] of "value", in the order of `ChannelMixing.fire`.
    """

    last: Tensor
    fire: tuple[LIFState, ...]


@register_layer
class ChannelMixing(Mixing):
    """Pass a token through a hidden layer four times as wide, behind a gate.

    k and r are W_k and W_r times two mixes of a token with the one before; b = sigmoid(r) W_v (relu(k)^2).
    Variant "spike_after": b drives neurons, whose spikes come out. "spike_before": the two mixes drive neurons, and
    k drives hidden ones in place of relu(k)^2, so that all three weights see spikes alone; b comes out. "none": b
    comes out, as in RWKV-4.
    Source: Zhu et al., "SpikeGPT", 2023; Peng et al., "RWKV", 2023.

    Attributes:
        mix: Share of the token itself in what key and receptance see, [2, d].
    """

    def __init__(
        self, width: int, variant: Variant = "spike_after", *, layer: int = 0, layers: int = 1
    ) -> None:
        """Make fresh weights; mix begins as RWKV-4's does. Arguments are those of `Mixing`."""
        super().__init__(width, variant, layer, layers, ("key", "receptance", "value"))
        self.mix = nn.Parameter(channel_mixes(self.width, self.layer, self.layers))
        self.key = Projection(self.width, 4 * self.width)
        self.value = Projection(4 * self.width, self.width)
        self.receptance = Projection(self.width, self.width)

    def forward(
        self, x: Tensor, state: ChannelMixingState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ChannelMixingState]:
        """Map [T, B, d] to spikes ("spike_after") or numbers [T, B, d].

        Raises:
            TypeError: x is no tensor, or `state` of another kind.
            ValueError: One does not fit the layer, or gradients are to stay inside a token.
        """
        check_input("ChannelMixing", x, self.width, weight=self.mix)
        lengths = check_lengths(x, lengths)
        self.refuse_step_local()
        last, fire = x.new_zeros(x.shape[1:]), None
        if state is not None:
            last, fire = check_state("ChannelMixing", ChannelMixingState, state, last, ())
        (for_key, for_receptance), firing = token_shift(x, last, self.mix), self.start_firing(fire)
        k, _ = self.key(self.spikes("key", for_key, firing, lengths))
        r, _ = self.receptance(self.spikes("receptance", for_receptance, firing, lengths))
        hidden = self.spikes("value", k, firing, lengths) if "value" in self.fire else squared_relu(k)
        y = gate(r, self.value(hidden)[0])
        y = self.spikes("output", y, firing, lengths)
        return y, ChannelMixingState(at_length(x, lengths, last), tuple(firing.values()))


register_counter(ChannelMixing, count_channel_mixing)
