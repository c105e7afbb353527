"""What the parts of this room read of a liquid; `Reservoir` is such."""

from __future__ import annotations

from typing import Any, Protocol

from snn.core import LIFParams
from snn.core.arrays import Int64Array

__all__ = ["Liquid"]


class Liquid(Protocol):
    """Describe a liquid: the attributes are those of `Reservoir`."""

    @property
    def w_in(self) -> Any:
        """Weights of the input, [in, N]."""
        ...

    @property
    def w_rec(self) -> Any:
        """Recurrent weights, [N, N]."""
        ...

    @property
    def neuron(self) -> LIFParams:
        """The neurons."""
        ...

    @property
    def delays(self) -> Int64Array:
        """Recurrent delays, steps."""
        ...

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        ...

    @property
    def size(self) -> int:
        """Number of neurons N."""
        ...

    @property
    def recurrent_synapses(self) -> int:
        """Number of recurrent synapses."""
        ...

    @property
    def max_delay(self) -> int:
        """Longest recurrent delay, steps."""
        ...
