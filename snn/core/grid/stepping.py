"""The compiled step of a session (`snn.core.session`): all samples by one step, in place.

A session is a run of which nobody knows the end. Each of its steps is taken as the last one, so that membranes and
currents always are as a state has them, and the next begins with the decay that a run begins with. The log of a
sample has room for some steps; when they are used up, all that lies further back than the longest delay is struck
out, and steps count from there, just as if the run had been cut and went on from its state.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from snn.core.addressed import bundle_at
from snn.core.arrays import ByteArray, Int64Array, Uint16Array, Uint64Array
from snn.core.compiled import lean, lean_entry, lean_inlined
from snn.core.grid.arrivals import decay_for_first_step
from snn.core.grid.bundles import Sample
from snn.core.grid.event import advance, settle
from snn.core.layout.plasticity_arrays import PlasticityArrays
from snn.core.neurons import MOST_SPIKES

DONE, NO_COUNT, NO_ROOM = 0, 1, 2
"""What came of a step: it is done; nothing is, for an input is no count; nothing is, for a log must be longer."""


class SessionBatch(NamedTuple):
    """Hold what a step of B samples reads and writes.

    Attributes:
        given: Spikes of the units of sources in the step, [B, I].
        unit: Units of these columns, ascending, [I].
        counts: Spikes of all units in the step, [B, U].
        fired: The same for units that spike at most once, [B, U].
        samples: Address of each sample, [B].
        learning: Address of the plasticity of each, [B].
        one_sample: A sample as all are laid out.
        one_learning: Its plasticity.
    """

    given: Int64Array
    unit: Int64Array
    counts: Uint16Array
    fired: ByteArray
    samples: Uint64Array
    learning: Uint64Array
    one_sample: Sample
    one_learning: PlasticityArrays


@lean_entry
def step_batch(batch: SessionBatch) -> int:
    """Take all samples through one step, or none; return `DONE`, `NO_COUNT` or `NO_ROOM`."""
    for b in range(batch.samples.size):
        for i in range(batch.unit.size):
            if not 0 <= batch.given[b, i] <= MOST_SPIKES:
                return NO_COUNT
    for b in range(batch.samples.size):
        if not _has_room(bundle_at(batch.one_sample, batch.samples[b])):
            return NO_ROOM
    for b in range(batch.samples.size):
        s = bundle_at(batch.one_sample, batch.samples[b])
        _step(batch, b, s, bundle_at(batch.one_learning, batch.learning[b]))
    return DONE


@lean_entry
def rewind_batch(batch: SessionBatch) -> None:
    """Bring all samples to where a state has them; the logs hold what is on its way, and no more."""
    for b in range(batch.samples.size):
        _rewind(bundle_at(batch.one_sample, batch.samples[b]))


@lean_inlined
def _step(batch: SessionBatch, b: int, s: Sample, learning: PlasticityArrays) -> None:
    """Take sample b through one step, and show what spiked in it."""
    cursor, inputs, log = s.cursor[0], s.inputs, s.log
    k, before, found = cursor.next_step, cursor.log_end, 0
    for i in range(batch.unit.size):
        if batch.given[b, i] > 0:
            inputs.step[found], inputs.unit[found], inputs.spikes[found] = k, batch.unit[i], batch.given[b, i]
            found += 1
    if found < batch.unit.size:
        inputs.step[found] = -1  # ends the list
    cursor.next_input, cursor.stop = 0, k + 1
    decay_for_first_step(s)
    advance(s, learning)
    for u in range(s.neurons.decay.size):
        batch.counts[b, u] = 0
        batch.fired[b, u] = 0
    for e in range(before, cursor.log_end):
        batch.counts[b, log.unit[e]] = log.spikes[e]
        batch.fired[b, log.unit[e]] = log.spikes[e]


@lean_inlined
def _has_room(s: Sample) -> bool:
    """Tell whether the log takes another step, struck out or as it is; a log that is half full has none then."""
    populations, units, room = s.neurons.slot.size, s.neurons.decay.size, s.log.unit.size
    steps, cursor = (s.log.bounds.size - 1) // populations - s.projections.horizon, s.cursor[0]
    if cursor.next_step < steps and cursor.log_end + units <= room:
        return True
    _rewind(s)
    return bool(2 * cursor.log_end + units <= room)


@lean
def _rewind(s: Sample) -> None:
    """Make the next step step 0: strike out what has arrived everywhere, and empty the rings, which step 0 fills."""
    settle(s)
    log, cursor, populations = s.log, s.cursor[0], s.neurons.slot.size
    k = cursor.next_step
    gone = log.bounds[k * populations]
    for e in range(gone, cursor.log_end):
        log.unit[e - gone], log.spikes[e - gone] = log.unit[e], log.spikes[e]
    for i in range(s.projections.horizon * populations + 1):
        log.bounds[i] = log.bounds[k * populations + i] - gone
    _fill(s.counted.last_arrival, -1)
    _fill(s.sleep.next_step, 0)
    for p in range(populations):
        s.sleep.retry[p] -= k
    _fill(s.arrivals.ring_due, -1)
    _fill(s.arrivals.ring_cells.counts, 0)
    _fill(s.arrivals.ring_cells.sum_bits, s.arrivals.ring_cells.empty)
    cursor.next_step, cursor.stop, cursor.log_end = 0, 0, cursor.log_end - gone
    cursor.rewound += k


@lean_inlined
def _fill(values: Any, value: Any) -> None:
    for i in range(values.size):
        values[i] = value
