"""Fading memory: how long one spike more or less in the input is seen in a liquid."""

from __future__ import annotations

import numpy as np

from snn.core import Events
from snn.core.arrays import Float64Array
from snn.core.checks import instance, refusal, whole
from snn.liquid.measures.step_spikes import step_spikes
from snn.liquid.reservoir import Reservoir

__all__ = ["perturbation"]


def perturbation(reservoir: Reservoir, events: Events, unit: int, step: int) -> Float64Array:
    """Give how much the spikes differ in every step once the input of one unit in one step was changed.

    Every sample is run twice: as it is, and without the spikes of that unit in that step where it has some, with
    one more where it has none. The distance of a step is the mean over neurons and samples of the absolute
    difference in spikes: with at most one spike a step it is the share of neurons that did not do the same. Two
    unrelated liquids of rate r stand 2 r (1 - r) apart. It is 0 before `step`; a liquid with fading memory comes
    back to 0, one in chaos does not, and its readout then sees noise.

    Args:
        reservoir: The liquid.
        events: Input, at least one sample, each longer than `step`.
        unit: The input to change.
        step: The step in which.

    Returns:
        Distance per step, [T], T the steps of the longest sample; a sample counts while it lasts.

    Raises:
        ValueError: There is no sample, no such unit, or a sample without that step.
        TypeError: `events` are none.
    """
    instance("reservoir", reservoir, Reservoir)
    reservoir.check_input(events)
    if not len(events):
        raise refusal("events", "at least one sample", events)
    unit = whole("unit", unit, low=0, high=events.n_units - 1)
    step = whole("step", step, low=0)
    if step >= events.n_steps.min():
        raise refusal("step", f"one of the {events.n_steps.min()} steps of the shortest sample", step)
    both = zip(
        step_spikes(reservoir, events), step_spikes(reservoir, toggled(events, unit, step)), strict=True
    )
    apart = np.concatenate([np.abs(z - other).mean(axis=2, dtype=np.float64) for z, other in both])
    lasts = np.arange(apart.shape[1]) < events.n_steps[:, None]
    return np.asarray((apart * lasts).sum(axis=0) / lasts.sum(axis=0))


def toggled(events: Events, unit: int, step: int) -> Events:
    """Take the spikes of a unit in a step from the samples that have them, and give one to all others."""
    hit = (events.unit == unit) & (events.step == step)
    without = np.setdiff1d(np.arange(len(events)), events.sample[hit])
    sample = np.append(events.sample[~hit], without)
    steps = np.append(events.step[~hit], np.full(len(without), step))
    units = np.append(events.unit[~hit], np.full(len(without), unit))
    order = np.lexsort((units, steps, sample))
    offsets = np.append(0, np.cumsum(np.bincount(sample, minlength=len(events))))
    return Events(steps[order], units[order], offsets, events.n_units, events.dt_ms, events.n_steps)
