"""Keep spikes on their way: events of several populations as rows for the loops, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Int64Array
from snn.core.events import Events
from snn.core.grid.buffers import Log
from snn.core.layout.neuron_arrays import NeuronArrays


class SpikeRows(NamedTuple):
    """List the spikes of all populations, sorted by (sample, step, unit of the plan)."""

    sample: Int64Array
    """Sample of each row, [E]."""
    step: Int64Array
    """Step of each row, [E]."""
    unit: Int64Array
    """Unit of each row as the plan numbers them, [E]."""
    spikes: Int64Array
    """Spikes of that unit in that step, [E], >= 1."""

    def of_sample(self, b: int) -> SpikeRows:
        """Return the rows of one sample."""
        low, high = np.searchsorted(self.sample, [b, b + 1])
        return SpikeRows(*(column[low:high].copy() for column in self))

    def since(self, step: int) -> SpikeRows:
        """Return the rows from `step` on; steps then count from there."""
        late = self.step >= step
        return SpikeRows(self.sample[late], self.step[late] - step, self.unit[late], self.spikes[late])


def merge(plan: NeuronArrays, names: tuple[str, ...], events: Mapping[str, Events]) -> SpikeRows:
    """Merge the events of populations (in the plan's order `names`) to rows with counts."""
    columns = [np.zeros((3, 0), dtype=np.int64)]
    for p, name in enumerate(names):
        if name in events:
            part = events[name]
            columns.append(np.stack([part.sample, part.step, part.unit + plan.first[p]]))
    sample, step, unit = np.concatenate(columns, axis=1)
    order = np.lexsort((unit, step, sample))
    sample, step, unit = sample[order], step[order], unit[order]
    fresh = np.ones(sample.size, dtype=bool)
    fresh[1:] = (np.diff(sample) != 0) | (np.diff(step) != 0) | (np.diff(unit) != 0)
    starts = np.flatnonzero(fresh)
    count = np.diff(np.append(starts, sample.size)).astype(np.int64)
    return SpikeRows(sample[starts], step[starts], unit[starts], count)


def split(
    plan: NeuronArrays,
    names: tuple[str, ...],
    rows: SpikeRows,
    keep: tuple[str, ...],
    dt_ms: float,
    n_steps: Int64Array,
) -> dict[str, Events]:
    """Return the events of the populations `keep`; `n_steps` is the length of each sample."""
    events = {}
    for name in keep:
        p = names.index(name)
        first, end = int(plan.first[p]), int(plan.first[p + 1])
        mine = (rows.unit >= first) & (rows.unit < end)
        sample, step, unit, count = (column[mine] for column in rows)
        per_sample = np.bincount(np.repeat(sample, count), minlength=n_steps.size)
        events[name] = Events(
            np.repeat(step, count),
            np.repeat(unit - first, count),
            np.concatenate([[0], np.cumsum(per_sample)]),
            end - first,
            dt_ms,
            n_steps,
        )
    return events


def join(parts: list[SpikeRows]) -> SpikeRows:
    """Put the rows of consecutive samples one after another."""
    empty = SpikeRows(*(np.zeros(0, dtype=np.int64) for _ in SpikeRows._fields))
    return SpikeRows(*(np.concatenate(columns) for columns in zip(empty, *parts, strict=True)))


def open_log(plan: NeuronArrays, horizon: int, recent: SpikeRows, n_steps: int) -> Log:
    """Start the log of a sample with its `recent` spikes, whose steps count from `-horizon`."""
    populations = plan.slot.size
    bounds = np.zeros((horizon + n_steps) * populations + 1, dtype=np.int64)
    place = recent.step * populations + np.searchsorted(plan.first, recent.unit, side="right") - 1
    before = horizon * populations
    bounds[1 : before + 1] = np.cumsum(np.bincount(place, minlength=before))
    return Log(bounds, recent.unit, recent.spikes)


def longer_log(log: Log, used: int, units: int) -> Log:
    """Return the log with room for many steps in which all `units` spike, or many more in which few do."""
    room = np.zeros(max(used, 4 * units, 4096), dtype=np.int64)
    return Log(log.bounds, np.append(log.unit[:used], room), np.append(log.spikes[:used], room))


def close_log(plan: NeuronArrays, b: int, log: Log) -> SpikeRows:
    """List a finished log; steps count from `-horizon`, as they do in the log."""
    used = int(log.bounds[-1])
    step = np.repeat(np.arange(log.bounds.size - 1), np.diff(log.bounds)) // plan.slot.size
    return SpikeRows(np.full(used, b, dtype=np.int64), step, log.unit[:used], log.spikes[:used])
