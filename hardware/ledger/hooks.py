"""Watch the layers and neurons of a foreign model through hooks and add up what they did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from snn.core.arrays import BoolArray, Int64Array
from snn.hardware.ledger.fan_out import Wiring, reached, wire
from snn.hardware.ledger.input_kinds import settle
from snn.hardware.ledger.loops import LEVELS, count_nonzero, tally
from snn.hardware.ledger.step_ledger import ROW_COUNTS, LayerSteps, StepLedger

__all__ = ["Time", "Watch"]

Time = Literal["axis", "loop", "none"]
_SPACE = {nn.Linear: 1, nn.Conv1d: 2, nn.Conv2d: 3}  # dimensions of one input
_SEEN_ONLY = (
    "Foreign model: layers and neurons are counted through hooks; operations outside modules (functional "
    "calls, sums of branches, attention products) are not seen, biases are not counted.",
    "Foreign model: a neuron is attributed to the last synaptic layer that ran before it.",
)


class _Layer:
    """Collect the counts of one layer while the model runs; rows are (step, sample) pairs."""

    def __init__(self, wiring: Wiring, rows: int) -> None:
        self.wiring = wiring
        self.levels = np.zeros(LEVELS)
        self.known = 0
        self.calls = 0
        self.entries = np.zeros((rows, LEVELS + 1), dtype=np.int64)
        self.reach = np.zeros_like(self.entries)


class _Neuron:
    """Collect the counts of one population."""

    def __init__(self, size: int, behind: str | None, rows: int) -> None:
        self.size = size
        self.behind = behind
        self.lazy = behind is not None
        self.spikes, self.updates, self.touched = (np.zeros(rows, dtype=np.int64) for _ in range(3))


class Watch:
    """Hold what the hooks see."""

    def __init__(self, steps: int, batch: int, time: Time) -> None:
        self.steps, self.batch, self.time = steps, batch, time
        self.now = 0
        self.layers: dict[str, _Layer] = {}
        self.neurons: dict[str, _Neuron] = {}
        self._open: list[tuple[str, nn.Module, slice, Any]] = []  # layers since the last neuron, with inputs

    def layer(self, name: str) -> Callable[..., None]:
        """Make the hook of a synaptic layer."""

        def hook(module: nn.Module, given: tuple[Tensor, ...], named: dict[str, Tensor], _: Tensor) -> None:
            tail = next(size for kind, size in _SPACE.items() if isinstance(module, kind))
            values = _numpy(given[0] if given else named["input"])
            lead = values.shape[: values.ndim - tail]
            rows, places = self._rows(name, int(np.prod(lead)), isinstance(module, nn.Linear))
            shape = values.shape[values.ndim - tail :]
            shape = (places, *shape) if isinstance(module, nn.Linear) else shape
            if name not in self.layers:
                self.layers[name] = _Layer(wire(module, shape), self.steps * self.batch)
            found = self.layers[name]
            if found.wiring.in_shape != shape:
                raise ValueError(f"{name}: an input of {shape} after one of {found.wiring.in_shape}")
            flat = np.ascontiguousarray(values).reshape(-1, found.wiring.n_pre)
            entries, reach = found.entries[rows], found.reach[rows]
            found.calls += len(flat)
            found.known = tally(flat, found.wiring.fan_out, found.levels, found.known, entries, reach)
            self._open.append((name, module, rows, flat))

        return hook

    def neuron(self, name: str) -> Callable[..., None]:
        """Make the hook of a population of neurons."""

        def hook(_: nn.Module, __: tuple[Tensor, ...], out: Tensor | tuple[Tensor, ...]) -> None:
            spikes = _numpy(out if isinstance(out, Tensor) else out[0])
            rows, places = self._rows(name, spikes.size, True)
            flat = np.ascontiguousarray(spikes).reshape(-1, places)
            taken = {n.behind for n in self.neurons.values()}
            if name not in self.neurons:
                behind = self._open[-1][0] if self._open and self._open[-1][0] not in taken else None
                self.neurons[name] = _Neuron(places, behind, self.steps * self.batch)
            found = self.neurons[name]
            count_nonzero(flat, found.spikes[rows])
            found.updates[rows] += places
            touched = self._touched(rows, places)
            found.lazy = found.lazy and touched is not None
            found.touched[rows] += places if touched is None else touched
            self._open.clear()

        return hook

    def _rows(self, name: str, leading: int, divisible: bool) -> tuple[slice, int]:
        """Place a call on the (step, sample) rows: which ones, and how many parts of the input each takes."""
        whole = self.steps * self.batch
        here = (
            slice(self.now * self.batch, (self.now + 1) * self.batch)
            if self.time == "loop"
            else slice(0, whole)
        )
        size = here.stop - here.start
        if leading % size == 0 and (divisible or leading == size):
            return here, leading // size
        if self.time == "axis" and leading % self.batch == 0 and (divisible or leading == self.batch):
            last_step = slice(whole - self.batch, whole)  # a layer behind the time axis
            return last_step, leading // self.batch
        raise ValueError(
            f"{name}: {leading} leading entries do not fit {self.steps} steps of {self.batch} samples with "
            f"time={self.time!r}"
        )

    def _touched(self, rows: slice, places: int) -> Int64Array | None:
        """Count the neurons that the layers before them reached, per row; None where the sizes differ."""
        fits = [
            where == rows and self.layers[name].wiring.n_post == places for name, _, where, _ in self._open
        ]
        if not fits or not all(fits):
            return None
        maps = [reached(module, self.layers[name].wiring, flat) for name, module, _, flat in self._open]
        union, sizes = maps[0]
        for other, theirs in maps[1:]:
            if theirs != sizes:  # other groups: compare output by output
                union, other = (
                    np.broadcast_to(m, (len(m), *s)).reshape(len(m), places, 1, 1)
                    for m, s in ((union, sizes), (other, theirs))
                )
                sizes = (places, 1, 1)
            union = union | other
        found: Int64Array = np.count_nonzero(union, axis=(1, 2, 3)) * (places * len(union) // union.size)
        return found

    def close(self, ends: Int64Array, roles: dict[str, str], inputs: dict[str, str]) -> StepLedger:
        """Turn what was seen into rows."""
        valid = np.arange(self.steps)[:, None] < ends
        notes = [*_SEEN_ONLY]
        if "folded" in roles.values():
            notes.append("Foreign model: batch normalisation is folded into the weights and costs nothing.")
        pools = [n for n, role in roles.items() if role == "pool"]
        if pools:
            notes.append(f"Foreign model: pooling is not counted: {', '.join(pools)}.")
        seen = {*self.layers, *self.neurons}
        silent = [n for n, role in roles.items() if role in ("layer", "neuron") and n not in seen]
        if silent:
            notes.append(f"Foreign model: not called, so not counted: {', '.join(silent)}.")
        often = [n for n, layer in self.layers.items() if layer.calls != self.steps * self.batch]
        if often:
            notes.append(
                "Foreign model: dense equivalents assume one pass per step, but these layers ran more or "
                f"less often (shared, or behind the time axis): {', '.join(often)}."
            )
        behind = {n.behind: (name, n) for name, n in self.neurons.items() if n.behind is not None}
        rows, last = [], "in"
        for name, layer in self.layers.items():
            post, neuron = behind.get(name, (name, None))
            rows.append(self._row(name, layer, last, post, neuron, valid, inputs.get(name)))
            last = post
        rows += [self._alone(name, n, valid) for name, n in self.neurons.items() if n.behind is None]
        if not rows:
            raise ValueError("the model ran no layer that can be counted")
        dense = [name for name, n in self.neurons.items() if not n.lazy]
        if dense:
            notes.append(
                "Foreign model: every neuron counts as touched at every step (an upper bound), because it is not "
                f"the output of the layers before it one to one: {', '.join(dense)}."
            )
        declared = [f"{name} {kind}" for name, kind in inputs.items()]
        notes.append(
            "Foreign model: inputs were taken as binary, levels or real from their values"
            + (f", but for those declared: {', '.join(declared)}." if declared else ", none was declared.")
        )
        return StepLedger(tuple(rows), tuple(notes), ends.astype(np.int64))

    def _row(
        self,
        name: str,
        layer: _Layer,
        pre: str,
        post: str,
        neuron: _Neuron | None,
        valid: BoolArray,
        declared: str | None,
    ) -> LayerSteps:
        wiring = layer.wiring
        kind, counts = settle(name, layer.levels, layer.known, layer.entries, layer.reach, declared)
        zero = np.zeros(self.steps * self.batch, dtype=np.int64)
        counts |= {
            "output_spikes": zero if neuron is None else neuron.spikes,
            "updates_dense": zero if neuron is None else neuron.updates,
            "updates_touched": zero if neuron is None else neuron.touched,
            "delay_writes": zero,
            "delay_reads": zero,
        }
        return LayerSteps(
            name=name,
            post=post,
            pre=pre,
            n_pre=wiring.n_pre,
            n_post=wiring.n_post if neuron is None else neuron.size,
            synapses=wiring.synapses,
            dense_synapses=wiring.dense_synapses,
            stored_weights=wiring.stored_weights,
            dense_weights=wiring.dense_weights,
            values=kind,
            counts={key: self._shaped(counts[key], valid) for key in ROW_COUNTS},
        )

    def _alone(self, name: str, neuron: _Neuron, valid: BoolArray) -> LayerSteps:
        counts = dict.fromkeys(ROW_COUNTS, np.zeros(self.steps * self.batch, dtype=np.int64))
        counts |= {"output_spikes": neuron.spikes, "updates_dense": neuron.updates}
        counts["updates_touched"] = neuron.touched
        shaped = {key: self._shaped(value, valid) for key, value in counts.items()}
        return LayerSteps(name, name, None, 0, neuron.size, 0, 0, 0, 0, "counts", shaped)

    def _shaped(self, per_row: Int64Array, valid: BoolArray) -> Int64Array:
        return np.where(valid, per_row.reshape(self.steps, self.batch), 0)


def _numpy(x: Tensor) -> Any:
    x = x.detach().cpu()
    return (x if x.dtype in (torch.float32, torch.float64) else x.float()).numpy()
