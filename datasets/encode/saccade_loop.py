"""The loop over the pixels of a simulated event camera."""

from __future__ import annotations

from snn.core.arrays import Float32Array, Int64Array
from snn.core.compiled import compiled

__all__ = ["watch"]


@compiled
def watch(
    scene: Float32Array,
    cell: Int64Array,
    share: Float32Array,
    reference: Float32Array,
    threshold: Float32Array,
    pause: int,
    events: Int64Array,
) -> int:
    """Let an image pass before the pixels, and note where light changed by more than a threshold.

    A pixel compares the light with what it remembers: a rise by its threshold is an ON event, a fall an OFF
    event, and what it remembers moves by that threshold. For `pause` steps after an event it is silent.

    Args:
        scene: Light in the plane of the image, with a margin wider than any shift, [H + margin, W + margin].
        cell: Row and column of `scene` that lie before pixel (0, 0) at each step, [T, 2].
        share: How far pixel (0, 0) looks past them, in [0, 1), down and right, [T, 2].
        reference: What each pixel remembers at step 0, changed in place, [H, W].
        threshold: Of OFF and of ON events, [2, H, W].
        pause: Steps from an event of a pixel to its next one, >= 1.
        events: Room for step, row, column and polarity of each event, [H W ceil(T / pause), 4].

    Returns:
        Number of events, pixel by pixel and there in order of time.
    """
    n_steps, (height, width) = len(cell), reference.shape
    found = 0
    for y in range(height):
        for x in range(width):
            remembered = reference[y, x]
            off, on = threshold[0, y, x], threshold[1, y, x]
            ready = 0
            for k in range(n_steps):
                if k < ready:
                    continue
                row, column = y + cell[k, 0], x + cell[k, 1]
                down, right = share[k, 0], share[k, 1]
                above = scene[row, column] + right * (scene[row, column + 1] - scene[row, column])
                below = scene[row + 1, column] + right * (scene[row + 1, column + 1] - scene[row + 1, column])
                change = above + down * (below - above) - remembered
                if change >= on or change <= -off:
                    polarity = 1 if change > 0 else 0
                    remembered += on if polarity else -off
                    events[found, 0], events[found, 1] = k, y
                    events[found, 2], events[found, 3] = x, polarity
                    found += 1
                    ready = k + pause
    return found
