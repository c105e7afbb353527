"""Compare trained runs on the same test samples: accuracy, what rounding the delays costs, and a paired test.

    python examples/compare_runs.py runs/a-0,runs/a-1 runs/b-0,runs/b-1 [--json FILE]

Each argument is one method: run folders of `snn train`, one per seed, comma between. Methods are compared seed by
seed on the same samples with McNemar's exact test: of the samples that only one of the two gets right, is the split
likely by chance? "unrounded" is the accuracy with delays as trained, not rounded, where there are any.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest

import snn
from snn.recipes.saved import load_saved
from snn.train import LOSSES, Data


def right(folder: Path) -> tuple[np.ndarray, float | None]:
    """Which test samples a run's model gets right, and its accuracy with delays as trained, if it has delays."""
    saved = load_saved(folder / "model.safetensors")
    test = saved.test_set()
    rounded = _right(saved.model, test, saved.loss)
    delayed = [layer for layer in saved.model.modules() if isinstance(layer, snn.nn.DelayedLayer)]
    for layer in delayed:  # only the delay layers train: BatchNorm and dropout stay in evaluation
        layer.train()
    return rounded, float(_right(saved.model, test, saved.loss).mean()) if delayed else None


@torch.no_grad()
def _right(model: snn.nn.Layer, test: Data, loss: str) -> np.ndarray:
    found = []
    for batch in test.batches(128):
        x, lengths, label = snn.train.prepare(batch, model)
        score = LOSSES.find(loss).score(model(x, None, lengths)[0], lengths)
        found.append((score.argmax(1) == label).numpy())
    return np.concatenate(found)


def describe(method: str) -> tuple[list[np.ndarray], dict[str, float]]:
    runs = [right(Path(folder)) for folder in method.split(",")]
    accuracy = np.array([100 * hits.mean() for hits, _ in runs])
    row = {
        "accuracy": float(accuracy.mean()),
        "spread": float(accuracy.std(ddof=1)) if len(runs) > 1 else 0.0,
    }
    seeds = " / ".join(f"{a:.1f}" for a in accuracy)
    print(f"{method}\n  {seeds} %, mean {accuracy.mean():.1f} +- {row['spread']:.1f}")
    unrounded = [100 * share for _, share in runs if share is not None]
    if unrounded:
        row["unrounded"] = float(np.mean(unrounded))
        print(f"  with delays as trained, not rounded: {row['unrounded']:.1f} %")
    return [hits for hits, _ in runs], row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("methods", nargs="+", metavar="RUN[,RUN...]")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    hits, result = {}, {}
    for method in options.methods:
        hits[method], result[method] = describe(method)
    for a, b in itertools.combinations(options.methods, 2):
        pairs = list(zip(hits[a], hits[b], strict=False))  # the seeds that both have
        only_a, only_b = (
            sum(int((x & ~y).sum()) for x, y in order) for order in (pairs, [p[::-1] for p in pairs])
        )
        p = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
        print(f"{a} against {b}: {only_a} samples only the first, {only_b} only the second, p = {p:.2g}")
        result[f"{a} against {b}"] = {"only_first": only_a, "only_second": only_b, "p": float(p)}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
