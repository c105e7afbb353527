"""Energy ratios that a paper states, from the ledger of the network that it states them for.

Source: Chowdhury, Rathi and Roy, "One Timestep is All You Need" (IIR-SNN), 2021: VGG-16 on images of CIFAR's size,
one time step; arithmetic alone, the first layer multiplies and the others add for each spike.
"""

from __future__ import annotations

import pytest
import torch

from snn import nn
from snn.hardware import LayerCounts, Ledger, estimate


def products_by_layer() -> list[int]:
    """Multiply-accumulates of one dense pass, layer by layer."""
    found = []
    with torch.device("meta"):
        model = nn.vgg("vgg16", 3, 10, features=2, hidden=(4096, 4096), bias=False, head_bias=False)
        x = torch.empty(1, 1, 3, 32, 32)
        for layer in model:
            if not isinstance(layer, nn.LIF | nn.BatchNorm):
                x, _ = layer(x)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                found.append(layer.weight.numel() * x[0, 0, 0].numel())
    return found


def row(name: str, products: int, rate: float | None) -> LayerCounts:
    """Count an inference in one step, of real inputs or of spikes from this share of them."""
    events = products if rate is None else round(rate * products)
    return LayerCounts(
        name, name, "in", n_pre=1, n_post=1, synapses=products, dense_synapses=products, samples=1, steps=1,
        synaptic_events=events, active_inputs=events, macs=events if rate is None else 0,
        values="real" if rate is None else "binary",
    )  # fmt: skip


def test_the_network_is_the_papers():
    products = products_by_layer()
    assert sum(products) == pytest.approx(338.4e6, rel=1e-4)
    assert products[0] / sum(products) == pytest.approx(0.0052, abs=5e-5)


@pytest.mark.parametrize(("rate", "ratio"), [(0.15, 29.05), (0.20, 22.65)])
def test_energy_at_one_step(rate: float, ratio: float):
    first, *others = products_by_layer()
    rows = [row("first", first, None), *(row(f"layer{i}", n, rate) for i, n in enumerate(others))]
    report = estimate(Ledger(tuple(rows)), "horowitz45_fp32")
    dense = next(b for b in report.baselines if b.name == "ann_fp32_once")
    assert dense.compute_pj / report.compute_pj == pytest.approx(ratio, rel=1e-3)
