"""Count a model per layer, time step and sample; one that is not ours (SpikingJelly, plain torch) through hooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn.hardware.ledger.hooks import Time, Watch
from snn.hardware.ledger.layer_counters import count_layers
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import Layer

__all__ = ["count_steps"]

_COUNTED = (nn.Linear, nn.Conv1d, nn.Conv2d)
_FOLDED = nn.modules.batchnorm._BatchNorm
_POOLS = tuple(
    getattr(nn.modules.pooling, name)
    for name in ("_AvgPoolNd", "_MaxPoolNd", "_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd")
)


def count_steps(
    model: nn.Module,
    x: Tensor,
    lengths: Tensor | None = None,
    *,
    time: Time = "axis",
    inputs: Mapping[str, str] | None = None,
    neurons: Sequence[type[nn.Module]] = (),
    free: Sequence[type[nn.Module]] = (),
) -> StepLedger:
    """Count a torch model per layer, time step and sample.

    A model of `snn.nn` is counted layer by layer (see `snn.hardware.register_counter` for kinds of your own); its
    silent tail is appended, and `time`, `neurons` and `free` do not apply.

    Of any other model, Linear, Conv1d and Conv2d layers are counted with their exact fan-out; whether an input is
    an add or a multiply follows from its values. The model runs once, in evaluation and without gradients; modules
    that have a `reset` are reset before and after. Layers without zero weights cost one pass over their input;
    zero weights make the lazy updates of the neurons behind cost about one more pass of that layer.

    Args:
        model: The model.
        x: Its input: [T, B, ...], or [B, ...] without time.
        lengths: Valid steps of each sample [B]; None is all of T.
        time: ``"axis"`` = the model takes [T, B, ...] at once (SpikingJelly's step_mode "m"); ``"loop"`` = it is
            called once per step on [B, ...] and keeps its state (step_mode "s"); ``"none"`` = no time.
        inputs: Declared input of a layer by name, ``"binary"``, ``"levels"`` or ``"real"``, where the measured
            values would mislead: a silent or all-ones run of a real-valued layer looks binary. For a model of
            `snn.nn` ``{"in": "real"}`` where the input is real values instead of spikes.
        neurons: Classes of spiking neurons, besides SpikingJelly's; their (first) output is their spikes.
        free: Classes with parameters that cost nothing, besides batch normalisation (folded into weights).

    Returns:
        One row per layer; `.ledger()` sums it over steps and samples.

    Raises:
        ValueError: A module with parameters that cannot be counted, a shape that does not fit `time`, a declared
            input that the values contradict, or a name in `inputs` that is not a counted layer.
    """
    if time not in ("axis", "loop", "none"):
        raise ValueError(f"time is {time!r}; allowed: axis, loop, none")
    if isinstance(model, Layer):
        return count_layers(model, x, lengths, inputs)
    inputs = dict(inputs or {})
    steps, batch = (1, x.shape[0]) if time == "none" else (x.shape[0], x.shape[1])
    ends = np.full(batch, steps) if lengths is None else lengths.detach().cpu().numpy()
    if ends.shape != (batch,) or ends.min(initial=0) < 0 or ends.max(initial=0) > steps:
        raise ValueError(f"lengths must be [{batch}] whole numbers from 0 to {steps}")
    watch = Watch(steps, batch, time)
    roles = _roles(model, tuple(neurons), tuple(free), time)
    unknown = sorted(set(inputs) - {name for name, role in roles.items() if role == "layer"})
    if unknown:
        raise ValueError(f"inputs names {', '.join(unknown)}, not a counted layer")
    with _watched(model, roles, watch), torch.no_grad():
        for t in range(steps) if time == "loop" else (0,):
            watch.now = t
            model(x[t] if time == "loop" else x)
    return watch.close(ends, roles, inputs)


def _roles(model: nn.Module, neurons: tuple[type, ...], free: tuple[type, ...], time: Time) -> dict[str, str]:
    """Say what each module is: a layer, a neuron, folded, or of no cost.

    Raises:
        ValueError: Parameters that nothing accounts for.
    """
    roles: dict[str, str] = {}
    for name, module in _named(model).items():
        inside = any(name.startswith(f"{above}.") for above, role in roles.items() if role == "neuron")
        if inside or isinstance(module, free):
            continue
        if isinstance(module, neurons) or _is_spikingjelly_neuron(module):
            mode = getattr(module, "step_mode", None)
            if (mode, time) in (("s", "axis"), ("m", "loop")):
                raise ValueError(f"{name}: step_mode {mode!r} does not go with time={time!r}")
            roles[name] = "neuron"
        elif isinstance(module, _COUNTED):
            roles[name] = "layer"
        elif isinstance(module, _FOLDED):
            roles[name] = "folded"
        elif isinstance(module, _POOLS):
            roles[name] = "pool"
        elif next(module.parameters(recurse=False), None) is not None:
            raise ValueError(
                f"{name} ({type(module).__name__}) has parameters and cannot be counted; countable are "
                "Linear, Conv1d, Conv2d, and classes named in neurons= or free="
            )
    return roles


def _named(model: nn.Module) -> dict[str, nn.Module]:
    """Name every module; the model itself by its class."""
    return {name or type(module).__name__: module for name, module in model.named_modules()}


def _is_spikingjelly_neuron(module: nn.Module) -> bool:
    return any(
        kind.__name__ == "BaseNode" and kind.__module__.startswith("spikingjelly.")
        for kind in type(module).__mro__
    )


@contextmanager
def _watched(model: nn.Module, roles: dict[str, str], watch: Watch) -> Iterator[None]:
    """Hook the model, in evaluation and with its neurons at rest, and leave it as it was found."""
    modes = {module: module.training for module in model.modules()}
    modules: dict[str, Any] = {**_named(model)}
    resets = [module.reset for module in modules.values() if callable(getattr(module, "reset", None))]
    handles = []
    for name, role in roles.items():
        if role == "layer":
            handles.append(modules[name].register_forward_hook(watch.layer(name), with_kwargs=True))
        elif role == "neuron":
            handles.append(modules[name].register_forward_hook(watch.neuron(name)))
    try:
        model.eval()
        for reset in resets:
            reset()
        yield
    finally:
        for handle in handles:
            handle.remove()
        for reset in resets:
            reset()
        for module, training in modes.items():
            module.training = training
