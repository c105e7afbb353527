"""Keep the spikes of a sample: events of several populations as rows for the loops, their log, and events again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from snn.core.arrays import BoolArray, Int64Array
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

    def since(self, step: int) -> SpikeRows:
        """Return the rows from `step` on; steps then count from there."""
        start = int(np.searchsorted(self.step, step))
        return SpikeRows(self.step[start:] - step, self.unit[start:], self.spikes[start:])


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
    starts = np.flatnonzero(_differs_from_last(step, unit))
    return SpikeRows(step[starts], unit[starts], np.diff(np.append(starts, step.size)))


def most_at_once(events: Events | None) -> int:
    """Count the spikes of one unit in one step of one sample, at most: 0 without any."""
    if events is None or not events.step.size:
        return 0
    first = _differs_from_last(events.step, events.unit)
    first[events.offsets[(events.offsets > 0) & (events.offsets < first.size)]] = True
    return 1 if first.all() else int(np.diff(np.append(np.flatnonzero(first), first.size)).max())


def _differs_from_last(step: Int64Array, unit: Int64Array) -> BoolArray:
    differs = np.ones(step.size, dtype=bool)
    differs[1:] = (step[1:] != step[:-1]) | (unit[1:] != unit[:-1])
    return differs


def events_of(
    network: Network, samples: list[SpikeRows], names: Iterable[str], n_steps: Int64Array
) -> dict[str, Events]:
    """Return the events of the populations `names`; `n_steps` is the length of each sample, [B]."""
    none = SpikeRows(*(np.zeros(0, dtype=np.int64) for _ in SpikeRows._fields))
    step, unit, spikes = (np.concatenate(columns) for columns in zip(none, *samples, strict=True))
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


def open_log(network: Network, horizon: int, recent: SpikeRows, n_steps: int) -> SpikeLog:
    """Start the log of a sample with its `recent` spikes, whose steps count from `-horizon`."""
    populations = len(network.order)
    bounds = np.zeros((horizon + n_steps) * populations + 1, dtype=np.int64)
    place = recent.step * populations + np.searchsorted(network.first_unit, recent.unit, side="right") - 1
    before = horizon * populations
    bounds[1 : before + 1] = np.cumsum(np.bincount(place, minlength=before))
    return SpikeLog(bounds, recent.unit, recent.spikes)


def longer_log(log: SpikeLog, used: int, units: int) -> SpikeLog:
    """Return the log with room for many steps in which all `units` spike, or many more in which few do."""
    room = np.zeros(max(used, 4 * units, 4096), dtype=np.int64)
    return SpikeLog(log.bounds, np.append(log.unit[:used], room), np.append(log.spikes[:used], room))


def close_log(network: Network, log: SpikeLog) -> SpikeRows:
    """List a finished log; steps count from `-horizon`, as they do in the log."""
    used = int(log.bounds[-1])
    step = np.repeat(np.arange(log.bounds.size - 1), np.diff(log.bounds)) // len(network.order)
    return SpikeRows(step, log.unit[:used].copy(), log.spikes[:used].copy())
