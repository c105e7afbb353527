"""A readout of windowed counts as a layer, so that a liquid and its readout are one model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn.core.checks import refusal, whole
from snn.core.units import window_of
from snn.liquid.readouts import Readout
from snn.nn import Layer, Sequential, register_layer
from snn.nn.layer import flat_stages
from snn.nn.tensor_checks import check_input, check_lengths, check_size, check_stateless

__all__ = ["WindowReadout", "with_readout"]


@register_layer
class WindowReadout(Layer):
    """Weigh each spike by the weights of the window that it falls into: summed over time, scores of counts.

    Windows are parts of a whole sample (`snn.core.units.window_of`), so a sample is given at once: a run that is
    cut in time has no windows.

    Attributes:
        weight: [classes, windows, in].
        bias: [classes], added in each sample's first step.
    """

    def __init__(self, in_features: int, classes: int, windows: int = 1) -> None:
        """Make weights and biases of 0.

        Args:
            in_features: Inputs, >= 1.
            classes: Outputs, >= 1.
            windows: Parts of a sample, >= 1.

        Raises:
            ValueError: A size is not a whole number >= 1.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.in_features = whole("in_features", in_features, low=1)
        self.classes, self.windows = whole("classes", classes, low=1), whole("windows", windows, low=1)
        check_size("WindowReadout", self.classes, self.windows, self.in_features)
        self.weight = nn.Parameter(torch.zeros(self.classes, self.windows, self.in_features))
        self.bias = nn.Parameter(torch.zeros(self.classes))

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"in_features": self.in_features, "classes": self.classes, "windows": self.windows}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map spikes [T, B, in] to what each step adds to the scores, [T, B, classes]; 0 beyond a length."""
        check_input("WindowReadout", x, self.in_features, weight=self.weight)
        check_stateless("WindowReadout", state)
        window = self.window_of_steps(x, check_lengths(x, lengths))
        y = x.new_zeros(*x.shape[:2], self.classes)
        for w in range(self.windows):
            here = window == w
            y = y + torch.where(here[..., None], x, 0.0) @ self.weight[:, w].t()
        if len(x):
            first = (window[:1] >= 0)[..., None] * self.bias
            y = torch.cat([y[:1] + first, y[1:]])
        return y, ()

    def window_of_steps(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Give the window of each step of x [T, B, in], int64 [T, B]; -1 beyond a sample's length."""
        steps, batch = x.shape[:2]
        ends = np.full(batch, steps) if lengths is None else lengths.cpu().numpy()
        step, end = np.arange(steps)[:, None], np.broadcast_to(ends, (steps, batch))
        window = np.where(step < end, window_of(step, np.maximum(end, 1), self.windows), -1)
        return torch.from_numpy(window).to(x.device)


def with_readout(liquid: Layer, readout: Readout, windows: int) -> Sequential:
    """Put a readout of counts behind a liquid: a `Sequential` whose output, summed over time, is its scores.

    Args:
        liquid: Layers that end in N neurons.
        readout: Fitted to their windowed counts.
        windows: Windows that it was fitted to.

    Raises:
        ValueError: The width of the readout is no multiple of `windows`.
    """
    width, classes = readout.weight.shape
    if width % whole("windows", windows, low=1):
        raise refusal("windows", f"a divisor of {width}, the width of the readout", windows)
    layer = WindowReadout(width // windows, classes, windows)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(readout.weight.T.reshape(classes, windows, -1)))
        layer.bias.copy_(torch.from_numpy(readout.bias))
    return Sequential(*flat_stages(liquid), layer).eval()
