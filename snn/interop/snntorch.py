"""Models of snnTorch as layers of `snn.nn`, with the same spikes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from torch import nn as torch_nn

from snn import nn
from snn.core.checks import refusal
from snn.interop.torch_layers import Chain, Rule, one_number
from snn.interop.torch_layers import convert as convert_modules
from snn.kernels.surrogate import SurrogateName

__all__ = ["convert"]

_KNOWN = (
    "Linear, Conv2d, BatchNorm, pooling, Flatten, Dropout, Leaky, Synaptic, RLeaky, RSynaptic, or Sequential"
)


def convert(
    module: torch_nn.Module | Iterable[torch_nn.Module],
    *,
    surrogate: SurrogateName = "atan",
    surrogate_alpha: float = 2.0,
) -> nn.Sequential:
    """Convert a model of snnTorch (1.0).

    A `Leaky` that subtracts its threshold does so behind the next step's leak: here that is a soft reset by
    threshold / beta, with the same spikes and another membrane. One that resets to zero with `reset_delay` is
    "hard_next_step". Learned betas and thresholds are taken as they are, and fixed.

    Args:
        module: A `torch.nn.Sequential` of modules, or a list of them in their order: nets are mostly classes with a
            loop over time, so give their parts, `[net.fc1, net.lif1, net.fc2, net.lif2]`.
        surrogate: Shape of the spike's derivative; snnTorch keeps its own as a function, which cannot be read.
        surrogate_alpha: Its sharpness; the defaults are snnTorch's.

    Returns:
        The model, with copies of all weights: spikes are equal in float64, in every step.

    Raises:
        ModuleNotFoundError: snnTorch is not installed.
        TypeError: It is no module.
        ValueError: A module, or an option of it, has no counterpart; the message names it.
    """
    import snntorch

    shape = {"surrogate": surrogate, "surrogate_alpha": surrogate_alpha}
    rules: dict[type, Rule] = {}
    for name in ("Leaky", "Synaptic"):
        rules[getattr(snntorch, name)] = partial(_neuron, shape=shape)
        rules[getattr(snntorch, f"R{name}")] = partial(_recurrent, shape=shape)
    return convert_modules(module, rules, _KNOWN)


def _neuron(chain: Chain, module: Any, shape: dict[str, Any]) -> None:
    chain.add(nn.LIF(**_options(module), **shape))


def _recurrent(chain: Chain, module: Any, shape: dict[str, Any]) -> None:
    """Add neurons that reach themselves a step later; a bias on the way back is there in every step."""
    if not module.all_to_all or not isinstance(module.recurrent, torch_nn.Linear):
        raise refusal("recurrence", "all_to_all over linear_features", type(module.recurrent).__name__)
    weight = module.recurrent.weight
    if module.recurrent.bias is not None:
        chain.add_bias(type(module).__name__, module.recurrent.bias)
    chain.add(nn.RecurrentLIF(len(weight), 1, "fixed", **_options(module), **shape), weight=weight)


def _options(module: Any) -> dict[str, Any]:
    """Give the arguments of `snn.nn.LIF` for a neuron."""
    if module.inhibition:
        raise refusal("inhibition", "False", True)
    if module.state_quant:
        raise refusal("state_quant", "False", module.state_quant)
    graded = one_number("graded_spikes_factor", module.graded_spikes_factor)
    if graded != 1.0:
        raise refusal("graded_spikes_factor", "1", graded)
    beta, v_th = one_number("beta", module.beta), one_number("threshold", module.threshold)
    found: dict[str, Any] = {"leak": min(max(beta, 0.0), 1.0), "v_th": v_th}
    found |= {"decay_input": False, "fires": ">", "detach_reset": True}
    synaptic = hasattr(module, "alpha")
    if synaptic:
        found["syn_leak"] = min(max(one_number("alpha", module.alpha), 0.0), 1.0)
    return found | _reset(module, synaptic, found["leak"], v_th)


def _reset(module: Any, synaptic: bool, beta: float, v_th: float) -> dict[str, Any]:
    """Give the reset: what a spike does, and when."""
    how, late = module.reset_mechanism, bool(module.reset_delay)
    if how == "zero":
        if synaptic and late:
            rule = "False with reset 'zero', which else loses the current of the step"
            raise refusal("reset_delay", rule, True)
        return {"reset": "hard_next_step" if late else "hard"}
    if how == "subtract":
        if not late:
            rule = "True with reset 'subtract', which else loses spikes of a membrane that stays above it"
            raise refusal("reset_delay", rule, False)
        if beta == 0.0:
            raise refusal("beta", "above 0 with reset 'subtract'", beta)
        return {"reset": "soft", "reset_by": v_th / beta}
    raise refusal("reset_mechanism", "'subtract' or 'zero'", how)
