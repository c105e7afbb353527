"""Keep samples open between steps: the arrays of a session (`snn.core.grid.entry` has its loops)."""

from __future__ import annotations

import numpy as np

from snn.core.arrays import ByteArray, RealArray, Uint16Array
from snn.core.grid.addressed import Addressed, by_address
from snn.core.grid.batch_state import to_batch_state, to_simulation_state
from snn.core.grid.bundles import CURSOR, Sample, SpikeLog
from snn.core.grid.entry import EventTask, enter_event_loop, rewind
from snn.core.grid.options import EventOptions
from snn.core.grid.prepare import SampleBuilder
from snn.core.grid.request import RunRequest
from snn.core.grid.run_memory import check_run
from snn.core.grid.spike_log import close_log, longer_log, open_log
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.layout.projection_arrays import projection_arrays_of
from snn.core.network import Network
from snn.core.state import SimulationState

_STEPS = 1024
"""Steps for which a log has room, at least: as many pass between two times that it is struck out."""


class OpenBatch:
    """Hold B samples of a run without end.

    Attributes:
        given: Spikes of all units of sources in the coming step, [B, I], in the order of `Network.order`.
        drive: Drive of the driven populations in that step, [B, M], in the order they were named.
        counts: Spikes of all units in the last step, [B, U].
        fired: The same for units that spike at most once, [B, U].
        v: Membranes of all units, [B, U].
    """

    given: Uint16Array
    drive: RealArray
    counts: Uint16Array
    fired: ByteArray
    v: RealArray

    def __init__(
        self,
        network: Network,
        request: RunRequest,
        state: SimulationState | None,
        *,
        seed: int,
        dtype: str,
        options: EventOptions = EventOptions(),  # noqa: B008
    ) -> None:
        """Lay out everything that a step needs.

        Args:
            network: The network.
            request: Its samples and populations that are driven or looked at, without inputs; `lengths` is 0.
            state: Where the samples stand; None: at rest.
            seed: Seed of the noise.
            dtype: Type of the numbers.
            options: How the event loop works.

        Raises:
            MemoryError: It would not fit.
        """
        samples = request.lengths.size
        self._network, self._seed = network, seed
        self._neurons = neuron_arrays_of(network, dtype)
        self._projections = projection_arrays_of(network, dtype, options.forms)
        self._steps = max(_STEPS, self._projections.horizon)
        check_run(network, request, engine="event", dtype=dtype, steps=self._steps)
        self._batch = to_batch_state(network, self._neurons, self._projections, samples, state)
        units = self._neurons.decay.size
        of_sources = np.flatnonzero(np.repeat(self._neurons.source, np.diff(self._neurons.first)))
        self.given = np.zeros((samples, of_sources.size), dtype=np.uint16)
        self.drive = np.zeros((samples, sum(a.shape[2] for a in request.drive.values())), dtype=dtype)
        self.counts = np.zeros((samples, units), dtype=np.uint16)
        self.fired = np.zeros((samples, units), dtype=np.uint8)
        self.v = self._batch.v
        shared = (self._neurons, self._projections, self._batch)
        builder = SampleBuilder(network, request, *shared, seed=seed, options=options, any_input=True)
        self._samples = [self._opened(builder.build(b), b) for b in range(samples)]
        self._unit = of_sources
        self._bind()

    def _opened(self, sample: Sample, b: int) -> Sample:
        """Give a sample room for its steps, and for the inputs of one."""
        recent, horizon = self._batch.recent[b], self._projections.horizon
        step, unit, spikes = np.zeros((3, self.given.shape[1]), dtype=np.int64)
        return sample._replace(
            inputs=sample.inputs._replace(step=step, unit=unit, spikes=spikes, drive=self.drive[b : b + 1]),
            counted=sample.counted._replace(trace_column=np.full_like(sample.counted.trace_column, -1)),
            log=self._longer(open_log(self._network, horizon, recent, self._steps), recent.unit.size),
            cursor=np.array([(0, 0, recent.unit.size, 0, 0)], dtype=CURSOR),
        )

    def _longer(self, log: SpikeLog, used: int) -> SpikeLog:
        return longer_log(log, used, self._neurons.decay.size)

    def _bind(self) -> None:
        """Tell the compiled loop where everything lies."""
        self._kept = [Addressed(sample) for sample in self._samples]
        self._kept_learning = [Addressed(one) for one in self._batch.learning]
        self._bound = by_address(
            EventTask(
                sample=self._samples[0],
                learning=self._batch.learning[0],
                given=self.given,
                unit=self._unit,
                counts=self.counts,
                fired=self.fired,
                samples=np.array([one.address for one in self._kept], dtype=np.uint64),
                learn=np.array([one.address for one in self._kept_learning], dtype=np.uint64),
            )
        )

    def step(self) -> None:
        """Take all samples through one step."""
        while not enter_event_loop(self._bound):
            self._samples = [
                s._replace(log=self._longer(s.log, int(s.cursor["log_end"][0]))) for s in self._samples
            ]
            self._bind()

    def state(self) -> SimulationState:
        """Tell where the samples stand.

        Raises:
            ValueError: Numbers overflowed in a step.
        """
        rewind(self._bound)
        self._batch.check_finite(self._network, self._neurons)
        rows = self._projections.horizon * len(self._network.order) + 1
        self._batch.recent = [
            close_log(self._network, s.log._replace(bounds=s.log.bounds[:rows])) for s in self._samples
        ]
        lived = np.array([s.cursor["rewound"][0] for s in self._samples], dtype=np.int64)
        parts = (self._network, self._neurons, self._projections, self._batch)
        return to_simulation_state(*parts, lived, self._seed)
