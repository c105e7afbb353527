"""Count the layers and neurons of a foreign model through hooks, which see what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from snn.core.arrays import Int64Array, RealArray
from snn.core.checks import refusal
from snn.hardware.ledger.counting_loops import count_nonzero
from snn.hardware.ledger.fan_out import FanOut, fan_out_of, reached_outputs
from snn.hardware.ledger.input_tally import InputTally
from snn.hardware.ledger.step_ledger import LayerSteps, StepLedger, neurons_alone, step_counts

__all__ = ["HookCounter", "Role", "Time"]

Time = Literal["axis", "loop", "none"]
"""How a model sees time: all steps at once, one step per call, or not at all."""

Role = Literal["layer", "neuron", "folded", "pool"]
"""What a module is to the count: synapses, neurons, a normalisation folded into weights, or pooling."""

_DIMENSIONS = {nn.Linear: 1, nn.Conv1d: 2, nn.Conv2d: 3}
"""Dimensions of one input of a kind of layer."""

_ALWAYS_SAID = (
    "Foreign model: layers and neurons are counted through hooks; operations outside modules (functional "
    "calls, sums of branches, attention products) are not seen, biases are not counted.",
    "Foreign model: a neuron is attributed to the last synaptic layer that ran before it.",
)


class _Layer:
    """Hold what one layer did so far; rows are (step, sample) pairs."""

    def __init__(self, fan_out: FanOut, rows: int) -> None:
        self.fan_out = fan_out
        self.inputs = InputTally(rows)
        self.calls = 0  # times it ran on one sample of one step


class _Neurons:
    """Hold what one population did so far; `layer` is the one it stands behind, None without one."""

    def __init__(self, size: int, layer: str | None, rows: int) -> None:
        self.size = size
        self.layer = layer
        self.touched_is_exact = layer is not None
        self.spikes, self.updates, self.touched = (np.zeros(rows, dtype=np.int64) for _ in range(3))

    def counts(self) -> dict[str, Int64Array]:
        return {"output_spikes": self.spikes, "updates_dense": self.updates, "updates_touched": self.touched}


class _Call(NamedTuple):
    """Remember one call of a layer.

    Attributes:
        name: Layer.
        module: Its module.
        rows: Rows of the (step, sample) pairs that the call covered.
        inputs: What went in, [rows, n_pre].
    """

    name: str
    module: nn.Module
    rows: slice
    inputs: RealArray


class HookCounter:
    """Make the hooks of a model's modules and build the ledger of what they saw.

    Attributes:
        step: Step that runs now, where the model is called once per step.
    """

    def __init__(self, steps: int, batch: int, time: Time) -> None:
        self.step = 0
        self._steps, self._batch, self._time = steps, batch, time
        self._layers: dict[str, _Layer] = {}
        self._neurons: dict[str, _Neurons] = {}
        self._calls: list[_Call] = []  # of layers, since the last neurons

    def layer_hook(self, name: str) -> Callable[..., None]:
        """Make the hook of a synaptic layer."""

        def hook(module: nn.Module, given: tuple[Tensor, ...], named: dict[str, Tensor], _: Tensor) -> None:
            values = _numpy(given[0] if given else named["input"])
            linear = isinstance(module, nn.Linear)
            lead = values.ndim - next(size for kind, size in _DIMENSIONS.items() if isinstance(module, kind))
            rows, places = self._place(name, int(np.prod(values.shape[:lead])), divisible=linear)
            shape = (places, *values.shape[lead:]) if linear else values.shape[lead:]
            if name not in self._layers:
                self._layers[name] = _Layer(fan_out_of(module, shape), self._steps * self._batch)
            layer = self._layers[name]
            if layer.fan_out.in_shape != shape:
                raise refusal(f"input of {name}", f"of one shape, {layer.fan_out.in_shape} as before", shape)
            flat = np.ascontiguousarray(values).reshape(-1, layer.fan_out.n_pre)
            layer.calls += len(flat)
            layer.inputs.add(flat, layer.fan_out.per_input, rows)
            self._calls.append(_Call(name, module, rows, flat))

        return hook

    def neuron_hook(self, name: str) -> Callable[..., None]:
        """Make the hook of a population of neurons."""

        def hook(_: nn.Module, __: tuple[Tensor, ...], out: Tensor | tuple[Tensor, ...]) -> None:
            spikes = _numpy(out if isinstance(out, Tensor) else out[0])
            rows, size = self._place(name, spikes.size, divisible=True)
            flat = np.ascontiguousarray(spikes).reshape(-1, size)
            if name not in self._neurons:
                taken = {neurons.layer for neurons in self._neurons.values()}
                last = self._calls[-1].name if self._calls else None
                self._neurons[name] = _Neurons(
                    size, None if last in taken else last, self._steps * self._batch
                )
            neurons = self._neurons[name]
            count_nonzero(flat, neurons.spikes[rows])
            neurons.updates[rows] += size
            touched = self._touched(rows, size)
            neurons.touched_is_exact = neurons.touched_is_exact and touched is not None
            neurons.touched[rows] += size if touched is None else touched
            self._calls.clear()

        return hook

    def _place(self, name: str, leading: int, *, divisible: bool) -> tuple[slice, int]:
        """Place a call on the rows: which ones it covers, and how many leading entries each has.

        Args:
            name: Module, for errors.
            leading: Entries of the call along all axes ahead of those of one input.
            divisible: Whether a row may have several entries (positions of a linear layer, neurons).
        """
        every = self._steps * self._batch
        loop = self._time == "loop"
        rows = slice(self.step * self._batch, (self.step + 1) * self._batch) if loop else slice(0, every)
        size = rows.stop - rows.start
        if leading % size == 0 and (divisible or leading == size):
            return rows, leading // size
        if self._time == "axis" and leading % self._batch == 0 and (divisible or leading == self._batch):
            last_step = slice(every - self._batch, every)  # a layer behind the time axis
            return last_step, leading // self._batch
        raise ValueError(
            f"{name}: {leading} leading entries do not fit {self._steps} steps of {self._batch} samples with "
            f"time={self._time!r}"
        )

    def _touched(self, rows: slice, size: int) -> Int64Array | None:
        """Count the neurons that the layers before them reached, per row; None where the sizes differ."""
        if not self._calls:
            return None
        for call in self._calls:
            if call.rows != rows or self._layers[call.name].fan_out.n_post != size:
                return None
        maps = [
            reached_outputs(call.module, self._layers[call.name].fan_out, call.inputs) for call in self._calls
        ]
        union, sizes = maps[0]
        for other, theirs in maps[1:]:
            if theirs != sizes:  # other groups: compare output by output
                union, other = (
                    np.broadcast_to(m, (len(m), *s)).reshape(len(m), size, 1, 1)
                    for m, s in ((union, sizes), (other, theirs))
                )
                sizes = (size, 1, 1)
            union = union | other
        outputs_per_entry = size * len(union) // union.size
        found: Int64Array = np.count_nonzero(union, axis=(1, 2, 3)) * outputs_per_entry
        return found

    def build(
        self, lengths: Int64Array, roles: Mapping[str, Role], declared: Mapping[str, str]
    ) -> StepLedger:
        """Turn what was seen into rows.

        Args:
            lengths: Valid steps of each sample, [B].
            roles: What each module is, in the model's order.
            declared: Declared inputs of layers.

        Raises:
            ValueError: No layer ran, or values that contradict a declared input.
        """
        valid = np.arange(self._steps)[:, None] < lengths
        behind = {n.layer: (name, n) for name, n in self._neurons.items() if n.layer is not None}
        rows, last = [], "in"
        for name, layer in self._layers.items():
            post, neurons = behind.get(name, (name, None))
            values, counts = layer.inputs.by_value(name, declared.get(name))
            counts |= {} if neurons is None else neurons.counts()
            fields = layer.fan_out.row_fields()
            fields |= {} if neurons is None else {"n_post": neurons.size}
            rows.append(
                LayerSteps(name, post, last, values=values, counts=step_counts(counts, valid), **fields)
            )
            last = post
        rows += [
            neurons_alone(name, n.size, step_counts(n.counts(), valid))
            for name, n in self._neurons.items()
            if n.layer is None
        ]
        if not rows:
            raise ValueError("the model ran no layer that can be counted")
        return StepLedger(tuple(rows), tuple(self._notes(roles, declared)), lengths)

    def _notes(self, roles: Mapping[str, Role], declared: Mapping[str, str]) -> list[str]:
        notes = [*_ALWAYS_SAID]
        if "folded" in roles.values():
            notes.append("Foreign model: batch normalisation is folded into the weights and costs nothing.")
        pools = [name for name, role in roles.items() if role == "pool"]
        if pools:
            notes.append(f"Foreign model: pooling is not counted: {', '.join(pools)}.")
        seen = {*self._layers, *self._neurons}
        silent = [n for n, role in roles.items() if role in ("layer", "neuron") and n not in seen]
        if silent:
            notes.append(f"Foreign model: not called, so not counted: {', '.join(silent)}.")
        often = [n for n, layer in self._layers.items() if layer.calls != self._steps * self._batch]
        if often:
            notes.append(
                "Foreign model: dense equivalents assume one pass per step, but these layers ran more or "
                f"less often (shared, or behind the time axis): {', '.join(often)}."
            )
        inexact = [name for name, neurons in self._neurons.items() if not neurons.touched_is_exact]
        if inexact:
            notes.append(
                "Foreign model: every neuron counts as touched at every step (an upper bound), because it is not "
                f"the output of the layers before it one to one: {', '.join(inexact)}."
            )
        said = ", ".join(f"{name} {kind}" for name, kind in declared.items())
        notes.append(
            "Foreign model: inputs were taken as binary, levels or real from their values"
            + (f", but for those declared: {said}." if said else ", none was declared.")
        )
        return notes


def _numpy(x: Tensor) -> Any:
    x = x.detach().cpu()
    return (x if x.dtype in (torch.float32, torch.float64) else x.float()).numpy()
