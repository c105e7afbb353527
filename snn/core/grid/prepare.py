"""Lay out for the compiled loops what one sample is given, and what they write to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from snn.core.arrays import Int64Array, Uint64Array
from snn.core.grid.addressed import Addressed, Parts
from snn.core.grid.batch_state import BatchState
from snn.core.grid.bundles import (
    CURSOR,
    Arrivals,
    Cells,
    Counted,
    NeuronState,
    Sample,
    SampleInput,
    Scratch,
    Wakefulness,
)
from snn.core.grid.options import EventOptions
from snn.core.grid.request import RunRequest
from snn.core.grid.spike_log import most_at_once, open_log, rows_of
from snn.core.layout.bitmaps import ROWS_AT_ONCE, SUM_DIGITS, WORDS_AT_ONCE
from snn.core.layout.neuron_arrays import UPDATE_GROUP, NeuronArrays
from snn.core.layout.projection_arrays import NARROW, ProjectionArrays
from snn.core.network import Network
from snn.core.random import keys


class Columns:
    """Give some populations their columns in a table of all their units.

    Attributes:
        first: First column of each population in `Network.order`, [P]; -1 without.
        width: Columns in all.
    """

    first: Int64Array
    width: int

    def __init__(self, network: Network, names: Iterable[str]) -> None:
        """Number the columns in the order of `names`."""
        self._parts: dict[str, slice] = {}
        self.width = 0
        self.first = np.full(len(network.order), -1, dtype=np.int64)
        for name in names:
            size = network.population(name).size
            self._parts[name] = slice(self.width, self.width + size)
            self.first[network.place[name]] = self.width
            self.width += size

    def part(self, name: str) -> slice:
        """Return the columns of a population."""
        return self._parts[name]


class SampleBuilder:
    """Make the bundles that the loops of each sample read and write.

    Attributes:
        recorded: Columns of the recorded membranes.
        shared: The bundles that all samples share, laid out.
    """

    recorded: Columns
    shared: Parts

    def __init__(
        self,
        network: Network,
        request: RunRequest,
        neurons: NeuronArrays,
        projections: ProjectionArrays,
        batch: BatchState,
        *,
        seed: int,
        options: EventOptions,
        any_input: bool = False,
    ) -> None:
        """Prepare what all samples share; `any_input`: inputs are not known, and may spike any number of times."""
        self._network, self._request, self._seed, self._options = network, request, seed, options
        self._neurons, self._projections, self._batch = neurons, projections, batch
        self._real = neurons.v_th.dtype
        self.recorded = Columns(network, dict.fromkeys(request.v))
        self._driven = Columns(network, request.drive)
        self._static = all(array.shape[0] == 1 for array in request.drive.values())
        # A neuron that sleeps goes by its bias only: driven and recorded ones are always updated.
        busy = (self.recorded.first >= 0) | (self._driven.first >= 0)
        self._lazy = neurons.lazy & ~busy & (options.lazy is not False)
        most = [
            max(1, most_at_once(request.events.get(name)), most_at_once(request.recent.get(name)))
            for name in network.order
        ]
        # A neuron that may spike several times in a step has no small bound on its counts.
        given = NARROW if any_input else most
        largest = np.where(neurons.source, given, np.where(neurons.multiple, NARROW, 1))
        self._narrow = projections.counted & (projections.most * largest[projections.pre] < NARROW)

        alike = [neurons, projections, *(one for one in batch.learning[:1] if not one.plastic.size)]
        self.shared = {id(one): Addressed(one) for one in alike}

    def build(self, b: int) -> Sample:
        """Make the bundles of sample b; its state is that of the batch, advanced in place, the rest is fresh."""
        batch, projections, steps = self._batch, self._projections, int(self._request.lengths[b])
        weight = batch.learning[b].weight
        return Sample(
            neurons=self._neurons,
            projections=projections if weight is projections.weight else projections._replace(weight=weight),
            inputs=self._inputs(b),
            state=NeuronState(batch.v[b], batch.current[b], batch.refractory[b], batch.theta[b]),
            counted=self._counted(steps),
            arrivals=self._arrivals(),
            sleep=self._wakefulness(),
            scratch=self._scratch(),
            log=open_log(self._network, projections.horizon, batch.recent[b], steps),
            cursor=np.array([(-1, steps, batch.recent[b].unit.size, 0, 0)], dtype=CURSOR),
        )

    def _inputs(self, b: int) -> SampleInput:
        request, steps = self._request, int(self._request.lengths[b])
        rows = rows_of(self._network, request.events, b)
        drive = np.zeros((1 if self._static else steps, self._driven.width), dtype=self._real)
        for name, array in request.drive.items():
            of_sample = array[:, b if array.shape[1] > 1 else 0]
            drive[:, self._driven.part(name)] = of_sample[:steps] if len(of_sample) > 1 else of_sample
        return SampleInput(
            step=rows.step,
            unit=rows.unit,
            spikes=rows.spikes,
            drive=drive,
            drive_column=self._driven.first,
            noise_key=self._noise_keys(b),
            steps_before=int(self._batch.steps[b]),
        )

    def _noise_keys(self, b: int) -> Uint64Array:
        """One key per noise input: of seed, population, place among its inputs, sample."""
        found = [np.zeros(0, dtype=np.uint64)]
        for name in self._network.order:
            inputs = sum(given.post == name for given in self._network.noise)
            found += [keys(self._seed, f"poisson/{name}/{i}", b) for i in range(inputs)]
        return np.concatenate(found)

    def _counted(self, n_steps: int) -> Counted:
        populations, units = self._neurons.slot.size, self._neurons.decay.size
        return Counted(
            touched=np.zeros(populations, dtype=np.int64),
            last_arrival=np.full(units, -1, dtype=np.int32),
            noise_events=np.zeros(populations, dtype=np.int64),
            trace=np.zeros((n_steps, self.recorded.width), dtype=self._real),
            trace_column=self.recorded.first,
        )

    def _arrivals(self) -> Arrivals:
        projections, narrow = self._projections, self._narrow
        largest = int(np.diff(self._neurons.first).max())
        rings = np.where(projections.depth > 0, projections.depth * projections.size + 1, 0)
        counted = np.where(narrow, rings, 0)
        summed = rings - counted
        # Counts are also reached four at a time, and rows of bits count for more receivers than there are.
        count_words = 16 * -(-max(largest, 64 * projections.words.max(initial=0)) // 64)
        cells = self._cells(4 * int(count_words), largest)
        return Arrivals(
            cells=cells,
            count_words=cells.counts.view(np.uint64),
            ring_cells=self._cells(int(counted.sum()), int(summed.sum())),
            ring_first=np.where(narrow, np.cumsum(counted) - counted, np.cumsum(summed) - summed),
            ring_due=np.full(projections.pre.size, -1, dtype=np.int64),
            row_starts=np.zeros(largest + ROWS_AT_ONCE, dtype=np.uint64),
            digits=np.zeros(SUM_DIGITS * WORDS_AT_ONCE, dtype=np.uint64),
            narrow=narrow,
            sparse=self._options.sparse,
        )

    def _cells(self, counts: int, sums: int) -> Cells:
        as_integer = np.dtype(f"i{self._real.itemsize}")
        empty = np.full(sums, -0.0, dtype=self._real)
        return Cells(
            counts=np.zeros(counts, dtype=np.uint16),
            sums=empty,
            sum_bits=empty.view(as_integer),
            empty=np.array(-0.0, dtype=self._real).view(as_integer)[()],
        )

    def _wakefulness(self) -> Wakefulness:
        populations, groups = self._neurons.slot.size, int(self._neurons.sleep_group[-1])
        return Wakefulness(
            allowed=self._lazy,
            always=self._options.lazy is True,
            lazy=self._lazy.copy(),
            awake=np.ones(groups, dtype=np.uint8),
            next_step=np.zeros(groups, dtype=np.int64),
            updates=np.zeros(populations, dtype=np.int64),
            touched_before=np.zeros(populations, dtype=np.int64),
            retry=np.zeros(populations, dtype=np.int64),
        )

    def _scratch(self) -> Scratch:
        real, fired = self._real, np.zeros(UPDATE_GROUP, dtype=np.uint8)
        words = np.zeros(UPDATE_GROUP // 2, dtype=np.uint64)
        return Scratch(
            x=np.zeros(UPDATE_GROUP, dtype=real),
            drive=np.zeros(UPDATE_GROUP, dtype=real),
            level=np.zeros(UPDATE_GROUP, dtype=real),
            fired=fired,
            fired_words=fired.view(np.uint64),
            random_words=words,
            random_halves=words.view(np.uint32),
            drawn=np.zeros(UPDATE_GROUP, dtype=np.uint32),
        )
