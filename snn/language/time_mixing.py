"""Time mixing: what a token takes from those before it, by a recurrence in place of attention."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from snn.hardware import register_counter
from snn.kernels import gate, token_shift
from snn.kernels.wkv import WKVState, wkv
from snn.language.counters import count_time_mixing
from snn.language.initial import bonus, decay, time_mixes
from snn.language.mixing import Mixing, Variant
from snn.language.projection import Projection
from snn.nn import LIFState, register_layer
from snn.nn.receptors import at_length
from snn.nn.tensor_checks import check_input, check_lengths, check_state

__all__ = ["TimeMixing", "TimeMixingState"]


class TimeMixingState(NamedTuple):
    """Carry a time mixing on.

    Attributes:
        last: The token before, as it came in, [B, d].
        wkv: The weighted sums over all before, [B, d] each.
        fire: Membranes of the neurons [B, d], in the order of `TimeMixing.fire`.
    """

    last: Tensor
    wkv: WKVState
    fire: tuple[LIFState, ...]


@register_layer
class TimeMixing(Mixing):
    """Weigh the values of all tokens so far by their keys and their age, and let a gate pass some of it.

    k, v and r are W_k, W_v and W_r times three mixes of a token with the one before. With w = -exp(decay),
    y_t = (sum over i < t of exp((t-1-i) w + k_i) v_i + exp(u + k_t) v_t) / (the same without v) channel by
    channel, and a_t = W_o (sigmoid(r_t) y_t). Variant "spike_after": a drives neurons, whose spikes come out.
    "spike_before": the three mixes drive neurons, so that W_k, W_v and W_r see spikes alone, and a comes out.
    "none": a comes out, as in RWKV-4.
    Source: Zhu et al., "SpikeGPT", 2023; Peng et al., "RWKV", 2023.

    Attributes:
        decay: Logarithms of the decay rates [d].
        bonus: u, what a token's own key has more, [d].
        mix: Share of the token itself in what key, value and receptance see, [3, d].
    """

    def __init__(
        self, width: int, variant: Variant = "spike_after", *, layer: int = 0, layers: int = 1
    ) -> None:
        """Make fresh weights; decay, bonus and mix begin as RWKV-4's do. Arguments are those of `Mixing`."""
        super().__init__(width, variant, layer, layers, ("key", "value", "receptance"))
        self.decay = nn.Parameter(decay(self.width, self.layer, self.layers))
        self.bonus = nn.Parameter(bonus(self.width))
        self.mix = nn.Parameter(time_mixes(self.width, self.layer, self.layers))
        self.key = Projection(self.width, self.width)
        self.value = Projection(self.width, self.width)
        self.receptance = Projection(self.width, self.width)
        self.output = Projection(self.width, self.width)

    def forward(
        self, x: Tensor, state: TimeMixingState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, TimeMixingState]:
        """Map [T, B, d] to spikes ("spike_after") or numbers [T, B, d].

        Raises:
            TypeError: x is no tensor, or `state` of another kind.
            ValueError: One does not fit the layer, or gradients are to stay inside a token.
        """
        check_input("TimeMixing", x, self.width, weight=self.mix)
        lengths = check_lengths(x, lengths)
        self.refuse_step_local()
        last, sums, fire = x.new_zeros(x.shape[1:]), None, None
        if state is not None:
            last, sums, fire = check_state("TimeMixing", TimeMixingState, state, last, (), ())
        mixed, firing = token_shift(x, last, self.mix), self.start_firing(fire)
        names = ("key", "value", "receptance")
        seen = (self.spikes(name, one, firing, lengths) for name, one in zip(names, mixed, strict=True))
        k, v, r = (self.get_submodule(name)(one)[0] for name, one in zip(names, seen, strict=True))
        y, sums = wkv(-self.decay.exp(), self.bonus, k, v, sums, lengths)
        y = self.spikes("output", self.output(gate(r, y))[0], firing, lengths)
        return y, TimeMixingState(at_length(x, lengths, last), sums, tuple(firing.values()))


register_counter(TimeMixing, count_time_mixing)
