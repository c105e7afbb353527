"""Figures of images in time: the frames of one sample, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array
from snn.core.checks import finite, refusal
from snn.plot.checks import labels, shaped
from snn.plot.style import COLOURS, figure, plain_text

__all__ = ["frames"]

_MOST_FRAMES = 10
"""Frames drawn of a long sample."""


def frames(
    x: ArrayLike,
    outputs: ArrayLike,
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

    Raises:
        ValueError: Shapes do not fit, there is no frame, or a value of a frame is not finite and >= 0.
    """
    classes = labels("classes", classes)
    images = finite("x", shaped("x", x, ("T", "C", "H", "W")), low=0.0)
    if not images.size or images.shape[1] > 3:
        raise refusal("x", "frames [T, C, H, W] of 1, 2 or 3 channels, at least one", images)
    total = shaped("outputs", outputs, (len(images), len(classes))).cumsum(0)
    drawn = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_FRAMES)).round().astype(int))
    made, axes = figure(2, 1, width=max(6.0, 0.85 * len(drawn)), height=3.6, height_ratios=(1, 2.2))
    strip, traces = axes[:, 0]
    top = max(float(images.max()), 1e-9)
    gap = np.ones((images.shape[2], 1, 3))
    parts = [part for t in drawn for part in (_coloured(images[t] / top), gap)]
    strip.imshow(np.concatenate(parts[:-1], axis=1), interpolation="nearest", aspect="equal")
    strip.set_axis_off()
    strip.set_title(plain_text(title), fontsize=10)
    winner = int(total[-1].argmax())
    steps = np.arange(1, len(total) + 1)
    for label in range(total.shape[1]):
        if label != winner:
            traces.plot(steps, total[:, label], color="0.72", linewidth=0.8)
    traces.plot(
        steps, total[:, winner], "o-", color=COLOURS[1], markersize=3, label=plain_text(classes[winner])
    )
    traces.set(xlabel="step", ylabel="output so far")
    traces.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    traces.legend(frameon=False, fontsize=8, loc="upper left")
    return made


def _coloured(image: Float64Array) -> Float64Array:
    """Turn an image [C, H, W] in 0..1 into red, green, blue [H, W, 3], white where nothing happens."""
    if len(image) == 2:
        fell, rose = image**0.5  # square root: single events stay visible beside many
        return np.stack([1 - fell, 1 - np.maximum(fell, rose), 1 - rose], -1)
    if len(image) == 3:
        return image.transpose(1, 2, 0)
    return 1 - np.repeat(image.mean(0)[..., None], 3, axis=-1)
