"""One training step of a spiking network, forward and backward: ours against SpikingJelly, snnTorch and norse.

    python examples/benchmarks/training.py [--steps 100] [--repeat 5] [--json FILE]

Network 700-256-256-20, batch 128, 3 % of the inputs active, decay 0.9, threshold 1, hard reset, arc tangent; the
loss is the mean cross-entropy of every step's spikes. All start from the same weights and, norse apart (it has
another surrogate), arrive at the same gradients, which is checked against a plain loop before anything is timed.
(snnTorch alone does not fire where a membrane meets the threshold exactly, once in some million steps of a neuron.)
One thread, CPU seconds, interleaved; ratios are of medians. Peers that are not installed are named and left out:

    pip install --no-deps snntorch norse nir nirtorch
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from snn.nn import LIF, Linear, Sequential
from snn.train import TrainConfig, methods

SIZES, GAINS, DECAY, BATCH, LOSS = (700, 256, 256, 20), (9.0, 6.0, 4.0), 0.9, 128, "step_cross_entropy"
Step = Callable[[], None]


class ATan(torch.autograd.Function):
    """The step with the arc tangent's derivative, for the plain loop."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        """Spike at 0 and above."""
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """Give 1 / (1 + (pi u)^2)."""
        return g / (1 + (math.pi * ctx.saved_tensors[0]) ** 2)


class Bench:
    """The input, the labels and the weights that all variants share."""

    def __init__(self, steps: int) -> None:
        torch.manual_seed(0)
        self.x = (torch.rand(steps, BATCH, SIZES[0]) < 0.03).float()
        self.label = torch.randint(0, SIZES[-1], (BATCH,))
        self.lengths = torch.full((BATCH,), steps)
        self.model = Sequential(
            *[
                layer
                for n_in, n_out in itertools.pairwise(SIZES)
                for layer in (
                    Linear(n_in, n_out),
                    LIF(
                        1 / (1 - DECAY), decay_input=False, detach_reset=True, surrogate="atan",
                        surrogate_alpha=2.0,
                    ),
                )
            ]
        )  # fmt: skip
        self.weights = list(self.model.parameters())
        self.linear = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False) for w in self.weights]
        with torch.no_grad():
            for w, gain, layer in zip(self.weights, GAINS, self.linear, strict=True):
                w.copy_(torch.empty(w.shape).uniform_(-1, 1) * gain / w.shape[1] ** 0.5)
                layer.weight.copy_(w)

    def ours(self, **method: Any) -> Step:
        """Our layers with the method of a `TrainConfig`."""
        config = TrainConfig(loss=LOSS, **method)
        return lambda: methods.backward(self.model, self.x, self.lengths, self.label, config) and None

    def loss(self, y: Tensor) -> None:
        """Backward of the mean cross-entropy of y [T, B, C]."""
        cross_entropy(y.flatten(0, 1), self.label.repeat(len(y))).backward()

    def plain(self) -> Step:
        """The textbook loop over time."""

        def step() -> None:
            v, out = [torch.zeros(BATCH, n) for n in SIZES[1:]], []
            for z in self.x.unbind(0):
                for k, layer in enumerate(self.linear):
                    h = v[k] * DECAY + layer(z)
                    z = ATan.apply(h - 1.0)
                    v[k] = h * (1 - z.detach())
                out.append(z)
            self.loss(torch.stack(out))

        return step

    def spikingjelly(self) -> Step:
        """SpikingJelly in multi-step mode."""
        from spikingjelly.activation_based import functional, neuron, surrogate

        nodes = [
            neuron.LIFNode(
                tau=1 / (1 - DECAY), decay_input=False, v_reset=0.0, detach_reset=True, step_mode="m",
                surrogate_function=surrogate.ATan(2.0),
            )
            for _ in self.linear
        ]  # fmt: skip

        def step() -> None:
            z = self.x
            for layer, node in zip(self.linear, nodes, strict=True):
                functional.reset_net(node)
                z = node(layer(z))
            self.loss(z)

        return step

    def spikingjelly_ottt(self) -> Step:
        """SpikingJelly's modules for online training through time, step by step."""
        from spikingjelly.activation_based import functional, layer, neuron, surrogate

        nodes = [
            neuron.OTTTLIFNode(
                tau=1 / (1 - DECAY), v_reset=0.0, surrogate_function=surrogate.ATan(2.0)
            )
            for _ in self.linear
        ]  # fmt: skip
        net = layer.OTTTSequential(*[part for pair in zip(self.linear, nodes, strict=True) for part in pair])

        def step() -> None:
            functional.reset_net(net)
            for x in self.x.unbind(0):
                (cross_entropy(net(x)[0], self.label) / len(self.x)).backward()
                functional.detach_net(net)

        return step

    def snntorch(self) -> Step:
        """Build snnTorch's `Leaky` step by step."""
        import snntorch
        from snntorch import surrogate

        make = lambda: snntorch.Leaky(beta=DECAY, spike_grad=surrogate.atan(), reset_mechanism="zero")  # noqa: E731
        nodes = [make() for _ in self.linear]

        def step() -> None:
            v, out = [node.reset_mem() for node in nodes], []
            for z in self.x.unbind(0):
                for k, (layer, node) in enumerate(zip(self.linear, nodes, strict=True)):
                    z, v[k] = node(layer(z), v[k])
                out.append(z)
            self.loss(torch.stack(out))

        return step

    def norse(self) -> Step:
        """Build norse's box cells, whose step is 1 ms."""
        import norse.torch as norse

        cell = norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(1000 * (1 - DECAY)))
        parts = [part for layer in self.linear for part in (layer, norse.LIFBoxCell(cell))]
        net = norse.SequentialState(*parts)

        def step() -> None:
            state, out = None, []
            for x in self.x.unbind(0):
                z, state = net(x / (1 - DECAY), state)
                out.append(z)
            self.loss(torch.stack(out))

        return step

    def forget(self) -> None:
        """Drop all gradients."""
        for w in self.parameters():
            w.grad = None

    def parameters(self) -> list[Tensor]:
        """Give the weights, ours and those of the peers."""
        return [*self.weights, *(layer.weight for layer in self.linear)]

    def gradients(self, step: Step) -> list[Tensor]:
        """Run a step from fresh gradients, and give those."""
        self.forget()
        step()
        return [w.grad.clone() for w in self.parameters() if w.grad is not None]


