"""Compare a liquid with its controls, in software and on memory devices: the rows of results/liquid.md.

python examples/tables/liquid_table.py --data FSDD_OR_NMNIST --out FOLDER [--devices 5] [--rows NAME ...]
python examples/tables/liquid_table.py --data MNIST --film 1500 --out FOLDER ...  (so many images, filmed)

Every harvest is kept in FOLDER, so the script goes on where it was stopped; with --rows it does only those. The
readout is ridge on counts brought to deviation 1 (that of the official training samples), its strength chosen on
validation. A prediction per sample is the majority of the device seeds; the exact McNemar test compares it with
that of the input's counts at equal windows.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import binomtest

from snn.datasets import saccade_images
from snn.datasets.folds import folds
from snn.liquid import harvest
from snn.recipes.liquid import LiquidConfig
from snn.recipes.liquid.parts import (
    LiquidSamples,
    cropped,
    join_events,
    load_samples,
    make_liquids,
    split_samples,
)

ROWS = {
    "software": {},
    "no recurrence": {"control": True},
    "no delays": {"recurrent_delay": 0.0},
    "rram 3.554 V": {"weights": "rram", "voltage": 3.554},
    "rram 3.323 V": {"weights": "rram", "voltage": 3.323},
}
WINDOWS = 8
STRENGTHS = (1e2, 3e2, 1e3, 3e3)


def load(config: LiquidConfig, film: int | None) -> LiquidSamples:
    """Read samples as the recipe does, or film so many of MNIST's training images as N-MNIST's."""
    if film is None:
        return load_samples(config)
    sets = [
        cropped(part)
        for part in saccade_images(config.data, n_bins=config.frames, max_train=film, max_test=10)
    ]
    labels = np.concatenate([part.labels for part in sets])
    of = np.repeat(np.arange(3), [len(part) for part in sets])
    events = join_events([part.events for part in sets])
    masks = (of == 0, of == 1, of == 2)
    return LiquidSamples(sets[0].name, events, labels, np.full(len(labels), -1), sets[0].classes, *masks)


def features(name: str, config: LiquidConfig, samples, seed: int, out: Path) -> np.ndarray:
    """Harvest a row's counts in 8 windows, or read what is there, [B, 8 N]."""
    given = dict(ROWS[name])
    control = given.pop("control", False)
    file = out / f"{name.replace(' ', '-')}-{seed}.npy"
    if not file.exists():
        made = make_liquids(replace(config, device_seed=seed, windows=WINDOWS, **given), samples)
        start = time.process_time()
        rows = harvest(made.control if control else made.liquid, samples.events, windows=WINDOWS)
        print(f"{name}, device {seed}: harvest {time.process_time() - start:.0f} CPU s", flush=True)
        np.save(file, rows.astype(np.uint16))
    return np.load(file).astype(np.float32)


