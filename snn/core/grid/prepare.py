"""Lay out for the compiled loops what one sample is given, and what they write to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from snn.core.grid.batch_state import BatchState
from snn.core.grid.buffers import Given, Scratch, Work
from snn.core.grid.request import RunRequest
from snn.core.layout.bitmaps import CHUNK, DIGITS, ROWS
from snn.core.layout.neuron_arrays import STRIDE, NeuronArrays
from snn.core.layout.projection_arrays import DEFAULT, NARROW, ProjectionArrays
from snn.core.network import Network
from snn.core.random import keys


class Choices:
    """How the event loop chooses among forms of equal results; the defaults are measured.

    Class attributes rather than options: nobody needs them but the tests that show the equality.
    """

    forms = DEFAULT
    """How projections are laid out."""
    sparse = 0.125
    """Arrivals per receiver under which they are collected one by one."""
    lazy: bool | None = None
    """Leave neurons alone always, never, or where it pays (None)."""


class Columns:
    """Give some populations their columns in a table of all their units."""

    def __init__(self, net: Network, names: Iterable[str]) -> None:
        """Number the columns in the order of `names`."""
        self._parts: dict[str, slice] = {}
        self.width = 0
        for name in names:
            size = net.population(name).size
            self._parts[name] = slice(self.width, self.width + size)
            self.width += size
        self.first = np.array(
            [self._parts[name].start if name in self._parts else -1 for name in net.order], dtype=np.int64
        )
        """First column of each population in the plan's order, [P]; -1 without."""

    def part(self, name: str) -> slice:
        """Return the columns of a population."""
        return self._parts[name]


class Desk:
    """Hand out what the loops of each sample read and write."""

    def __init__(
        self, net: Network, task: RunRequest, plan: NeuronArrays, routes: ProjectionArrays, seed: int
    ) -> None:
        """Prepare what all samples share."""
        self._net, self._task, self._plan, self._routes, self._seed = net, task, plan, routes, seed
        self._real = plan.v_th.dtype
        self.recorded = Columns(net, dict.fromkeys(task.v))
        self._driven = Columns(net, task.drive)
        self._static = all(array.shape[0] == 1 for array in task.drive.values())
        # Left alone, a unit goes by its bias only: driven and recorded ones are always updated.
        busy = (self.recorded.first >= 0) | (self._driven.first >= 0)
        self._lazy = plan.lazy & ~busy & (Choices.lazy is not False)
        largest = np.ones(len(net.order), dtype=np.int64)
        for p in np.flatnonzero(plan.source):
            mine = (task.inputs.unit >= plan.first[p]) & (task.inputs.unit < plan.first[p + 1])
            largest[p] = max(1, task.inputs.spikes[mine].max(initial=0), task.past(net.order[p]))
        self._narrow = routes.counted & (routes.most * largest[routes.pre] < NARROW)

    def given(self, flight: BatchState, b: int) -> Given:
        """Collect the inputs, the drive and the noise of sample b."""
        steps = int(self._task.lengths[b])
        rows = self._task.inputs.of_sample(b)
        drive = np.zeros((1 if self._static else steps, self._driven.width), dtype=self._real)
        for name, array in self._task.drive.items():
            of_sample = array[:, b if array.shape[1] > 1 else 0]
            drive[:, self._driven.part(name)] = of_sample[:steps] if len(of_sample) > 1 else of_sample
        return Given(
            n_steps=steps,
            step=rows.step,
            unit=rows.unit,
            spikes=rows.spikes,
            drive=drive,
            drive_column=self._driven.first,
            noise_key=self._noise_keys(b),
            born=int(flight.steps[b]),
            lazy=self._lazy,
            always_lazy=Choices.lazy is True,
            sparse=Choices.sparse,
            narrow=self._narrow,
        )

    def _noise_keys(self, b: int) -> NDArray[np.uint64]:
        """One key per noise input: of seed, population, place among its inputs, sample."""
        found = [np.zeros(0, dtype=np.uint64)]
        for name in self._net.order:
            inputs = sum(given.post == name for given in self._net.noise)
            found += [keys(self._seed, f"poisson/{name}/{i}", b) for i in range(inputs)]
        return np.concatenate(found)

    def work(self, flight: BatchState, b: int) -> Work:
        """Point at the state of sample b, to be advanced in place; counts and scratch are fresh."""
        plan, routes, real = self._plan, self._routes, self._real
        largest = int(np.diff(plan.first).max())
        rings = np.where(routes.depth > 0, routes.depth * routes.size + 1, 0)
        counted = np.where(self._narrow, rings, 0)
        summed = rings - counted
        bits = np.dtype(f"i{real.itemsize}")
        counts = np.zeros(64 * -(-max(largest, 64 * routes.words.max(initial=0)) // 64), dtype=np.uint16)
        sums, ring_sums = (np.full(n, -0.0, dtype=real) for n in (largest, int(summed.sum())))
        return Work(
            v=flight.v[b],
            current=flight.current[b],
            hold=flight.refractory[b],
            theta=flight.theta[b],
            trace=np.zeros((int(self._task.lengths[b]), self.recorded.width), dtype=real),
            trace_column=self.recorded.first,
            touched=np.zeros(plan.slot.size, dtype=np.int64),
            noise_events=np.zeros(plan.slot.size, dtype=np.int64),
            stamp=np.full(plan.decay.size, -1, dtype=np.int32),
            hot=np.ones(int(plan.block[-1]), dtype=np.uint8),
            done=np.zeros(int(plan.block[-1]), dtype=np.int64),
            counts=counts,
            fields=counts.view(np.uint64),
            rows=np.zeros(largest + ROWS, dtype=np.uint64),
            digits=np.zeros(DIGITS * CHUNK, dtype=np.uint64),
            sums=sums,
            sums_bits=sums.view(bits),
            ring_counts=np.zeros(int(counted.sum()), dtype=np.uint16),
            ring_sums=ring_sums,
            ring_bits=ring_sums.view(bits),
            ring_first=np.where(self._narrow, np.cumsum(counted) - counted, np.cumsum(summed) - summed),
            due=np.full(routes.pre.size, -1, dtype=np.int64),
            lazy=self._lazy.copy(),
            visits=np.zeros(plan.slot.size, dtype=np.int64),
            seen=np.zeros(plan.slot.size, dtype=np.int64),
            retry=np.zeros(plan.slot.size, dtype=np.int64),
            mark=np.array(-0.0, dtype=real).view(bits)[()],
        )

    def scratch(self) -> Scratch:
        """Make the buffers of one stride."""
        real = self._real
        fired, words = np.zeros(STRIDE, dtype=np.uint8), np.zeros(STRIDE // 2, dtype=np.uint64)
        return Scratch(
            x=np.zeros(STRIDE, dtype=real),
            drive=np.zeros(STRIDE, dtype=real),
            level=np.zeros(STRIDE, dtype=real),
            fired=fired,
            fired8=fired.view(np.uint64),
            words=words,
            draws=words.view(np.uint32),
            drawn=np.zeros(STRIDE, dtype=np.uint32),
        )
