"""Networks, batches and gradients for tests of online training through time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from snn import nn
from snn.train import TrainConfig, methods

OTTT = TrainConfig(method="ottt", loss="step_cross_entropy")
SLTT = dataclasses.replace(OTTT, method="sltt")
BPTT = dataclasses.replace(OTTT, method="bptt")
NEURON: dict[str, Any] = {"decay_input": False, "reset": "soft", "detach_reset": True, "surrogate": "sigmoid"}
Given = tuple[Tensor, Tensor, Tensor]


def spikes(steps: int = 9, batch: int = 6, ragged: bool = False) -> Given:
    x = (torch.rand(steps, batch, 12) < 0.4).double()
    lengths = torch.randint(1, steps + 1, (batch,)) if ragged else torch.full((batch,), steps)
    return x, lengths, torch.randint(0, 5, (batch,))


def gradients(model: nn.Layer, given: Given, config: TrainConfig = OTTT, seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    model.train().zero_grad()
    methods.backward(model, *given, config)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor], rtol: float = 1e-12, atol: float = 1e-14) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=rtol, atol=atol, msg=lambda m, n=name: f"{n}: {m}")


def perceptron(*taus: float, out: nn.Layer | None = None) -> nn.Sequential:
    """12 inputs, a hidden layer per tau, 5 outputs."""
    sizes, layers = [12, 20, 16, 14], []
    for i, tau in enumerate(taus):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.LIF(tau, v_th=0.6, **NEURON)]
    layers.append(nn.Linear(sizes[len(taus)], 5))
    return nn.Sequential(*layers, *([] if out is None else [out]))


class Strip(nn.Layer):
    """Lay out [T, B, N] as images of one row [T, B, 1, 1, N]."""

    trace_decay = None

    def config(self) -> dict[str, Any]:
        return {}

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        return x[:, :, None, None], ()


def convolutional() -> nn.Sequential:
    inner = nn.Sequential(nn.Conv2d(4, 4, (1, 3), padding=(0, 1), groups=2), nn.LIF(3.0, **NEURON))
    return nn.Sequential(
        Strip(),
        nn.Conv2d(1, 4, (1, 3), padding=(0, 1), bias=True),
        nn.BatchNorm(4, over="step"),
        nn.LIF(2.0, **NEURON),
        nn.AvgPool2d((1, 2)),
        nn.Residual(inner, nn.Sequential(nn.Conv2d(4, 4, 1), nn.LIF(1.5, **NEURON))),
        nn.Conv2d(4, 6, (1, 3), stride=(1, 2)),
        nn.LIF(4.0, v_th=0.5, **NEURON),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(12, 5, bias=True),
    )


def delayed(mode: nn.DelayMode) -> Callable[[], nn.Sequential]:
    return lambda: nn.Sequential(
        nn.DelayLinear(12, 14, max_delay=4, mode=mode),
        nn.LIF(2.0, v_th=0.5, **NEURON),
        nn.DelayLinear(14, 10, max_delay=4, mode=mode, kernel_count=2),
        nn.LIF(3.0, v_th=0.5, **NEURON),
        nn.Linear(10, 5),
        nn.LeakyReadout(2.0),
    )
