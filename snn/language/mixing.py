"""What both mixings of a block share: their place in the model, and their neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from snn.core.checks import choice, refusal, whole
from snn.kernels import is_local
from snn.nn import LIF, Layer

__all__ = ["Mixing", "Variant"]

Variant = Literal["spike_after", "spike_before", "none"]


class Mixing(Layer):
    """Hold the sizes of a mixing and its neurons.

    Attributes:
        fire: Neurons by what they feed: "output" for the variant "spike_after"; the weights that see their spikes
            for "spike_before"; none for "none". A token is a step: tau of 2 of them, a hard reset within the graph,
            the arc tangent surrogate of alpha 2.
    """

    def __init__(self, width: int, variant: Variant, layer: int, layers: int, fed: Sequence[str]) -> None:
        """Check the sizes and make the neurons.

        Args:
            width: Channels d, >= 1.
            variant: Where neurons are: "spike_after" the weights, "spike_before" them, or "none" at all.
            layer: Place among the layers of a model, which decides the first mixes; in 0..layers - 1.
            layers: Layers of the model, >= 1.
            fed: Names of the weights that spikes feed in the variant "spike_before".

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        self.width, self.layers = whole("width", width, low=1), whole("layers", layers, low=1)
        self.layer = whole("layer", layer, low=0, high=self.layers - 1)
        self.variant: Variant = choice("variant", variant, Variant)
        names = {"spike_after": ("output",), "spike_before": tuple(fed), "none": ()}[self.variant]
        self.fire = nn.ModuleDict(
            {
                name: LIF(tau=2.0, reset="hard", detach_reset=False, surrogate="atan", surrogate_alpha=2.0)
                for name in names
            }
        )

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {name: getattr(self, name) for name in ("width", "variant", "layer", "layers")}

    def start_firing(self, given: Any) -> dict[str, Any]:
        """Give the `LIFState` of each kind of neurons to go on from; None begins at rest.

        Raises:
            ValueError: `given` is no state of these neurons.
        """
        if given is None:
            return dict.fromkeys(self.fire)
        if not isinstance(given, tuple) or len(given) != len(self.fire):
            rule = f"a tuple of {len(self.fire)} LIFState"
            raise refusal(f"fire in the state of {type(self).__name__}", rule, given)
        return dict(zip(self.fire, given, strict=True))

    def spikes(self, name: str, x: Tensor, carried: dict[str, Any], lengths: Tensor | None) -> Tensor:
        """Give what feeds `name`: x, or the spikes of the neurons there, whose new state goes to `carried`."""
        if name not in self.fire:
            return x
        z: Tensor
        z, carried[name] = self.fire[name](x, carried[name], lengths)
        return z

    def refuse_step_local(self) -> None:
        """Refuse gradients that stay inside a token.

        Raises:
            ValueError: They are to: what is remembered of earlier tokens would not learn.
        """
        if is_local():
            raise ValueError(
                f"method must be 'bptt' (with chunk to save memory) for a {type(self).__name__}, which has to "
                "learn what to remember, got 'sltt', which cuts gradients between tokens"
            )
