"""Spikes as a Block of Neo, for Elephant and other analyses, and back (optional: `pip install neo`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snn.core import Events, TimedEvents, memory
from snn.core.checks import refusal
from snn.core.timed_events import times_of
from snn.interop.spike_times import (
    TIMES_ARE,
    FoundSpikes,
    Stamp,
    check_spikes,
    events_of,
    times_are,
    written_times,
)

__all__ = ["NeoSpikes", "from_block", "to_block"]

_TRAIN_BYTES = 4000
"""Memory that a SpikeTrain takes, besides its spikes."""
_SAID = ("dt_ms", "times_are")
_NAMELESS = "units"
"""Population of trains that have no annotation `population`."""


class NeoSpikes(NamedTuple):
    """Hold the spikes of a Block.

    Attributes:
        spikes: By population, a sample for each Segment; unit n is the n-th SpikeTrain of its population.
            `TimedEvents`, or `Events` of what `to_block` made on the grid.
        notes: Sentences on what is not kept.
    """

    spikes: dict[str, Events]
    notes: tuple[str, ...]


def to_block(spikes: Mapping[str, Events], *, stamp: Stamp = "middle") -> Any:
    """Make a `neo.Block`: a Segment for each sample, in it a SpikeTrain for each unit, silent ones included, in ms.

    A train goes from 0 to the end of its sample; annotations say its `population`, its `unit` and the step `dt_ms`:
    `from_block` gives the same events. `block.segments[b].spiketrains` is what Elephant takes.

    Args:
        spikes: Events by population, of as many samples each, as `Recording.spikes`.
        stamp: The time of a spike on the grid: the "middle" of its step, which lies inside of any bin of whole
            steps, or its "start", k dt. Spikes off the grid have their own.

    Raises:
        ModuleNotFoundError: The package `neo` is not installed.
        ValueError: Populations have different numbers of samples.
        MemoryError: A train for each unit and sample would not fit.
    """
    given = check_spikes(spikes, "Neo", samples=True)
    counts = {len(events) for events in given.values()}
    if len(counts) > 1:
        raise refusal("spikes", "of as many samples in each population", sorted(counts))
    samples = counts.pop()
    trains = samples * sum(events.n_units for events in given.values())
    memory.check(_TRAIN_BYTES * trains, f"{trains:,} spike trains")
    neo = _package()
    block = neo.Block()
    for b in range(samples):
        block.segments.append(neo.Segment(index=b))
    for name, events in given.items():
        times = written_times(f"spikes[{name!r}]", events, 1.0, stamp)
        for b, segment in enumerate(block.segments):
            for unit, own in enumerate(_by_unit(events, times, b)):
                end = int(events.n_steps[b]) * events.dt_ms
                said = {"dt_ms": events.dt_ms, "times_are": times_are(events, stamp)}
                segment.spiketrains.append(
                    neo.SpikeTrain(own, units="ms", t_stop=end, population=name, unit=unit, **said)
                )
    return block


def _by_unit(events: Events, times: Any, b: int) -> list[Any]:
    """Cut the times of a sample into those of each unit, ascending."""
    rows = slice(int(events.offsets[b]), int(events.offsets[b + 1]))
    unit, own = events.unit[rows], times[rows]
    order = np.lexsort((own, unit))
    ends = np.cumsum(np.bincount(unit, minlength=events.n_units))
    return list(np.split(own[order], ends[:-1]))


def from_block(source: Any, dt_ms: float | None = None, *, n_steps: int | None = None) -> NeoSpikes:
    """Take the spike trains of a `neo.Block`, of a Segment, or a list of them.

    Args:
        source: The trains; those of a Segment have one unit, `t_start` and `t_stop`. Times count from `t_start`.
        dt_ms: Length of a step, ms. None only for what `to_block` made.
        n_steps: Length of each sample, steps. None is up to `t_stop`.

    Raises:
        ValueError: There are no trains, Segments hold different ones, or a spike is outside [t_start, t_stop): Neo
            allows one at `t_stop`, which a longer `n_steps` takes in.
    """
    segments = getattr(source, "segments", None)
    found = [_trains(segment) for segment in (segments if segments is not None else [source])]
    sizes = [{name: len(trains) for name, trains in one.items()} for one in found]
    if not any(sizes):
        raise refusal("source", "a Block, a Segment or a list of SpikeTrain, with trains", source)
    samples: dict[str, list[Events]] = {name: [] for name in sizes[0]}
    notes: list[str] = []
    for b, trains in enumerate(found):
        if sizes[b] != sizes[0]:
            raise refusal(f"segments[{b}]", f"of trains by population {sizes[0]}, as the first", sizes[b])
        placed = {name: _found(f"segments[{b}]: {name}", one) for name, one in trains.items()}
        events, coarse = events_of(placed, dt_ms, n_steps)
        notes += coarse
        for name, sample in events.items():
            samples[name].append(sample)
    if any(train.waveforms is not None for trains in found for one in trains.values() for train in one):
        notes.append("Waveforms are not kept.")
    return NeoSpikes({name: _batch(rows) for name, rows in samples.items()}, tuple(notes))


def _trains(segment: Any) -> dict[str, list[Any]]:
    """List spike trains by population."""
    trains: dict[str, list[Any]] = {}
    for i, train in enumerate(getattr(segment, "spiketrains", segment)):
        if not all(hasattr(train, name) for name in ("t_start", "t_stop", "magnitude", "annotations")):
            raise refusal(f"spiketrains[{i}]", "a neo.SpikeTrain", train)
        trains.setdefault(str(train.annotations.get("population", _NAMELESS)), []).append(train)
    return trains


def _found(where: str, trains: list[Any]) -> FoundSpikes:
    """Put the trains of a population in one row.

    Raises:
        ValueError: They differ in unit, start, end or annotated step.
    """
    window = [
        (str(t.dimensionality), float(t.t_start), float(t.t_stop), *map(t.annotations.get, _SAID))
        for t in trains
    ]
    for i, one in enumerate(window):
        if one != window[0]:
            what = f"unit, t_start, t_stop, {', '.join(_SAID)} of {where}[{i}]"
            raise refusal(what, f"{window[0]}, as of the first", one)
    unit_ms, (_, start, stop, dt, said) = float(trains[0].units.rescale("ms")), window[0]
    return FoundSpikes(
        where,
        np.concatenate([train.magnitude for train in trains]),
        np.repeat(np.arange(len(trains)), [train.size for train in trains]),
        len(trains),
        unit_ms,
        start,
        None if dt is None else float(dt),
        (stop - start) * unit_ms,
        on_grid=said in (TIMES_ARE["middle"], TIMES_ARE["start"]),
    )


def _batch(samples: list[Events]) -> Events:
    """Put samples of one population behind each other."""
    first, offsets = samples[0], np.cumsum([0, *(one.n_events for one in samples)])
    columns: dict[str, Any] = {
        "step": np.concatenate([one.step for one in samples]),
        "unit": np.concatenate([one.unit for one in samples]),
        "offsets": offsets,
        "n_units": first.n_units,
        "dt_ms": first.dt_ms,
        "n_steps": np.array([int(one.n_steps[0]) for one in samples]),
    }
    if not any(isinstance(one, TimedEvents) for one in samples):
        return Events.from_dict(columns)
    return TimedEvents.from_dict({"time_ms": np.concatenate([times_of(one) for one in samples]), **columns})


def _package() -> Any:
    """Import the package."""
    try:
        import neo
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("neo is not installed: pip install neo") from error
    return neo
