"""One training step of the spoken-words network: our delay layers against the published one, in one run.

    python examples/benchmarks/delay_step.py [--repeat 5] [--json FILE]

Network 140-256-256-10, 25 taps, batch 128, 80 frames, one thread. The published layer (`dcls`, Dcls1d, its dense
convolution) pads each layer as its reference does, 80 -> 92 -> 104 -> 116 frames; ours get 36 silent steps once.
"gauss" is the published function, "linear" (two taps) another one; all else in the step is the same code. Times are
CPU seconds, interleaved; the ratio is of the medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import torch

from snn.nn import LIF, BatchNorm, DelayLinear, Dropout, LeakyReadout, Sequential
from snn.nn.layer import Layer
from snn.train import softmax_sum

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from DCLS.construct.modules import Dcls1d

SIZES, TAPS = (140, 256, 256, 10), 25


class Published(Layer):
    """The published layer on [T, B, N]: dense convolution, T grows by 12."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.dcls = Dcls1d(n_in, n_out, kernel_count=1, dilated_kernel_size=TAPS, bias=False, version="gauss")
        self.dcls.SIG.requires_grad_(False)

    def config(self) -> dict[str, Any]:
        """Give nothing: this layer is not saved."""
        return {}

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> Any:
        """Map [T, B, in] to [T + 12, B, out]."""
        padded = torch.nn.functional.pad(x.permute(1, 2, 0), (TAPS - 1, TAPS // 2))
        return self.dcls(padded).permute(2, 0, 1).contiguous(), ()


def network(form: str, sigma: float) -> Sequential:
    torch.manual_seed(0)
    layers: list[Layer] = []
    for n_in, n_out in itertools.pairwise(SIZES):
        connect = Published(n_in, n_out) if form == "published" else DelayLinear(n_in, n_out, TAPS - 1, form)
        with torch.no_grad():
            (connect.dcls.SIG if isinstance(connect, Published) else connect.sigma).fill_(sigma)
        lif = LIF(1.005, decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0)
        layers += [connect, BatchNorm(n_out), lif, Dropout(0.4)]
    return Sequential(*layers[:-3], LeakyReadout(1.005))


def step(model: Sequential, adam: torch.optim.Adam, x: torch.Tensor, label: torch.Tensor) -> float:
    start = time.process_time()
    y, _ = model(x)
    lengths = torch.full((x.shape[1],), y.shape[0])
    torch.nn.functional.cross_entropy(softmax_sum(y, lengths), label).backward()
    adam.step()
    adam.zero_grad()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    busy = torch.rand(80, 128, 140) < 0.13
    short = torch.where(busy, torch.poisson(torch.full((80, 128, 140), 3.0)).clamp(min=1), 0.0)
    label = torch.randint(0, 10, (128,))
    result = {}
    for sigma in (12.0, 0.23):
        models = {name: network(name, sigma) for name in ("gauss", "linear", "published")}
        adams = {name: torch.optim.Adam(model.parameters()) for name, model in models.items()}
        longer = torch.cat([short, torch.zeros(36, 128, 140)])
        times: dict[str, list[float]] = {name: [] for name in models}
        for turn in range(options.repeat + 1):  # the first turn warms up
            for name, model in models.items():
                taken = step(model, adams[name], short if name == "published" else longer, label)
                if turn:
                    times[name].append(taken)
        medians = {name: statistics.median(values) for name, values in times.items()}
        ratios = {f"published / {name}": medians["published"] / medians[name] for name in ("gauss", "linear")}
        result[f"sigma {sigma:g}"] = medians | ratios
        print(f"sigma {sigma:g}: " + ", ".join(f"{k} {v:.3f}" for k, v in result[f"sigma {sigma:g}"].items()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
