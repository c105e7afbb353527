"""Where Python enters the event loop: a run of one sample, or one step of all samples of a session.

There is one entry for both, so that the loop is compiled once. A session (`snn.core.grid.session`) is a run of
which nobody knows the end. Each of its steps is taken as the last one, so that membranes and currents always are as
a state has them, and the next begins with the decay that a run begins with. The log of a sample has room for some
steps; when they are used up, all that lies further back than the longest delay is struck out, and steps count from
there, just as if the run had been cut and went on from its state.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import ByteArray, Int64Array, Uint16Array, Uint64Array
from snn.core.compiled import lean, lean_entry, lean_inlined
from snn.core.grid.addressed import Parts, bundle_at, by_address
from snn.core.grid.arrivals import decay_for_first_step
from snn.core.grid.bundles import Sample
from snn.core.grid.event import advance, settle
from snn.core.layout.plasticity_arrays import PlasticityArrays


class EventTask(NamedTuple):
    """Say what the event loop is to do: run `sample`, or take the B samples of a session through a step.

    Attributes:
        sample: The sample; of a session the first, as all are laid out.
        learning: Its plasticity.
        given: Spikes of the units of sources in the step, [B, I].
        unit: Units of these columns, ascending, [I].
        counts: Spikes of all units in the step, [B, U].
        fired: The same for units that spike at most once, [B, U].
        samples: Address of each sample, [B]; none of a run.
        learn: Address of the plasticity of each, [B].
    """

    sample: Sample
    learning: PlasticityArrays
    given: Uint16Array
    unit: Int64Array
    counts: Uint16Array
    fired: ByteArray
    samples: Uint64Array
    learn: Uint64Array


def run_event(sample: Sample, learning: PlasticityArrays, parts: Parts) -> None:
    """Run a sample to its end, or until its log has no room for another step; `parts` as in `by_address`."""
    none, counts = np.zeros(0, dtype=np.uint64), np.zeros((0, 0), dtype=np.uint16)
    shown = (counts, counts.view(np.uint8))
    task = EventTask(sample, learning, counts, none.view(np.int64), *shown, none, none)
    enter_event_loop(by_address(task, parts))


@lean_entry
def enter_event_loop(task: EventTask) -> bool:
    """Do a task; tell whether it is done, or nothing is, for a log of a session has no room for a step."""
    steps = task.samples.size
    if not _all_have_room(task):
        return False
    for b in range(max(1, steps)):
        s, learning, before = task.sample, task.learning, 0
        if steps > 0:
            s, learning = bundle_at(s, task.samples[b]), bundle_at(learning, task.learn[b])
            before = s.cursor[0].log_end
            _take_inputs(task, b, s)
        if steps > 0 or s.cursor[0].next_step < 0:
            decay_for_first_step(s)
        advance(s, learning)
        if steps > 0:
            _show_spikes(task, b, s, before)
        elif s.cursor[0].next_step == s.cursor[0].stop:
            settle(s)
    return True


@lean_entry
def rewind(task: EventTask) -> None:
    """Bring all samples to where a state has them; the logs hold what is on its way, and no more."""
    for b in range(task.samples.size):
        _rewind(bundle_at(task.sample, task.samples[b]))


@lean
def _all_have_room(task: EventTask) -> bool:
    """Tell whether the logs of all samples of a session take another step."""
    for b in range(task.samples.size):
        if not _has_room(bundle_at(task.sample, task.samples[b])):
            return False
    return True


@lean
def _take_inputs(task: EventTask, b: int, s: Sample) -> None:
    """Give sample b its inputs, for one step."""
    cursor, inputs, found = s.cursor[0], s.inputs, 0
    k = cursor.next_step
    for i in range(task.unit.size):
        if task.given[b, i] > 0:
            inputs.step[found], inputs.unit[found], inputs.spikes[found] = k, task.unit[i], task.given[b, i]
            found += 1
    if found < task.unit.size:
        inputs.step[found] = -1  # ends the list
    cursor.next_input, cursor.stop = 0, k + 1


@lean
def _show_spikes(task: EventTask, b: int, s: Sample, before: int) -> None:
    """Show what the log of sample b has from entry `before` on."""
    for u in range(s.neurons.decay.size):
        task.counts[b, u] = 0
        task.fired[b, u] = 0
    for e in range(before, s.cursor[0].log_end):
        task.counts[b, s.log.unit[e]] = s.log.spikes[e]
        task.fired[b, s.log.unit[e]] = s.log.spikes[e]


@lean
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
    """Make the next step step 0: strike out what has arrived everywhere; empty the rings, which step 0 fills."""
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
