"""Say what a run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """Name the populations whose spikes and membranes are kept.

    Attributes:
        spikes: Populations whose spikes are kept; None keeps those of every population with neurons.
        v: Populations whose membrane is kept in every step, after reset.

    Raises:
        TypeError: One name in place of a list of names.
    """

    spikes: Sequence[str] | None = None
    v: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("spikes", "v"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} must be a list of population names, got {value!r}")
            if value is not None:
                object.__setattr__(self, name, tuple(value))
