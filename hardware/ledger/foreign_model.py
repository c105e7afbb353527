"""Count a torch model that is not of `snn.nn` (SpikingJelly, plain torch) through hooks on its modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from snn.core.checks import choice, refusal
from snn.hardware.ledger.evaluation import in_evaluation
from snn.hardware.ledger.hook_counter import HookCounter, Role, Time
from snn.hardware.ledger.input_tally import InputKind
from snn.hardware.ledger.step_ledger import StepLedger

__all__ = ["count_foreign_model"]

_COUNTED = (nn.Linear, nn.Conv1d, nn.Conv2d)
_FOLDED = nn.modules.batchnorm._BatchNorm
_POOLS = tuple(
    getattr(nn.modules.pooling, name)
    for name in ("_AvgPoolNd", "_MaxPoolNd", "_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd")
)


def count_foreign_model(
    model: nn.Module,
    x: Tensor,
    lengths: Tensor,
    *,
    time: Time,
    inputs: Mapping[str, str],
    neurons: tuple[type[nn.Module], ...],
    free: tuple[type[nn.Module], ...],
) -> StepLedger:
    """Count a model per layer, time step and sample; the arguments and errors are those of `count_steps`."""
    steps, batch = (1, x.shape[0]) if time == "none" else x.shape[:2]
    roles = _roles(model, neurons, free, time)
    layers = [name for name, role in roles.items() if role == "layer"]
    for name, declared in inputs.items():
        if name not in layers:
            raise refusal("inputs", f"by name of counted layers ({', '.join(layers)})", name)
        choice(f"inputs[{name!r}]", declared, InputKind)
    counter = HookCounter(steps, batch, time)
    with _hooked(model, roles, counter):
        for t in range(steps) if time == "loop" else (0,):
            counter.step = t
            model(x[t] if time == "loop" else x)
    return counter.build(lengths.numpy(), roles, inputs)


def _roles(
    model: nn.Module, neurons: tuple[type, ...], free: tuple[type, ...], time: Time
) -> dict[str, Role]:
    """Find what each module is to the count; those of no cost have no role.

    Raises:
        ValueError: Parameters that nothing accounts for.
    """
    roles: dict[str, Role] = {}
    for name, module in _named(model).items():
        inside = any(name.startswith(f"{above}.") for above, role in roles.items() if role == "neuron")
        if inside or isinstance(module, free):
            continue
        if isinstance(module, neurons) or _is_spikingjelly_neuron(module):
            mode = getattr(module, "step_mode", None)
            if (mode, time) in (("s", "axis"), ("m", "loop")):
                fitting = "'m' for time='axis'" if time == "axis" else "'s' for time='loop'"
                raise refusal(f"{name}.step_mode", fitting, mode)
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
def _hooked(model: nn.Module, roles: dict[str, Role], counter: HookCounter) -> Iterator[None]:
    """Hook the model, in evaluation and with its neurons at rest, and leave it as it was found."""
    modules: dict[str, Any] = {**_named(model)}
    resets = [module.reset for module in modules.values() if callable(getattr(module, "reset", None))]
    handles = []
    for name, role in roles.items():
        if role == "layer":
            handles.append(modules[name].register_forward_hook(counter.layer_hook(name), with_kwargs=True))
        elif role == "neuron":
            handles.append(modules[name].register_forward_hook(counter.neuron_hook(name)))
    try:
        for reset in resets:
            reset()
        with in_evaluation(model):
            yield
    finally:
        for handle in handles:
            handle.remove()
        for reset in resets:
            reset()
