"""Sum the energy of a ledger on one target: per layer and component, beside dense baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from snn.core.checks import whole
from snn.hardware.ledger.ledger import ELEMENTWISE, Ledger
from snn.hardware.report.delay_buffers import DelayBuffer, delay_buffers
from snn.hardware.targets.baselines import (
    BASELINE_ASSUMPTIONS,
    BASELINE_CONSTANTS,
    Baseline,
    Comparison,
    price_baselines,
)
from snn.hardware.targets.break_even import BREAK_EVENS, BreakEven
from snn.hardware.targets.constant import Constant, Range, sum_ranges
from snn.hardware.targets.target import Category, EnergyRow, Particular, PricesElements, Target, Timed


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySums:
    """Hold the energy of a ledger on one target as numbers, with everything they stand on.

    Energies cover the whole ledger; the ``*_per_inference`` forms divide by its samples.

    Attributes:
        target: Target name.
        title: The target in words.
        splits_memory: Whether compute and memory are separate on this target.
        ledger: The counts.
        rows: Energy per layer and component; they sum to the total.
        baselines: Dense networks of the same shapes, per inference.
        break_evens: Published activities below which a spiking network is said to win.
        priced_with: Every constant of the target.
        constants: Every constant used, baselines included.
        assumptions: Every assumption made, one sentence each.
        delay_bits: Bits of a slot of the delay buffers.
        idle: Energy of a run of the same length without a spike, pJ over the whole ledger.
        priced_on: The target itself.
        latency_us: Time over all samples, one after the other, microseconds; None where the target has no time.
    """

    target: str
    title: str
    splits_memory: bool
    ledger: Ledger
    rows: tuple[EnergyRow, ...]
    baselines: tuple[Baseline, ...]
    break_evens: tuple[BreakEven, ...]
    priced_with: tuple[Constant, ...]
    constants: tuple[Constant, ...]
    assumptions: tuple[str, ...]
    idle: Range
    priced_on: Target
    delay_bits: int = 32
    latency_us: Range | None = None

    @classmethod
    def of(cls, ledger: Ledger, target: Target) -> Self:
        """Price a ledger on a target.

        Raises:
            ValueError: The ledger covers no sample, or the target prices other ledgers only.
        """
        whole("ledger.samples", ledger.samples, low=1)
        if isinstance(target, Particular):
            target.check_ledger(ledger)
        bits = getattr(target, "state_bits", 32)
        return cls(
            target=target.name,
            title=target.title,
            splits_memory=target.splits_memory,
            ledger=ledger,
            rows=tuple(line for row in ledger for line in target.price(row)),
            baselines=price_baselines(ledger),
            break_evens=BREAK_EVENS,
            priced_with=target.constants,
            constants=tuple(dict.fromkeys((*target.constants, *BASELINE_CONSTANTS))),
            assumptions=(
                *ledger.notes,
                *target.assumptions,
                *_unpriced_text(ledger, target),
                _delays_text(bits),
                *BASELINE_ASSUMPTIONS,
            ),
            idle=sum_ranges(line.range for row in ledger for line in target.price(row.without_spikes())),
            priced_on=target,
            delay_bits=bits,
            latency_us=target.latency_us(ledger) if isinstance(target, Timed) else None,
        )

    def energy(
        self,
        *,
        layer: str | None = None,
        component: str | None = None,
        category: Category | None = None,
    ) -> Range:
        """Sum the energy of the rows that match, with the ends of their prices, pJ over the whole ledger."""
        return sum_ranges(
            row.range
            for row in self.rows
            if layer in (None, row.layer)
            and component in (None, row.component)
            and category in (None, row.category)
        )

    def energy_pj(
        self,
        *,
        layer: str | None = None,
        component: str | None = None,
        category: Category | None = None,
    ) -> float:
        """Sum the energy of the rows that match, pJ over the whole ledger."""
        return self.energy(layer=layer, component=component, category=category).nominal

    @property
    def compute_pj(self) -> float:
        """Synaptic arithmetic alone (with its memory where the target does not split it), pJ."""
        return self.energy_pj(category="compute")

    @property
    def memory_pj(self) -> float:
        """Weights, membranes, delay lines and addressing, pJ."""
        return self.energy_pj(category="memory")

    @property
    def neuron_pj(self) -> float:
        """Neuron updates, pJ."""
        return self.energy_pj(category="neuron")

    @property
    def routing_pj(self) -> float:
        """Spike transport, pJ."""
        return self.energy_pj(category="routing")

    @property
    def static_pj(self) -> float:
        """Power that flows whatever happens, pJ; 0 where the target does not price it."""
        return self.energy_pj(category="static")

    @property
    def total_pj(self) -> float:
        """Every row, what `priced` lists, pJ."""
        return self.energy_pj()

    @property
    def total_per_inference(self) -> Range:
        """`total_pj` with the ends of its prices, over the samples of the ledger."""
        return self.energy() / self.ledger.samples

    @property
    def latency_us_per_inference(self) -> Range | None:
        """`latency_us` over the samples of the ledger."""
        return None if self.latency_us is None else self.latency_us / self.ledger.samples

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the constants behind the network's energy, baselines aside: more than one is a mixture."""
        return tuple(sorted({constant.kind for constant in self.priced_with}))

    @property
    def compute_pj_per_inference(self) -> float:
        """`compute_pj` over the samples of the ledger."""
        return self.compute_pj / self.ledger.samples

    @property
    def memory_pj_per_inference(self) -> float:
        """`memory_pj` over the samples of the ledger."""
        return self.memory_pj / self.ledger.samples

    @property
    def total_pj_per_inference(self) -> float:
        """`total_pj` over the samples of the ledger."""
        return self.total_pj / self.ledger.samples

    @property
    def tops_per_w(self) -> Range | None:
        """Operations of the dense network run at every step, two per synapse, over the energy; None without one.

        1e12 operations per second and watt are one per picojoule.
        """
        energy, operations = self.energy(), 2.0 * self.ledger.total("dense_macs")
        return _over(Range(operations, operations, operations), energy) if energy.low > 0 else None

    @property
    def priced(self) -> tuple[str, ...]:
        """What is in the total, in words."""
        found = {row.category for row in self.rows if row.price.high > 0}
        return tuple(words for category, words in _WORDS.items() if category in found)

    @property
    def components(self) -> tuple[str, ...]:
        """Components in the order of the target."""
        return tuple(dict.fromkeys(row.component for row in self.rows))

    @property
    def unpriced(self) -> dict[str, int]:
        """What was counted and is not in the total, for want of a price: counts over the whole ledger."""
        return _unpriced(self.ledger, self.priced_on)

    def comparisons(self) -> tuple[Comparison, ...]:
        """Relate the network to each baseline by name, per inference."""
        mine = self.total_per_inference
        arithmetic = self.energy(category="compute") / self.ledger.samples
        return tuple(
            Comparison(
                baseline,
                _over(mine, baseline.total),
                _over(arithmetic, baseline.compute) if self.splits_memory else None,
            )
            for baseline in self.baselines
            if baseline.total.low > 0 and baseline.compute.low > 0
        )

    def delay_buffers(self) -> tuple[DelayBuffer, ...]:
        """Size the delay buffer of each layer that has delays, with its traffic per inference."""
        return delay_buffers(self.ledger, self.delay_bits)


