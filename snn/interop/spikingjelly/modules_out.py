"""Layers of `snn.nn` as modules of SpikingJelly, which share their weights: to train on its CUDA kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from torch import Tensor
from torch import nn as torch_nn

from snn import nn
from snn.core.checks import refusal, shown
from snn.interop.spikingjelly.modules_in import SURROGATES
from snn.kernels.lif_options import LIFOptions
from snn.nn.layer import flat_stages, runs_as
from snn.nn.unrolled import takes_images

__all__ = ["to_spikingjelly"]

Rule = Callable[[Any], torch_nn.Module]
"""Gives the module that a layer becomes."""


def to_spikingjelly(model: nn.Layer) -> torch_nn.Sequential:
    """Give a model as modules of SpikingJelly (2.0) in multi-step mode, with the same parameters.

    Weights, biases and the statistics of BatchNorm are the very tensors of the model: what one learns, both have.
    Choose the kernels with `spikingjelly.activation_based.functional.set_backend(module, "cupy")`, and call
    `functional.reset_net(module)` between batches, for its neurons keep their state. Move the model to its device
    first: torch's `to` gives a module statistics of its own.

    Args:
        model: Layers of Linear, Conv2d, BatchNorm over the sequence, pooling, Flatten, Dropout, LIF (as LIFNode,
            IFNode or CUBALIFNode) and LeakyReadout, which stays what it is.

    Returns:
        Modules of [T, B, ...], in training or evaluation as the model is; in float64 every spike is equal.

    Raises:
        ModuleNotFoundError: SpikingJelly is not installed.
        TypeError: `model` is no layer.
        ValueError: A layer (delays, recurrence, residual blocks), or an option of one, has no counterpart; the
            message names it.
    """
    if not isinstance(model, nn.Layer):
        raise TypeError(f"model must be a layer of snn.nn, got {shown(model)}")
    modules, image = [], takes_images(model)
    for i, layer in enumerate(flat_stages(model)):
        image = image and not runs_as(layer, nn.Flatten)
        try:
            modules.append(_rule(layer, image)(layer))
        except ValueError as error:
            raise ValueError(f"layer {i} ({type(layer).__name__}): {error}") from None
    return torch_nn.Sequential(*modules).train(model.training)


def _rule(layer: nn.Layer, image: bool) -> Rule:
    """Find what a layer becomes."""
    for name in ("weight_transform", "gradient_input"):
        if getattr(layer, name) is not None:
            raise refusal(name, "None, as a module has no such function", "a function")
    if runs_as(layer, nn.BatchNorm):
        return partial(_norm, kind="BatchNorm2d" if image else "BatchNorm1d")
    rule = next((rule for kind, rule in _RULES.items() if runs_as(layer, kind)), None)
    if rule is None:
        known = ", ".join(kind.__name__ for kind in (*_RULES, nn.BatchNorm))
        raise refusal("kind of layer", f"one of {known}", type(layer).__name__)
    return rule


class _Readout(torch_nn.Module):
    """Run a readout from rest: its membranes, without its state."""

    def __init__(self, layer: nn.Layer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Map [T, B, N, ...] to membranes of the same shape."""
        y: Tensor = self.layer(x)[0]
        return y


def _share(module: Any, layer: nn.Layer, *names: str) -> torch_nn.Module:
    """Put the parameters and buffers of a layer into a module."""
    for name in names:
        setattr(module, name, getattr(layer, name))
    done: torch_nn.Module = module
    return done


def _linear(layer: Any) -> torch_nn.Module:
    from spikingjelly.activation_based.layer import Linear

    made = Linear(layer.in_features, layer.out_features, layer.bias is not None, step_mode="m")
    return _share(made, layer, "weight", "bias")


def _conv(layer: Any) -> torch_nn.Module:
    from spikingjelly.activation_based.layer import Conv2d

    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    options = {name: getattr(layer, name) for name in names}
    return _share(Conv2d(**options, bias=layer.bias is not None, step_mode="m"), layer, "weight", "bias")


def _norm(layer: Any, kind: str) -> torch_nn.Module:
    """Give normalisation over steps and samples."""
    from spikingjelly.activation_based import layer as modules

    if layer.over != "sequence":
        raise refusal("over", "'sequence'", layer.over)
    if layer.frozen:
        raise refusal("frozen", "False", True)
    made = getattr(modules, kind)(layer.num_features, layer.eps, layer.momentum, step_mode="m")
    return _share(made, layer, "weight", "bias", "running_mean", "running_var")


