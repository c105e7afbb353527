"""Two trained projections as a layer, to be saved and loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu

from snn.liquid.contrastive import Projection
from snn.nn import Layer, Linear, register_layer
from snn.nn.tensor_checks import check_input

__all__ = ["CommonSpace"]


@register_layer
class CommonSpace(Layer):
    """Map the features of two senses to points in one space, each by a linear layer and GELU."""

    def __init__(self, image_features: int, sound_features: int, dims: int) -> None:
        """Make untrained projections.

        Args:
            image_features: Features of an image, >= 1.
            sound_features: Features of a sound, >= 1.
            dims: Size of the space, >= 1.

        Raises:
            ValueError: A size is not a whole number >= 1.
        """
        super().__init__()
        self.image = Linear(image_features, dims, bias=True)
        self.sound = Linear(sound_features, dims, bias=True)

    @classmethod
    def of(cls, image: Projection, sound: Projection) -> CommonSpace:
        """Take over projections of one run, with what they do to features first."""
        space = cls(image.weight.shape[1], sound.weight.shape[1], image.weight.shape[2])
        with torch.no_grad():
            for layer, made in ((space.image, image), (space.sound, sound)):
                weight = made.weight[0] / made.scale[0, :, None]
                layer.weight.copy_(weight.t())
                assert layer.bias is not None
                layer.bias.copy_(made.bias[0] - made.mean[0] @ weight)
        return space.eval()

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        sizes = {"image_features": self.image.in_features, "sound_features": self.sound.in_features}
        return {**sizes, "dims": self.image.out_features}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map features of images and sounds, side by side, to their points, side by side.

        Args:
            x: [T, B, image_features + sound_features].
            state: Nothing.
            lengths: Not used: a step is mapped by itself.

        Returns:
            [T, B, 2 dims], those of the images first; and nothing.
        """
        first = self.image.in_features
        check_input("CommonSpace", x, first + self.sound.in_features, weight=self.image.weight)
        image, sound = self.image(x[..., :first])[0], self.sound(x[..., first:])[0]
        return gelu(torch.cat([image, sound], -1)), ()
