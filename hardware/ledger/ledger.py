"""Keep the integer account of what a network did: no prices, no floats.

A ledger has one row per layer: a projection and the population it feeds. It adds up over batches
and goes to JSON and back without loss; `snn.hardware.estimate` puts prices on it.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import choice, flag, refusal, shown, whole
from snn.core.counts import joined_samples
from snn.core.files.json_file import fields_of, parse_json, read_json, typed
from snn.core.files.whole import write_whole

_INT64_MAX = 2**63 - 1
SCHEMA, VERSION = "snn.ledger", 4
"""4 has operations element by element: what normalisation, gates and recurrences without synapses compute."""
POOLED = (
    "Pooling: one add (average) or compare (maximum) per spike and window, without a weight to fetch; a dense "
    "network pays one add per input of a window."
)
VALUES = ("counts", "silent", "binary", "levels", "real")
ELEMENTWISE = ("element_adds", "element_multiplies", "divisions", "exponentials", "square_roots")
"""Fields of what is computed element by element, beside synapses and neurons."""


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """Count what one projection and the population behind it did, summed over samples and steps.

    A population is updated once per step however many projections feed it: its neuron columns
    (`updates_dense`, `updates_touched`, `output_spikes`) stand in the row of its first projection
    and are zero in the others. A population that nothing feeds has a row with ``pre=None``.

    Attributes:
        name: Projection name.
        post: Population fed.
        pre: Sending population, None for a population without projection.
        n_pre: Units of `pre`.
        n_post: Units of `post`.
        synapses: Nonzero weights.
        dense_synapses: Multiply-accumulates of one dense pass over the same layer shape, on the inputs that there
            are: what lies on padding is not among them.
        max_delay: Largest delay, steps.
        samples: Inferences begun; in the row of a continued run alone, inferences continued.
        steps: Valid time steps covered, summed over samples.
        input_spikes: Spikes of `pre`, with multiplicity.
        synaptic_events: Spikes times nonzero fan-out, at emission, with multiplicity.
        active_inputs: Fan-out of the (unit, step) pairs that carry at least one spike.
        macs: Fan-out of the pairs that carry more than one spike: one multiply each.
        delay_writes: Synaptic events emitted over a delay of one step or more.
        delay_reads: Such events that arrived within the run (after a cut: also those sent before).
        output_spikes: Spikes of `post`.
        updates_dense: Neurons times steps.
        updates_touched: Neuron-steps with at least one arrival over a nonzero weight.
        element_adds: Additions, subtractions and comparisons of single numbers: not those of synapses, nor those
            of an update of neurons.
        element_multiplies: Products of single numbers, as in `element_adds`.
        divisions: Quotients of them.
        exponentials: Exponential functions of them.
        square_roots: Square roots of them.
        padding_synapses: Multiply-accumulates on zeros of padding, which a dense kernel without a test for borders
            computes besides.
        stored_weights: Nonzero weights in memory, fewer than `synapses` where they are shared; None is
            `synapses`.
        dense_weights: The same with the zeros; None is `dense_synapses`.
        positions: Places at which the weights are used, e.g. pixels of a convolution's output; None is
            `padded_synapses` over `dense_weights`, and 1 without weights.
        groups: Blocks of the weights that share neither inputs nor outputs: groups of a convolution.
        values: What the inputs were: ``"counts"`` of spikes; or, measured or declared on a foreign layer,
            ``"silent"``, ``"binary"`` (one level), ``"levels"`` (multiples of one unit) or ``"real"`` (nothing of
            the kind: each nonzero entry is then one event and one multiply).
        continued: Whether the run went on from a state: its samples were counted by the run before.

    Raises:
        TypeError: A count is not an integer.
        ValueError: A count is negative or impossible beside another.
    """

    name: str
    post: str
    pre: str | None = None
    _: KW_ONLY
    n_pre: int = 0
    n_post: int = 0
    synapses: int = 0
    dense_synapses: int = 0
    max_delay: int = 0
    samples: int = 0
    steps: int = 0
    input_spikes: int = 0
    synaptic_events: int = 0
    active_inputs: int = 0
    macs: int = 0
    delay_writes: int = 0
    delay_reads: int = 0
    output_spikes: int = 0
    updates_dense: int = 0
    updates_touched: int = 0
    element_adds: int = 0
    element_multiplies: int = 0
    divisions: int = 0
    exponentials: int = 0
    square_roots: int = 0
    padding_synapses: int = 0
    stored_weights: int | None = None
    dense_weights: int | None = None
    positions: int | None = None
    groups: int = 1
    values: str = "counts"
    continued: bool = False

    def __post_init__(self) -> None:
        choice(f"{self.name}.values", self.values, VALUES)
        flag(f"{self.name}.continued", self.continued)
        if self.stored_weights is None:
            object.__setattr__(self, "stored_weights", self.synapses)
        if self.dense_weights is None:
            object.__setattr__(self, "dense_weights", self.dense_synapses)
        for field in _INTEGERS:
            if field != "positions" or self.positions is not None:
                object.__setattr__(self, field, _count(f"{self.name}.{field}", getattr(self, field)))
        if self.positions is None:
            used = self.padded_synapses // self.dense_weights if self.dense_weights else 1
            object.__setattr__(self, "positions", max(1, used))
        for smaller, larger in _AT_MOST:
            if getattr(self, smaller) > getattr(self, larger):
                rule = f"at most {larger}, {getattr(self, larger)}"
                raise refusal(f"{self.name}.{smaller}", rule, getattr(self, smaller))

    @property
    def delay_slots(self) -> int:
        """Slots of the delay buffer: (largest delay + 1) x receivers, one accumulator each; 0 without delays."""
        return (self.max_delay + 1) * self.n_post if self.max_delay else 0

    def delay_bytes(self, bits: int = 32) -> int:
        """Size of the delay buffer at `bits` bits a slot, bytes, rounded up.

        Raises:
            ValueError: `bits` is below 1.
        """
        whole("bits", bits, low=1)
        return -(-self.delay_slots * bits // 8)

    @property
    def memory_reads(self) -> int:
        """Words read on a clocked machine: weights, membranes, delay slots and spike events."""
        return self.active_inputs + self.updates_dense + self.delay_reads + self.input_spikes

    @property
    def memory_writes(self) -> int:
        """Words written on a clocked machine: membranes, delay slots and spike events."""
        return self.updates_dense + self.delay_writes + self.input_spikes

    @property
    def acs(self) -> int:
        """Accumulates without a multiply: active inputs that carry exactly one spike."""
        return self.active_inputs - self.macs

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of a dense network of this shape run at every step, none of them on padding."""
        return self.dense_synapses * self.steps

    @property
    def padded_synapses(self) -> int:
        """Multiply-accumulates of one dense pass, those on padding included: kernel size times positions."""
        return self.dense_synapses + self.padding_synapses

    @property
    def spikes_per_synapse(self) -> float:
        """Mean spikes that a nonzero synapse passes on per inference."""
        return _ratio(self.synaptic_events, self.synapses * self.samples)

    def without_spikes(self) -> LayerCounts:
        """Give the row of a run of the same length in which nothing spiked; real inputs are no spikes and stay."""
        nothing: dict[str, Any] = dict.fromkeys(_ACTIVITY if self.values != "real" else ("output_spikes",), 0)
        return replace(self, **nothing)

    def per_sample(self, field: str) -> float:
        """Average one count over the samples.

        Raises:
            ValueError: `field` is not a count of this row.
        """
        return _ratio(getattr(self, choice("field", field, (*_ADDED, *_DERIVED))), self.samples)

    def __add__(self, other: LayerCounts) -> LayerCounts:
        for field in ROW_SHAPE:
            mine, theirs = getattr(self, field), getattr(other, field)
            if mine != theirs:
                raise ValueError(
                    f"cannot add row {other.name!r} to {self.name!r}: "
                    f"{field} is {theirs!r}, expected {mine!r}"
                )
        shape = {field: getattr(self, field) for field in ROW_SHAPE}
        sums = {field: getattr(self, field) + getattr(other, field) for field in _ADDED}
        sums["samples"], continued = joined_samples(
            (self.samples, self.continued), (other.samples, other.continued)
        )
        if self.values != other.values and "counts" in (self.values, other.values):
            raise ValueError(f"{self.name}: cannot add values {other.values!r} to {self.values!r}")
        values = max(self.values, other.values, key=VALUES.index)
        return LayerCounts(**shape, **sums, values=values, continued=continued)


