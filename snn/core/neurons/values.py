"""The values of neuron parameters: one number for all neurons, or one for each, and one per receptor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array
from snn.core.checks import finite, number, real_array, refusal

Values = float | ArrayLike
Reset = Literal["hard", "soft", "hard_next_step"]
Fires = Literal[">=", ">"]
Spikes = Literal["single", "multiple"]

MOST_SPIKES = 2**16 - 1
"""Spikes of a neuron in one step, at most."""


def per_neuron(name: str, values: Any, size: int) -> Float64Array:
    """Give every one of `size` neurons its value, [size].

    Raises:
        ValueError: `values` is neither one number nor [size].
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.shape != (size,):
        raise refusal(name, f"one number or {size} (one per neuron)", values)
    return np.full(size, array) if array.ndim == 0 else array.copy()


def set_number(params: Any, name: str, **limits: Any) -> None:
    """Check the field `name` and replace it by a float or a read-only array [N]; None stays where it may."""
    value = getattr(params, name)
    if value is not None or type(params).__dataclass_fields__[name].default is not None:
        object.__setattr__(params, name, checked_values(name, value, **limits))


def set_per_receptor(params: Any, name: str, **limits: Any) -> None:
    """Check a field of one value, or one per receptor by name."""
    given = getattr(params, name)
    if not isinstance(given, Mapping):
        return set_number(params, name, **limits)
    if not given or not all(isinstance(key, str) and key for key in given):
        raise refusal(name, "a number, or one per receptor by name", dict(given))
    checked = {key: checked_values(f"{name}[{key!r}]", value, **limits) for key, value in given.items()}
    object.__setattr__(params, name, checked)


def checked_values(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    infinite: bool = False,
) -> float | Float64Array:
    """Return one number as a float, one per neuron as a read-only array [N]."""
    if getattr(value, "ndim", 0) == 0 and not isinstance(value, list | tuple | range):
        return number(name, value, low=low, high=high, above=above, infinite=infinite)
    array = real_array(name, value, "one number or one per neuron, [N]")
    if array.ndim != 1 or array.size == 0:
        raise refusal(name, "one number or one per neuron, [N]", array)
    endless = infinite and array.dtype.kind == "f" and np.isposinf(array)  # finite() would refuse these
    given = np.where(endless, 1.0, array) if np.any(endless) else array
    kept = np.array(finite(name, given, low=low, high=high, above=above))
    kept[endless] = np.inf
    kept.flags.writeable = False
    return kept


def receptors_of(params: Any) -> tuple[str | None, ...]:
    """Give the names of the synaptic currents: (), (None,) for the one unnamed, or the names given."""
    given = params.tau_syn_ms if params.syn_decay is None else params.syn_decay
    if given is None:
        return ()
    return tuple(given) if isinstance(given, Mapping) else (None,)


def same_value(a: Any, b: Any) -> bool:
    """Tell whether two fields hold the same, of the same kind."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same_value(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return bool(a == b)
