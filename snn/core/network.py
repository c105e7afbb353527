"""Describe a network: populations, projections with a delay per synapse, checked when built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from snn.core import memory
from snn.core import synapses as layout
from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.files import networks
from snn.core.neurons import LIFParams, LIParams, NeuronParams
from snn.core.plasticity import Plasticity, checked_rule, to_plain
from snn.core.poisson import PoissonInput
from snn.core.synapse_values import checked_delay, checked_weight, rounded_by
from snn.core.synapses import Synapses
from snn.core.units import check_dt, delay_steps


@dataclass(frozen=True, slots=True)
class Population:
    """Name a group of neurons of one kind, or a source of input events.

    Raises:
        ValueError: An empty name, one with a slash, a size below 1, or values per neuron that
            are not `size`.
    """

    name: str
    """Unique in its network."""
    size: int
    """Number of units, >= 1."""
    neuron: NeuronParams | None = None
    """What its neurons are; None makes it a source, whose spikes `simulate` is given."""

    def __post_init__(self) -> None:
        _check_name("Population name", self.name)
        if isinstance(self.size, bool) or int(self.size) != self.size or self.size < 1:
            raise ValueError(f"size of {self.name!r} must be an integer >= 1, got {self.size!r}")
        object.__setattr__(self, "size", int(self.size))
        if self.neuron is None:
            return
        if not isinstance(self.neuron, LIFParams | LIParams):
            raise ValueError(
                f"neuron of {self.name!r} must be LIFParams, LIParams or None, got {self.neuron!r}"
            )
        try:
            self.neuron.dynamics(self.size, 1.0)
        except ValueError as error:
            raise ValueError(f"population {self.name!r} of {self.size}: {error}") from None

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of its synaptic currents; empty if a spike jumps the membrane."""
        return () if self.neuron is None else self.neuron.receptors


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Projection:
    """Connect two populations, with a weight and a delay per synapse.

    A zero weight is no synapse. A CSR weight may hold several synapses between the same two
    neurons, each with its own delay.
    """

    pre: str
    """Name of the sending population."""
    post: str
    """Name of the receiving population."""
    weight: Any
    """Weights, [pre, post], float64: a read-only array, or SciPy CSR as given."""
    delay_ms: Float64Array | None
    """Delays, ms: 0-dimensional, of the shape of `weight`, or aligned with CSR data; or None."""
    name: str
    """Unique in its network."""
    receptor: str | None
    """The synaptic current that it feeds, where the receiving neurons name several."""
    plasticity: Plasticity | None
    """How its weights learn; None: they do not."""

    def __init__(
        self,
        pre: str,
        post: str,
        weight: Any,
        delay_ms: Any = None,
        name: str | None = None,
        receptor: str | None = None,
        plasticity: Plasticity | None = None,
    ) -> None:
        """Check and keep a projection.

        Args:
            pre: Name of the sending population.
            post: Name of the receiving population.
            weight: Weights, [pre, post], dense or SciPy CSR, finite.
            delay_ms: One delay for all, or dense of the same shape, or aligned with the data of
                a CSR weight; ms, finite, >= 0. None: no delay, or one step where the projection
                is part of a loop.
            name: None makes it "pre-post".
            receptor: The synaptic current that it feeds, where the receiving neurons name some.
            plasticity: How its weights learn, `STDP` or `Hebbian`; they start within its bounds.

        Raises:
            ValueError: Shapes do not fit, or a value is out of range; the message names it.
        """
        label = f"{pre}-{post}" if name is None else name
        _check_name("Projection name", label)
        kept_weight = checked_weight(label, weight)
        values: dict[str, Any] = {
            "pre": pre,
            "post": post,
            "weight": kept_weight,
            "delay_ms": None if delay_ms is None else checked_delay(label, delay_ms, kept_weight),
            "name": label,
            "receptor": receptor,
            "plasticity": checked_rule(label, plasticity, kept_weight),
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        pre, post = self.weight.shape
        return f"Projection({self.name!r}, [{pre}, {post}], {int(self.fan_out.sum())} synapses)"

    @property
    def fan_out(self) -> Int64Array:
        """Number of synapses of each sender (nonzero weights), [pre]."""
        return layout.fan_out(self.weight)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Network:
    """Describe populations and projections on one time step; checked when built, frozen after."""

    dt_ms: float
    """Length of a step, ms."""
    populations: tuple[Population, ...]
    """In the order given."""
    projections: tuple[Projection, ...]
    """In the order given, which is the order in which their arrivals are summed."""
    noise: tuple[PoissonInput, ...]
    """In the order given; they arrive after the projections."""

    def __init__(
        self,
        dt_ms: float,
        populations: Iterable[Population],
        projections: Iterable[Projection] = (),
        noise: Iterable[PoissonInput] = (),
    ) -> None:
        """Check and keep a network.

        Args:
            dt_ms: Length of a step, ms, above 0.
            populations: At least one, with unique names.
            projections: With unique names.
            noise: Poisson input that the engines draw.

        Raises:
            ValueError: A name is unknown or taken, a shape or receptor does not fit, or spikes
                would travel a loop without delay; the message names it.
            MemoryError: Its synapses would not fit once laid out; the message has the estimate.
        """
        object.__setattr__(self, "dt_ms", check_dt(dt_ms))
        object.__setattr__(self, "populations", tuple(populations))
        object.__setattr__(self, "projections", tuple(projections))
        object.__setattr__(self, "noise", tuple(noise))
        if not self.populations:
            raise ValueError("populations must hold at least one")
        _check_unique("population", [p.name for p in self.populations], "")
        _check_unique("projection", [p.name for p in self.projections], "; give each its own name=")
        for projection in self.projections:
            self._check_projection(projection)
        for given in self.noise:
            self._check_noise(given)
        memory.check_layout([p.weight for p in self.projections])
        object.__setattr__(self, "_synapses", self._build_synapses())
        object.__setattr__(self, "order", self._sort())

    order: tuple[str, ...]
    """Names of the populations in the order of a step: senders without delay come first."""
    _synapses: dict[str, Synapses]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{p.name} {p.size}" for p in self.populations)
        rounded = {
            name: f" (delays rounded by up to {ms:.3g} ms)" for name, ms in self.rounded_delays.items()
        }
        names = ", ".join(p.name + rounded.get(p.name, "") for p in self.projections)
        return f"Network(dt_ms={self.dt_ms}, populations: {sizes}; projections: {names})"

    @cached_property
    def place(self) -> dict[str, int]:
        """Place of each population in `order`, by its name."""
        return {name: p for p, name in enumerate(self.order)}

    @cached_property
    def first_unit(self) -> Int64Array:
        """First unit of each population in `order` where all are numbered in a row, and the end, [P + 1]."""
        return layout.bounds([self.population(name).size for name in self.order])

    @cached_property
    def rounded_delays(self) -> dict[str, float]:
        """Largest change that rounding to steps made to a delay, ms, per projection that has one."""
        changes = {p.name: rounded_by(p.delay_ms, p.weight, self.dt_ms) for p in self.projections}
        return {name: change for name, change in changes.items() if change > 0.0}

    def population(self, name: str) -> Population:
        """Return the population of that name.

        Raises:
            ValueError: There is none.
        """
        return _find("population", name, self.populations)

    def projection(self, name: str) -> Projection:
        """Return the projection of that name.

        Raises:
            ValueError: There is none.
        """
        return _find("projection", name, self.projections)

    def synapses(self, name: str) -> Synapses:
        """Return the CSR rows of a projection, delays in steps.

        Raises:
            ValueError: There is no projection of that name.
        """
        return self._synapses[self.projection(name).name]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that decides a run: two networks that share it behave alike."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr(self.dt_ms).encode())
        for population in self.populations:
            digest.update(repr((population.name, population.size, population.receptors)).encode())
            if population.neuron is not None:
                for part in population.neuron.dynamics(population.size, self.dt_ms):
                    digest.update(part.tobytes() if isinstance(part, np.ndarray) else bytes([part]))
        for projection in self.projections:
            names = (projection.name, projection.pre, projection.post, projection.receptor)
            digest.update(repr(names).encode())
            self._synapses[projection.name].digest(digest)
            if projection.plasticity is not None:
                digest.update(repr(to_plain(projection.plasticity)).encode())
        digest.update(repr([given.values() for given in self.noise]).encode())
        return digest.hexdigest()

    def save(self, path: PathLike) -> None:
        """Write the network to HDF5 without loss."""
        networks.save(self, path)

    @classmethod
    def load(cls, path: PathLike) -> Network:
        """Read a network written by `save`.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: Not HDF5, another format or version, incomplete, or not a valid network.
        """
        return networks.load(path)

    def _check_projection(self, projection: Projection) -> None:
        where = f"projection {projection.name!r}"
        pre, post = (
            _find("population", name, self.populations, f"{where}: ")
            for name in (projection.pre, projection.post)
        )
        if isinstance(pre.neuron, LIParams):
            raise ValueError(f"{where}: pre {pre.name!r} is a leaky integrator, which never spikes")
        if post.neuron is None:
            raise ValueError(f"{where}: post {post.name!r} is a source of events, not of neurons")
        if projection.weight.shape != (pre.size, post.size):
            raise ValueError(
                f"{where}: weight must have shape [{pre.size}, {post.size}], "
                f"got {list(projection.weight.shape)}"
            )
        _check_receptor(where, post, projection.receptor)
        if projection.plasticity is not None and isinstance(post.neuron, LIParams):
            raise ValueError(
                f"{where}: post {post.name!r} is a leaky integrator, which never spikes: nothing to learn from"
            )

    def _check_noise(self, given: PoissonInput) -> None:
        if not isinstance(given, PoissonInput):
            raise ValueError(f"noise must hold PoissonInput, got {given!r}")
        post = _find("population", given.post, self.populations, "noise: ")
        if post.neuron is None:
            raise ValueError(f"noise: post {post.name!r} is a source of events, not of neurons")
        _check_receptor(f"noise to {post.name!r}", post, given.receptor)
        given.mean(self.dt_ms)

    def _build_synapses(self) -> dict[str, Synapses]:
        place = {population.name: i for i, population in enumerate(self.populations)}
        ends = [(place[p.pre], place[p.post]) for p in self.projections]
        loop = _loops(len(place), ends)
        built = {}
        for projection, (pre, post) in zip(self.projections, ends, strict=True):
            if projection.delay_ms is None:
                steps = np.asarray(int(loop[pre] == loop[post]), dtype=np.int64)
            else:
                steps = delay_steps(projection.delay_ms, self.dt_ms)
            built[projection.name] = layout.build(projection.weight, steps)
        return built

    def _sort(self) -> tuple[str, ...]:
        """Order the populations so that undelayed spikes find their receivers still to come."""
        sources: dict[str, list[str]] = {p.name: [] for p in self.populations}
        for projection in self.projections:
            if self._synapses[projection.name].has_undelayed:
                sources[projection.post].append(projection.pre)
        order: list[str] = []
        open_path: list[str] = []

        def visit(name: str) -> None:
            """Place `name` after all that it hears without delay."""
            if name in open_path:
                cycle = [*open_path[open_path.index(name) :], name][::-1]
                raise ValueError(
                    f"delay 0 on a loop of populations: {' -> '.join(cycle)}; "
                    "give one of its projections a delay_ms of at least one step"
                )
            if name in order:
                return
            open_path.append(name)
            for source in sources[name]:
                visit(source)
            open_path.pop()
            order.append(name)

        for name in sources:
            visit(name)
        return tuple(order)


def _check_receptor(where: str, post: Population, receptor: str | None) -> None:
    allowed = post.receptors or (None,)
    if receptor not in allowed:
        raise ValueError(
            f"{where}: receptor must be one of {', '.join(map(repr, allowed))} "
            f"as {post.name!r} has them, got {receptor!r}"
        )


def _loops(n: int, ends: list[tuple[int, int]]) -> Int64Array:
    """Label the populations so that two share a label when each can reach the other."""
    graph = np.zeros((n, n), dtype=bool)
    for pre, post in ends:
        graph[pre, post] = True
    labels = connected_components(scipy.sparse.csr_array(graph), connection="strong")[1]
    return np.asarray(labels, dtype=np.int64)


T = TypeVar("T", Population, Projection)


def _find(kind: str, name: str, among: tuple[T, ...], where: str = "") -> T:
    for item in among:
        if item.name == name:
            return item
    names = ", ".join(repr(item.name) for item in among) or "none"
    raise ValueError(f"{where}unknown {kind} {name!r}; there are: {names}")


def _check_unique(kind: str, names: list[str], advice: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{kind} name {name!r} is used {names.count(name)} times{advice}")


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"{what} must be a non-empty string without '/', got {name!r}")
