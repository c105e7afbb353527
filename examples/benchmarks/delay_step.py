"""One training step of the spoken-words network: our delay layers against the published one, in one run.

    python examples/benchmarks/delay_step.py [--repeat 5] [--data PATH] [--json FILE]

Network 140-256-256-10, 25 taps, batch 128, 80 frames, one thread; random words of 80 frames, or, with --data,
batches of real ones (FSDD), whose lengths ours uses and the published one does not. The published layer (`dcls`,
Dcls1d, its dense convolution) pads each layer as its reference does, 80 -> 92 -> 104 -> 116 frames; ours get 36
silent steps once. "gauss" is the published function, "linear" (two taps) another one; all else in the step is the
same code. Times are CPU seconds, interleaved; the ratio is of the medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import snn
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


def step(
    model: Sequential,
    adam: torch.optim.Adam,
    x: torch.Tensor,
    lengths: torch.Tensor | None,
    label: torch.Tensor,
) -> float:
    start = time.process_time()
    y, _ = model(x, None, lengths)
    lengths = torch.full((x.shape[1],), y.shape[0]) if lengths is None else lengths
    torch.nn.functional.cross_entropy(softmax_sum(y, lengths), label).backward()
    adam.step()
    adam.zero_grad()
    return time.process_time() - start


def random_words() -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Give one batch of random words again and again: frames [80, 128, 140], lengths, labels."""
    torch.manual_seed(1)
    busy = torch.rand(80, 128, 140) < 0.13
    frames = torch.where(busy, torch.poisson(torch.full((80, 128, 140), 3.0)).clamp(min=1), 0.0)
    yield from itertools.repeat((frames, torch.full((128,), 80), torch.randint(0, 10, (128,))))


def real_words(path: str) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Give the batches of a data set's training words, epoch after epoch."""
    train = snn.datasets.shd(path, max_ms=800, split_by="label")[0]
    for epoch in itertools.count():
        for batch in train.batches(128, seed=(0, epoch), min_batch=128):
            frames = torch.zeros(80, 128, 140)
            frames[: len(batch.x)] = torch.from_numpy(batch.x)
            yield frames, torch.from_numpy(batch.lengths), torch.from_numpy(batch.label)


def measure(words: Iterator[Any], sigma: float, repeat: int) -> dict[str, float]:
    """Give the median CPU seconds of a step of each network, taken in turns on the same words."""
    models = {name: network(name, sigma) for name in ("gauss", "linear", "published")}
    adams = {name: torch.optim.Adam(model.parameters()) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(repeat + 1):  # the first turn warms up
        frames, lengths, label = next(words)
        longer = torch.cat([frames, torch.zeros(36, *frames.shape[1:])])
        for name, model in models.items():
            given = (frames, None) if name == "published" else (longer, lengths + 36)
            taken = step(model, adams[name], *given, label)
            if turn:
                times[name].append(taken)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return medians | {
        f"published / {name}": medians["published"] / medians[name] for name in ("gauss", "linear")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", help="a folder in SHD's layout; none: random words")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = {}
    for sigma in (12.0, 0.23):
        words = real_words(options.data) if options.data else random_words()
        row = result[f"sigma {sigma:g}"] = measure(words, sigma, options.repeat)
        print(f"sigma {sigma:g}: " + ", ".join(f"{name} {value:.3f}" for name, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
