"""Name a group of neurons, or a source of input events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from snn.core.checks import choice, refusal, whole
from snn.core.files.tree import fields_of
from snn.core.neurons import LIFParams, LIParams, NeuronParams, check_size
from snn.core.units import MOST_UNITS


@dataclass(frozen=True, slots=True)
class Population:
    """Name a group of neurons of one kind, or a source of input events.

    Attributes:
        name: Unique in its network; not empty, without a slash.
        size: Number of units, 1 to 2^31 - 1.
        neuron: What its neurons are; None makes it a source, whose spikes `simulate` is given.

    Raises:
        ValueError: An empty name, one with a slash, a size out of range, or values per neuron that
            are not `size`.
    """

    name: str
    size: int
    neuron: NeuronParams | None = None

    def __post_init__(self) -> None:
        check_name("name of a population", self.name)
        where = f"population {self.name!r}"
        object.__setattr__(self, "size", whole(f"{where}: size", self.size, low=1, high=MOST_UNITS))
        if self.neuron is None:
            return
        if not isinstance(self.neuron, LIFParams | LIParams):
            raise refusal(f"{where}: neuron", "LIFParams, LIParams or None", self.neuron)
        try:
            check_size(self.neuron, self.size)
        except ValueError as error:
            raise ValueError(f"{where} of {self.size}: {error}") from None

    @property
    def receptors(self) -> tuple[str | None, ...]:
        """Names of its synaptic currents; empty if a spike jumps the membrane."""
        return () if self.neuron is None else self.neuron.receptors

    def to_dict(self) -> dict[str, Any]:
        """List the fields by name, the neuron's too."""
        neuron = None if self.neuron is None else _neuron_to_dict(self.neuron)
        return {"name": self.name, "size": self.size, "neuron": neuron}

    @classmethod
    def from_dict(cls, values: Any) -> Population:
        """Make a population of what `to_dict` gave.

        Raises:
            ValueError: A field is missing, unknown or out of range.
        """
        given = fields_of("population", values, ("name", "size", "neuron"))
        neuron = None if given["neuron"] is None else _neuron_from_dict(given["neuron"])
        return cls(given["name"], given["size"], neuron)


def check_name(what: str, name: Any) -> None:
    """Refuse a name that no group of a file could have.

    Raises:
        ValueError: It is no text, empty, or holds a slash.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise refusal(what, "a non-empty string without '/'", name)


def _neuron_to_dict(params: NeuronParams) -> dict[str, Any]:
    """List the parameters by name, beside the `kind` of neuron."""
    return {"kind": _KINDS[type(params)], **{f.name: getattr(params, f.name) for f in fields(params)}}


def _neuron_from_dict(values: Any) -> NeuronParams:
    """Make parameters of what `to_dict` gave.

    Raises:
        ValueError: The kind is unknown, or a parameter is missing, unknown or impossible.
    """
    kinds = {name: kind for kind, name in _KINDS.items()}
    name = choice("kind of neuron", values.get("kind") if isinstance(values, dict) else None, tuple(kinds))
    names = [field.name for field in fields(kinds[name])]
    given = fields_of("neuron", values, ["kind", *names])
    return kinds[name](**{name: given[name] for name in names})


_KINDS: dict[type[LIFParams] | type[LIParams], str] = {LIFParams: "LIF", LIParams: "LI"}
