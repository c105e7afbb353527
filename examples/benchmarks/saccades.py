"""Simulated saccades against real recordings of N-MNIST: statistics, and classifiers trained on either.

    python examples/benchmarks/saccades.py --mnist FOLDER --nmnist PATH [--json FILE]

The number of an N-MNIST file is that of its image, so each recording is compared with its own image, filmed.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from snn.datasets import FrameBinning, camera_frames, folds, saccade_images, saccades
from snn.datasets.sets.images import load_images
from snn.datasets.sets.nmnist import NOMINAL_MS, SHAPE, load_nmnist

BURSTS_US = ((0, 90_000), (105_000, 185_000), (225_000, 400_000))


def statistics(recordings: list) -> dict[str, float]:
    count = np.array([len(one.time_us) for one in recordings])
    active = [len(np.unique(one.y * 34 + one.x)) for one in recordings]
    time_us = np.concatenate([one.time_us for one in recordings])
    bursts = [time_us[(time_us >= start) & (time_us < stop)] for start, stop in BURSTS_US]
    return {
        "events": count.mean(),
        "events, s.d.": count.std(),
        "ON share": np.concatenate([one.polarity for one in recordings]).mean(),
        "active pixels": np.mean(active),
        **{f"burst {i + 1}, ms": own.mean() / 1000 for i, own in enumerate(bursts)},
        **{f"burst {i + 1}, share": len(own) / len(time_us) for i, own in enumerate(bursts)},
    }


def counts(events) -> np.ndarray:
    """Roots of the events of each pixel and polarity: counts with a steady spread."""
    return np.sqrt(events.spike_counts()[:, 0].astype(np.float32))


def classifiers() -> dict[str, object]:
    return {
        "ridge": RidgeClassifier(alpha=1000),
        "logistic": LogisticRegression(C=1e-3, max_iter=1000, tol=1e-2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--nmnist", required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    binning = FrameBinning(10)
    parts, images = load_nmnist(options.nmnist, binning), load_images(options.mnist, 1)
    real, filmed, seconds = [], [], 0.0
    for part, still, first in zip(parts, images, (0, len(images[0])), strict=True):
        index = np.array([int(re.search(r"(\d+)\.bin$", str(one))[1]) - 1 for one in part.files.sources])
        real += [part.read_file(one) for one in part.files.sources]
        saccades(still.pixels[:1])  # compiles the loop
        start = time.process_time()
        filmed += saccades(still.pixels[index], samples=index + first)
        seconds += time.process_time() - start
    label = np.concatenate([part.labels for part in parts])
    found = {
        "real": statistics(real),
        "simulated": statistics(filmed),
        "ms per recording": 1000 * seconds / len(filmed),
    }
    for name in found["real"]:
        a, b = found["real"][name], found["simulated"][name]
        print(f"{name:<16} real {a:9.3f}  simulated {b:9.3f}  {b / a - 1:+.1%}")
    print(f"{found['ms per recording']:.1f} ms of CPU a recording")
    of_real, of_same = (counts(camera_frames(rows, SHAPE, binning, NOMINAL_MS)) for rows in (real, filmed))
    others, _, _ = saccade_images(options.mnist, max_train=1000, max_test=10, valid_fraction=0.01, seed=1)
    for name, model in classifiers().items():
        right = np.zeros(len(label), dtype=bool)
        for test in folds(label, 5):
            train = np.setdiff1d(np.arange(len(label)), test)
            right[test] = model.fit(of_real[train], label[train]).predict(of_real[test]) == label[test]
        same = np.zeros(len(label), dtype=bool)
        for test in folds(label, 5):
            train = np.setdiff1d(np.arange(len(label)), test)
            same[test] = model.fit(of_same[train], label[train]).predict(of_real[test]) == label[test]
        other = model.fit(counts(others.events), others.labels).score(of_real, label)
        found[name] = {
            "real, 5 folds": right.mean(),
            "filmed, same folds": same.mean(),
            "1 000 other images": other,
        }
        print(name, {key: round(float(value), 4) for key, value in found[name].items()})
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2, default=float) + "\n")


if __name__ == "__main__":
    main()
