"""Channel mixing: what a token makes of its own channels, in a wider hidden layer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snn.language.initial import channel_mixes
from snn.language.mixing import Mixing, Variant, neurons
from snn.language.projection import Projection
from snn.language.token_shift import token_shift
from snn.nn import LIFState, register_layer
from snn.nn.receptors import at_length
from snn.nn.tensor_checks import check_input, check_lengths, check_state

__all__ = ["ChannelMixing", "ChannelMixingState"]


class ChannelMixingState(NamedTuple):
    """Carry a channel mixing on.

    Attributes:
        last: The token before, as it came in, [B, d].
        fire: Membranes, [B, d] ("spike_after") or [B, 2 d] ("spike_before"); () without neurons.
        hidden: Membranes of the hidden neurons, [B, 4 d] ("spike_before"); () without any.
    """

    last: Tensor
    fire: LIFState | tuple[()]
    hidden: LIFState | tuple[()]


@register_layer
class ChannelMixing(Mixing):
    """Pass a token through a hidden layer four times as wide, behind a gate.

    k and r are W_k and W_r times two mixes of a token with the one before; b = sigmoid(r) W_v (relu(k)^2). Variant
    "spike_after": b drives neurons, whose spikes come out. "spike_before": the two mixes drive neurons, and k drives
    hidden neurons in place of relu(k)^2, so that all three weights see spikes alone; b comes out. "none": b comes
    out, as in RWKV-4.
    Source: Zhu et al., "SpikeGPT", 2023; Peng et al., "RWKV", 2023.

    Attributes:
        mix: Share of the token itself in what key and receptance see, [2, d].
    """

    def __init__(
        self, width: int, variant: Variant = "spike_after", *, layer: int = 0, layers: int = 1
    ) -> None:
        """Make fresh weights; mix begins as RWKV-4's does. Arguments are those of `Mixing`."""
        super().__init__(width, variant, layer=layer, layers=layers)
        self.mix = nn.Parameter(channel_mixes(self.width, self.layer, self.layers))
        self.key = Projection(self.width, 4 * self.width)
        self.value = Projection(4 * self.width, self.width)
        self.receptance = Projection(self.width, self.width)
        self.hidden = neurons() if self.variant == "spike_before" else None

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
        last, fire, hidden = x.new_zeros(x.shape[1:]), () if self.fire is None else None, ()
        if state is not None:
            last, fire, hidden = check_state("ChannelMixing", ChannelMixingState, state, last, (), ())
        mixed = token_shift(x, last, self.mix)
        if self.fire is not None and self.variant == "spike_before":
            mixed, fire = self.fire(mixed, fire, lengths)
        for_key, for_receptance = mixed.chunk(2, -1)
        k, _ = self.key(for_key)
        if self.hidden is None:
            k = k.relu().square()
        else:
            k, hidden = self.hidden(k, hidden or None, lengths)
        y = torch.sigmoid(self.receptance(for_receptance)[0]) * self.value(k)[0]
        if self.fire is not None and self.variant == "spike_after":
            y, fire = self.fire(y, fire, lengths)
        return y, ChannelMixingState(at_length(x, lengths, last), fire, hidden)
