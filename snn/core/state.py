"""Keep everything in flight between two runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from snn.core.arrays import Int64Array, PathLike, RealArray
from snn.core.checks import finite, refusal, wholes
from snn.core.events import Events
from snn.core.files.tree import check_names_held, fields_of, names_held, read_tree, write_tree
from snn.core.network import Network
from snn.core.neurons import LIFParams, LIParams, NeuronParams, refractory_steps
from snn.core.random import check_seed
from snn.core.units import MOST_STEPS

FORMAT = "snn.state"
VERSION = 4
"""4 has a checksum; 3 was without, 1 and 2 had a layout of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulationState:
    """Hold where B samples stand: pass it to `simulate` and the run goes on as if never cut.

    Attributes:
        fingerprint: `Network.fingerprint` of the network that ran; no other can go on from here.
        v: Membranes, [B, N], per population with neurons, in the dtype of the run.
        currents: Synaptic currents, [B, R, N], per population that has some.
        refractory: Steps for which each neuron is still held, [B, N], >= 0, per population with neurons.
        recent: Spikes of the last steps, as many as the longest delay, per population; step 0 is the oldest.
        adaptation: Rise of each threshold, [B, N], >= 0, per population that adapts.
        steps: Steps lived since the first run began, [B], >= 0: random numbers go on from there.
        seed: Seed of that run.
        weights: Weights, [B, S], per projection that learns, in the order of `Network.synapses`.
        traces_pre: Traces of its senders (`snn.core.plasticity`) in the last steps,
            [B, longest delay + 1, pre].
        traces_post: Traces of its receivers, [B, post].
    """

    _EVENTS: ClassVar[type[Events]] = Events
    """Class of the spikes on their way."""

    fingerprint: str
    v: dict[str, RealArray]
    currents: dict[str, RealArray]
    refractory: dict[str, Int64Array]
    recent: dict[str, Events]
    adaptation: dict[str, RealArray]
    steps: Int64Array
    seed: int
    weights: dict[str, RealArray]
    traces_pre: dict[str, RealArray]
    traces_post: dict[str, RealArray]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.steps)

    @property
    def dtype(self) -> str:
        """Type of the numbers, that of the run."""
        name = str(next((v.dtype.name for v in self.v.values() if isinstance(v, np.ndarray)), "float64"))
        return name if name == "float32" else "float64"

    def check(self, network: Network) -> None:
        """Refuse a state that does not fit `network` in every part: no run of that network ends in it.

        Checked are the names of the parts, their shapes, types and ranges, and that all are of the same samples.

        Raises:
            ValueError: As said above; the message names the part.
        """
        if self.fingerprint != network.fingerprint:
            raise ValueError(
                "state is of another network (other neurons, weights, delays, names or dt_ms): "
                f"its fingerprint is {self.fingerprint}, the network's is {network.fingerprint}"
            )
        check_seed(self.seed, "state: seed")
        steps = self._array("steps", self.steps, (np.size(self.steps),), "int64")
        wholes("state: steps", steps, low=0, high=MOST_STEPS)
        self._check_neurons(network)
        self._check_recent(network, self._horizon(network))
        self._check_learned(network)

    def _check_neurons(self, network: Network) -> None:
        """Check membranes, currents, refractory times and thresholds."""
        neurons = [p for p in network.populations if p.neuron is not None]
        adaptive = [p for p in neurons if isinstance(p.neuron, LIFParams) and p.neuron.adapts]
        self._check_names("v", [p.name for p in neurons])
        self._check_names("currents", [p.name for p in neurons if p.receptors])
        self._check_names("refractory", [p.name for p in neurons])
        self._check_names("adaptation", [p.name for p in adaptive])
        for p in neurons:
            self._numbers("v", p.name, p.size)
            if p.receptors:
                self._numbers("currents", p.name, len(p.receptors), p.size)
            if p in adaptive:
                self._numbers("adaptation", p.name, p.size, low=0.0)
            held = self._array(
                f"refractory[{p.name!r}]", self.refractory[p.name], (len(self), p.size), "int64"
            )
            wholes(f"state: refractory[{p.name!r}]", held, low=0)
            assert p.neuron is not None
            longest = self._longest_held(p.neuron, p.size, network.dt_ms)
            check_held(f"state: refractory[{p.name!r}]", held, longest, "steps (t_ref_ms)")

    def _horizon(self, network: Network) -> int:
        """Steps for which a spike may be on its way."""
        return max((network.synapses(p.name).max_delay for p in network.projections), default=0)

    def _longest_held(self, neuron: NeuronParams, size: int, dt_ms: float) -> Int64Array:
        """Steps for which each neuron may be held, [N]."""
        return refractory_steps(neuron, size, dt_ms)

    def _check_recent(self, network: Network, horizon: int) -> None:
        """Check the spikes on their way, of the last `horizon` steps."""
        self._check_names("recent", list(network.order))
        for p in network.populations:
            name, events = f"state: recent[{p.name!r}]", self.recent[p.name]
            if not isinstance(events, self._EVENTS):
                raise refusal(name, self._EVENTS.__name__, events)
            for field, value in (("n_units", p.size), ("dt_ms", network.dt_ms)):
                if getattr(events, field) != value:
                    raise refusal(f"{name}.{field}", f"{value} as the network's", getattr(events, field))
            if len(events) != len(self):
                raise refusal(name, f"of {len(self)} samples, as steps", len(events))
            if (events.n_steps != horizon).any():
                rule = f"{horizon} for every sample, the steps of the longest delay"
                raise refusal(f"{name}.n_steps", rule, events.n_steps.tolist())
            if isinstance(p.neuron, LIParams) and events.n_events:
                raise refusal(name, "without spikes (leaky integrators have none)", events)
            if p.neuron is not None and self._EVENTS is Events and not _spikes_at_once(p.neuron):
                rows = np.stack([events.sample, events.step, events.unit])
                if (rows[:, 1:] == rows[:, :-1]).all(axis=0).any():
                    raise refusal(name, "without two spikes of a neuron in one step", events)

    def _check_learned(self, network: Network) -> None:
        """Check weights and traces."""
        plastic = [p for p in network.projections if p.plasticity is not None]
        for field in ("weights", "traces_pre", "traces_post"):
            self._check_names(field, [p.name for p in plastic])
        for p in plastic:
            synapses, (pre, post), rule = network.synapses(p.name), p.weight.shape, p.plasticity
            assert rule is not None
            real = np.dtype(self.dtype).type  # the loops hold the bounds in the type of the run
            low, high = float(real(rule.w_min)), float(real(rule.w_max))
            self._numbers("weights", p.name, synapses.indices.size, low=low, high=high)
            self._numbers("traces_pre", p.name, synapses.max_delay + 1, pre, low=0.0)
            self._numbers("traces_post", p.name, post, low=0.0)

    def _check_names(self, field: str, names: list[str]) -> None:
        parts = getattr(self, field)
        if not isinstance(parts, dict) or parts.keys() != set(names):
            given = list(parts) if isinstance(parts, dict) else parts
            raise refusal(f"state: {field}", f"of {', '.join(map(repr, names)) or 'nothing'}", given)

    def _numbers(
        self, field: str, name: str, *shape: int, low: float | None = None, high: float | None = None
    ) -> None:
        values, name = getattr(self, field)[name], f"{field}[{name!r}]"
        finite(
            f"state: {name}", self._array(name, values, (len(self), *shape), self.dtype), low=low, high=high
        )

    def _array(self, name: str, values: Any, shape: tuple[int, ...], dtype: str) -> Any:
        if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != dtype:
            raise refusal(f"state: {name}", f"an array of shape {list(shape)} and dtype {dtype}", values)
        return values

    def save(self, path: PathLike) -> None:
        """Write the state to HDF5 without loss."""
        write_tree(path, FORMAT, VERSION, self.to_dict())

    @classmethod
    def load(cls, path: PathLike) -> SimulationState:
        """Read a state written by `save`.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: Not HDF5, another format or version, incomplete, or not a valid state.
        """
        return read_tree(path, FORMAT, VERSION, cls.from_dict)

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name, as a tree of plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        recent = {name: events.to_dict() for name, events in self.recent.items()}
        return {**values, "recent": recent, "holds": names_held(values)}

    @classmethod
    def from_dict(cls, values: Any) -> SimulationState:
        """Make a state of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or of another kind.
        """
        given = dict(fields_of("state", values, [*(field.name for field in fields(cls)), "holds"]))
        holds = given.pop("holds")
        if not isinstance(given["fingerprint"], str):
            raise refusal("fingerprint", "text", given["fingerprint"])
        given["seed"] = check_seed(given["seed"])
        arrays = {"steps": given["steps"]}
        for field, parts in given.items():
            if field in ("fingerprint", "seed", "steps"):
                continue
            if not isinstance(parts, dict):
                raise refusal(field, "a group of populations or projections", parts)
            if field != "recent":
                arrays |= {f"{field}[{name!r}]": array for name, array in parts.items()}
        check_names_held(given, holds)
        for name in [*given["v"], *given["refractory"]]:
            for field in ("v", "refractory", "recent"):
                if name not in given[field]:
                    raise refusal(
                        field, f"of every population with neurons, {name!r} too", list(given[field])
                    )
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise refusal(name, "an array", array)
        if arrays["steps"].ndim != 1 or arrays["steps"].dtype != np.int64:
            raise refusal("steps", "of shape [B] and dtype int64", arrays["steps"])
        wholes("steps", arrays["steps"], low=0, high=MOST_STEPS)
        samples = arrays.pop("steps").shape
        for name, array in arrays.items():
            if array.shape[:1] != samples:
                raise refusal(name, f"of {list(samples)} samples, as steps", array)
            if name.startswith("refractory"):
                wholes(name, array, low=0)
            else:
                finite(name, array)
        given["recent"] = {name: cls._EVENTS.from_dict(columns) for name, columns in given["recent"].items()}
        return cls(**given)


def _spikes_at_once(neuron: NeuronParams) -> bool:
    """Tell whether a neuron may spike several times in a step."""
    return isinstance(neuron, LIFParams) and neuron.spikes == "multiple"


def check_held(name: str, held: Any, longest: Any, unit: str) -> None:
    """Refuse neurons that are held, [B, N], for longer than each can be, [N].

    Raises:
        ValueError: As said above; the message names the neuron.
    """
    if (held > longest).any():
        b, n = (int(i) for i in np.argwhere(held > longest)[0])
        raise refusal(f"{name}[{b}, {n}]", f"at most {longest[n]:g} {unit}", held[b, n])
