"""Connect two populations: weights, delays and how the weights learn, checked when built."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from snn.core import plasticity as rules
from snn.core import synapses
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, real_array, refusal, whole, wholes
from snn.core.files.tree import fields_of
from snn.core.plasticity import STDP, Hebbian, Plasticity
from snn.core.population import check_name
from snn.core.units import MOST_UNITS, delay_steps

_SNAP = 1e-9
"""Fraction of a step within which a delay is on the grid: decimal times have no exact binary form."""
_CSR = ("shape", "data", "indices", "indptr")


@dataclass(frozen=True, slots=True, eq=False)
class SummingLayer:
    """Describe a layer that a projection was written from: a convolution is more synapses than it has weights.

    Attributes:
        dense_synapses: Multiply-accumulates of a dense pass of the layer, those on padding left out.
        padding_synapses: Those on zeros of padding, besides.
        stored_weights: Nonzero weights in memory; 0 for pooling, which has none.
        dense_weights: The same with the zeros.
        links: Which units feed which over a nonzero weight, CSR [in, out] of ones; None where these are the
            synapses of the projection.
        groups: Blocks of the weights that share neither inputs nor outputs, >= 1: groups of a convolution.
    """

    dense_synapses: int
    padding_synapses: int
    stored_weights: int
    dense_weights: int
    links: Any = None
    groups: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", whole("groups", self.groups, low=1))
        for name in _SIZES:
            object.__setattr__(self, name, whole(name, getattr(self, name), low=0))
        if self.links is not None:
            object.__setattr__(self, "links", checked_weight("links", self.links))

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name."""
        links = None if self.links is None else _parts_of(self.links)
        return {name: getattr(self, name) for name in _SIZES} | {"links": links, "groups": self.groups}

    @classmethod
    def from_dict(cls, values: Any) -> SummingLayer:
        """Make a layer of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        given = dict(fields_of("layers", values, (*_SIZES, "links", "groups")))
        if given["links"] is not None:
            given["links"] = _csr_of("links", given["links"])
        return cls(**given)


_SIZES = ("dense_synapses", "padding_synapses", "stored_weights", "dense_weights")


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Projection:
    """Connect two populations, with a weight and a delay per synapse.

    A zero weight is no synapse. A CSR weight may hold several synapses between the same two
    neurons, each with its own delay.

    Attributes:
        pre: Name of the sending population.
        post: Name of the receiving population.
        weight: Weights, [pre, post], float64, finite, read-only: an array, or SciPy CSR as given.
        delay_ms: Delays, ms, >= 0: 0-dimensional, of the shape of `weight`, or aligned with CSR data; or None.
        name: Unique in its network.
        receptor: The synaptic current that it feeds, where the receiving neurons name several.
        plasticity: How its weights learn; None: they do not.
        layers: The layers that it was written from, one after another, pooling first; () where it is a matrix of
            weights. Engines do not read them; ledgers do.
    """

    pre: str
    post: str
    weight: Any
    delay_ms: Float64Array | None
    name: str
    receptor: str | None
    plasticity: Plasticity | None
    layers: tuple[SummingLayer, ...]

    def __init__(
        self,
        pre: str,
        post: str,
        weight: Any,
        delay_ms: Any = None,
        name: str | None = None,
        receptor: str | None = None,
        plasticity: Plasticity | None = None,
        layers: Sequence[SummingLayer] = (),
    ) -> None:
        """Check and keep a projection.

        Args:
            pre: Name of the sending population.
            post: Name of the receiving population.
            weight: Weights, [pre, post], dense or SciPy CSR, finite; an array of truth values connects with 1.
                What a spike adds in a step: `psp_weight` and `charge_weight` make it from mV, for a `dt_ms`.
            delay_ms: One delay for all, or dense of the same shape, or aligned with the data of
                a CSR weight; ms, >= 0, at most 10^9 steps of its network. None: no delay, or one step
                where the projection is part of a loop.
            name: None makes it "pre-post".
            receptor: The synaptic current that it feeds, where the receiving neurons name some.
            plasticity: How its weights learn, `STDP` or `Hebbian`; they start within its bounds.
            layers: The layers that it was written from, for ledgers; () where it is a matrix of weights.

        Raises:
            ValueError: Shapes do not fit, or a value is out of range; the message names it.
        """
        label = f"{pre}-{post}" if name is None else name
        check_name("name of a projection", label)
        for end, given in (("pre", pre), ("post", post)):
            check_name(f"projection {label!r}: {end}", given)
        if receptor is not None and not isinstance(receptor, str):
            raise refusal(f"projection {label!r}: receptor", "a name or None", receptor)
        where = f"projection {label!r}: "
        kept = checked_weight(f"{where}weight", weight)
        _check_plasticity(where, plasticity, kept)
        values: dict[str, Any] = {
            "pre": pre,
            "post": post,
            "weight": kept,
            "delay_ms": None if delay_ms is None else _checked_delay(f"{where}delay_ms", delay_ms, kept),
            "name": label,
            "receptor": receptor,
            "plasticity": plasticity,
            "layers": _checked_layers(f"{where}layers", layers, kept),
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        pre, post = self.weight.shape
        return f"Projection({self.name!r}, [{pre}, {post}], {int(self.fan_out.sum())} synapses)"

    @property
    def fan_out(self) -> Int64Array:
        """Number of synapses of each sender (nonzero weights), [pre]."""
        return synapses.fan_out(self.weight)

    def rounded_by(self, dt_ms: float) -> float:
        """Return the largest change, ms, that rounding to steps of `dt_ms` makes to the delay of a synapse."""
        if self.delay_ms is None:
            return 0.0
        delay = self.delay_ms
        if delay.ndim and isinstance(self.weight, np.ndarray):
            delay = delay[self.weight != 0.0]
        change = np.abs(delay - delay_steps(delay, dt_ms) * dt_ms)
        largest = float(change.max(initial=0.0))
        return largest if largest > _SNAP * max(dt_ms, float(delay.max(initial=0.0))) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """List the arguments by name; a CSR weight as its shape and three arrays; `layers` where there are some."""
        weight = self.weight if isinstance(self.weight, np.ndarray) else _parts_of(self.weight)
        layers = {"layers": [layer.to_dict() for layer in self.layers]} if self.layers else {}
        return layers | {
            "pre": self.pre,
            "post": self.post,
            "weight": weight,
            "delay_ms": self.delay_ms,
            "name": self.name,
            "receptor": self.receptor,
            "plasticity": None if self.plasticity is None else rules.to_dict(self.plasticity),
        }

    @classmethod
    def from_dict(cls, values: Any) -> Projection:
        """Make a projection of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        names = ["pre", "post", "weight", "delay_ms", "name", "receptor", "plasticity"]
        names += ["layers"] if isinstance(values, dict) and "layers" in values else []
        given = dict(fields_of("projection", values, names))
        if not isinstance(given["weight"], np.ndarray):
            given["weight"] = _csr_of(f"projection {given['name']!r}: weight", given["weight"])
        if not isinstance(given.get("layers", []), list):
            raise refusal(f"projection {given['name']!r}: layers", "a list", given["layers"])
        given["layers"] = [SummingLayer.from_dict(one) for one in given.get("layers", [])]
        if given["plasticity"] is not None:
            given["plasticity"] = rules.from_dict(given["plasticity"])
        return cls(**given)


