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

from snn.core import memory, plasticity
from snn.core import synapses as layout
from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import refusal
from snn.core.files.tree import fields_of, read_tree, write_tree
from snn.core.neurons import LIParams, refractory_steps
from snn.core.poisson import PoissonInput
from snn.core.population import Population
from snn.core.projection import Projection
from snn.core.synapses import Synapses
from snn.core.units import check_dt, delay_steps

K = TypeVar("K")
T = TypeVar("T", Population, Projection)

FORMAT = "snn.network"
VERSION = 3
"""3 keeps a tree of plain values; 1 and 2 had a layout of their own."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Network:
    """Describe populations and projections on one time step; checked when built, frozen after.

    Attributes:
        dt_ms: Length of a step, ms, > 0.
        populations: In the order given.
        projections: In the order given, which is the order in which their arrivals are summed.
        noise: Poisson input, in the order given; it arrives after the projections.
        order: Names of the populations in the order of a step: senders without delay come first.
    """

    dt_ms: float
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    noise: tuple[PoissonInput, ...]
    order: tuple[str, ...]
    _synapses: dict[str, Synapses]

    def __init__(
        self,
        dt_ms: float,
        populations: Iterable[Population],
        projections: Iterable[Projection] = (),
        noise: Iterable[PoissonInput] = (),
    ) -> None:
        """Check and keep a network.

        Args:
            dt_ms: Length of a step, ms, 1e-100 to 1e100.
            populations: At least one, with unique names; refractory times of at most 10^9 steps.
            projections: With unique names; delays of at most 10^9 steps.
            noise: Poisson input that the engines draw.

        Raises:
            ValueError: A name is unknown or taken, a shape or receptor does not fit, a time is too long, or spikes
                would travel a loop without delay; the message names it.
            MemoryError: Its neurons or synapses would not fit once laid out; the message has the estimate.
        """
        object.__setattr__(self, "dt_ms", check_dt(dt_ms))
        object.__setattr__(self, "populations", _all_of("populations", populations, Population))
        object.__setattr__(self, "projections", _all_of("projections", projections, Projection))
        object.__setattr__(self, "noise", _all_of("noise", noise, PoissonInput))
        if not self.populations:
            raise refusal("populations", "at least one", [])
        for population in self.populations:
            self._check_population(population)
        memory.check_units(sum(population.size for population in self.populations))
        _check_unique("population", [p.name for p in self.populations], "")
        _check_unique("projection", [p.name for p in self.projections], "; give each its own name=")
        for projection in self.projections:
            self._check_projection(projection)
        for given in self.noise:
            self._check_noise(given)
        memory.check_layout([p.weight for p in self.projections])
        object.__setattr__(self, "_synapses", self._build_synapses())
        object.__setattr__(self, "order", self._sort())

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
        changes = {p.name: p.rounded_by(self.dt_ms) for p in self.projections}
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
                digest.update(repr(plasticity.to_dict(projection.plasticity)).encode())
        digest.update(repr([tuple(given.to_dict().values()) for given in self.noise]).encode())
        return digest.hexdigest()

    def save(self, path: PathLike) -> None:
        """Write the network to HDF5 without loss."""
        write_tree(path, FORMAT, VERSION, self.to_dict())

    @classmethod
    def load(cls, path: PathLike) -> Network:
        """Read a network written by `save`.

        Raises:
            FileNotFoundError: Nothing is there.
            ValueError: Not HDF5, another format or version, incomplete, or not a valid network.
        """
        return read_tree(path, FORMAT, VERSION, cls.from_dict)

    def to_dict(self) -> dict[str, Any]:
        """List the arguments by name, as a tree of plain values."""
        return {
            "dt_ms": self.dt_ms,
            "populations": [population.to_dict() for population in self.populations],
            "projections": [projection.to_dict() for projection in self.projections],
            "noise": [given.to_dict() for given in self.noise],
        }

    @classmethod
    def from_dict(cls, values: Any) -> Network:
        """Make a network of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or not valid; the message names it.
        """
        given = fields_of("network", values, ("dt_ms", "populations", "projections", "noise"))
        for name in ("populations", "projections", "noise"):
            if not isinstance(given[name], list):
                raise refusal(name, "a list", given[name])
        return cls(
            given["dt_ms"],
            [Population.from_dict(one) for one in given["populations"]],
            [Projection.from_dict(one) for one in given["projections"]],
            [PoissonInput.from_dict(one) for one in given["noise"]],
        )

    def _check_population(self, population: Population) -> None:
        if population.neuron is not None:
            where = f"population {population.name!r}: "
            refractory_steps(population.neuron, population.size, self.dt_ms, where)

    def _check_projection(self, projection: Projection) -> None:
        where = f"projection {projection.name!r}: "
        pre = _find(f"{where}pre", projection.pre, self.populations)
        post = _find(f"{where}post", projection.post, self.populations)
        if isinstance(pre.neuron, LIParams):
            raise refusal(f"{where}pre", "a population that spikes (leaky integrators never do)", pre.name)
        if post.neuron is None:
            raise refusal(f"{where}post", "a population of neurons (a source takes no spikes)", post.name)
        if projection.weight.shape != (pre.size, post.size):
            raise refusal(f"{where}weight", f"of shape [{pre.size}, {post.size}]", projection.weight)
        _check_receptor(where, post, projection.receptor)
        if projection.plasticity is not None and isinstance(post.neuron, LIParams):
            rule = "a population that spikes, for its plasticity to learn from (leaky integrators never do)"
            raise refusal(f"{where}post", rule, post.name)

    def _check_noise(self, given: PoissonInput) -> None:
        post = _find("noise: post", given.post, self.populations)
        if post.neuron is None:
            raise refusal("noise: post", "a population of neurons (a source takes no spikes)", post.name)
        _check_receptor(f"noise to {post.name!r}: ", post, given.receptor)
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
                name = f"projection {projection.name!r}: delay_ms"
                steps = delay_steps(projection.delay_ms, self.dt_ms, name=name)
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


def _all_of(name: str, given: Any, kind: type[K]) -> tuple[K, ...]:
    """Keep a list of one kind."""
    try:
        items = tuple(given)
    except TypeError:
        raise refusal(name, f"a list of {kind.__name__}", given) from None
    for item in items:
        if not isinstance(item, kind):
            raise refusal(name, f"a list of {kind.__name__}", item)
    return items


def _check_receptor(where: str, post: Population, receptor: str | None) -> None:
    allowed = post.receptors or (None,)
    if receptor not in allowed:
        names = ", ".join(map(repr, allowed))
        raise refusal(f"{where}receptor", f"one of {names}, as {post.name!r} has them", receptor)


def _loops(n: int, ends: list[tuple[int, int]]) -> Int64Array:
    """Label the populations so that two share a label when each can reach the other."""
    graph = np.zeros((n, n), dtype=bool)
    for pre, post in ends:
        graph[pre, post] = True
    labels = connected_components(scipy.sparse.csr_array(graph), connection="strong")[1]
    return np.asarray(labels, dtype=np.int64)


def _find(kind: str, name: str, among: tuple[T, ...]) -> T:
    for item in among:
        if item.name == name:
            return item
    names = ", ".join(repr(item.name) for item in among)
    raise refusal(kind, f"one of {names}" if names else "one of the network, which has none", name)


def _check_unique(kind: str, names: list[str], advice: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{kind} names must be unique, got {name!r} {names.count(name)} times{advice}")
