"""Build the ledger of a model of `snn.nn` while it runs, layer by layer.

A counter is a function from a layer and the signal that comes in to the signal that goes out; it writes what the
layer did through the `LedgerBuilder`. Registering one is all that a new kind of layer needs; one that is made of
other layers (`Layer.stages`) needs none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import BoolArray, Int64Array
from snn.core.checks import choice, shown
from snn.core.registry import ClassRegistry
from snn.hardware.ledger.counting_loops import count_nonzero
from snn.hardware.ledger.input_tally import InputTally
from snn.hardware.ledger.ledger import ELEMENTWISE
from snn.hardware.ledger.step_ledger import LayerSteps, StepLedger, neurons_alone, step_counts
from snn.nn import AdaptiveAvgPool2d, AvgPool2d, BatchNorm, Dropout, Flatten, Layer, MaxPool2d
from snn.nn.layer import check_kind, flat_stages

__all__ = ["Counter", "LedgerBuilder", "Signal", "register_counter"]


_KEEP_FEATURES = (AdaptiveAvgPool2d, AvgPool2d, Dropout, Flatten, MaxPool2d)


@dataclass(frozen=True, eq=False)
class Signal:
    """Hold what goes from one layer to the next.

    Attributes:
        x: Values, [T, B, ...].
        arrived: Where a spike arrived over the layers since the last neurons, bool, of a shape that expands to that
            of x. A value that is not zero only by a bias is no arrival. None: wherever x is not zero.
        spike_counts: Whether the values are whole numbers of spikes by the nature of the layers before.
        source: Population that sends.
        pooled: Whole numbers of spikes that the values of average pooling stand for, in the shape of x; None: x is
            the numbers of spikes itself (`spike_counts`), or no such number. A value that is none is one event and
            one multiply wherever it is not zero, whatever the values of a batch look like.
    """

    x: Tensor
    arrived: Tensor | None
    spike_counts: bool
    source: str
    pooled: Tensor | None = None

    def numbers_of_spikes(self) -> Tensor | None:
        """Give how many spikes each value stands for, in the shape of x; None where values are no such numbers."""
        return self.x if self.spike_counts else self.pooled

    def arrivals(self) -> Tensor:
        """Give where something arrived, bool, of a shape that expands to that of x."""
        return self.x != 0 if self.arrived is None else self.arrived

    def arrivals_of_each(self) -> Tensor:
        """Give where something arrived, bool in the shape of x."""
        return self.arrivals().expand(self.x.shape)


class LedgerBuilder:
    """Collect the rows of a run.

    Attributes:
        lengths: Valid steps of each sample, the silent tail included, [B].
        names: A name for each layer.
        kept_outputs: Outputs of a connection that no normalisation behind it multiplies by zero, bool [features],
            or [features x places] where images were flattened ahead of it; the others have no synapses.
        behind: What takes the output of the layer that is counted now, one layer after another.
        stand_ins: What runs in the place of a layer that is counted (the same layer on other hardware).
        notes: What a reader of the numbers must know.
    """

    def __init__(self, lengths: Tensor, steps: int, names: Mapping[Layer, str]) -> None:
        self.lengths = lengths
        self.names = names
        self.kept_outputs: dict[Layer, Tensor] = {}
        self.stand_ins: dict[Layer, Layer] = {}
        self.notes: list[str] = []
        self._rows: list[LayerSteps] = []
        self._without_population: list[int] = []  # places of the rows since the last neurons
        self.behind: Sequence[Layer] = ()
        self._valid: BoolArray = (torch.arange(steps)[:, None] < lengths.cpu()).numpy()

    def count(self, layer: Layer, signal: Signal, behind: Sequence[Layer] = ()) -> Signal:
        """Count a layer stage by stage, or by the counter of its class or of the nearest class it inherits from.

        Args:
            layer: The layer.
            signal: What comes in.
            behind: What takes its output and nothing else, one layer after another; () where that is not sure. For
                a counter that runs a layer as its own last one: `self.behind`.

        Raises:
            TypeError: A counter gave no signal.
            ValueError: No counter knows the layer.
        """
        stages = flat_stages(layer)
        if stages == [layer]:
            self.behind = behind
            kept = kept_features(behind)
            if kept is not None:
                self.kept_outputs[layer] = kept
            counter = _COUNTERS.find(self.names.get(layer, "a layer"), layer)
            sent: Any = counter(layer, signal, self)
            if not isinstance(sent, Signal):
                name = getattr(counter, "__name__", "counter")
                raise TypeError(
                    f"what {name} gives for {type(layer).__name__} must be a Signal, got {shown(sent)}"
                )
            return sent
        for i, stage in enumerate(stages, start=1):
            signal = self.count(stage, signal, [*stages[i:], *behind])
        return signal

    def forward(self, layer: Layer, x: Tensor) -> Tensor:
        """Run a layer on [T, B, ...] from rest."""
        y, _ = self.stand_ins.get(layer, layer)(x, None, self.lengths.to(x.device))
        return y  # type: ignore[no-any-return]

    def cut_to_lengths(self, x: Tensor) -> Tensor:
        """Set what lies beyond the end of its sample to zero, in [T, B, ...]."""
        if bool(self._valid.all()):
            return x
        valid = torch.from_numpy(self._valid).to(x.device)
        return torch.where(valid.reshape(*valid.shape, *[1] * (x.dim() - 2)), x, torch.zeros_like(x))

    def count_inputs(
        self, name: str, signal: Signal, fan_out: Int64Array
    ) -> tuple[str, dict[str, Int64Array]]:
        """Count the inputs of a layer: the kind they are of by the layers before, and [T x B] counts.

        Args:
            name: Layer, for errors.
            signal: What comes in.
            fan_out: Outputs that each input reaches, flat.
        """
        spikes = signal.numbers_of_spikes()
        values = (signal.x if spikes is None else spikes).detach().cpu().numpy()
        rows = np.ascontiguousarray(values).reshape(self._valid.size, fan_out.size)
        tally = InputTally(len(rows))
        tally.add(rows, fan_out)
        if spikes is None:
            return tally.by_value(name, "real")
        return "counts" if signal.spike_counts else "levels", tally.of_spike_counts(rows, fan_out)

    def add_synapses(
        self, name: str, signal: Signal, values: str, counts: Mapping[str, Any], **shape: Any
    ) -> None:
        """Write a row of synapses; `add_population` will say whose they are.

        Args:
            name: Row.
            signal: What came in.
            values: What the inputs were.
            counts: Counts [T x B] by their names in `LayerCounts`, those of `count_inputs` and, with delays,
                `delay_writes` and `delay_reads`; what is left out is zero.
            **shape: The other fields of `LayerSteps`: `n_pre`, `n_post`, `synapses`, `dense_synapses`,
                `stored_weights`, `dense_weights`, and `max_delay` with delays.
        """
        found = step_counts(counts, self._valid)
        self._without_population.append(len(self._rows))
        self._rows.append(LayerSteps(name, name, signal.source, values=values, counts=found, **shape))

    def add_population(
        self, name: str, size: int, signal: Signal, spikes: Tensor | None, *, several: bool = False
    ) -> None:
        """Give the rows since the last neurons to a population; one of them holds what its neurons did.

        Args:
            name: Population.
            size: Neurons.
            signal: What came in.
            spikes: Output, [T, B, ...]; None where the neurons never spike.
            several: Whether a value is a number of spikes; else whatever is not zero is one.
        """
        sent = None if spikes is None else self._nonzero_per_row(spikes, size)
        if spikes is not None and several:
            sent = spikes.detach().flatten(2).sum(2, dtype=torch.float64).long().cpu().numpy()
        neurons = {
            "output_spikes": sent,
            "updates_dense": np.full(self._valid.shape, size, dtype=np.int64),
            "updates_touched": self._nonzero_per_row(
                signal.x if signal.arrived is None else signal.arrived, size
            ),
        }
        places = self._without_population
        if not places:
            self._rows.append(neurons_alone(name, size, step_counts(neurons, self._valid)))
            return
        fitting = [place for place in places if self._rows[place].n_post == size]
        holder = (fitting or places)[0]
        for place in places:
            row = self._rows[place]
            counts = step_counts({**row.counts, **neurons}, self._valid) if place == holder else row.counts
            self._rows[place] = replace(row, post=name, counts=counts)
        places.clear()

    def add_operations(self, name: str, size: int, **per_step: int) -> None:
        """Write a row of what is computed element by element, the same in every valid step.

        Args:
            name: Row.
            size: Numbers that come out of it.
            **per_step: How often in a step of a sample, by the names in `snn.hardware.ELEMENTWISE`.

        Raises:
            ValueError: A name is none of them.
        """
        counts = {
            choice("per_step", field, ELEMENTWISE): np.full(self._valid.shape, often, dtype=np.int64)
            for field, often in per_step.items()
        }
        self._rows.append(neurons_alone(name, size, step_counts(counts, self._valid)))

    def end_without_neurons(self) -> None:
        """Say that the rows since the last neurons feed none: numbers come out of them."""
        self._without_population.clear()

    def build(self) -> StepLedger:
        """Give what was counted.

        Raises:
            ValueError: Nothing was.
        """
        if not self._rows:
            raise ValueError("the model has no layer that can be counted")
        return StepLedger(tuple(self._rows), tuple(dict.fromkeys(self.notes)), self.lengths.cpu().numpy())

    def _nonzero_per_row(self, values: Tensor, size: int) -> Int64Array:
        """Count what is not zero, per step and sample; values that expand to `size` units count for all of them."""
        units = math.prod(values.shape[2:])
        rows = values.detach().cpu().contiguous().numpy().reshape(self._valid.size, units)
        found = np.zeros(len(rows), dtype=np.int64)
        count_nonzero(rows.view(np.uint8) if rows.dtype == np.bool_ else rows, found)
        return found * (size // units)


def kept_features(behind: Sequence[Layer]) -> Tensor | None:
    """Find the outputs of a layer that no normalisation behind it multiplies by zero before they reach neurons.

    Args:
        behind: The layers behind it, in order.

    Returns:
        bool [features], or [features x places] where images were flattened ahead of a normalisation; None: all.
    """
    kept = torch.ones(1, dtype=torch.bool)
    for layer in behind:
        if isinstance(layer, BatchNorm):
            open_ = layer.scale_and_offset()[0].cpu() != 0
            size = max(kept.numel(), open_.numel())  # an image's channels are repeated for its places
            kept = kept.repeat_interleave(size // kept.numel()) & open_.repeat_interleave(
                size // open_.numel()
            )
        elif not isinstance(layer, _KEEP_FEATURES):
            break
    return None if bool(kept.all()) else kept


Counter = Callable[[Any, Signal, LedgerBuilder], Signal]
_COUNTERS: ClassRegistry[Counter] = ClassRegistry("counter", method="forward")


def register_counter(kind: type[Layer], counter: Counter) -> None:
    """Say how a kind of layer is counted, and with it every kind that inherits from it with its `forward`.

    A kind that has a `forward` of its own does something else: it is refused until it has a counter.

    Args:
        kind: Class of layers.
        counter: ``counter(layer, signal, builder)`` runs the layer in evaluation on ``signal.x``, writes what it
            did with `LedgerBuilder.add_synapses` and `LedgerBuilder.add_population`, and gives what goes on, a
            `Signal`. See the page "Your own layer" for one.

    Raises:
        TypeError: `kind` is no class of layers, or `counter` cannot be called.
        ValueError: The kind has a counter already.
    """
    check_kind(kind)
    if not callable(counter):
        raise TypeError(f"counter must be a function (layer, signal, builder), got {shown(counter)}")
    _COUNTERS.add(kind, counter)