def _parts_of(csr: Any) -> dict[str, Any]:
    """Give a CSR matrix as its shape and three arrays."""
    return {"shape": [int(n) for n in csr.shape], **{part: getattr(csr, part) for part in _CSR[1:]}}


def _csr_of(name: str, values: Any) -> Any:
    """Make a CSR matrix of what `_parts_of` gave; whether its arrays fit each other is checked with its values."""
    parts = fields_of(name, values, _CSR)
    shape = wholes(f"{name}: shape", parts["shape"], low=1, high=MOST_UNITS)
    if shape.shape != (2,):
        raise refusal(f"{name}: shape", "[pre, post]", parts["shape"])
    arrays = {part: wholes(f"{name}: {part}", parts[part], low=0) for part in _CSR[2:]}
    for part, array in {"data": real_array(f"{name}: data", parts["data"]), **arrays}.items():
        size = shape[0] + 1 if part == "indptr" else np.size(parts["indices"])
        if array.shape != (size,):
            raise refusal(f"{name}: {part}", f"of shape [{size}]", array)
    try:
        return scipy.sparse.csr_array((parts["data"], *arrays.values()), shape=tuple(shape.tolist()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _checked_layers(name: str, layers: Any, weight: Any) -> tuple[SummingLayer, ...]:
    """Refuse layers that do not lead from the senders to the receivers; one alone has the projection's synapses."""
    if not isinstance(layers, Sequence) or not all(isinstance(layer, SummingLayer) for layer in layers):
        raise refusal(name, "a list of SummingLayer", layers)
    links = [layer.links for layer in layers]
    if len(links) > 1 and not all(scipy.sparse.issparse(part) for part in links):
        raise refusal(name, "layers with links where there are several", links)
    ends = [size for part in links if part is not None for size in part.shape]
    if ends and ([ends[0], *ends[2::2]] != [weight.shape[0], *ends[1:-1:2]] or ends[-1] != weight.shape[1]):
        raise refusal(name, f"of shapes that lead from {weight.shape[0]} units to {weight.shape[1]}", ends)
    return tuple(layers)


def checked_weight(name: str, weight: Any) -> Any:
    """Copy weights, dense or CSR, [pre, post], to float64, read-only."""
    if scipy.sparse.issparse(weight):
        if weight.format != "csr":
            raise refusal(name, "dense or CSR", f"{weight.format} of shape {list(weight.shape)}")
        if weight.data.dtype.kind != "b":  # who is connected to whom
            real_array(f"{name}.data", weight.data)
        kept = scipy.sparse.csr_array(weight, dtype=np.float64, copy=True)
        try:
            kept.check_format(full_check=True)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        finite(f"{name}.data", kept.data)
        arrays: tuple[Any, ...] = (kept.data, kept.indices, kept.indptr)
    else:
        with suppress(TypeError, ValueError, RuntimeError):  # what is no array is refused below
            if np.asarray(weight).dtype == bool:  # who is connected to whom
                weight = np.asarray(weight).astype(np.float64)
        kept = np.array(finite(name, weight))
        arrays = (kept,)
    if kept.ndim != 2:
        raise refusal(name, "of shape [pre, post]", kept)
    for array in arrays:
        array.flags.writeable = False
    return kept


def _checked_delay(name: str, delay_ms: Any, weight: Any) -> Float64Array:
    """Copy delays that fit `weight`, ms, read-only."""
    delay = np.array(finite(name, delay_ms, low=0, unit="ms"))
    shapes: list[tuple[int, ...]] = [(), tuple(weight.shape)]
    if not isinstance(weight, np.ndarray):
        shapes.append(weight.data.shape)
    if delay.shape not in shapes:
        allowed = " or ".join(str(list(shape)) for shape in shapes[1:])
        raise refusal(name, f"one number or of shape {allowed}", delay)
    delay.flags.writeable = False
    return delay


def _check_plasticity(where: str, plasticity: Any, weight: Any) -> None:
    """Refuse what is no rule, and weights that start outside the bounds of theirs."""
    if plasticity is None:
        return
    if not isinstance(plasticity, STDP | Hebbian):
        raise refusal(f"{where}plasticity", "STDP, Hebbian or None", plasticity)
    values = weight[weight != 0.0] if isinstance(weight, np.ndarray) else weight.data[weight.data != 0.0]
    bad = (values < plasticity.w_min) | (values > plasticity.w_max)
    if bad.any():
        rule = f"in [{plasticity.w_min}, {plasticity.w_max}], the bounds of its plasticity"
        raise refusal(f"{where}weight", rule, values[bad][0])
