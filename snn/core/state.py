"""Keep everything in flight between two runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from snn.core.arrays import Int64Array, PathLike, RealArray
from snn.core.checks import refusal, whole
from snn.core.events import Events
from snn.core.files.tree import fields_of, read_tree, write_tree
from snn.core.network import Network

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
        return len(next(iter(self.recent.values())))

    @property
    def dtype(self) -> str:
        """Type of the numbers, that of the run."""
        return str(next((v.dtype.name for v in self.v.values()), "float64"))

    def check(self, network: Network) -> None:
        """Refuse to go on with another network than the one that ran.

        Raises:
            ValueError: As said above.
        """
        if self.fingerprint != network.fingerprint:
            raise ValueError(
                "state is of another network (other neurons, weights, delays, names or dt_ms): "
                f"its fingerprint is {self.fingerprint}, the network's is {network.fingerprint}"
            )

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
        return {**values, "recent": {name: events.to_dict() for name, events in self.recent.items()}}

    @classmethod
    def from_dict(cls, values: Any) -> SimulationState:
        """Make a state of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or of another kind.
        """
        given = dict(fields_of("state", values, [field.name for field in fields(cls)]))
        if not isinstance(given["fingerprint"], str):
            raise refusal("fingerprint", "text", given["fingerprint"])
        given["seed"] = whole("seed", given["seed"])
        arrays = {"steps": given["steps"]}
        for field, parts in given.items():
            if field in ("fingerprint", "seed", "steps"):
                continue
            if not isinstance(parts, dict):
                raise refusal(field, "a group of populations or projections", parts)
            if field != "recent":
                arrays |= {f"{field}[{name!r}]": array for name, array in parts.items()}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise refusal(name, "an array", array)
        given["recent"] = {name: Events.from_dict(columns) for name, columns in given["recent"].items()}
        return cls(**given)
