"""Count the layers and neurons of a foreign model through hooks, which see what goes in and comes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from snn.core.arrays import BoolArray, Int64Array, RealArray
from snn.core.checks import refusal
from snn.hardware.ledger.counting_loops import count_nonzero
from snn.hardware.ledger.fan_out import FanOut, fan_out_of, reached_outputs
from snn.hardware.ledger.input_tally import InputTally
from snn.hardware.ledger.origins import Origin, origin_of, set_origin
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
    "Foreign model: neurons are attributed to the last synaptic layer that their input came through.",
)
_UNSEEN = "unseen"


class _Rows:
    """Hold what one module did so far; rows are (step, sample) pairs."""

    def __init__(self) -> None:
        self.calls = 0  # times it ran on one sample of one step
        self.step_calls = (
            0  # times it ran on the samples of one step, where the model takes all steps at once
        )


class _Layer(_Rows):
    """Hold what one layer did so far."""

    def __init__(self, fan_out: FanOut, rows: int) -> None:
        super().__init__()
        self.fan_out = fan_out
        self.inputs = InputTally(rows)
        self.sources: dict[str, None] = {}
        self.units: set[float | None] = set()


class _Neurons(_Rows):
    """Hold what one population did so far; `layer` is the one it stands behind, None without one."""

    def __init__(self, size: int, layer: str | None, rows: int) -> None:
        super().__init__()
        self.size = size
        self.layer = layer
        self.touched_is_exact = layer is not None
        self.spikes, self.updates, self.touched = (np.zeros(rows, dtype=np.int64) for _ in range(3))

    def counts(self) -> dict[str, Int64Array]:
        return {"output_spikes": self.spikes, "updates_dense": self.updates, "updates_touched": self.touched}


@dataclass(frozen=True, eq=False)
class _Call:
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
        self._last: str | None = None  # layer that ran last

    def layer_hook(self, name: str) -> Callable[..., None]:
        """Make the hook of a synaptic layer."""

        def hook(module: nn.Module, given: tuple[Tensor, ...], named: dict[str, Tensor], out: Tensor) -> None:
            x = given[0] if given else named["input"]
            values = _numpy(x)
            linear = isinstance(module, nn.Linear)
            lead = values.ndim - next(size for kind, size in _DIMENSIONS.items() if isinstance(module, kind))
            covered = self._covers(name, values.shape[:lead], divisible=linear)
            shape = values.shape[lead:]
            if linear:
                shape = (math.prod(values.shape[:lead]) // covered, *shape)
            if name not in self._layers:
                self._layers[name] = _Layer(fan_out_of(module, shape), self._steps * self._batch)
            layer = self._layers[name]
            if layer.fan_out.in_shape != shape:
                raise refusal(f"input of {name}", f"of one shape, {layer.fan_out.in_shape} as before", shape)
            flat = np.ascontiguousarray(values).reshape(covered, layer.fan_out.n_pre)
            rows = self._rows(name, layer, covered)
            layer.inputs.add(flat, layer.fan_out.per_input, rows)
            origin = origin_of(x) or Origin((_UNSEEN,))
            layer.sources |= dict.fromkeys(origin.sources)
            layer.units.add(origin.unit)
            self._last = name
            set_origin(out, Origin((name,), (_Call(name, module, rows, flat),)))

        return hook

    def neuron_hook(self, name: str) -> Callable[..., None]:
        """Make the hook of a population of neurons."""

        def hook(
            _: nn.Module, given: tuple[Any, ...], named: dict[str, Any], out: Tensor | tuple[Tensor, ...]
        ) -> None:
            x = next((part for part in (*given, *named.values()) if isinstance(part, Tensor)), None)
            origin = None if x is None else origin_of(x)
            calls = () if origin is None else origin.calls
            first = out if isinstance(out, Tensor) else out[0]
            spikes = _numpy(first)
            covered = self._covers(name, spikes.shape, divisible=True, calls=calls)
            flat = np.ascontiguousarray(spikes).reshape(covered, -1)
            size = flat.shape[1]
            if name not in self._neurons:
                taken = {neurons.layer for neurons in self._neurons.values()}
                last = self._last if origin is None else calls[-1].name if calls else None
                self._neurons[name] = _Neurons(
                    size, None if last in taken else last, self._steps * self._batch
                )
            neurons = self._neurons[name]
            rows = self._rows(name, neurons, covered)
            if flat.size and flat.max() > 1 and (flat >= 0).all() and (flat == np.rint(flat)).all():
                neurons.spikes[rows] += flat.sum(1).astype(np.int64)  # several spikes a step
            else:
                count_nonzero(flat, neurons.spikes[rows])
            neurons.updates[rows] += size
            touched = self._touched(calls, rows, size)
            neurons.touched_is_exact = neurons.touched_is_exact and touched is not None
            neurons.touched[rows] += size if touched is None else touched
            set_origin(out, Origin((name,)))
            set_origin(first, Origin((name,), unit=1.0))

        return hook

    def _covers(
        self, name: str, axes: tuple[int, ...], *, divisible: bool, calls: tuple[_Call, ...] = ()
    ) -> int:
        """Tell how many (step, sample) pairs a call covers: all, or those of one step.

        Args:
            name: Module, for errors.
            axes: Sizes of the axes ahead of those of one input; for neurons all of them.
            divisible: Whether a pair may have several entries (positions of a linear layer, neurons).
            calls: Calls of the layers that neurons stand behind: these decide where axes could mean either.
        """
        steps, batch, leading = self._steps, self._batch, math.prod(axes)
        every = batch if self._time == "loop" else steps * batch
        seen = {call.rows.stop - call.rows.start for call in calls}
        if every == batch and leading % batch == 0 and (divisible or leading == batch):
            return batch
        if axes[:1] == (batch,) and (seen == {batch} or axes[:2] != (steps, batch)):
            if axes[:2] == (batch, steps) and seen != {batch} and (len(axes) > 2 or not calls):
                raise refusal(f"{name}: axes", f"time first, [{steps}, {batch}, ...]", list(axes))
            return batch
        for size in (every, batch):
            if self._time == "axis" and leading % size == 0 and (divisible or leading == size):
                return size
        raise ValueError(
            f"{name}: {leading} leading entries do not fit {steps} steps of {batch} samples with "
            f"time={self._time!r}"
        )

    def _rows(self, name: str, module: _Rows, covered: int) -> slice:
        """Place a call on the rows; the calls on one step each are taken for one step after the other."""
        module.calls += covered
        every = self._steps * self._batch
        if covered == every:
            return slice(0, every)
        if self._time == "loop":
            return slice(self.step * self._batch, (self.step + 1) * self._batch)
        module.step_calls += 1
        self._check_step_calls(name, module.step_calls, most=True)
        return slice((module.step_calls - 1) * self._batch, module.step_calls * self._batch)

    def _check_step_calls(self, name: str, calls: int, *, most: bool = False) -> None:
        """Refuse a module that ran on single steps, but neither once for each nor once in all."""
        if calls > self._steps or (not most and calls not in (0, 1, self._steps)):
            often = f"more than {self._steps}" if most else str(calls)
            raise ValueError(
                f"{name} must run once for each of {self._steps} steps, or once behind the time axis, to be placed "
                f"in time, got {often} runs on the samples of one step; time='loop' calls the model step by step"
            )

    def _touched(self, calls: tuple[_Call, ...], rows: slice, size: int) -> Int64Array | None:
        """Count the neurons that the layers before them reached, per row; None where the sizes differ."""
        if not calls or any(self._layers[call.name].fan_out.n_post != size for call in calls):
            return None
        count = rows.stop - rows.start
        if len(calls) == 1 and len(calls[0].inputs) == count:
            union, _ = self._reached(calls[0], calls[0].inputs)
            found: Int64Array = np.count_nonzero(union, axis=(1, 2, 3)) * (size * len(union) // union.size)
            return found
        reached = np.zeros((count, size), dtype=bool)
        for call in calls:
            covers_more = len(call.inputs) > count  # the neurons run step by step, the layer ran on all
            part, sizes = self._reached(call, call.inputs[rows] if covers_more else call.inputs)
            at = call.rows if len(call.inputs) < count else slice(None)
            reached[at] |= np.broadcast_to(part, (len(part), *sizes)).reshape(len(part), size)
        counted: Int64Array = np.count_nonzero(reached, axis=1)
        return counted

    def _reached(self, call: _Call, inputs: RealArray) -> tuple[BoolArray, tuple[int, int, int]]:
        return reached_outputs(call.module, self._layers[call.name].fan_out, inputs)

    def _place_last(self) -> None:
        """Move what ran once behind the time axis to the last step."""
        for name, layer in self._layers.items():
            if self._ran_last(name, layer):
                layer.inputs.roll(-self._batch)
        for name, neurons in self._neurons.items():
            if not self._ran_last(name, neurons):
                continue
            for counted in (neurons.spikes, neurons.updates, neurons.touched):
                counted[:] = np.roll(counted, -self._batch)
            before = None if neurons.layer is None else self._layers[neurons.layer]
            if before is not None and before.step_calls != 1:  # any step of that layer may have reached them
                neurons.touched[:] = neurons.updates
                neurons.touched_is_exact = False

    def _ran_last(self, name: str, module: _Rows) -> bool:
        """Tell whether a module ran once, behind the time axis."""
        self._check_step_calls(name, module.step_calls)
        return module.step_calls == 1 and self._steps > 1

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
        self._place_last()
        valid = np.arange(self._steps)[:, None] < lengths
        behind = {n.layer: (name, n) for name, n in self._neurons.items() if n.layer is not None}
        rows = []
        for name, layer in self._layers.items():
            post, neurons = behind.get(name, (name, None))
            unit = next(iter(layer.units)) if len(layer.units) == 1 else None
            values, counts = layer.inputs.by_value(name, declared.get(name), unit)
            counts |= {} if neurons is None else neurons.counts()
            fields = layer.fan_out.row_fields()
            fields |= {} if neurons is None else {"n_post": neurons.size}
            rows.append(
                LayerSteps(
                    name,
                    post,
                    " + ".join(layer.sources),
                    values=values,
                    counts=step_counts(counts, valid),
                    **fields,
                )
            )
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
        unseen = [name for name, layer in self._layers.items() if _UNSEEN in layer.sources]
        if unseen:
            notes.append(f"Foreign model: what feeds these layers is not seen: {', '.join(unseen)}.")
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