def variants(bench: Bench) -> Iterator[tuple[str, Step]]:
    """Give name and step of everything that can run here."""
    steps = len(bench.x)
    yield "ours, bptt", bench.ours()
    yield "ours, sltt", bench.ours(method="sltt")
    yield "ours, sltt-k, k = T/5", bench.ours(method="sltt", k=steps // 5)
    yield "ours, ottt", bench.ours(method="ottt")
    for name, make in (
        ("plain loop", bench.plain),
        ("SpikingJelly", bench.spikingjelly),
        ("SpikingJelly, OTTT", bench.spikingjelly_ottt),
        ("snnTorch", bench.snntorch),
        ("norse", bench.norse),
    ):
        try:
            yield name, make()
        except ImportError as missing:
            print(f"{name}: not here ({missing})")


def check(bench: Bench, steps: dict[str, Step]) -> dict[str, float]:
    """Largest difference of gradients to the plain loop, relative to the largest gradient of a layer."""
    truth = bench.gradients(steps["plain loop"])
    gaps = {}
    for name in steps.keys() & {"ours, bptt", "SpikingJelly", "snnTorch"}:
        gaps[name] = _gap(bench.gradients(steps[name]), truth)
    if "SpikingJelly, OTTT" in steps:
        gaps["ours, ottt"] = _gap(
            *(bench.gradients(steps[name]) for name in ("ours, ottt", "SpikingJelly, OTTT"))
        )
    return gaps


def _gap(a: list[Tensor], b: list[Tensor]) -> float:
    return max(float((x - y).abs().max() / y.abs().max()) for x, y in zip(a, b, strict=True))


def main() -> None:
    """Check, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(options.steps)
    steps = dict(variants(bench))
    gaps = check(bench, steps)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.repeat + 1):  # the first turn warms up
        for name, step in steps.items():
            bench.forget()
            start = time.process_time()
            step()
            if turn:
                times[name].append(time.process_time() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    result = {
        "steps": options.steps,
        "seconds": medians,
        "ratio": {name: seconds / medians["ours, bptt"] for name, seconds in medians.items()},
        "gradient_gap": gaps,
    }
    for name, seconds in medians.items():
        peer = "SpikingJelly's OTTT" if "ottt" in name else "the plain loop"
        gap = f"   gradients within {gaps[name]:.1e} of {peer}" if name in gaps else ""
        print(f"{name:24s} {1e3 * seconds:7.1f} ms  {result['ratio'][name]:5.2f}x{gap}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
