"""Keep everything in flight between two runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.core.arrays import Int64Array, PathLike, RealArray
from snn.core.events import Events
from snn.core.files.hdf5 import create, open_ours, put
from snn.core.network import Network

_KINDS = ("v", "currents", "refractory", "adaptation", "weights", "traces_pre", "traces_post")
FORMAT = "snn.state"
VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class SimulationState:
    """Hold where B samples stand: pass it to `simulate` and the run goes on as if never cut."""

    fingerprint: str
    """`Network.fingerprint` of the network that ran; no other can go on from here."""
    v: dict[str, RealArray]
    """Membranes, [B, N], per population with neurons, in the dtype of the run."""
    currents: dict[str, RealArray]
    """Synaptic currents, [B, R, N], per population that has some."""
    refractory: dict[str, Int64Array]
    """Steps for which each neuron is still held, [B, N], per population with neurons."""
    recent: dict[str, Events]
    """Spikes of the last steps, as many as the longest delay, per population; step 0 is the oldest."""
    adaptation: dict[str, RealArray]
    """Rise of each threshold, [B, N], per population that adapts."""
    steps: Int64Array
    """Steps lived since the first run began, [B]: random numbers go on from there."""
    seed: int
    """Seed of that run."""
    weights: dict[str, RealArray]
    """Weights, [B, S], per projection that learns, in the order of `Network.synapses`."""
    traces_pre: dict[str, RealArray]
    """Traces of its senders (`snn.core.plasticity`) in the last steps, [B, longest delay + 1, pre]."""
    traces_post: dict[str, RealArray]
    """Traces of its receivers, [B, post]."""

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
        with create(path, FORMAT, VERSION) as file:
            file.attrs["fingerprint"] = self.fingerprint
            file.attrs["seed"] = str(self.seed)
            put(file, "steps", self.steps)
            for kind in _KINDS:
                group = file.create_group(kind)
                for name, array in getattr(self, kind).items():
                    put(group, name, array)
            for name, events in self.recent.items():
                group = file.create_group(f"recent/{name}")
                group.attrs["n_units"] = events.n_units
                group.attrs["dt_ms"] = events.dt_ms
                for part in ("step", "unit", "offsets", "n_steps"):
                    put(group, part, getattr(events, part))

    @classmethod
    def load(cls, path: PathLike) -> SimulationState:
        """Read a state written by `save`.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: Not HDF5, another format or version, or incomplete.
        """
        with open_ours(path, FORMAT, VERSION) as file:
            arrays = {
                kind: {name: np.asarray(stored[()]) for name, stored in file[kind].items()} for kind in _KINDS
            }
            recent = {
                name: Events(
                    step=stored["step"][()],
                    unit=stored["unit"][()],
                    offsets=stored["offsets"][()],
                    n_units=int(stored.attrs["n_units"]),
                    dt_ms=float(stored.attrs["dt_ms"]),
                    n_steps=stored["n_steps"][()],
                )
                for name, stored in file["recent"].items()
            }
            return cls(
                str(file.attrs["fingerprint"]),
                recent=recent,
                steps=np.asarray(file["steps"][()]),
                seed=int(file.attrs["seed"]),
                **arrays,
            )
