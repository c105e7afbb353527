"""Fine-tune a language model to tell lines as they were written from lines with two words exchanged.

    python examples/train_text_classifier.py --data ../shared/data/text/tinyshakespeare.txt
        [--model runs/language/shakespeare-0.9M-spike_after-0/model.safetensors] [--lines 4000] [--epochs 4]

The lines are those of the text, of 30 to 90 bytes: for training from its first 90 %, for validation and test from
the next two twentieths. Of every other one, two neighbouring words are exchanged. With `--model` the blocks begin
with the weights of a trained model of bytes, otherwise with fresh ones. A class is scored by the mean over a line's
tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import snn
from snn.datasets.samples import batch_indices
from snn.language import Classifier, SpikeGPT
from snn.train.data_loaders import GivenBatch


@dataclass(frozen=True)
class Lines:
    """Lines of a text and whether their words were exchanged (1) or not (0)."""

    lines: list[bytes]
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.lines)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[GivenBatch]:
        """Give tokens [T, B], padded behind with 0, their numbers [B] and the classes [B]."""
        for index in batch_indices(len(self), batch_size, seed, min_batch):
            lengths = np.array([len(self.lines[i]) for i in index])
            x = np.zeros((lengths.max(), len(index)), dtype=np.int64)
            for b, i in enumerate(index):
                x[: lengths[b], b] = np.frombuffer(self.lines[i], dtype=np.uint8)
            yield GivenBatch(x, lengths, self.label[index])


def lines_of(part: snn.datasets.TextSet, most: int, seed: int) -> Lines:
    """Take lines from all over a part of the text, and exchange two words of every other one."""
    rng = np.random.default_rng(seed)
    found = [
        line for line in part.tokens.tobytes().split(b"\n") if 30 <= len(line) <= 90 and line.count(b" ") > 3
    ]
    lines = [found[i] for i in rng.permutation(len(found))[:most]]
    label = np.arange(len(lines)) % 2
    for i in np.flatnonzero(label):
        words = lines[i].split(b" ")
        places = [k for k in range(len(words) - 1) if words[k].lower() != words[k + 1].lower()]
        k = places[int(rng.integers(len(places)))] if places else 0
        words[k], words[k + 1] = words[k + 1], words[k]
        lines[i] = b" ".join(words)
    return Lines(lines, label)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--lines", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=5e-4)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the tensors are small
    parts = snn.datasets.text(options.data, context=64)
    counts = options.lines, options.lines // 4, options.lines // 4
    train, valid, test = (lines_of(part, n, options.seed) for part, n in zip(parts, counts, strict=True))
    print(f"{len(train)} training, {len(valid)} validation, {len(test)} test lines of {options.data.name}")

    torch.manual_seed(options.seed)
    if options.model is None:
        body = SpikeGPT(256, layers=4, width=128)
    else:
        loaded = snn.train.load(options.model)
        if not isinstance(loaded, SpikeGPT) or loaded.vocab != 256:
            raise ValueError(
                f"--model must be a SpikeGPT of bytes, got {type(loaded).__name__} in {options.model}"
            )
        body = loaded
    classifier = Classifier(body, classes=2)
    config = snn.train.TrainConfig(
        epochs=options.epochs, batch_size=32, min_batch=1, loss="mean_cross_entropy", schedule="cosine",
        schedule_by="step", warmup_steps=50, lr=options.lr, weight_decay=0.0, clip_norm=1.0, seed=options.seed,
    )  # fmt: skip
    result = snn.train.fit(classifier, train, valid, config, callback=say)
    scores = snn.train.evaluate(classifier, test, loss=config.loss)
    begun = "fresh weights" if options.model is None else f"the weights of {options.model}"
    print(f"test accuracy {scores.accuracy:.1%} ({scores.samples} lines), from {begun}; "
          f"epoch {result.selected_epoch + 1} selected on validation")  # fmt: skip


def say(progress: snn.train.Progress) -> None:
    if progress.metrics is not None:
        shares = (f"{progress.metrics[name]:.1%}" for name in ("train_accuracy", "valid_accuracy"))
        print(f"epoch {progress.epoch + 1}: train and valid accuracy", *shares, flush=True)


if __name__ == "__main__":
    main()
