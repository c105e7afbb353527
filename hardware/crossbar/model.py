"""Run a model on crossbars: the same forward pass, with its weights in programmed arrays."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn.core.checks import number, shown, whole
from snn.hardware.crossbar.array import Crossbar, program_crossbar
from snn.hardware.crossbar.config import CrossbarConfig, check_config
from snn.hardware.crossbar.given_arrays import check_shapes, checked_arrays
from snn.hardware.crossbar.hardware_aware import DeviceWeights
from snn.hardware.crossbar.model_counters import count_analog_layer, count_analog_model
from snn.hardware.crossbar.placements import Placement, layers_on_arrays, placement_of
from snn.hardware.ledger.layer_names import name_layers
from snn.hardware.ledger.ledger_builder import register_counter
from snn.nn import Layer, RecurrentLIF, Residual, ResidualState, Sequential, to_config
from snn.nn.copies import copy_module
from snn.nn.layer import flat_stages
from snn.nn.receptors import Receptors

__all__ = ["AnalogLayer", "AnalogModel", "AnalogState", "array_name", "rows_read", "to_crossbar"]


class AnalogState(NamedTuple):
    """Carry where a layer on arrays is: noise and drift go on from there.

    Attributes:
        step: Steps read so far.
        sample: Number of the first sample of the batch.
        inner: State of the layer itself.
    """

    step: int
    sample: int
    inner: Any


class AnalogLayer(Layer):
    """Run one layer with its weights in arrays.

    Attributes:
        layer: The layer; its own weights are not used.
        placement: How it lies on arrays.
        name: Name in ledgers and diagnoses.
        arrays: Its arrays, as written.
        start_s: Age of the arrays at the first step, s; None: each as old as it is.
        dt_ms: Length of a step, ms; None: the arrays do not age while they are read.
        drift_every: Steps between two looks at their age.
        observer: Called at every read as ``observer(array, rows [T, n, in])``; None: nothing is. With one, even
            arrays without noise are read row by row.
    """

    def __init__(
        self,
        layer: Layer,
        placement: Placement,
        name: str,
        arrays: tuple[Crossbar, ...],
        start_s: float | None,
        dt_ms: float | None,
        drift_every: int,
    ) -> None:
        super().__init__()
        self.layer, self.placement, self.name, self.arrays = layer, placement, name, arrays
        self.start_s, self.dt_ms, self.drift_every = start_s, dt_ms, drift_every
        self.observer: Callable[[int, Tensor], None] | None = None
        self._aged: tuple[float, tuple[Crossbar, ...], Tensor | None] | None = None

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input: the layer's."""
        return self.layer.tail_steps

    def config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return self.layer.config()

    def forward(
        self, x: Tensor, state: AnalogState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, AnalogState]:
        """Do what the layer does, on arrays."""
        now = AnalogState(0, 0, None) if state is None else state
        parts, start = [], 0
        while start < x.shape[0]:  # the arrays are of one age within a part
            same_age = x.shape[0] if self.dt_ms is None else self.drift_every - now.step % self.drift_every
            part = x[start : start + same_age]
            ends = None if lengths is None else (lengths - start).clamp(0, part.shape[0])
            y, inner = self._read(part, now, ends)
            parts.append(y)
            now = AnalogState(now.step + part.shape[0], now.sample, inner)
            start += part.shape[0]
        return parts[0] if len(parts) == 1 else torch.cat(parts), now

    @property
    def receptors(self) -> Receptors | None:
        """Receptors that share what comes in, where neurons have several."""
        found: Receptors | None = getattr(self.layer, "receptors", None)
        return found

    @property
    def recurrent(self) -> bool:
        """Whether the arrays connect the layer's neurons with themselves."""
        return isinstance(self.layer, RecurrentLIF)

    @property
    def is_plain(self) -> bool:
        """Whether a read is the product with a fixed weight: no noise, no converters, no pattern in it."""
        return all(array.is_linear for array in self.arrays)

    def arrays_at(self, step: int) -> tuple[Crossbar, ...]:
        """Give the arrays as old as they are at a step."""
        return self._at(step)[0]

    def _read(self, x: Tensor, now: AnalogState, lengths: Tensor | None) -> tuple[Tensor, Any]:
        arrays, weight = self._at(now.step)
        if weight is not None and self.observer is None:
            # a read is the product with this weight: the layer computes it itself, in its fastest form
            self.layer.weight_transform = lambda own: weight.to(own.dtype)
            try:
                return self.layer(x, now.inner, lengths)  # type: ignore[no-any-return]
            finally:
                self.layer.weight_transform = None

        def read(which: int, rows: Tensor, first_step: int = 0) -> Tensor:
            if self.observer is not None:
                self.observer(which, rows)
            vectors = rows.shape[1] // x.shape[1]  # of a sample and step: the places of an image, else one
            return arrays[which].matmul(rows, step=now.step + first_step, sample=now.sample * vectors)

        return self.placement.forward(self.layer, read, x, now.inner, lengths)

    def _at(self, step: int) -> tuple[tuple[Crossbar, ...], Tensor | None]:
        """Give the arrays at a step, and the weight that they make where a read is the product with one."""
        passed_s = 0.0
        if self.dt_ms is not None:
            passed_s = step // self.drift_every * self.drift_every * self.dt_ms * 1e-3
        if self._aged is None or self._aged[0] != passed_s:
            arrays = tuple(
                array.at((array.time_s if self.start_s is None else self.start_s) + passed_s)
                for array in self.arrays
            )
            weight = (
                self.placement.weight(self.layer, [a.weight() for a in arrays]) if self.is_plain else None
            )
            self._aged = (passed_s, arrays, weight)
        return self._aged[1], self._aged[2]


