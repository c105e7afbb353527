"""Count a torch model that is not of `snn.nn` (SpikingJelly, plain torch) through hooks on its modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from snn.core.checks import choice, refusal
from snn.hardware.ledger.evaluation import in_evaluation
from snn.hardware.ledger.hidden_state import hidden_state_kept
from snn.hardware.ledger.hook_counter import HookCounter, Role, Time
from snn.hardware.ledger.input_tally import InputKind
from snn.hardware.ledger.origins import FollowOrigins, Origin, set_origin
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import LIF

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
    if not steps * batch:
        raise refusal("x", "of at least one step and one sample", list(x.shape))
    roles = _roles(model, neurons, free, time)
    layers = [name for name, role in roles.items() if role == "layer"]
    for name, declared in inputs.items():
        if name not in layers:
            raise refusal("inputs", f"by name of counted layers ({', '.join(layers)})", name)
        choice(f"inputs[{name!r}]", declared, InputKind)
    counter = HookCounter(steps, batch, time)
    x = x.detach()[:]  # a tensor of our own to write on where it comes from
    with _hooked(model, roles, counter), FollowOrigins():
        for t in range(steps) if time == "loop" else (0,):
            counter.step = t
            given = x[t] if time == "loop" else x
            set_origin(given, Origin(("in",)))
            model(given)
    return counter.build(lengths.numpy(), roles, inputs)


def _roles(
    model: nn.Module, neurons: tuple[type, ...], free: tuple[type, ...], time: Time
) -> dict[str, Role]:
    """Find what each module is to the count; those of no cost have no role.

    Raises:
        ValueError: Parameters that nothing accounts for, synapses inside neurons, or a module of unknown kind.
    """
    roles: dict[str, Role] = {}
    for name, module in _named(model).items():
        inside = any(name.startswith(f"{above}.") for above in roles)
        if inside or isinstance(module, free):
            continue
        if isinstance(module, neurons) or _is_neuron(module):
            hidden = [part for part, weight in module.named_parameters() if weight.dim() > 1]
            if hidden:
                raise ValueError(
                    f"{name} ({type(module).__name__}) has synapses inside ({', '.join(hidden)}), which hooks "
                    "cannot count; write them as a layer of their own"
                )
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
        elif not _is_known(module):
            raise ValueError(
                f"{name} ({type(module).__name__}) is of no class that is known to spike or to cost nothing: name "
                "it in neurons= or free="
            )
    return roles


def _named(model: nn.Module) -> dict[str, nn.Module]:
    """Name every module; the model itself by its class."""
    return {name or type(module).__name__: module for name, module in model.named_modules()}


def _is_neuron(module: nn.Module) -> bool:
    """Recognise the neurons of SpikingJelly, snnTorch and ours, by name: neither tool need be installed."""
    return isinstance(module, LIF) or any(
        (kind.__module__.split(".")[0], kind.__name__) in _NEURONS for kind in type(module).__mro__
    )


def _is_known(module: nn.Module) -> bool:
    """Tell a module that costs nothing, or whose parts are seen one by one, from one that may hide neurons."""
    tool = type(module).__module__.split(".")[0]
    return tool in ("torch", "spikingjelly") or next(module.children(), None) is not None


_NEURONS = (("spikingjelly", "BaseNode"), ("snntorch", "SpikingNeuron"))


def _reset_of(module: Any) -> Callable[[], Any] | None:
    """Give what sets a module to rest; snnTorch calls it `reset_mem`."""
    for name in ("reset", "reset_mem"):
        if callable(getattr(module, name, None)):
            reset: Callable[[], Any] = getattr(module, name)
            return reset
    return None


@contextmanager
def _hooked(model: nn.Module, roles: dict[str, Role], counter: HookCounter) -> Iterator[None]:
    """Hook the model, in evaluation and with its neurons at rest, and leave it as it was found."""
    modules: dict[str, Any] = {**_named(model)}
    resets = [reset for reset in map(_reset_of, modules.values()) if reset is not None]
    handles = []
    for name, role in roles.items():
        if role == "layer":
            handles.append(modules[name].register_forward_hook(counter.layer_hook(name), with_kwargs=True))
        elif role == "neuron":
            handles.append(modules[name].register_forward_hook(counter.neuron_hook(name), with_kwargs=True))
    try:
        for reset in resets:
            reset()
        with in_evaluation(model), hidden_state_kept(modules):
            yield
    finally:
        for handle in handles:
            handle.remove()
        for reset in resets:
            reset()
