"""Check that a trained model and the event engine keep the same spikes, sample for sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module

from snn.core import Counts, Network, Record, Recording, simulate
from snn.core.simulation import Engine
from snn.datasets import SpikeSet
from snn.nn import LIF, Sequential
from snn.nn.copies import copy_module
from snn.train import LOSSES, prepare
from snn.train.losses import valid_mask

__all__ = ["Agreement", "compare", "run_samples", "scores"]

TIE = 1e-9
"""Distance to the threshold within which rounding decides whether a neuron fires."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison found.

    Attributes:
        samples: Samples compared.
        spikes: Spikes of neurons in the engine, over all samples.
        differing_samples: Samples in which some spike differs between torch in float64 and the engine.
        ties: Differing samples whose first difference stands within 1e-9 of the threshold.
        differing_predictions: Samples whose class differs between torch in float32 and the engine.
        right: Samples that the engine classifies right.
        counts: What the engine counted.
    """

    samples: int
    spikes: int
    differing_samples: int
    ties: int
    differing_predictions: int
    right: int
    counts: Counts

    @property
    def exact(self) -> bool:
        """Whether every difference is a tie and every prediction is equal."""
        return self.differing_samples == self.ties and self.differing_predictions == 0

    def sentence(self) -> str:
        """Say it in a sentence."""
        same = self.samples - self.differing_samples
        return (
            f"{same} of {self.samples} samples: the same spikes in torch (float64) and in the event engine "
            f"({self.spikes} spikes, {self.ties} ties); "
            f"{self.samples - self.differing_predictions} of {self.samples} the same class (float32)"
        )


def run_samples(
    net: Network, data: SpikeSet, tail_steps: int, *, engine: Engine = "event", v: tuple[str, ...] = ("out",)
) -> Recording:
    """Run every sample of a set, with the model's tail of silent steps, through an engine."""
    return simulate(net, {"in": data.events.pad(tail_steps)}, engine=engine, record=Record(v=v))


def scores(rec: Recording, lengths: Tensor, loss: str = "softmax_sum") -> Tensor:
    """Give the class scores [B, C] that go with a loss, of a recording of the readout "out"."""
    return LOSSES.find(loss).score(torch.from_numpy(np.nan_to_num(rec.v["out"])), lengths)


def compare(
    model: Sequential,
    net: Network,
    data: SpikeSet,
    *,
    batch_size: int = 64,
    loss: str = "softmax_sum",
) -> Agreement:
    """Compare the spikes (float64) and classes (float32) of a model with those of its network by events.

    Args:
        model: The trained model.
        net: `to_network(model)`.
        data: The samples.
        batch_size: Samples at a time.
        loss: Name of the loss that the model was trained with, which decides its scores.
    """
    exact = copy_module(model).double().eval()
    hidden = [population.name for population in net.populations[1:-1]]
    differing, ties, predictions, right, totals = 0, 0, 0, 0, Counts()
    for start in range(0, len(data), batch_size):
        part = data.subset(np.arange(start, min(start + batch_size, len(data))))
        rec = run_samples(net, part, model.tail_steps)
        totals = totals + rec.counts
        batch = next(iter(part.batches(len(part))))
        x, lengths, label = prepare(batch, exact)
        for found in _differences(exact, x, lengths, rec):
            differing += 1
            ties += found
        with torch.no_grad():
            single = LOSSES.find(loss).score(model.eval()(x.float(), None, lengths)[0], lengths).argmax(1)
        by_events = scores(rec, lengths, loss).argmax(1)
        predictions += int((single != by_events).sum())
        right += int((by_events == label).sum())
    spikes = sum(totals.spikes[name] for name in hidden)
    return Agreement(len(data), spikes, differing, ties, predictions, right, totals)


class _Traced(NamedTuple):
    """Hold what a layer of neurons was given and what it made of it.

    Attributes:
        neuron: The layer.
        current: What came in, [T, B, ...].
        z: Its spikes, neurons in one row, [T, B, N].
    """

    neuron: LIF
    current: Tensor
    z: Tensor


@torch.no_grad()
def _trace(model: Sequential, x: Tensor, lengths: Tensor) -> list[_Traced]:
    """Run a model and give the layers of neurons that spike, in order: hid1, hid2, ..."""
    found: list[_Traced] = []

    def keep(layer: Module, given: tuple[Any, ...], output: tuple[Tensor, Any]) -> None:
        assert isinstance(layer, LIF)
        z = torch.where(valid_mask(output[0], lengths), output[0], 0.0)
        found.append(_Traced(layer, given[0], z.flatten(2)))

    handles = [layer.register_forward_hook(keep) for layer in model.modules() if isinstance(layer, LIF)]
    try:
        model(x, None, lengths)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _differences(model: Sequential, x: Tensor, lengths: Tensor, rec: Recording) -> list[bool]:
    """Tell, for each sample whose spikes differ, whether its first difference is a tie."""
    traced = _trace(model, x, lengths)
    first: dict[int, tuple[int, int, int]] = {}  # sample -> step, layer, neuron: the earliest difference
    for i, layer in enumerate(traced):
        ours = torch.tensor(rec.spikes[f"hid{i + 1}"].to_raster(x.shape[0]).z)
        for t, b, n in (ours != layer.z).nonzero().tolist():
            first[b] = min(first.get(b, (t, i, n)), (t, i, n))
    return [
        _is_tie(traced[i].neuron, traced[i].current[:, b : b + 1], t, n) for b, (t, i, n) in first.items()
    ]


@torch.no_grad()
def _is_tie(neuron: LIF, current: Tensor, step: int, unit: int) -> bool:
    """Tell whether a threshold moved by `TIE` would make this spike appear or vanish."""
    fired = []
    for shift in (-TIE, TIE):
        moved = copy_module(neuron)
        moved.shift_threshold_(shift)
        fired.append(moved(current)[0].flatten(2)[step, 0, unit])
    return bool(fired[0] != fired[1])
