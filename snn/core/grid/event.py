"""The compiled loop of engine="event": one sample, strict IEEE arithmetic, float64 or float32.

A sample runs through the log of its spikes. The log lists (unit, count) in the order of emission;
`bounds[s * P + p]` is where population p starts in row s. Rows 0 .. horizon - 1 are the steps before
this run (what is still on its way from an earlier one), step k of this run is row horizon + k.

`work.current` is kept decayed in advance: what arrives in a step is added, the step reads it, and
multiplies it for the next one (not in the last step, so that the state holds currents as of then).
"""

from __future__ import annotations

from snn.core.compiled import lean_over
from snn.core.grid import arrivals, neuron_step, plasticity_step, rings
from snn.core.grid.arrivals import draw, receive, take_up
from snn.core.grid.buffers import Sample
from snn.core.grid.neuron_step import WINDOW, catch_up, choose, update
from snn.core.grid.plasticity_step import learn
from snn.core.grid.rings import begin_block, push
from snn.core.layout.plasticity_arrays import PlasticityArrays

__all__ = ["run_event"]


@lean_over(arrivals, rings, neuron_step, plasticity_step)
def run_event(s: Sample, learning: PlasticityArrays) -> None:
    """Run a sample by events: synapses only of senders that spiked, neurons only where it matters.

    Begins (`s.at[0]` is -1) or goes on at step `s.at[0]`, and stops before the end when the log has
    no room for another step.
    """
    plan, routes, given, work, log = s.plan, s.routes, s.given, s.work, s.log
    populations, units, horizon, used, cursor = (
        plan.slot.size,
        plan.decay.size,
        routes.horizon,
        s.at[1],
        s.at[2],
    )
    if s.at[0] < 0:
        take_up(s)
    for k in range(max(s.at[0], 0), given.n_steps):
        s.at[0], s.at[1], s.at[2] = k, used, cursor
        if used + units > log.unit.size:
            return
        for q in routes.out:
            if k % routes.depth[q] == 0:
                begin_block(s, q, k)
        for p in range(populations):
            begin, end = used, plan.first[p + 1]
            if plan.source[p]:
                while cursor < given.step.size and given.step[cursor] == k and given.unit[cursor] < end:
                    log.unit[used], log.spikes[used] = given.unit[cursor], given.spikes[cursor]
                    cursor, used = cursor + 1, used + 1
            else:
                for q in range(routes.incoming[p], routes.incoming[p + 1]):
                    receive(s, p, q, k)
                for m in range(plan.noise_first[p], plan.noise_first[p + 1]):
                    draw(s, p, m, k)
                used = update(s, p, k, used)
                if given.lazy[p] and not given.always_lazy and k % WINDOW == WINDOW - 1:
                    choose(s, p, k + 1)
            for o in range(routes.out_first[p], routes.out_first[p + 1]):
                push(s, routes.out[o], begin, used, k)
            log.bounds[(horizon + k) * populations + p + 1] = used
        learn(learning, log.bounds, log.unit, log.spikes, (horizon + k) * populations, k)
    s.at[0], s.at[1], s.at[2] = given.n_steps, used, cursor
    for p in range(populations):
        for b in range(plan.block[p], plan.block[p + 1] if work.lazy[p] else plan.block[p]):
            catch_up(s, p, b, given.n_steps)
    for u in range(units):
        work.hold[u] = work.hold[u] - given.n_steps if work.hold[u] > given.n_steps else 0
