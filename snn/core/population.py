"""Name a group of neurons, or a source of input events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snn.core import neurons
from snn.core.checks import refusal, whole
from snn.core.files.tree import fields_of
from snn.core.neurons import LIFParams, LIParams, NeuronParams


@dataclass(frozen=True, slots=True)
class Population:
    """Name a group of neurons of one kind, or a source of input events.

    Attributes:
        name: Unique in its network; not empty, without a slash.
        size: Number of units, >= 1.
        neuron: What its neurons are; None makes it a source, whose spikes `simulate` is given.

    Raises:
        ValueError: An empty name, one with a slash, a size below 1, or values per neuron that
            are not `size`.
    """

    name: str
    size: int
    neuron: NeuronParams | None = None

    def __post_init__(self) -> None:
        check_name("name of a population", self.name)
        where = f"population {self.name!r}"
        object.__setattr__(self, "size", whole(f"{where}: size", self.size, low=1))
        if self.neuron is None:
            return
        if not isinstance(self.neuron, LIFParams | LIParams):
            raise refusal(f"{where}: neuron", "LIFParams, LIParams or None", self.neuron)
        try:
            self.neuron.dynamics(self.size, 1.0)
        except ValueError as error:
            raise ValueError(f"{where} of {self.size}: {error}") from None

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of its synaptic currents; empty if a spike jumps the membrane."""
        return () if self.neuron is None else self.neuron.receptors

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name, the neuron's too."""
        neuron = None if self.neuron is None else neurons.to_dict(self.neuron)
        return {"name": self.name, "size": self.size, "neuron": neuron}

    @classmethod
    def from_dict(cls, values: Any) -> Population:
        """Make a population of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        given = fields_of("population", values, ("name", "size", "neuron"))
        neuron = None if given["neuron"] is None else neurons.from_dict(given["neuron"])
        return cls(given["name"], given["size"], neuron)


def check_name(what: str, name: Any) -> None:
    """Refuse a name that no group of a file could have.

    Raises:
        ValueError: It is no text, empty, or holds a slash.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise refusal(what, "a non-empty string without '/'", name)
