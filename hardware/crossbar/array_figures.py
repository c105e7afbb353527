"""Draw what happens inside crossbar arrays: wire loss, conductances, converter ranges. Figures are returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.hardware.crossbar.array import Crossbar
from snn.hardware.crossbar.converters import dac
from snn.hardware.crossbar.mvm import converter_inputs, full_scale, tile_currents
from snn.hardware.report.figure_style import (
    BLUE,
    DARK_BLUE,
    DARK_ORANGE,
    GRID,
    INK,
    SOFT,
    canvas,
    plain_text,
    quiet_axes,
)
from snn.hardware.report.text import age_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_adc_range", "plot_conductances", "plot_ir_drop"]

_GREEN = "#2f6f4f"
_BINS = 80


def plot_ir_drop(array: Crossbar) -> Figure:
    """Draw the share of its current that each cell keeps behind its wires, tile by tile, every row driven.

    Word lines are driven from the left of each tile, bit lines are read at its bottom; a cell that does not
    conduct is grey, and above 1 a cell is credited with current that sneaks through others. Colours span all but
    the lowest and highest 1 %.
    """
    chord, effective = array.chord_us.detach(), array.effective_us.detach()
    share = torch.where(array.used & (chord > 0), effective / chord, torch.nan)
    row_tiles, column_tiles, rows, columns = share.shape
    image = share.permute(0, 2, 1, 3).reshape(row_tiles * rows, column_tiles * columns).cpu().numpy()
    held: NDArray[np.bool_] = array.used.permute(0, 2, 1, 3).reshape(image.shape).cpu().numpy()
    row_edges, column_edges = (
        np.cumsum(
            [
                np.count_nonzero(held.any(1 - axis).ravel()[k : k + size])
                for k in range(0, held.shape[axis], size)
            ]
        )
        for axis, size in ((0, rows), (1, columns))
    )
    image = image[held.any(1)][:, held.any(0)]
    height = float(np.clip(6.6 * image.shape[0] / image.shape[1], 2.6, 7.0))
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    figure, axes = canvas(height)
    # near-empty cells may be credited with many times their current: the ends of the scale leave 1 % out each
    seen = image[np.isfinite(image)]
    low, high = np.percentile(seen, (1.0, 99.0)) if seen.size else (0.0, 1.0)
    colours = colormaps["viridis"].with_extremes(bad=GRID)
    drawn = axes.imshow(image, aspect="auto", cmap=colours, interpolation="nearest")
    drawn.set_clim(min(float(low), 0.99), max(1.0, float(high)))
    for edge in row_edges[:-1]:
        axes.axhline(edge - 0.5, color="white", lw=2)
    for edge in column_edges[:-1]:
        axes.axvline(edge - 0.5, color="white", lw=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.set_xlabel("bit lines (outputs)", color=SOFT)
    axes.set_ylabel("word lines (inputs)", color=SOFT)
    bar = figure.colorbar(drawn, ax=axes, pad=0.015, extend="both")
    bar.set_label("share of the current that is left", color=SOFT)
    bar.outline.set_visible(False)
    quiet_axes(axes, grid=False)
    return figure


def plot_conductances(array: Crossbar, times_s: Sequence[float] = ()) -> Figure:
    """Draw how the cells are distributed: wanted, as written, and at later times.

    Args:
        array: The array.
        times_s: Seconds after writing.
    """
    used = array.used
    parts = [("target", array.target_us, SOFT), ("written", array.conductance_us, DARK_BLUE)]
    shades = [DARK_ORANGE, _GREEN, "#7b3f73", "#8a4b08"]
    parts += [
        (f"after {age_text(t)}", array.at(t).conductance_us, shades[i % len(shades)])
        for i, t in enumerate(times_s)
    ]
    values = [(name, us[used].detach().cpu().numpy(), colour) for name, us, colour in parts]
    ends = min(float(v.min()) for _, v, _ in values), max(float(v.max()) for _, v, _ in values)
    edges = np.linspace(ends[0], max(ends[1], ends[0] + 1e-9), _BINS + 1)
    figure, axes = canvas(3.8)
    for i, (name, us, colour) in enumerate(values):
        counts, _ = np.histogram(us, edges)
        if i == 0:
            axes.stairs(counts, edges, fill=True, color=GRID, label=plain_text(name))
        else:
            axes.stairs(counts, edges, color=colour, lw=1.6, label=plain_text(name))
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("conductance (µS)", color=SOFT)
    axes.set_ylabel("cells", color=SOFT)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    quiet_axes(axes)
    return figure


@torch.no_grad()
def plot_adc_range(array: Crossbar, rows: Tensor) -> Figure:
    """Draw the currents that the converters see, as shares of full scale, and where they are cut off.

    Args:
        array: The array.
        rows: What drives it, [T, n, in] or [n, in].
    """
    config = array.config.converter
    seen = converter_inputs(array, tile_currents(array, dac(rows, config)))
    share = (seen / full_scale(array).to(seen.dtype)[:, None]).flatten().double().cpu().numpy()
    reach = max(1.1, float(np.abs(share).max(initial=0.0)) * 1.05)
    edges = np.linspace(-reach if share.min(initial=0.0) < 0 else 0.0, reach, _BINS + 1)
    figure, axes = canvas(3.6)
    counts, _ = np.histogram(share, edges)
    axes.stairs(counts, edges, fill=True, color=BLUE)
    for limit in (-1, 1) if edges[0] < 0 else (1,):
        axes.axvline(limit, color=DARK_ORANGE, lw=1.6, label="full scale" if limit == 1 else None)
    beyond = float((np.abs(share) > 1 + 1e-6).mean()) if share.size else 0.0
    bits = "no converter" if config.adc_bits is None else f"{config.adc_bits} bits"
    axes.set_title(
        f"{bits}; {beyond:.2%} of conversions cut off, {float((share == 0).mean()):.0%} are zero",
        fontsize=10,
        color=INK,
        loc="left",
    )
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("column current over full scale", color=SOFT)
    axes.set_ylabel("conversions", color=SOFT)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper right")
    quiet_axes(axes)
    return figure