class AnalogModel(Layer):
    """Hold a model on crossbars; made by `to_crossbar`.

    It takes and gives what the model did. Noise is keyed by sample and step: a batch that begins with sample n of
    a set is given `start(n)` as its state, and results do not depend on how a set is cut into batches; without a
    state every batch begins with sample 0.

    Attributes:
        model: The layers, those with weights on arrays.
        hardware: What the arrays are made of.
        names: Name of each layer of `source`, in their order.
    """

    def __init__(self, model: Layer, source: Layer, config: CrossbarConfig) -> None:
        super().__init__()
        self.model = model
        self.hardware = config
        self.names = name_layers(source)
        self._source = (source,)  # in a tuple: no submodule

    @property
    def source(self) -> Layer:
        """The model before it went onto arrays."""
        return self._source[0]

    @property
    def layers(self) -> dict[str, AnalogLayer]:
        """The layers on arrays, by name, in the order of the model."""
        found = {layer.name: layer for layer in self.modules() if isinstance(layer, AnalogLayer)}
        return {name: found[name] for name in self.names.values() if name in found}

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input: the model's."""
        return self.model.tail_steps

    def config(self) -> dict[str, Any]:
        """Refuse: hardware is described by its own configuration, see `hardware`."""
        raise TypeError("a model on crossbars is made by to_crossbar; save the model and the CrossbarConfig")

    @property
    def fingerprint(self) -> str:
        """A digest of the layers and of the chips, their age and noise: two models that share it behave alike."""
        digest = hashlib.blake2b(repr((to_config(self.source), self.hardware)).encode(), digest_size=16)
        for tensor in self.source.state_dict().values():
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        for layer in self.layers.values():
            digest.update(repr((layer.name, layer.start_s, layer.dt_ms, layer.drift_every)).encode())
            for array in layer.arrays:
                digest.update(repr((array.config, array.name, array.seed, array.time_s)).encode())
                digest.update(array.written_us.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def extra_repr(self) -> str:
        """Show nothing beside the layers."""
        return ""

    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """Do what the model does, on arrays."""
        return self.model(x, state, lengths)  # type: ignore[no-any-return]

    def start(self, sample: int) -> Any:
        """Give the state of a batch that begins with a sample of that number."""
        return _start(self.model, sample)

    def aged(self, time_s: float) -> AnalogModel:
        """Give the same chips `time_s` seconds after they were programmed.

        Raises:
            ValueError: A time that is negative or not finite.
        """
        time_s = number("time_s", time_s, low=0.0)
        made = copy.copy(self)
        made._modules = {"model": _rebuilt(self.model, lambda layer: _aged(layer, time_s))}
        return made

    def with_arrays(self, arrays: dict[str, tuple[Crossbar, ...]]) -> AnalogModel:
        """Give the same model with other arrays in the layers named."""
        made = copy.copy(self)

        def exchanged(layer: Layer) -> Layer:
            if not isinstance(layer, AnalogLayer) or layer.name not in arrays:
                return layer
            return _twin(layer, arrays=arrays[layer.name])

        made._modules = {"model": _rebuilt(self.model, exchanged)}
        return made

    @contextmanager
    def observed(self, observer: Callable[[str, int, Tensor], None]) -> Iterator[None]:
        """Call ``observer(layer, array, rows [T, n, in])`` at every read inside the block."""
        for name, layer in self.layers.items():
            layer.observer = partial(observer, name)
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer.observer = None


@torch.no_grad()
def rows_read(
    model: AnalogModel, x: Tensor, lengths: Tensor | None = None, *, state: Any = None
) -> dict[tuple[str, int], Tensor]:
    """Run a model on crossbars and keep what drove the rows of every array.

    Args:
        model: The model.
        x: Input, [T, B, ...]; no tail is appended.
        lengths: Valid steps of each sample [B].
        state: State to begin with, such as that of `AnalogModel.start`.

    Returns:
        Rows [T, n, in] by layer and number of the array in it.
    """
    rows: dict[tuple[str, int], list[Tensor]] = {}
    with model.observed(lambda name, which, seen: rows.setdefault((name, which), []).append(seen)):
        model(x, state, lengths)
    return {key: parts[0] if len(parts) == 1 else torch.cat(parts) for key, parts in rows.items()}


def to_crossbar(
    model: Layer,
    config: CrossbarConfig,
    *,
    seed: int = 0,
    write_number: int = 0,
    time_s: float | None = None,
    dt_ms: float | None = None,
    drift_every: int = 1,
    arrays: Mapping[str, Crossbar | Sequence[Crossbar]] | None = None,
) -> AnalogModel:
    """Put the weights of a model into crossbar arrays; everything else stays digital.

    A linear layer is one array; a convolution is unrolled, a row per place of its kernel and a read per place of
    the image, one array per group; a layer with delays has a row per input and delay, a convolution over time;
    recurrent synapses have an array of their own. A kind of your own needs `stages` or `register_placement`.

    Args:
        model: The model; it is copied, and runs in evaluation.
        config: The hardware. `CrossbarConfig.ideal()` computes what the model does, bit for bit.
        seed: Which chip: device-to-device variation and faults.
        write_number: Which write of it: programming noise.
        time_s: Age of the arrays at the first step, s; None: as they were written.
        dt_ms: Length of a step, ms: the arrays age while a sequence runs. None: they stand still.
        drift_every: Steps between two looks at their age.
        arrays: Arrays to be used as they are, of their own hardware and age, by the name of their layer in ledgers
            ("in-hid1"; "hid1" for recurrent synapses): one, or as many as the layer is laid on. What they weigh
            takes the place of the layer's weight: `program_measured` makes them of measured cells.

    Returns:
        A model with the same forward pass.

    Raises:
        TypeError: `model` is no layer, `config` no `CrossbarConfig`, or `arrays` no dict of arrays.
        ValueError: A layer without a place on arrays (named), a time out of range, or arrays that do not fit.
    """
    check_config(config)
    drift_every = whole("drift_every", drift_every, low=1)
    dt_ms = None if dt_ms is None else number("dt_ms", dt_ms, above=0.0)
    time_s = None if time_s is None else number("time_s", time_s, low=0.0)
    source = _source(model)
    on_arrays = layers_on_arrays(source)
    given = checked_arrays({} if arrays is None else arrays, tuple(on_arrays.values()))

    def placed(layer: Layer) -> Layer:
        if layer not in on_arrays:
            return layer
        name = on_arrays[layer]
        placement = placement_of(layer, name)
        matrices = placement.matrices(layer)
        if name in given:
            check_shapes(name, given[name], [tuple(matrix.shape) for matrix in matrices])
            return AnalogLayer(copy_module(layer), placement, name, given[name], None, dt_ms, drift_every)
        programmed = tuple(
            program_crossbar(matrix, config, seed, name=array_name(name, i), write_number=write_number)
            for i, matrix in enumerate(matrices)
        )
        return AnalogLayer(copy_module(layer), placement, name, programmed, time_s, dt_ms, drift_every)

    return AnalogModel(_rebuilt(source, placed), source, config).eval()


def _source(model: Layer) -> Layer:
    """Copy a model in evaluation, without the devices it may be training for: its weights are written anew."""
    if not isinstance(model, Layer):
        raise TypeError(f"model must be a layer of snn.nn, got {shown(model)}")
    source = copy_module(model).eval()
    for layer in source.modules():
        if isinstance(layer, Layer) and isinstance(layer.weight_transform, DeviceWeights):
            layer.weight_transform = None
    return source


def array_name(layer: str, which: int) -> str:
    """Name an array of a layer: the first one as the layer, further ones "layer.2", "layer.3", ..."""
    return layer if which == 0 else f"{layer}.{which + 1}"


def _rebuilt(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """Copy a model with each of its parts changed; its stages run in a plain sequence, whatever ran them before."""
    stages = flat_stages(layer)
    if stages != [layer]:
        return Sequential(*(_rebuilt(stage, change) for stage in stages))
    if not isinstance(layer, Residual):
        return change(layer)
    made = copy.copy(layer)
    made._modules = {
        name: _rebuilt(branch, change) if isinstance(branch, Layer) else branch
        for name, branch in layer._modules.items()
    }
    return made


def _twin(
    layer: AnalogLayer, *, arrays: tuple[Crossbar, ...] | None = None, start_s: float | None = None
) -> AnalogLayer:
    """Copy a layer on arrays with other arrays or another age."""
    arrays = layer.arrays if arrays is None else arrays
    start_s = layer.start_s if start_s is None else start_s
    inner = copy.copy(layer.layer)
    return AnalogLayer(inner, layer.placement, layer.name, arrays, start_s, layer.dt_ms, layer.drift_every)


def _aged(layer: Layer, time_s: float) -> Layer:
    return _twin(layer, start_s=time_s) if isinstance(layer, AnalogLayer) else layer


def _start(layer: Layer, sample: int) -> Any:
    if isinstance(layer, AnalogLayer):
        return AnalogState(0, sample, None)
    if isinstance(layer, Sequential):
        return tuple(_start(part, sample) for part in layer)
    if isinstance(layer, Residual):
        around = None if layer.shortcut is None else _start(layer.shortcut, sample)
        return ResidualState(_start(layer.body, sample), around)
    return None


register_counter(AnalogLayer, count_analog_layer)
register_counter(AnalogModel, count_analog_model)
