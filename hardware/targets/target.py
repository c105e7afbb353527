"""Say what a machine is that a ledger can be priced on.

A target turns one ledger row into priced lines and states every assumption it makes as a sentence;
the report prints them. It never sees a network, only integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import Constant, Range

Category = Literal["compute", "memory", "neuron", "routing", "static"]
CATEGORIES: tuple[Category, ...] = get_args(Category)


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Price one kind of operation in one layer.

    Attributes:
        layer: Ledger row it belongs to.
        component: What is paid for, e.g. ``"weight fetch"``.
        category: compute (synaptic arithmetic), memory, neuron, routing or static.
        count: How often, an exact integer from the ledger.
        price_pj: pJ each.
        low_pj: Lower end of the price; None is `price_pj`.
        high_pj: Upper end of the price; None is `price_pj`.

    Raises:
        ValueError: The price is not between its ends, or an end is below zero.
    """

    layer: str
    component: str
    category: Category
    count: int
    price_pj: float
    low_pj: float | None = None
    high_pj: float | None = None

    def __post_init__(self) -> None:
        price = self.price
        object.__setattr__(self, "low_pj", price.low)
        object.__setattr__(self, "high_pj", price.high)

    @property
    def price(self) -> Range:
        """The price with its ends, pJ each."""
        low, high = (self.price_pj if end is None else end for end in (self.low_pj, self.high_pj))
        return Range(low, self.price_pj, high)

    @property
    def range(self) -> Range:
        """Energy of this line with its ends, pJ."""
        return self.price * self.count

    @property
    def pj(self) -> float:
        """Energy of this line, pJ."""
        return self.count * self.price_pj


@runtime_checkable
class Target(Protocol):
    """Price ledger rows: what `register_target` accepts.

    A target that is also `Timed` has a latency in its reports; one that is `Particular` is asked first; one that
    prices operations element by element is `PricesElements`.
    `splits_memory` is False where the published price of a synaptic event already contains its memory access; such
    a target has no compute-only figure to compare with others.
    """

    @property
    def name(self) -> str:
        """Identifier in the registry."""

    @property
    def title(self) -> str:
        """One line for people: machine, node, nature of the numbers."""

    @property
    def splits_memory(self) -> bool:
        """Whether arithmetic and memory have separate prices."""

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant that `price` uses."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption that `price` makes, one sentence each."""

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""


@runtime_checkable
class Particular(Protocol):
    """Refuse ledgers that a target cannot price: one that knows only some of them has this method as well."""

    def check_ledger(self, ledger: Ledger) -> None:
        """Raise a ValueError that says what does not fit."""


@runtime_checkable
class PricesElements(Protocol):
    """Say which operations element by element a target has prices for; reports name all others as not priced."""

    @property
    def priced_elements(self) -> tuple[str, ...]:
        """Fields among `snn.hardware.ELEMENTWISE`."""


@runtime_checkable
class Timed(Protocol):
    """Say how long a ledger takes: a target that knows its time has this method as well."""

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples of the ledger, one after the other, microseconds."""


def element_rows(
    row: LayerCounts, adds: int, add: Range, multiplies: int, multiply: Range
) -> tuple[EnergyRow, ...]:
    """Make the lines of what a row computes element by element; none where it computes nothing."""
    lines = (("element-wise add", adds, add), ("element-wise multiply", multiplies, multiply))
    return energy_rows(row.name, *((name, "neuron", count, price) for name, count, price in lines if count))


def energy_rows(layer: str, *lines: tuple[str, Category, int, Range]) -> tuple[EnergyRow, ...]:
    """Make the rows of one layer of lines (component, category, count, price in pJ)."""
    return tuple(
        EnergyRow(layer, component, category, count, price.nominal, price.low, price.high)
        for component, category, count, price in lines
    )
