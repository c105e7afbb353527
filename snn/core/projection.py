"""Connect two populations: weights, delays and how the weights learn, checked when built."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from snn.core import plasticity as rules
from snn.core import synapses
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, real_array, refusal, wholes
from snn.core.files.tree import fields_of
from snn.core.plasticity import STDP, Hebbian, Plasticity
from snn.core.population import check_name
from snn.core.units import MOST_UNITS, delay_steps

_SNAP = 1e-9
"""Fraction of a step within which a delay is on the grid: decimal times have no exact binary form."""
_CSR = ("shape", "data", "indices", "indptr")


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
    """

    pre: str
    post: str
    weight: Any
    delay_ms: Float64Array | None
    name: str
    receptor: str | None
    plasticity: Plasticity | None

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
            weight: Weights, [pre, post], dense or SciPy CSR, finite; an array of truth values connects with 1.
            delay_ms: One delay for all, or dense of the same shape, or aligned with the data of
                a CSR weight; ms, >= 0, at most 10^9 steps of its network. None: no delay, or one step
                where the projection is part of a loop.
            name: None makes it "pre-post".
            receptor: The synaptic current that it feeds, where the receiving neurons name some.
            plasticity: How its weights learn, `STDP` or `Hebbian`; they start within its bounds.

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
        kept = _checked_weight(f"{where}weight", weight)
        _check_plasticity(where, plasticity, kept)
        values: dict[str, Any] = {
            "pre": pre,
            "post": post,
            "weight": kept,
            "delay_ms": None if delay_ms is None else _checked_delay(f"{where}delay_ms", delay_ms, kept),
            "name": label,
            "receptor": receptor,
            "plasticity": plasticity,
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
        """List the arguments by name; a CSR weight as its shape and three arrays."""
        weight = self.weight
        if not isinstance(weight, np.ndarray):
            weight = {
                "shape": [int(n) for n in weight.shape],
                **{part: getattr(weight, part) for part in _CSR[1:]},
            }
        return {
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
        names = ("pre", "post", "weight", "delay_ms", "name", "receptor", "plasticity")
        given = dict(fields_of("projection", values, names))
        if not isinstance(given["weight"], np.ndarray):
            where = f"projection {given['name']!r}: weight"
            given["weight"] = _csr_of(where, fields_of(where, given["weight"], _CSR))
        if given["plasticity"] is not None:
            given["plasticity"] = rules.from_dict(given["plasticity"])
        return cls(**given)


def _csr_of(name: str, parts: dict[str, Any]) -> Any:
    """Make a CSR matrix of the arrays in a tree; whether they fit each other is checked with its values."""
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


def _checked_weight(name: str, weight: Any) -> Any:
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