_WORDS: dict[Category, str] = {
    "compute": "synapses",
    "memory": "memory",
    "neuron": "neurons",
    "routing": "routing",
    "static": "static energy",
}


def _over(part: Range, whole: Range) -> Range:
    """Divide, each end by the other's other end; `whole` is above 0."""
    return Range(part.low / whole.high, part.nominal / whole.nominal, part.high / whole.low)


def _unpriced(ledger: Ledger, target: Target) -> dict[str, int]:
    priced = target.priced_elements if isinstance(target, PricesElements) else ()
    counts = {field: ledger.total(field) for field in ELEMENTWISE if field not in priced}
    return {field: count for field, count in counts.items() if count}


def words_of(field: str) -> str:
    """Write the name of a count of `snn.hardware.ELEMENTWISE` for people."""
    return field.replace("_", " ").replace("element", "element-wise")


def unpriced_words(unpriced: dict[str, int], samples: int) -> str:
    """Name what is not priced, per inference: "12 divisions, 5.5 exponentials"."""
    return ", ".join(f"{count / samples:,.10g} {words_of(field)}" for field, count in unpriced.items())


def _unpriced_text(ledger: Ledger, target: Target) -> tuple[str, ...]:
    found = _unpriced(ledger, target)
    if not found:
        return ()
    words = unpriced_words(found, ledger.samples)
    return (f"Not priced, for want of a price on {target.name}: {words} per inference.",)


def _delays_text(bits: int) -> str:
    return (
        f"A delay buffer is a ring of (largest delay + 1) x receivers accumulators of {bits} bits, per "
        "projection with a delay; bytes are its size, and each delayed synaptic event is one write and "
        "one read of a slot."
    )