def _plain(name: str, *options: str) -> Rule:
    """Give the rule of a module without parameters, of the same name and options."""

    def make(layer: Any) -> torch_nn.Module:
        from spikingjelly.activation_based import layer as modules

        given = {option: getattr(layer, option) for option in options}
        made: torch_nn.Module = getattr(modules, name)(**given, step_mode="m")
        return made

    return make


def _neuron(layer: nn.LIF) -> torch_nn.Module:
    """Give the node of neurons."""
    from spikingjelly.activation_based import neuron

    o = layer.options
    _check(layer, o)
    shared: dict[str, Any] = {
        "v_threshold": o.v_th,
        "v_reset": None if o.reset == "soft" else o.v_reset,
        "surrogate_function": _surrogate(o),
    }
    node: torch_nn.Module
    if layer.receptors is not None:
        synaptic: Any = neuron.CUBALIFNode(layer.receptors.decays[0], o.decay, **shared)
        synaptic.detach_reset, synaptic.step_mode = o.detach_reset, "m"
        return cast(torch_nn.Module, synaptic)
    shared |= {"detach_reset": o.detach_reset, "step_mode": "m"}
    if o.decay == 1.0:
        node = neuron.IFNode(**shared)
    else:
        tau = o.tau if o.leak is None else _tau(o.decay)
        node = neuron.LIFNode(tau, o.decay_input, **shared)
    return node


def _check(layer: nn.LIF, o: LIFOptions) -> None:
    """Refuse what the neurons of SpikingJelly do not do."""
    for name in ("learn_threshold", "learn_leak"):
        if getattr(layer, name):
            raise refusal(name, "False", True)
    due = {"fires": ">=", "t_ref": 0, "tau_adapt": None, "spikes": "single"}
    for name, value in due.items():
        if getattr(o, name) != value:
            raise refusal(name, repr(value), getattr(o, name))
    if o.leaks is not None:
        raise refusal("leak", "one number for the layer", o.leaks)
    if o.reset == "hard_next_step":
        raise refusal("reset", "'hard' or 'soft'", o.reset)
    if o.reset == "soft" and o.fall != o.v_th:
        raise refusal("reset_by", f"the threshold, {o.v_th:g}", o.fall)
    start = 0.0 if o.reset == "soft" else o.v_reset
    if o.rest != start:
        raise refusal("v_leak", f"{start:g}, where its membranes start and leak to", o.rest)
    if layer.receptors is None:
        return
    if layer.receptors.names != (None,):
        raise refusal("tau_syn", "one synaptic current", list(layer.receptors.names))
    if o.decay_input:
        raise refusal("decay_input", "False beside a synaptic current", True)
    if start:
        raise refusal("v_reset", "0 beside a synaptic current", start)


def _tau(decay: float) -> float:
    """Give the time constant of which 1 - 1 / tau is this decay, to the bit: LIFNode takes no other.

    Raises:
        ValueError: There is none, as for most decays below a half; or it forgets at once.
    """
    tau = 1.0 / (1.0 - decay)
    for near in (tau, np.nextafter(tau, 0.0), np.nextafter(tau, np.inf)):
        if near > 1.0 and 1.0 - 1.0 / near == decay:
            return float(near)
    raise refusal("leak", "1 - 1 / tau of a number tau > 1, to the bit", decay)


def _surrogate(o: LIFOptions) -> Any:
    """Give the function of the same derivative."""
    from spikingjelly.activation_based import surrogate

    ours = o.surrogate
    if ours.scale != 1.0:
        raise refusal("normalise_peak and surrogate_gain", "False and 1", [ours.normalise_peak, ours.gain])
    names = {name: theirs for theirs, name in SURROGATES.items()}
    return getattr(surrogate, names[ours.name])(alpha=ours.sharpness)


_RULES: dict[type[nn.Layer], Rule] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.AvgPool2d: _plain("AvgPool2d", "kernel_size", "stride", "padding"),
    nn.MaxPool2d: _plain("MaxPool2d", "kernel_size", "stride", "padding"),
    nn.AdaptiveAvgPool2d: _plain("AdaptiveAvgPool2d", "output_size"),
    nn.Flatten: _plain("Flatten"),
    nn.Dropout: _plain("Dropout", "p"),
    nn.LIF: _neuron,
    nn.LeakyReadout: _Readout,
}
