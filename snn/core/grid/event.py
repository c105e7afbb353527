"""The compiled loop of engine="event": one sample, strict IEEE arithmetic, float64 or float32.

A sample runs through the log of its spikes. The log lists (unit, count) in the order of emission;
`bounds[s * P + p]` is where population p starts in row s. Rows 0 .. horizon - 1 are the steps before
this run (what is still on its way from an earlier one), step k of this run is row horizon + k.

`state.current` is kept decayed in advance: what arrives in a step is added, the step reads it, and
multiplies it for the next one (not in the last step, so that the state holds currents as of then).
"""

from __future__ import annotations

from snn.core.compiled import lean
from snn.core.grid.arrivals import deliver
from snn.core.grid.bundles import Sample
from snn.core.grid.neuron_step import (
    DECIDE_EVERY,
    decide_whether_to_sleep,
    replay_slept_steps,
    step_population,
)
from snn.core.grid.noise import draw_noise
from snn.core.grid.plasticity_step import learn
from snn.core.grid.rings import fill_block, write_ahead
from snn.core.layout.plasticity_arrays import PlasticityArrays


@lean
def advance(s: Sample, learning: PlasticityArrays) -> None:
    """Run a sample by events: synapses only of senders that spiked, neurons only where it matters.

    Goes on at `cursor.next_step`, and stops before `cursor.stop` when the log has no room for another step.
    """
    neurons, projections, inputs, log = s.neurons, s.projections, s.inputs, s.log
    horizon = projections.horizon
    populations, units, cursor = neurons.slot.size, neurons.decay.size, s.cursor[0]
    used, given, plastic = cursor.log_end, cursor.next_input, learning.plastic.size > 0
    for k in range(max(cursor.next_step, 0), cursor.stop):
        cursor.next_step, cursor.log_end, cursor.next_input = k, used, given
        if used + units > log.unit.size:
            return
        for q in projections.out:
            if k % projections.depth[q] == 0:
                fill_block(s, q, k)
        for p in range(populations):
            begin, end = used, neurons.first[p + 1]
            if neurons.source[p]:
                while given < inputs.step.size and inputs.step[given] == k and inputs.unit[given] < end:
                    log.unit[used], log.spikes[used] = inputs.unit[given], inputs.spikes[given]
                    given, used = given + 1, used + 1
            else:
                for q in range(projections.incoming[p], projections.incoming[p + 1]):
                    deliver(s, p, q, k)
                for m in range(neurons.noise_first[p], neurons.noise_first[p + 1]):
                    draw_noise(s, p, m, k)
                used = step_population(s, p, k, used)
                if s.sleep.allowed[p] and not s.sleep.always and k % DECIDE_EVERY == DECIDE_EVERY - 1:
                    decide_whether_to_sleep(s, p, k + 1)
            for o in range(projections.out_first[p], projections.out_first[p + 1]):
                write_ahead(s, projections.out[o], begin, used, k)
            log.bounds[(horizon + k) * populations + p + 1] = used
        if plastic:
            learn(learning, log, (horizon + k) * populations, cursor.rewound + k)
    cursor.next_step, cursor.log_end, cursor.next_input = cursor.stop, used, given


@lean
def settle(s: Sample) -> None:
    """Bring neurons to where a state has them: none is behind, and steps to be held count from the end."""
    neurons, hold, stop = s.neurons, s.state.hold, s.cursor[0].stop
    for p in range(neurons.slot.size):
        first = neurons.sleep_group[p]
        for group in range(first, neurons.sleep_group[p + 1] if s.sleep.lazy[p] else first):
            replay_slept_steps(s, p, group, stop)
    for u in range(hold.size):
        hold[u] = hold[u] - stop if hold[u] > stop else 0