def splits_of(samples, config: LiquidConfig) -> dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Give the splits by name, each as (train, valid, test) masks: the folds of one name share their score."""
    labels, speakers = samples.labels, samples.speakers
    if (speakers < 0).any():
        parts = folds(labels, 5, seed=1)
        masks = [np.isin(np.arange(len(labels)), part) for part in parts]
        return {"5 folds": [(~(a | b), b, a) for a, b in zip(masks, masks[1:] + masks[:1], strict=True)]}
    out = [
        split_samples(f"speaker:{n}", labels, speakers, samples.test, 0) for n in np.unique(speakers).tolist()
    ]
    return {"official": [(samples.train, samples.valid, samples.test)], "speaker out": out}


def predictions(rows: np.ndarray, samples, splits) -> dict[str, np.ndarray]:
    """Give the predicted class of every sample that a split tests, [B], by the name of the split; -1 elsewhere."""
    deviation, labels = rows[samples.train].std(axis=0), samples.labels
    x = rows[:, deviation > 1e-6] / deviation[deviation > 1e-6]
    gram = x @ x.T  # in float32, for speed: the penalty keeps what is solved far from singular
    target = np.where(labels[:, None] == np.arange(labels.max() + 1), 1.0, -1.0).astype(np.float32)
    found = {}
    for name, parts in splits.items():
        found[name] = np.full(len(labels), -1)
        for train, valid, test in parts:
            right = {s: (solve(gram, target, train, valid, s) == labels[valid]).mean() for s in STRENGTHS}
            best = max(right, key=lambda s: (right[s], s))
            found[name][test] = solve(gram, target, train | valid, test, best)
    return found


def solve(gram, target, train, test, strength: float) -> np.ndarray:
    """Fit ridge with a free offset on the samples `train`, by their products, and predict `test`."""
    own = gram[np.ix_(train, train)]
    mean, offset = own.mean(axis=0), target[train].mean(axis=0)
    centred = own - mean - mean[:, None] + mean.mean()
    dual = cho_solve(
        cho_factor(centred + strength * np.eye(len(own), dtype=np.float32)), target[train] - offset
    )
    cross = gram[np.ix_(test, train)]
    return ((cross - cross.mean(axis=1, keepdims=True) - mean + mean.mean()) @ dual + offset).argmax(axis=1)


def of_windows(rows: np.ndarray, windows: int) -> np.ndarray:
    """Add up counts of 8 windows to those of one, or leave them."""
    return rows if windows == WINDOWS else rows.reshape(len(rows), WINDOWS, -1).sum(axis=1)


def majority(votes: list[np.ndarray]) -> np.ndarray:
    """Give the class that most devices predict, the smallest of several."""
    return np.array([np.bincount(one + 1).argmax() - 1 for one in np.stack(votes, axis=1)])


def mcnemar(a: np.ndarray, b: np.ndarray, labels: np.ndarray) -> float:
    """Give the exact two-sided p of two predictions being right equally often."""
    only_a = int(((a == labels) & (b != labels)).sum())
    only_b = int(((a != labels) & (b == labels)).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--film", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--rows", nargs="*", default=list(ROWS))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    config = LiquidConfig(data=given.data)
    samples = load(config, given.film)
    labels, splits = samples.labels, splits_of(samples, config)
    raw = samples.events.spike_counts(WINDOWS).reshape(len(labels), -1).astype(np.float32)
    baseline = {w: predictions(of_windows(raw, w), samples, splits) for w in (1, WINDOWS)}
    file = given.out / "table.jsonl"
    with file.open("a") as lines:
        for w, found in baseline.items():
            print_row(
                "raw counts", w, {name: [votes] for name, votes in found.items()}, baseline[w], labels, lines
            )
        for row in given.rows:
            for w in (1, WINDOWS):
                votes: dict[str, list[np.ndarray]] = {name: [] for name in splits}
                for seed in range(given.devices):
                    rows = of_windows(features(row, config, samples, seed, given.out), w)
                    for name, predicted in predictions(rows, samples, splits).items():
                        votes[name].append(predicted)
                print_row(row, w, votes, baseline[w], labels, lines)


def print_row(row: str, windows: int, votes, baseline, labels, lines) -> None:
    """Print a row's accuracy by split, mean and deviation over devices, and of their majority; keep it."""
    for name, each in votes.items():
        tested = each[0] >= 0
        right = [float((one == labels)[tested].mean()) for one in each]
        together = majority(each)[tested]
        p = mcnemar(together, baseline[name][tested], labels[tested])
        line = {
            "row": row,
            "windows": windows,
            "split": name,
            "accuracies": right,
            "mean": float(np.mean(right)),
            "sd": float(np.std(right, ddof=1)) if len(right) > 1 else None,
            "majority": float((together == labels[tested]).mean()),
            "mcnemar_p_over_raw": p,
            "samples": int(tested.sum()),
        }
        lines.write(json.dumps(line) + "\n")
        lines.flush()
        print(f"{row:<14} {windows} windows {name:<12} {line['mean']:.1%} +- {line['sd'] or 0:.1%}, "
              f"majority {line['majority']:.1%}, p over raw {p:.2g}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