DENSE_SHAPE = ("dense_synapses", "padding_synapses", "stored_weights", "dense_weights")
"""Fields that a dense network of the same layers is priced by."""

ROW_SHAPE = (
    "name",
    "post",
    "pre",
    "n_pre",
    "n_post",
    "synapses",
    "max_delay",
    *DENSE_SHAPE,
    "positions",
    "groups",
)
"""Fields that say what a layer is, the same in every batch; the others say what it did, and add up."""
_NO_COUNTS = ("name", "post", "pre", "values", "continued")
_INTEGERS = tuple(f.name for f in fields(LayerCounts) if f.name not in _NO_COUNTS)
_ADDED = tuple(field for field in _INTEGERS if field not in ROW_SHAPE)
_ACTIVITY = tuple(f for f in _ADDED if f not in ("samples", "steps", "updates_dense", *ELEMENTWISE))
_DERIVED = ("dense_macs", "acs", "memory_reads", "memory_writes")
_AT_MOST = (
    ("synapses", "dense_synapses"),
    ("macs", "active_inputs"),
    ("active_inputs", "synaptic_events"),
    ("delay_writes", "synaptic_events"),
    ("updates_touched", "updates_dense"),
    ("stored_weights", "dense_weights"),
)
"""Pairs of counts of which the first cannot be the larger."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Hold one row of integers per layer; additive over batches, and over the pieces of a run that was cut.

    Attributes:
        rows: Layers in the order of the network.
        notes: What a reader of the numbers must know, one sentence each; reports print them.

    Raises:
        ValueError: No rows, two rows of one name, or rows that cover different samples or steps.
    """

    rows: tuple[LayerCounts, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        object.__setattr__(self, "notes", tuple(self.notes))
        if not self.rows:
            raise refusal("rows", "those of at least one layer", self.rows)
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            twice = [name for name in names if names.count(name) > 1]
            raise refusal("rows", "of layers with different names", twice)
        for row in self.rows[1:]:
            if (row.samples, row.steps) != (self.samples, self.steps):
                raise ValueError(
                    f"rows must cover the same samples and steps, got {self.samples} and {self.steps} in "
                    f"{names[0]!r}, {row.samples} and {row.steps} in {row.name!r}"
                )

    def __iter__(self) -> Iterator[LayerCounts]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> LayerCounts:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no layer {name!r}; there are {', '.join(r.name for r in self.rows)}")

    @property
    def samples(self) -> int:
        """Inferences begun; in the ledger of a continued run alone, inferences continued."""
        return self.rows[0].samples

    @property
    def steps(self) -> int:
        """Valid time steps covered, summed over samples."""
        return self.rows[0].steps

    def total(self, field: str) -> int:
        """Sum one count over the layers, e.g. ``total("synaptic_events")``.

        Raises:
            ValueError: `field` is not a count that adds up over layers.
        """
        allowed = ("synapses", "dense_synapses", "padding_synapses", *_DERIVED, *_ADDED[2:])
        choice("field", field, allowed)
        return sum(getattr(row, field) for row in self.rows)

    @property
    def spikes_per_synapse(self) -> float:
        """Mean spikes per nonzero synapse per inference over the whole network."""
        return _ratio(self.total("synaptic_events"), self.total("synapses") * self.samples)

    def __add__(self, other: Ledger) -> Ledger:
        if not isinstance(other, Ledger):
            return NotImplemented
        mine, theirs = [r.name for r in self.rows], [r.name for r in other.rows]
        if mine != theirs:
            raise ValueError(f"cannot add ledgers of different networks: {theirs} to {mine}")
        rows = tuple(a + b for a, b in zip(self.rows, other.rows, strict=True))
        return Ledger(rows, tuple(dict.fromkeys((*self.notes, *other.notes))))

    def to_dict(self) -> dict[str, Any]:
        """Give the ledger as plain JSON values."""
        rows = [asdict(row) for row in self.rows]
        return {"schema": SCHEMA, "version": VERSION, "rows": rows, "notes": list(self.notes)}

    def to_json(self, path: PathLike | None = None) -> str:
        """Write the ledger as JSON text, and into `path` when given."""
        text = json.dumps(self.to_dict(), indent=2) + "\n"
        if path is not None:
            write_whole(path, text.encode())
        return text

    @classmethod
    def from_json(cls, source: str | Path) -> Ledger:
        """Read a ledger from JSON text, or from a file given as a `Path`.

        Raises:
            ValueError: Not a ledger, another version, or a row with missing or unknown fields.
        """
        if isinstance(source, Path):
            return cls.from_dict(read_json(source), f"{source}: ")
        return cls.from_dict(parse_json(source, "source"))

    @classmethod
    def from_dict(cls, values: Any, where: str = "") -> Ledger:
        """Read a ledger from what `to_dict` gave; messages begin with `where`.

        Raises:
            ValueError: Not a ledger, another version, or a row with missing, unknown or impossible fields.
        """
        found = (values.get("schema"), values.get("version")) if isinstance(values, dict) else values
        if found != (SCHEMA, VERSION):
            raise refusal(f"{where}source", f"a ledger of schema {SCHEMA!r}, version {VERSION}", found)
        data = fields_of(f"{where}ledger", values, ("schema", "version", "rows", "notes"))
        rows = []
        for i, row in enumerate(typed(f"{where}rows", data["rows"], list, "a list of rows")):
            fields_of(f"{where}rows[{i}]", row, [f.name for f in fields(LayerCounts)])
            for name in ("name", "post", "pre"):
                if name != "pre" or row[name] is not None:
                    typed(f"{where}rows[{i}].{name}", row[name], str, "text")
            try:
                rows.append(LayerCounts(**row))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{where}rows[{i}]: {error}") from error
        notes = typed(f"{where}notes", data["notes"], list, "a list of sentences")
        for i, note in enumerate(notes):
            typed(f"{where}notes[{i}]", note, str, "text")
        try:
            return cls(tuple(rows), tuple(notes))
        except ValueError as error:
            raise ValueError(f"{where}{error}") from error


def _count(name: str, value: Any) -> int:
    """Give a count as a Python int: a float is none, not even one without a fraction."""
    try:
        given = operator.index(value)
    except TypeError:
        given = None
    if given is None or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    if given > _INT64_MAX:
        raise refusal(name, "within int64", value)
    return whole(name, given, low=0)


def _ratio(part: int, total: int) -> float:
    return part / total if total else 0.0
