"""SpikeGPT: training against its dense products alone, and generation token by token, in one run.

    python examples/benchmarks/language.py [--repeat 7] [--tokens 10000] [--json FILE]

"products" are the matrix products of a model, forward and backward, on activations of its shapes, and nothing
else: what no form of the model can be faster than. Times are CPU seconds on one thread, interleaved; ratios are
medians of those of a turn. Generation is `snn.language.Stepper`, a batch of one, from a model that spikes; its time
per token is the median over pieces of 500 tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.functional import linear

from snn.language import SpikeGPT, Stepper
from snn.train import LOSSES

VOCAB, STEPS, BATCH, PIECE = 256, 256, 16, 500
SIZES = {"L6 d192": (6, 192), "L4 d128": (4, 128)}
VARIANTS = ("spike_after", "spike_before", "none")


def fresh(layers: int, width: int, variant: str) -> SpikeGPT:
    """Give a model that spikes: as torch begins its layers, and more behind them."""
    torch.manual_seed(0)
    model = SpikeGPT(VOCAB, layers, width, variant, initial="torch")
    with torch.no_grad():
        for block in model.blocks:
            block.time_mixing.output.weight *= 5
            block.channel_mixing.value.weight *= 5
    return model


def training_step(model: SpikeGPT) -> Callable[[], None]:
    """Give a step forward and backward, with the loss of the next token."""
    x, label = (torch.randint(VOCAB, (STEPS, BATCH)) for _ in range(2))
    lengths, loss = torch.full((BATCH,), STEPS), LOSSES.find("next_token")

    def run() -> None:
        loss.per_sample(model(x)[0], lengths, label).mean().backward()
        model.zero_grad()

    return run


def products(layers: int, width: int) -> Callable[[], None]:
    """Give the products of such a step alone."""
    shapes = [(width, width)] * 5 + [(4 * width, width), (width, 4 * width)]
    weights = [torch.randn(shape).mul_(0.05).requires_grad_() for shape in shapes * layers + [(VOCAB, width)]]
    sizes = {size for weight in weights for size in weight.shape}
    inputs = {size: torch.randn(STEPS, BATCH, size).requires_grad_() for size in sizes}
    gradients = {size: torch.randn(STEPS, BATCH, size) for size in sizes}

    def run() -> None:
        for weight in weights:
            outputs, size = weight.shape
            linear(inputs[size], weight).backward(gradients[outputs])
            weight.grad = inputs[size].grad = None

    return run


def compare_training(repeat: int) -> dict[str, dict[str, float]]:
    """Time training against its products, in turns; the first turn warms up."""
    found = {}
    for name, (layers, width) in SIZES.items():
        alone = products(layers, width)
        for variant in VARIANTS:
            step, ratios, times = training_step(fresh(layers, width, variant)), [], []
            for turn in range(repeat + 1):
                spent = []
                for run in (alone, step):
                    start = time.process_time()
                    run()
                    spent.append(time.process_time() - start)
                if turn:
                    ratios.append(spent[0] / spent[1])
                    times.append(spent[1])
            rate = STEPS * BATCH / statistics.median(times)
            found[f"{name} {variant}"] = {"ratio": statistics.median(ratios), "tokens_per_s": rate}
            print(
                f"{name} {variant}: {statistics.median(ratios):.2f} of the products alone, {rate:.0f} tokens/s"
            )
    return found


def generate(tokens: int) -> dict[str, dict[str, float]]:
    """Time a token of generation, at the beginning and at the end of many."""
    found = {}
    for variant in VARIANTS:
        stepper, state, times, memory = Stepper(fresh(6, 192, variant).eval()), None, [], []
        x = torch.randint(VOCAB, (tokens, 1))
        for piece in x.split(PIECE):
            start = time.process_time()
            for token in piece.split(1):
                _, state = stepper(token, state)
            times.append((time.process_time() - start) / len(piece))
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        quarter = max(1, len(times) // 4)
        first, last = statistics.median(times[:quarter]), statistics.median(times[-quarter:])
        found[variant] = {
            "tokens_per_s": 1 / statistics.median(times),
            "ms_first": first * 1e3,
            "ms_last": last * 1e3,
            "grown_mb": memory[-1] - memory[0],
        }
        print(
            f"generation {variant}: {1 / statistics.median(times):.0f} tokens/s; {first * 1e3:.2f} ms a token in "
            f"the first quarter, {last * 1e3:.2f} in the last; {memory[-1] - memory[0]:.1f} MiB more"
        )
    return found


def main() -> None:
    """Measure both and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    found = {"training": compare_training(given.repeat), "generation": generate(given.tokens)}
    if given.json:
        given.json.write_text(json.dumps({"load": os.getloadavg()[0], **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
