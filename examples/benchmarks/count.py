"""Counting a model against running it: the extra time, in one run.

    python examples/benchmarks/count.py [--repeat 25] [--json FILE]

Both run the same model on the same batch, interleaved, without gradients; the figure is the ratio of the medians of
CPU seconds, one thread. Layers without zero weights, 10 % input spikes. Two models of SpikingJelly, counted through
hooks, and one of `snn.nn`, counted layer by layer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from pathlib import Path

import torch
from torch import nn

from snn.hardware import count_steps
from snn.nn import Layer, vgg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from spikingjelly.activation_based import functional, layer, neuron


def convolutional() -> tuple[nn.Module, torch.Tensor]:
    """Two strided stages on 34 x 34 event frames."""
    made = nn.Sequential(
        layer.Conv2d(2, 32, 3, padding=1, bias=False),
        layer.BatchNorm2d(32),
        neuron.LIFNode(),
        layer.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
        layer.BatchNorm2d(64),
        neuron.LIFNode(),
        layer.Conv2d(64, 64, 3, stride=2, padding=1, bias=False),
        layer.BatchNorm2d(64),
        neuron.LIFNode(),
        layer.Flatten(),
        layer.Linear(64 * 9 * 9, 11),
    )
    return made, (torch.rand(10, 8, 2, 34, 34) < 0.1).float()


def dense() -> tuple[nn.Module, torch.Tensor]:
    """700-256-256-20, as for spoken words."""
    made = nn.Sequential(
        layer.Linear(700, 256),
        neuron.LIFNode(),
        layer.Linear(256, 256),
        neuron.LIFNode(),
        layer.Linear(256, 20),
        neuron.LIFNode(),
    )
    return made, (torch.rand(100, 32, 700) < 0.1).float()


def own() -> tuple[nn.Module, torch.Tensor]:
    """The convolutional one as layers of `snn.nn`, pooled instead of strided."""
    made = vgg((32, 64, "A", 64, "A"), 2, 11, features=8)
    return made, (torch.rand(10, 8, 2, 34, 34) < 0.1).float()


def seconds(run: object) -> float:
    start = time.process_time()
    run()  # type: ignore[operator]
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=25)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {}
    for build in (convolutional, dense, own):
        model, x = build()
        if build is not own:
            functional.set_step_mode(model, "m")
        model.eval()

        def plain(model: nn.Module = model, x: torch.Tensor = x) -> None:
            with torch.no_grad():
                if not isinstance(model, Layer):
                    functional.reset_net(model)
                model(x)

        def counted(model: nn.Module = model, x: torch.Tensor = x) -> None:
            count_steps(model, x)

        plain()
        counted()
        times = [(seconds(plain), seconds(counted)) for _ in range(options.repeat)]
        base, full = (statistics.median(column) for column in zip(*times, strict=True))
        found[build.__name__] = {"plain_s": base, "counted_s": full, "overhead": full / base - 1}
        print(
            f"{build.__name__:<14} plain {base:.3f} s  counted {full:.3f} s  overhead {full / base - 1:+.1%}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
