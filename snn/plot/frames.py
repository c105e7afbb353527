"""Figures of images in time: the frames of one sample, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn.plot.style import COLOURS, figure

__all__ = ["frames"]

_MOST = 10  # frames drawn of a long sample


def frames(
    x: NDArray[np.floating[Any]],
    outputs: NDArray[np.floating[Any]],
    classes: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draw one sample's frames over its classes' outputs, summed from step to step; the winner in colour.

    Args:
        x: Frames [T, C, H, W], >= 0: one channel is grey, three are colours, two are polarities of an event camera
            (light fell: blue, light rose: red).
        outputs: What each class got in each step, [T, classes].
        classes: Names of the classes.
        title: What stands above.
    """
    shown = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST)).round().astype(int))
    made, axes = figure(2, 1, width=max(6.0, 0.85 * len(shown)), height=3.6, height_ratios=(1, 2.2))
    strip, traces = axes[:, 0]
    top = max(float(x.max(initial=0.0)), 1e-9)
    gap = np.ones((x.shape[2], 1, 3))
    parts = [part for t in shown for part in (_coloured(x[t] / top), gap)]
    strip.imshow(np.concatenate(parts[:-1], axis=1), interpolation="nearest", aspect="equal")
    strip.set_axis_off()
    strip.set_title(title, fontsize=10)
    total = outputs.cumsum(0)
    winner = int(total[-1].argmax())
    steps = np.arange(1, len(total) + 1)
    for label in range(total.shape[1]):
        if label != winner:
            traces.plot(steps, total[:, label], color="0.72", linewidth=0.8)
    traces.plot(steps, total[:, winner], "o-", color=COLOURS[1], markersize=3, label=classes[winner])
    traces.set(xlabel="step", ylabel="output so far")
    traces.legend(frameon=False, fontsize=8, loc="upper left")
    return cast(Figure, made)


def _coloured(image: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Turn an image [C, H, W] in 0..1 into red, green, blue [H, W, 3], white where nothing happens."""
    if len(image) == 2:
        fell, rose = image**0.5  # square root: single events stay visible beside many
        return cast(NDArray[np.floating[Any]], np.stack([1 - fell, 1 - np.maximum(fell, rose), 1 - rose], -1))
    if len(image) == 3:
        return image.transpose(1, 2, 0)
    return 1 - np.repeat(image.mean(0)[..., None], 3, axis=-1)
