"""What both mixings of a block share: their place in the model, and where their neurons are."""

from __future__ import annotations

from typing import Any, Literal

from snn.core.checks import choice, whole
from snn.kernels import is_local
from snn.nn import LIF, Layer

__all__ = ["Mixing", "Variant", "neurons"]

Variant = Literal["spike_after", "spike_before", "none"]


def neurons() -> LIF:
    """Make the neurons of SpikeGPT: tau of 2 tokens, hard reset within the graph, arc tangent of alpha 2."""
    return LIF(tau=2.0, reset="hard", detach_reset=False, surrogate="atan", surrogate_alpha=2.0)


class Mixing(Layer):
    """Hold the sizes of a mixing, and its neurons `fire`; None without any."""

    def __init__(
        self, width: int, variant: Variant = "spike_after", *, layer: int = 0, layers: int = 1
    ) -> None:
        """Check the sizes.

        Args:
            width: Channels d, >= 1.
            variant: Where neurons are: "spike_after" the weights, "spike_before" them, or "none" at all.
            layer: Place among the layers of a model, which decides the first mixes; in 0..layers - 1.
            layers: Layers of the model, >= 1.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        self.width, self.layers = whole("width", width, low=1), whole("layers", layers, low=1)
        self.layer = whole("layer", layer, low=0, high=self.layers - 1)
        self.variant: Variant = choice("variant", variant, Variant)
        self.fire = None if self.variant == "none" else neurons()

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {name: getattr(self, name) for name in ("width", "variant", "layer", "layers")}

    def refuse_step_local(self) -> None:
        """Refuse gradients that stay inside a token.

        Raises:
            ValueError: They are to: what is remembered of earlier tokens would not learn.
        """
        if is_local():
            raise ValueError(
                f"method must be 'bptt' (with chunk to save memory) for a {type(self).__name__}, which has to learn "
                "what to remember, got 'sltt', which cuts gradients between tokens"
            )
