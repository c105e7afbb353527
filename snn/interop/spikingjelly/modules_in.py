"""Models of SpikingJelly as layers of `snn.nn`, with the same spikes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn as torch_nn

from snn import nn
from snn.core.checks import refusal
from snn.interop.torch_layers import OF_TORCH, Chain, Rule
from snn.interop.torch_layers import convert as convert_modules

__all__ = ["SURROGATES", "convert"]

SURROGATES = {"Sigmoid": "sigmoid", "ATan": "atan", "PiecewiseQuadratic": "triangle", "Rect": "rectangle"}
"""Surrogates that are ours too, by the name of their class."""
_KNOWN = (
    "Linear, Conv2d, BatchNorm, pooling, Flatten, Dropout, LIFNode, IFNode, CUBALIFNode, "
    "LinearRecurrentContainer of such neurons, or torch.nn.Sequential"
)


def convert(module: torch_nn.Module | Iterable[torch_nn.Module]) -> nn.Sequential:
    """Convert a model of SpikingJelly (2.0).

    The layers take sequences [T, B, ...] and keep no state between calls. BatchNorm has one statistic over all
    steps, as SpikingJelly has it in multi-step mode. Dropout keeps its mask for all steps, as SpikingJelly does.

    Args:
        module: A `torch.nn.Sequential` of modules, or a list of them in their order: layers, `LIFNode`, `IFNode`,
            `CUBALIFNode`, and `LinearRecurrentContainer` of these, whose weights are cut into those of the input
            and the recurrence.

    Returns:
        The model, with copies of all weights: spikes are equal in float64, in every step.

    Raises:
        ModuleNotFoundError: SpikingJelly is not installed.
        TypeError: It is no module.
        ValueError: A module, or an option of it, has no counterpart; the message names it.
    """
    from spikingjelly.activation_based import layer, neuron

    rules: dict[type, Rule] = {getattr(layer, name): rule for name, rule in OF_TORCH.items()}
    rules |= {neuron.LIFNode: _neuron, neuron.IFNode: _neuron, neuron.CUBALIFNode: _neuron}
    rules[layer.LinearRecurrentContainer] = _recurrent
    return convert_modules(module, rules, _KNOWN)


def _neuron(chain: Chain, module: Any) -> None:
    chain.add(nn.LIF(**_options(module)))


def _recurrent(chain: Chain, module: Any) -> None:
    """Cut the weights on [input, last spikes] into a connection and neurons that reach themselves a step later."""
    from spikingjelly.activation_based import neuron

    inner, joint = module.sub_module, module.rc
    if type(inner) not in (neuron.LIFNode, neuron.IFNode, neuron.CUBALIFNode):
        raise refusal("sub_module", "LIFNode, IFNode or CUBALIFNode", type(inner).__name__)
    size = joint.out_features
    into, back = joint.weight[:, : joint.in_features - size], joint.weight[:, joint.in_features - size :]
    if joint.in_features != 2 * size:  # such a container cannot run there either
        raise refusal("out_features", f"{size}, its number of neurons", joint.in_features - size)
    connection = nn.Linear(into.shape[1], size, bias=joint.bias is not None)
    chain.add(connection, weight=into, bias=joint.bias)
    chain.add(nn.RecurrentLIF(size, 1, "fixed", **_options(inner)), weight=back)


def _options(module: Any) -> dict[str, Any]:
    """Give the arguments of `snn.nn.LIF` for a neuron."""
    found: dict[str, Any] = {"v_th": float(module.v_threshold), "detach_reset": bool(module.detach_reset)}
    found |= {"reset": "soft"} if module.v_reset is None else {"v_reset": float(module.v_reset)}
    kind = type(module).__name__
    if kind == "LIFNode":
        found |= {"tau": float(module.tau), "decay_input": bool(module.decay_input)}
    elif kind == "IFNode":
        found |= {"leak": 1.0, "decay_input": False}
    else:
        found |= {"leak": float(module.v_decay), "syn_leak": float(module.c_decay), "decay_input": False}
        if module.v_reset:
            raise refusal(
                "v_reset", "0 or None, for its membrane starts at v_reset and leaks to 0", module.v_reset
            )
    return found | _surrogate(module.surrogate_function)


def _surrogate(function: Any) -> dict[str, Any]:
    """Give the surrogate derivative, one of ours."""
    name = type(function).__name__
    if name not in SURROGATES:
        raise refusal("surrogate_function", f"one of {', '.join(SURROGATES)}", name)
    return {"surrogate": SURROGATES[name], "surrogate_alpha": float(function.alpha)}
