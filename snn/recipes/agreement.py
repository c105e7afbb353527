"""Check that a trained model and the event engine keep the same spikes, word for word."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snn.core import Counts, Network, Record, Recording, simulate
from snn.core.simulate import Engine
from snn.datasets import SpikeSet
from snn.nn import LIF, Sequential, stages
from snn.train import prepare, softmax_sum

__all__ = ["Agreement", "compare", "run_words", "scores"]

TIE = 1e-9  # closer than this to the threshold, rounding decides


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison found."""

    words: int
    """Samples compared."""
    spikes: int
    """Spikes of neurons in the engine, over all samples."""
    differing_words: int
    """Samples in which some spike differs between torch in float64 and the engine."""
    ties: int
    """Differing samples whose first difference stands within 1e-9 of the threshold."""
    differing_predictions: int
    """Samples whose class differs between torch in float32 and the engine."""
    right: int
    """Samples that the engine classifies right."""
    counts: Counts
    """What the engine counted."""

    @property
    def exact(self) -> bool:
        """Whether every difference is a tie and every prediction is equal."""
        return self.differing_words == self.ties and self.differing_predictions == 0

    def sentence(self) -> str:
        """Say it in words."""
        same = self.words - self.differing_words
        return (
            f"{same} of {self.words} words: the same spikes in torch (float64) and in the event engine "
            f"({self.spikes} spikes, {self.ties} ties); "
            f"{self.words - self.differing_predictions} of {self.words} the same class (float32)"
        )


def run_words(
    net: Network, data: SpikeSet, tail_steps: int, *, engine: Engine = "event", v: tuple[str, ...] = ("out",)
) -> Recording:
    """Run every sample of a set, with the model's tail of silent steps, through an engine."""
    return simulate(net, {"in": data.events.pad(tail_steps)}, engine=engine, record=Record(v=v))


def scores(rec: Recording, lengths: Tensor) -> Tensor:
    """Give the class scores [B, C] of a recording of the readout "out"."""
    return softmax_sum(torch.from_numpy(np.nan_to_num(rec.v["out"])), lengths)


def compare(model: Sequential, net: Network, data: SpikeSet, *, batch_size: int = 64) -> Agreement:
    """Compare the spikes (float64) and classes (float32) of a model with those of its network by events.

    Args:
        model: The trained model.
        net: `to_network(model)`.
        data: The samples.
        batch_size: Samples at a time.
    """
    exact = copy.deepcopy(model).double().eval()
    hidden = [stage.post for stage in stages.split(model) if isinstance(stage.neuron, LIF)]
    differing, ties, predictions, right, totals = 0, 0, 0, 0, Counts()
    for start in range(0, len(data), batch_size):
        part = data.subset(np.arange(start, min(start + batch_size, len(data))))
        rec = run_words(net, part, model.tail_steps)
        totals = totals + rec.counts
        batch = next(iter(part.batches(len(part))))
        x, lengths, label = prepare(batch, exact)
        for found in _differences(exact, hidden, x, lengths, rec):
            differing += 1
            ties += found
        with torch.no_grad():
            single = softmax_sum(model.eval()(x.float(), None, lengths)[0], lengths).argmax(1)
        by_events = scores(rec, lengths).argmax(1)
        predictions += int((single != by_events).sum())
        right += int((by_events == label).sum())
    spikes = sum(totals.spikes[name] for name in hidden)
    return Agreement(len(data), spikes, differing, ties, predictions, right, totals)


def _differences(
    model: Sequential, hidden: list[str], x: Tensor, lengths: Tensor, rec: Recording
) -> list[bool]:
    """Tell, for each sample whose spikes differ, whether its first difference is a tie."""
    traced = stages.trace(model, x, lengths)
    first: dict[int, tuple[int, int, int]] = {}  # sample -> step, stage, neuron: the earliest difference
    for i, name in enumerate(hidden):
        ours = torch.tensor(rec.spikes[name].to_raster(x.shape[0]).z)
        for t, b, n in (ours != traced[i][1]).nonzero().tolist():
            first[b] = min(first.get(b, (t, i, n)), (t, i, n))
    parts = stages.split(model)
    return [_is_tie(parts[i], traced[i][0][:, b : b + 1], t, n) for b, (t, i, n) in first.items()]


@torch.no_grad()
def _is_tie(stage: stages.Stage, x: Tensor, step: int, neuron: int) -> bool:
    """Tell whether a threshold moved by the tolerance would turn this spike over."""
    assert isinstance(stage.neuron, LIF)
    current, _ = stage.connection(x)
    if stage.norm is not None:
        current, _ = stage.norm(current)
    fired = []
    for shift in (-TIE, TIE):
        moved = copy.deepcopy(stage.neuron)
        moved.shift_threshold_(shift)
        fired.append(moved(current)[0][step, 0, neuron])
    return bool(fired[0] != fired[1])
