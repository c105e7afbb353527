"""Cross-validate on N-MNIST: a convolutional spiking net against logistic regression on event counts, fold by fold.

    python examples/nmnist_folds.py --data PATH [--folds 5] [--epochs 25] [--steps 6] [--method bptt] [--out DIR]

All recordings of both splits are dealt into folds, every digit evenly. For each fold both learn from the others:
the net's epoch and the regression's penalty are selected on a tenth of these that is held out. They are compared
recording by recording with McNemar's exact test.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest

from snn.datasets import AugmentedImages, EventCameraSet, ImageAugment, folds, hold_out, nmnist
from snn.recipes import pictures, vision
from snn.recipes.nmnist import NmnistConfig
from snn.train import fit, save

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)


def spiking(
    config: NmnistConfig, train: EventCameraSet, valid: EventCameraSet, test: EventCameraSet, to: Path
) -> np.ndarray:
    """Which test recordings the net gets right."""
    sizes = config.channels, config.tau, config.dropout
    model = vision.build_model(train.shape, 10, *sizes, seed=config.train.seed)
    fit(model, AugmentedImages(train, ImageAugment(config.shift)), valid, config.train, out=to, resume=True)
    save(model, to / "model.safetensors", {"recipe": "nmnist folds", "data_name": test.name})
    true, predicted = pictures.predictions(model, test, config.train.loss)
    return true == predicted


def counts(data: EventCameraSet) -> torch.Tensor:
    """Events of each pixel and polarity [B, 2312], square root: counts spread as their root."""
    sums = [batch.x.sum(0).reshape(len(batch.label), -1) for batch in data.batches(100)]
    return torch.from_numpy(np.sqrt(np.concatenate(sums))).double()


def regression(train: EventCameraSet, valid: EventCameraSet, test: EventCameraSet) -> np.ndarray:
    """Which test recordings logistic regression gets right, with the penalty that validates best."""
    (x, x_valid, x_test), label = map(counts, (train, valid, test)), torch.from_numpy(train.labels)
    best, right = -1.0, np.zeros(0)
    for penalty in PENALTIES:
        w = torch.zeros(x.shape[1] + 1, 10, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

        def loss(w: torch.Tensor = w, penalty: float = penalty) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(x @ w[1:] + w[0], label) + penalty * w[1:].square().sum()

        def closure() -> torch.Tensor:
            w.grad = None  # noqa: B023
            value = loss()
            value.backward()
            return value

        optimizer.step(closure)
        scores = [(part @ w[1:] + w[0]).argmax(1).numpy() for part in (x_valid, x_test)]
        if (scores[0] == valid.labels).mean() > best:
            best, right = (scores[0] == valid.labels).mean(), scores[1] == test.labels
    return right


def report(name: str, hits: list[np.ndarray]) -> dict[str, object]:
    share = [100 * float(h.mean()) for h in hits]
    print(
        f"{name}: {100 * np.concatenate(hits).mean():.1f} % (folds {' / '.join(f'{a:.1f}' for a in share)})"
    )
    return {"accuracy": 100 * float(np.concatenate(hits).mean()), "folds": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True)
    for name, value in (("folds", 5), ("epochs", 25), ("steps", 6), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--channels", type=int, nargs="+", default=NmnistConfig().channels)
    parser.add_argument("--method", choices=("bptt", "sltt", "ottt"), default="bptt")
    parser.add_argument("--out", type=Path, default=Path("runs/nmnist-folds"))
    given = parser.parse_args()
    how = replace(NmnistConfig().train, epochs=given.epochs, method=given.method, seed=given.seed)
    config = NmnistConfig(steps=given.steps, channels=tuple(given.channels), train=how)
    train, valid, test = nmnist(given.data, n_bins=given.steps)
    everything = train + valid + test
    print(f"{test.name}: {len(everything)} recordings in {given.folds} folds", flush=True)
    ours, theirs = [], []
    for i, fold in enumerate(folds(everything.labels, given.folds, given.seed)):
        rest = everything.subset(np.setdiff1d(np.arange(len(everything)), fold))
        parts = [*map(rest.subset, hold_out(rest.labels, 0.1, given.seed)), everything.subset(fold)]
        theirs.append(regression(*parts))
        ours.append(spiking(config, *parts, given.out / f"fold-{i}"))
        print(f"fold {i}: net {ours[-1].mean():.1%}, regression {theirs[-1].mean():.1%}", flush=True)
    result = {"net": report("spiking net", ours), "regression": report("logistic regression", theirs)}
    a, b = np.concatenate(ours), np.concatenate(theirs)
    only = int((a & ~b).sum()), int((b & ~a).sum())
    p = float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
    print(f"{only[0]} recordings only the net gets right, {only[1]} only the regression, p = {p:.2g}")
    result["paired"] = {"only_net": only[0], "only_regression": only[1], "p": p}
    (given.out / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
