"""Run a network a step per call: its spikes are there before the next input is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snn.core.arrays import ByteArray, RealArray, Uint16Array
from snn.core.checks import choice, finite, instance, refusal, shown, whole
from snn.core.events import Events, Raster
from snn.core.grid.open_batch import OpenBatch
from snn.core.grid.prepare import Columns
from snn.core.grid.request import Dtype, RunRequest, check_on_grid, check_recorded, read_request
from snn.core.grid.run import run_on_grid
from snn.core.network import Network
from snn.core.neurons import MOST_SPIKES
from snn.core.population import Population
from snn.core.random import check_seed
from snn.core.recording import Record, Recording, population_names
from snn.core.state import SimulationState

Spikes = ByteArray | Uint16Array
_COUNTS = {np.dtype(kind) for kind in (bool, np.uint8, np.uint16)}
"""Types of numbers that are counts whatever their values."""


class Session:
    """Hold B samples of a network between steps.

    Any sequence of steps equals one `simulate` of them, bit for bit. What a step reads and writes is laid out once:
    a step allocates nothing, except that the list of what is still on its way grows to the most there ever was.
    A session is for one thread at a time.

    Attributes:
        net: The network.
        batch: Number of samples, B.
        v: Membranes after the last step, [B, N], of the populations in `record.v`: views, overwritten by the next.
    """

    net: Network
    batch: int
    v: dict[str, RealArray]
    _one: Uint16Array | None
    _out: dict[str, Spikes]

    def __init__(
        self,
        net: Network,
        batch: int = 1,
        *,
        dtype: Dtype = "float64",
        record: Record | None = None,
        currents: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        """Begin at rest.

        Args:
            net: The network.
            batch: Samples that run side by side, >= 1.
            dtype: As in `simulate`.
            record: Whose spikes a step gives, and whose membranes can be read; None: the spikes of all populations
                with neurons.
            currents: Populations that a step may give drive.
            seed: As in `simulate`.

        Raises:
            ValueError: A name, size or option is not as said; the message names it.
            TypeError: An argument is of another kind.
            MemoryError: The samples would not fit.
        """
        record = Record() if record is None else record
        instance("net", net, Network)
        instance("record", record, Record)
        self.net, self.batch = net, whole("batch", batch, low=1)
        self._dtype, self._seed, self._record = choice("dtype", dtype, Dtype), check_seed(seed), record
        self._spikes, _ = check_recorded(net, record)
        driven = population_names("currents", currents)
        for name in driven:
            if name not in net.order or net.population(name).neuron is None:
                neurons = [p.name for p in net.populations if p.neuron is not None]
                raise refusal("currents", f"populations with neurons, which are {neurons}", name)
        self._driven = tuple(dict.fromkeys(driven))
        self._sources = [net.population(name) for name in net.order if net.population(name).neuron is None]
        self.reset()

    def reset(self) -> None:
        """Begin anew, at rest."""
        self._open(None)

    def step(self, z: Any = None, currents: Mapping[str, Any] | None = None) -> dict[str, Spikes]:
        """Take all samples through one step.

        Args:
            z: Spikes in this step, [B, N], bool or whole numbers from 0 to 65 535, where the network has one
                source; else such arrays by name: a source left out is silent. None: all are.
            currents: Drive in this step on top of the bias, [N] or [B, N] or one number, of populations that the
                session was told of; 0 where it is left out.

        Returns:
            Spikes in this step, [B, N], of each recorded population: views, overwritten by the next step. Numbers
            are uint8, and uint16 of populations with `spikes="multiple"` and of sources, of which a unit may
            spike more than 255 times.

        Raises:
            ValueError: A name, shape or number is not as said; nothing has changed then.
            TypeError: An input is of another kind.
        """
        one = self._one
        if one is not None and type(z) is np.ndarray and z.shape == one.shape and z.dtype in _COUNTS:
            np.copyto(one, z)
        else:
            self._take(z)
        if self._driven or currents:
            self._drive({} if currents is None else currents)
        self._open_batch.step()
        self._begun = True
        return self._out

    def run(
        self,
        inputs: Events | Raster | Mapping[str, Events | Raster] | None = None,
        n_steps: int | None = None,
        *,
        currents: Mapping[str, Any] | None = None,
    ) -> Recording:
        """Run many steps from where the session stands, which then stands at their end.

        Args:
            inputs: As in `simulate`; where the network has one source, its spikes alone will do.
            n_steps: As in `simulate`.
            currents: As in `simulate`, of any population.

        Raises:
            ValueError: As `simulate`, or the inputs are of another number of samples.
            TypeError: As `simulate`.
        """
        if isinstance(inputs, Events | Raster):
            inputs = {self._only_source("inputs", inputs).name: inputs}
        for name, given in inputs.items() if isinstance(inputs, Mapping) else ():
            if isinstance(given, Events | Raster) and len(given) != self.batch:
                raise refusal(f"inputs[{name!r}]", f"of {self.batch} samples, as the session", len(given))
        state = self.state if self._begun else None
        request = read_request(self.net, inputs, n_steps, currents, self._record, state)
        check_on_grid(request, self._dtype)
        seed, dtype = self._seed, self._dtype
        recording = run_on_grid(self.net, request, state, engine="event", seed=seed, dtype=dtype)
        self.state = recording.state
        return recording

    @property
    def state(self) -> SimulationState:
        """Everything in flight: `simulate` and other sessions go on from it, and it may be set.

        Raises:
            ValueError: Read: numbers overflowed. Set: it is of another network, number of samples or dtype.
            TypeError: Set: it is no state.
        """
        return self._open_batch.state()

    @state.setter
    def state(self, state: SimulationState) -> None:
        """Go on from there."""
        if type(state) is not SimulationState:  # nor that of engine="exact"
            raise TypeError(f"state must be a SimulationState of an engine on the grid, got {shown(state)}")
        state.check(self.net)
        if state.dtype != self._dtype:
            raise refusal("state", f"of {self._dtype}, as the session", state.dtype)
        if len(state) != self.batch:
            raise refusal("state", f"of {self.batch} samples, as the session", len(state))
        self._open(state)

    def __reduce__(self) -> Any:
        """Refuse to be copied: the copy would step this session."""
        raise TypeError("a Session cannot be copied or pickled: keep its state, and set that of a new one")

    def _open(self, state: SimulationState | None) -> None:
        seed = self._seed if state is None else state.seed
        request = RunRequest(
            lengths=np.zeros(self.batch, dtype=np.int64),
            events={},
            drive={name: np.zeros((1, 1, self.net.population(name).size)) for name in self._driven},
            spikes=self._spikes,
            v=tuple(self._record.v),
            recent={} if state is None else state.recent,
        )
        opened = OpenBatch(self.net, request, state, seed=seed, dtype=self._dtype)
        self._open_batch, self._begun = opened, state is not None
        columns = Columns(self.net, [p.name for p in self._sources])
        self._given = {p.name: opened.given[:, columns.part(p.name)] for p in self._sources}
        self._one = next(iter(self._given.values())) if len(self._sources) == 1 else None
        driven = Columns(self.net, self._driven)
        parts = {name: opened.drive[:, driven.part(name)] for name in self._driven}
        self._drives = {name: (part, np.zeros(part.shape, dtype=bool)) for name, part in parts.items()}
        units = {name: slice(*self.net.first_unit[self.net.place[name] :][:2]) for name in self.net.order}
        self._out = {
            name: (opened.fired if _at_most_once(self.net.population(name)) else opened.counts)[
                :, units[name]
            ]
            for name in self._spikes
        }
        self.v = {name: opened.v[:, units[name]] for name in self._record.v}
        for view in (*self._out.values(), *self.v.values()):
            view.flags.writeable = False  # what is written there would become the state

    def _take(self, z: Any) -> None:
        """Read the spikes of all sources."""
        if z is not None and not isinstance(z, Mapping):
            z = {self._only_source("z", z).name: z}
        given: Mapping[str, Any] = {} if z is None else z
        for name in given:
            if name not in self._given:
                raise refusal("z", f"for sources, which are {list(self._given)}", name)
        for name, into in self._given.items():
            if name not in given:
                into[:] = 0
                continue
            spikes = np.asarray(given[name])
            if spikes.shape != into.shape or spikes.dtype.kind not in "bui":
                raise refusal(f"z of {name!r}", f"{list(into.shape)} of bool or whole numbers", spikes)
            least, most = (0, 0) if spikes.dtype in _COUNTS else (int(spikes.min()), int(spikes.max()))
            if least < 0 or most > MOST_SPIKES:
                raise refusal(f"z of {name!r}", f"from 0 to {MOST_SPIKES}", least if least < 0 else most)
            np.copyto(into, spikes, casting="unsafe")

    def _drive(self, currents: Mapping[str, Any]) -> None:
        """Read the drive of all populations that have some."""
        if not isinstance(currents, Mapping):
            raise TypeError(f"currents must be given by the names of populations, got {shown(currents)}")
        for name in currents:
            if name not in self._driven:
                raise refusal(
                    "currents",
                    f"for populations that Session(currents=...) names, which are {list(self._driven)}",
                    name,
                )
        for name, (into, is_finite) in self._drives.items():
            values: Any = currents.get(name, 0.0)
            alike = type(values) is np.ndarray and values.shape == into.shape and values.dtype == into.dtype
            if not (alike and np.isfinite(values, out=is_finite).all()):
                values = self._checked_drive(name, values, into.shape)
            into[:] = values

    def _checked_drive(self, name: str, values: Any, shape: tuple[int, ...]) -> RealArray:
        """Refuse drive of another shape, or that the numbers of the session cannot hold."""
        largest = float(np.finfo(self._dtype).max)
        array = finite(f"currents[{name!r}]", values, low=-largest, high=largest)
        if array.shape not in ((), shape[1:], shape):
            raise refusal(f"currents[{name!r}]", f"[{shape[1]}] or {list(shape)}", array)
        return array

    def _only_source(self, what: str, given: Any) -> Population:
        """Give the source that an input without a name is for."""
        if len(self._sources) != 1:
            names = [p.name for p in self._sources]
            raise TypeError(
                f"{what} must be given by the names of sources, which are {names}, got {shown(given)}"
            )
        return self._sources[0]


def _at_most_once(population: Population) -> bool:
    """Tell whether a unit spikes at most once in a step."""
    return population.neuron is not None and getattr(population.neuron, "spikes", "single") == "single"
