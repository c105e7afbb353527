"""Figures of liquids: how they fire, what they forget and remember, how their features lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Float64Array
from snn.core.checks import finite, number, refusal, whole, wholes
from snn.plot.activity import draw_spikes
from snn.plot.checks import by_name, checked_sample, labels, shaped
from snn.plot.style import COLOURS, figure, plain_text

__all__ = ["class_features", "liquid_activity", "memory_curve", "parameter_map", "perturbation_curve"]


def liquid_activity(spikes: Mapping[str, Events], *, sample: int = 0, title: str = "") -> Figure:
    """Draw one sample on its way through a liquid: the spikes of each population, then the share that fires.

    Args:
        spikes: Events by population, in order, all of the same samples; the last is the liquid.
        sample: Which of their samples.
        title: What stands above.

    Raises:
        ValueError: No population is given, or there is no such sample.
    """
    by_name("spikes", spikes)
    for events in spikes.values():
        sample = checked_sample(events, sample)
    made, axes = figure(len(spikes) + 1, 1, width=7.0, height=1.5 * len(spikes) + 1.6, sharex=True)
    for ax, (name, events) in zip(axes[:-1, 0], spikes.items(), strict=True):
        draw_spikes(ax, events, sample)
        ax.set_ylabel(plain_text(name), fontsize=9)
    liquid = list(spikes.values())[-1].select([sample])
    steps = max(int(liquid.n_steps[0]), 1)
    share = np.bincount(liquid.step, minlength=steps) / liquid.n_units
    axes[-1, 0].plot(np.arange(steps) * liquid.dt_ms, share, color=COLOURS[0], linewidth=1.2)
    axes[-1, 0].set(xlabel="time (ms)", ylabel="spikes per\nneuron", ylim=(0, None))
    axes[0, 0].set_title(plain_text(title), fontsize=10)
    return made


def perturbation_curve(
    distances: Mapping[str, ArrayLike], dt_ms: float, *, step: int | None = None
) -> Figure:
    """Draw how far spikes are apart in every step after an input was changed, a curve per liquid.

    Args:
        distances: By name, the distance per step, [T], as `snn.liquid.measures.perturbation` gives it.
        dt_ms: Length of a step, ms, > 0.
        step: The step of the change, to be marked; None marks none.

    Raises:
        ValueError: There is no curve, or one is no finite [T].
    """
    curves = _curves("distances", distances, "T")
    dt_ms = number("dt_ms", dt_ms, above=0.0)
    made, axes = figure(width=6.0, height=2.8)
    ax = axes[0, 0]
    for i, (name, curve) in enumerate(curves.items()):
        time_ms = np.arange(len(curve)) * dt_ms
        ax.plot(time_ms, curve, color=_colour(i, len(curves)), linewidth=1.3, label=plain_text(name))
    if step is not None:
        ax.axvline(whole("step", step, low=0) * dt_ms, color="0.5", linewidth=0.8, linestyle="--")
    ax.set(xlabel="time (ms)", ylabel="spikes that differ, per neuron", ylim=(0, None))
    ax.legend(frameon=False, fontsize=8)
    return made


def memory_curve(parts: Mapping[str, ArrayLike], *, floor: float | None = None) -> Figure:
    """Draw the share of each past bit that a liquid's spikes still hold, a curve per liquid, and name their sums.

    Args:
        parts: By name, the parts of a memory capacity from delay 1 on, [K], as
            `snn.liquid.measures.memory_capacity` gives them.
        floor: The part of a readout that knows nothing (1 / steps), to be marked; None marks none.

    Raises:
        ValueError: There is no curve, or one is no finite [K].
    """
    curves = _curves("parts", parts, "K")
    made, axes = figure(width=6.0, height=2.8)
    ax = axes[0, 0]
    for i, (name, curve) in enumerate(curves.items()):
        text = f"{plain_text(name)}: {curve.sum():.1f} bits"
        delay = np.arange(1, len(curve) + 1)
        ax.plot(delay, curve, "o-", color=_colour(i, len(curves)), linewidth=1.3, markersize=3, label=text)
    if floor is not None:
        height = number("floor", floor, low=0.0)
        ax.axhline(height, color="0.5", linewidth=0.8, linestyle="--", label="knows nothing")
    ax.set(xlabel="delay (steps)", ylabel="squared correlation", ylim=(0, 1.05))
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    ax.legend(frameon=False, fontsize=8)
    return made


def parameter_map(
    values: Mapping[str, ArrayLike],
    rows: ArrayLike,
    columns: ArrayLike,
    *,
    row_name: str = "gain of the input",
    column_name: str = "strength of recurrence",
) -> Figure:
    """Draw measures over a grid of two parameters, a panel for each measure.

    Args:
        values: By name, the measure at each point, [R, C].
        rows: Values of the parameter that goes up, [R].
        columns: Values of the one that goes across, [C].
        row_name: What goes up.
        column_name: What goes across.

    Raises:
        ValueError: There is no measure, or shapes do not fit.
    """
    up, across = (_some(name, given) for name, given in (("rows", rows), ("columns", columns)))
    shape = (len(up), len(across))
    maps = {
        name: finite(f"values[{name!r}]", shaped(f"values[{name!r}]", value, shape))
        for name, value in by_name("values", values).items()
    }
    made, axes = figure(1, len(maps), width=3.1 * len(maps) + 0.3, height=2.9)
    for ax, (name, grid) in zip(axes[0], maps.items(), strict=True):
        drawn = ax.imshow(grid, origin="lower", aspect="auto", interpolation="nearest", cmap="viridis")
        ax.grid(visible=False)
        ax.set_title(plain_text(name), fontsize=9)
        ax.set_xticks(range(len(across)), [f"{value:.3g}" for value in across])
        ax.set_yticks(range(len(up)), [f"{value:.3g}" for value in up])
        ax.set_xlabel(plain_text(column_name), fontsize=9)
        made.colorbar(drawn, ax=ax).ax.tick_params(labelsize=7)
    axes[0, 0].set_ylabel(plain_text(row_name), fontsize=9)
    return made


def class_features(
    features: ArrayLike, label: ArrayLike, classes: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw features [B, F] as points on the two directions in which they vary most, a colour per class.

    The axes say the share of the variance that each direction has: points that lie on each other here may be apart
    in the others.

    Args:
        features: What a readout sees of each sample, [B, F], B >= 1.
        label: Class of each sample, from 0, [B].
        classes: Names of the classes.
        title: What stands above.

    Raises:
        ValueError: Shapes do not fit, features are not finite, or a label has no name.
    """
    names = labels("classes", classes)
    given = finite("features", shaped("features", features, ("B", "F")))
    if not given.size:
        raise refusal("features", "features [B, F], none empty", given)
    own = wholes("label", shaped("label", label, (len(given),)), low=0, high=len(names) - 1)
    around = given - given.mean(axis=0)
    points, sizes, _ = np.linalg.svd(around, full_matrices=False)
    variance = sizes**2 / max(float((sizes**2).sum()), 1e-300)
    places = np.zeros((len(given), 2))
    kept = min(2, len(sizes))
    places[:, :kept] = points[:, :kept] * sizes[:kept]
    made, axes = figure(width=5.6, height=3.8)
    ax = axes[0, 0]
    for i, name in enumerate(names):
        at = places[own == i]
        ax.scatter(*at.T, s=14, color=_colour(i, len(names)), linewidths=0, label=plain_text(name))
    share = [variance[i] if i < kept else 0.0 for i in range(2)]
    ax.set(xlabel=f"first direction, {share[0]:.0%} of the variance", ylabel=f"second, {share[1]:.0%}")
    ax.set_title(plain_text(title), fontsize=10)
    columns = -(-len(names) // 12)  # so many names fit beside the points
    ax.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns)
    return made


def _curves(name: str, values: Mapping[str, ArrayLike], axis: str) -> dict[str, Float64Array]:
    """Check curves by name, each of at least one point."""
    return {key: _some(f"{name}[{key!r}]", value, axis) for key, value in by_name(name, values).items()}


def _some(name: str, values: ArrayLike, axis: str = "N") -> Float64Array:
    """Check numbers along one axis, at least one."""
    found = finite(name, shaped(name, values, (axis,)))
    if not found.size:
        raise refusal(name, f"real numbers [{axis}], at least one", found)
    return found


def _colour(i: int, count: int) -> str:
    """Give one of `count` colours that can be told apart."""
    return COLOURS[i] if count <= len(COLOURS) else to_hex(colormaps["turbo"]((i + 0.5) / count))
