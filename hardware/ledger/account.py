"""Count a model of `snn.nn` while it runs: what flows from layer to layer, and one account of all layers.

A counter is a function from a layer and what comes in to what goes out; it writes what the layer did into the
account. Registering one is all that a new kind of layer needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.core.arrays import Int64Array
from snn.core.registry import ClassRegistry
from snn.hardware.ledger.input_kinds import settle, whole
from snn.hardware.ledger.loops import LEVELS, count_nonzero, tally
from snn.hardware.ledger.step_ledger import ROW_COUNTS, LayerSteps, StepLedger
from snn.nn import Layer

__all__ = ["Account", "Counter", "Flow", "register_counter"]


@dataclass(frozen=True, eq=False)
class Flow:
    """Hold what goes from one layer to the next.

    Attributes:
        x: Values, [T, B, ...].
        reach: Where something arrived since the last neurons, bool, of a shape that spreads to that of x: a value
            that is only a bias is no arrival. None: wherever x is not zero.
        whole: Whether the values are whole numbers of spikes by the nature of the layers before.
        source: Population that sends.
    """

    x: Tensor
    reach: Tensor | None
    whole: bool
    source: str

    def arrivals(self) -> Tensor:
        """Give `reach`, bool in the shape of x."""
        return self.x != 0 if self.reach is None else self.reach.expand(self.x.shape)


class Account:
    """Collect the rows of a run.

    Attributes:
        ends: Valid steps of each sample, [B].
        names: A name for each layer.
        gates: Outputs that the normalisation behind a connection leaves, bool [out]; the others have no synapses.
        forwards: What runs in the place of a layer that is counted (the same layer on other hardware).
        notes: What a reader of the numbers must know.
    """

    def __init__(self, ends: Tensor, steps: int, names: Mapping[Layer, str]) -> None:
        self.ends = ends
        self.names = names
        self.gates: dict[Layer, Tensor] = {}
        self.forwards: dict[Layer, Layer] = {}
        self.notes: list[str] = []
        self._rows: list[LayerSteps] = []
        self._open: list[int] = []
        valid = torch.arange(steps)[:, None] < ends.cpu()
        self._valid: NDArray[np.bool_] = valid.numpy()

    def run(self, layer: Layer, flow: Flow) -> Flow:
        """Count one layer by the counter of its class or of the nearest class it inherits from.

        Raises:
            ValueError: No counter knows the layer.
        """
        counter = _COUNTERS.find(self.names.get(layer, "a layer"), layer)
        return counter(layer, flow, self)

    def forward(self, layer: Layer, x: Tensor) -> Tensor:
        """Run a layer on [T, B, ...] from rest."""
        y, _ = self.forwards.get(layer, layer)(x, None, self.ends.to(x.device))
        return y  # type: ignore[no-any-return]

    def silence(self, x: Tensor) -> Tensor:
        """Set what lies beyond the end of its sample to zero, in [T, B, ...]."""
        if bool(self._valid.all()):
            return x
        valid = torch.from_numpy(self._valid).to(x.device)
        return torch.where(valid.reshape(*valid.shape, *[1] * (x.dim() - 2)), x, torch.zeros_like(x))

    def measure(self, name: str, flow: Flow, fan_out: Int64Array) -> tuple[str, dict[str, Int64Array]]:
        """Count the inputs of a layer by value: the kind they are of, and [T x B] counts.

        Args:
            name: Layer, for errors.
            flow: What comes in.
            fan_out: Outputs that each input reaches, flat.
        """
        values = flow.x.detach().cpu().numpy()
        rows = np.ascontiguousarray(values).reshape(self._valid.size, -1)
        levels = np.zeros(LEVELS)
        entries = np.zeros((len(rows), LEVELS + 1), dtype=np.int64)
        reach = np.zeros_like(entries)
        known = tally(rows, fan_out, levels, 0, entries, reach)
        if flow.whole:
            return "counts", whole(rows, fan_out, levels, known, entries, reach)
        return settle(name, levels, known, entries, reach, None)

    def connect(self, name: str, flow: Flow, values: str, counts: Mapping[str, Any], **shape: Any) -> None:
        """Write a row of synapses, which the next neurons will claim.

        Args:
            name: Row.
            flow: What came in.
            values: What the inputs were.
            counts: Counts under names of `ROW_COUNTS`, [T x B] or [T, B]; those left out are zero.
            **shape: The other fields of `LayerSteps`.
        """
        found = {key: self._shaped(counts.get(key)) for key in ROW_COUNTS}
        row = LayerSteps(name, name, flow.source, values=values, counts=found, **shape)
        self._open.append(len(self._rows))
        self._rows.append(row)

    def populate(self, name: str, size: int, flow: Flow, spikes: Tensor | None) -> None:
        """Give the rows since the last neurons to a population; one of them bears what its neurons did.

        Args:
            name: Population.
            size: Neurons.
            flow: What came in.
            spikes: Output, [T, B, ...]; None where the neurons never spike.
        """
        counts = {
            "output_spikes": None if spikes is None else self._per_row(spikes),
            "updates_dense": np.full(self._valid.shape, size, dtype=np.int64),
            "updates_touched": self._per_row(flow.x if flow.reach is None else flow.reach, size),
        }
        if not self._open:
            self._open.append(len(self._rows))
            nothing = {key: self._shaped(None) for key in ROW_COUNTS}
            self._rows.append(LayerSteps(name, name, None, 0, size, 0, 0, 0, 0, "counts", nothing))
        fitting = [at for at in self._open if self._rows[at].n_post == size]
        bearer = (fitting or self._open)[0]
        for at in self._open:
            row = self._rows[at]
            mine = {key: self._shaped(value) for key, value in counts.items()} if at == bearer else {}
            self._rows[at] = replace(row, post=name, counts={**row.counts, **mine})
        self._open.clear()

    def close(self) -> StepLedger:
        """Give what was counted.

        Raises:
            ValueError: Nothing was.
        """
        if not self._rows:
            raise ValueError("the model has no layer that can be counted")
        return StepLedger(tuple(self._rows), tuple(dict.fromkeys(self.notes)), self.ends.cpu().numpy())

    def _per_row(self, values: Tensor, size: int | None = None) -> Int64Array:
        """Count what is not zero, per step and sample; values that spread over `size` units count for all."""
        rows = values.detach().cpu().contiguous().numpy().reshape(self._valid.size, -1)
        found = np.zeros(len(rows), dtype=np.int64)
        count_nonzero(rows.view(np.uint8) if rows.dtype == np.bool_ else rows, found)
        return found * (1 if size is None else size // rows.shape[1])

    def _shaped(self, counts: Any) -> Int64Array:
        if counts is None:
            return np.zeros(self._valid.shape, dtype=np.int64)
        return np.where(self._valid, np.asarray(counts).reshape(self._valid.shape), 0)


Counter = Callable[[Any, Flow, Account], Flow]
_COUNTERS: ClassRegistry[Counter] = ClassRegistry("counter")


def register_counter(kind: type[Layer], counter: Counter) -> None:
    """Say how a kind of layer is counted, and with it every kind that inherits from it.

    Args:
        kind: Class of layers.
        counter: ``counter(layer, flow, account)`` runs the layer in evaluation on ``flow.x``, writes what it did
            with `Account.connect` and `Account.populate`, and gives what goes on.

    Raises:
        ValueError: The kind has a counter already.
    """
    _COUNTERS.add(kind, counter)
