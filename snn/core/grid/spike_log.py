"""Keep the spikes of a sample: events of several populations as rows for the loops, their log, and events again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Int64Array
from snn.core.compiled import compiled
from snn.core.events import Events
from snn.core.grid.bundles import SpikeLog
from snn.core.network import Network


class SpikeRows(NamedTuple):
    """List the spikes of all populations in one sample, sorted by (step, unit); no pair is listed twice.

    Attributes:
        step: Step of each row, [E].
        unit: Unit of each row, numbered as `Network.first_unit` says, [E].
        spikes: Spikes of that unit in that step, [E], >= 1.
    """

    step: Int64Array
    unit: Int64Array
    spikes: Int64Array

    def between(self, first: int, end: int) -> SpikeRows:
        """Return the rows of the steps `first` <= k < `end`."""
        part = slice(*np.searchsorted(self.step, [first, end]))
        return SpikeRows(self.step[part], self.unit[part], self.spikes[part])

    def since(self, step: int) -> SpikeRows:
        """Return the rows from `step` on; steps then count from there."""
        start = int(np.searchsorted(self.step, step))
        return SpikeRows(self.step[start:] - step, self.unit[start:], self.spikes[start:])

    def of_units(self, first: int, end: int) -> SpikeRows:
        """Return the rows of the units `first` <= i < `end`; units then count from `first`."""
        mine = (self.unit >= first) & (self.unit < end)
        return SpikeRows(self.step[mine], self.unit[mine] - first, self.spikes[mine])

    def tally(self, found: Int64Array) -> None:
        """Add to each column of `found`, [3, units]: steps in which it spiked, in which more than once, spikes."""
        _tally(self.unit, self.spikes, found)


def rows_of(network: Network, events: Mapping[str, Events], b: int) -> SpikeRows:
    """Merge the events of populations in sample b to rows with counts."""
    steps, units = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for name in network.order:
        if name in events:
            mine = slice(*events[name].offsets[b : b + 2])
            steps.append(events[name].step[mine])
            units.append(events[name].unit[mine] + network.first_unit[network.place[name]])
    step, unit = np.concatenate(steps), np.concatenate(units)
    if len(steps) > 2:
        # Each population is in order, and its units follow those of the one before: a stable sort by step
        # merges them (it finds and merges runs that are in order).
        order = np.argsort(step, kind="stable")
        step, unit = step[order], unit[order]
    spikes = np.empty(step.size, dtype=np.int64)
    rows = _merge_equal(step, unit, spikes)
    return SpikeRows(step[:rows], unit[:rows], spikes[:rows])


def most_at_once(events: Events | None) -> int:
    """Count the spikes of one unit in one step of one sample, at most: 0 without any."""
    return 0 if events is None else _most_at_once(events.step, events.unit, events.offsets)


# One pass each and no arrays in between: these see millions of given spikes, and a fresh array of that size
# costs more than the pass.


@compiled
def _tally(unit: Int64Array, spikes: Int64Array, found: Int64Array) -> None:
    for e in range(unit.size):
        found[0, unit[e]] += 1
        found[1, unit[e]] += spikes[e] > 1
        found[2, unit[e]] += spikes[e]


@compiled
def _merge_equal(step: Int64Array, unit: Int64Array, spikes: Int64Array) -> int:
    """Make one row of neighbours with equal (step, unit), in place; `spikes` counts them. Returns the rows."""
    rows = 0
    for e in range(step.size):
        if rows > 0 and step[e] == step[rows - 1] and unit[e] == unit[rows - 1]:
            spikes[rows - 1] += 1
        else:
            step[rows], unit[rows], spikes[rows] = step[e], unit[e], 1
            rows += 1
    return rows


@compiled
def _most_at_once(step: Int64Array, unit: Int64Array, offsets: Int64Array) -> int:
    most = 0
    for b in range(offsets.size - 1):
        equal = 0
        for e in range(offsets[b], offsets[b + 1]):
            again = e > offsets[b] and step[e] == step[e - 1] and unit[e] == unit[e - 1]
            equal = equal + 1 if again else 1
            most = max(most, equal)
    return most


def events_of(
    network: Network, samples: list[SpikeRows], names: Iterable[str], n_steps: Int64Array
) -> dict[str, Events]:
    """Return the events of the populations `names`; `n_steps` is the length of each sample, [B]."""
    step, unit, spikes = samples[0] if len(samples) == 1 else _joined(samples)
    ends = np.cumsum([0, *(rows.step.size for rows in samples)])
    events = {}
    for name in names:
        p = network.place[name]
        first, end = int(network.first_unit[p]), int(network.first_unit[p + 1])
        mine = np.flatnonzero((unit >= first) & (unit < end))
        count = spikes[mine]
        before = np.concatenate([[0], np.cumsum(count)])  # spikes before each of these rows
        events[name] = Events(
            np.repeat(step[mine], count),
            np.repeat(unit[mine] - first, count),
            before[np.searchsorted(mine, ends)],
            end - first,
            network.dt_ms,
            n_steps,
        )
    return events


def _joined(samples: list[SpikeRows]) -> SpikeRows:
    none = SpikeRows(*(np.zeros(0, dtype=np.int64) for _ in SpikeRows._fields))
    return SpikeRows(*(np.concatenate(columns) for columns in zip(none, *samples, strict=True)))


def open_log(network: Network, horizon: int, recent: SpikeRows, n_steps: int) -> SpikeLog:
    """Start the log of a sample with its `recent` spikes, whose steps count from `-horizon`."""
    populations = len(network.order)
    bounds = np.zeros((horizon + n_steps) * populations + 1, dtype=np.int64)
    place = recent.step * populations + np.searchsorted(network.first_unit, recent.unit, side="right") - 1
    before = horizon * populations
    bounds[1 : before + 1] = np.cumsum(np.bincount(place, minlength=before))
    return SpikeLog(bounds, recent.unit, recent.spikes)


def longer_log(log: SpikeLog, used: int, units: int, given: int = 0) -> SpikeLog:
    """Return the log with room for what is `given` and as much again, and for steps in which all `units` spike.

    Room costs nothing until it is written to.
    """
    size = used + max(used, 2 * given + 4 * units, 4096)
    unit, spikes = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    unit[:used], spikes[:used] = log.unit[:used], log.spikes[:used]
    return SpikeLog(log.bounds, unit, spikes)


def close_log(network: Network, log: SpikeLog) -> SpikeRows:
    """List a finished log; steps count from `-horizon`, as they do in the log."""
    used = int(log.bounds[-1])
    of_row = np.diff(log.bounds[:: len(network.order)])
    step = np.repeat(np.arange(of_row.size), of_row)
    return SpikeRows(step, log.unit[:used], log.spikes[:used])
