"""Language models on real text: train what is listed, one after another, and write the table of the results.

    python examples/tables/language_table.py --data FOLDER [--out runs/language] [--only 0.9M] [--table]

A run that is done is passed over (results/language.jsonl keeps what it came to), one that was cut goes on from
its last checkpoint: start it again until all are done. `--table` trains nothing and writes into
results/language.md what is there. `--data` is the folder with the texts: tiny Shakespeare, and a sample of
Wikipedia in the format of enwik8.

The control is an LSTM of two layers with as many parameters, tokens and steps. Yardsticks that learn nothing by
gradients: counts of the byte after the last one, two or three (each backs off to the one shorter with the weight of
one count), and xz, of the test part alone and of what it adds to the training part.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import snn
from snn.language import score_tokens
from snn.recipes import text
from snn.recipes.text.config import TextConfig, load_data

RESULTS = Path(__file__).parents[1] / "results" / "language.md"
KEPT = RESULTS.with_suffix(".jsonl")
MARKS = "<!-- runs: written by language_table.py -->", "<!-- end of runs -->"
TEXTS = {"wikipedia": "enwiki-articles1-shortened.xml.bz2", "shakespeare": "tinyshakespeare.txt"}


@dataclass(frozen=True)
class Listed:
    """A run: which text, which model, how large, how many tokens."""

    data: str
    variant: str
    seed: int
    layers: int = 4
    width: int = 128
    budget: int = 5_000_000

    @property
    def size(self) -> str:
        """Parameters, in words."""
        return {(4, 128): "0.9M", (6, 192): "3M"}[self.layers, self.width]

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.data}-{self.size}-{self.variant}-{self.seed}"


VARIANTS = ("spike_after", "spike_before", "none", "lstm")
RUNS = [
    *(Listed("wikipedia", variant, seed) for seed in range(3) for variant in VARIANTS),
    *(Listed("shakespeare", variant, 0) for variant in VARIANTS),
    Listed("wikipedia", "spike_after", 0, 6, 192, 27_000_000),  # the better variant of the two
]


@snn.nn.register_layer
class LSTM(snn.nn.Layer):
    """The control: embedding, two layers of LSTM, head; `logits, state = model(tokens, state, lengths)`."""

    def __init__(self, vocab: int, width: int, layers: int = 2) -> None:
        super().__init__()
        self.vocab, self.width, self.layers = vocab, width, layers
        self.embedding = torch.nn.Embedding(vocab, width)
        self.lstm = torch.nn.LSTM(width, width, layers)
        self.head = torch.nn.Linear(width, vocab)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"vocab": self.vocab, "width": self.width, "layers": self.layers}

    def forward(self, x: torch.Tensor, state: Any = None, lengths: Any = None) -> tuple[torch.Tensor, Any]:
        """Lengths change no output of a valid step, and nothing here uses the state of a shorter sample."""
        y, after = self.lstm(self.embedding(x), state)
        return self.head(y), after

    @classmethod
    def of_size(cls, vocab: int, parameters: int) -> LSTM:
        """The widest one that has no more parameters: 16 d^2 + 16 d in the layers, 2 V d + V beside them."""
        b = 16 + 2 * vocab
        return cls(vocab, int((math.sqrt(b * b + 64 * (parameters - vocab)) - b) / 32))


def config_of(run: Listed, data: Path) -> TextConfig:
    variant: Any = "spike_after" if run.variant == "lstm" else run.variant
    batch = 4 if run.size == "0.9M" else 8  # many small steps: tokens are few
    train = replace(
        TextConfig().train,
        epochs=5,
        batch_size=batch,
        lr=2e-3,
        warmup_steps=100,
        seed=run.seed,
        precision="bfloat16",
    )
    sizes = {"layers": run.layers, "width": run.width, "budget_tokens": run.budget}
    return TextConfig(data=str(data / TEXTS[run.data]), variant=variant, train=train, **sizes)


def train_lstm(config: TextConfig, out: Path) -> None:
    """Train the control by the same `fit` on the same windows, and leave the same keys behind."""
    train, valid, test = load_data(config)
    torch.manual_seed(config.train.seed)
    model = LSTM.of_size(train.vocab, count(snn.language.SpikeGPT(train.vocab, config.layers, config.width)))
    clock = snn.recipes.folder.Clock(out, resume=True)

    def note(progress: snn.train.Progress) -> None:
        if progress.metrics is None:
            clock.mark()
        else:
            clock.lap(progress.epoch)
            print(
                f"epoch {progress.epoch + 1}: valid {progress.metrics['valid_loss'] / math.log(2):.4f}",
                flush=True,
            )

    done = snn.train.fit(model, train, valid, config.train, out=out, resume=True, callback=note)
    seconds = sum(line["train_cpu_s"] for line in snn.recipes.folder.read_lines(out / "timing.jsonl"))
    scores = {name: score_tokens(model, part.tokens, part.tokenizer.sizes, part.context)
              for name, part in (("valid", valid), ("test", test))}  # fmt: skip
    seen = len(train) * train.context * len(done.history)
    last = {f"{name}_bits_per_byte": score.bits_per_byte for name, score in scores.items()}
    last |= {"parameters": count(model), "tokens_seen": seen, "tokens_per_s": seen / seconds}
    last |= {"rates": {}, "variant": "lstm", "data": test.name}
    snn.train.write_metrics(out, [*done.history, last])


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def result_of(run: Listed) -> dict[str, Any] | None:
    """What a run came to; None while it is not done."""
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    return next((found for found in map(json.loads, lines) if found["name"] == run.name), None)


def keep(run: Listed, out: Path) -> None:
    """Add what a run came to, to the file of results."""
    last = json.loads((out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    with KEPT.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"name": run.name, **last}) + "\n")


def counted_bits(train: NDArray[np.uint8], test: NDArray[np.uint8], order: int) -> list[float]:
    """Bits per byte of the test by counts of the training part, for contexts of 0 to `order` bytes.

    A context seen n times, m of them before this byte, gives it the probability (m + q) / (n + 1), with q that of
    the context one shorter; without any context q is 1/256.
    """
    shares, bits = np.full(len(test), 1 / 256), []
    for k in range(order + 1):
        seen, asked = (contexts(part, k) for part in (train, test))
        n, m = how_often(seen, asked), how_often(seen * 256 + train[k:], asked * 256 + test[k:])
        shares = np.concatenate([shares[:k], (m + shares[k:]) / (n + 1)])
        bits.append(float(-np.log2(shares[1:]).mean()))
    return bits


def contexts(part: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    """Give the k bytes before each byte, from the k-th on, as one number."""
    found = np.zeros(len(part) - k, dtype=np.int64)
    for i in range(k):
        found = found * 256 + part[i : len(part) - k + i]
    return found


def how_often(seen: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    values, counts = np.unique(seen, return_counts=True)
    at = np.searchsorted(values, asked).clip(max=len(values) - 1)
    return np.where(values[at] == asked, counts[at], 0)


def yardsticks(data: Path, name: str) -> str:
    train, _, test = (part.tokens for part in snn.datasets.text(data / TEXTS[name]))
    counts = " / ".join(f"{bits:.2f}" for bits in counted_bits(train, test, 3)[1:])
    alone, learned, both = (
        len(lzma.compress(part.tobytes(), preset=9 | lzma.PRESET_EXTREME))
        for part in (test, train, np.concatenate([train, test]))
    )
    xz = f"{8 * alone / len(test):.2f} alone, {8 * (both - learned) / len(test):.2f} given the training part"
    return f"{name}: counts of order 1 / 2 / 3 {counts}; xz -9e {xz} (bits per byte of the test part)"


def table() -> str:
    names = (
        "text, size, model, parameters, tokens, test bits per byte, valid, seeds, firing, tokens per CPU s"
    )
    rows = [f"| {names.replace(', ', ' | ')} |", "|---" * len(names.split(", ")) + "|"]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in RUNS:
        found = result_of(run)
        if found is not None:
            groups.setdefault((run.data, run.size, run.variant), []).append(found)
    for (data, size, variant), found in groups.items():
        rates = [rate for one in found for rate in one["rates"].values()]
        firing = f"{min(rates):.0%}-{max(rates):.0%}" if rates else "-"
        first = found[0]
        tokens = f"{first['tokens_seen'] / 1e6:.2f} M"
        speed = statistics.median(one["tokens_per_s"] for one in found)
        cells = [data, size, variant, f"{first['parameters']:,}", tokens, spread(found, "test_bits_per_byte"),
                 spread(found, "valid_bits_per_byte"), str(len(found)), firing, f"{speed:,.0f}"]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    missing = [run.name for run in RUNS if result_of(run) is None]
    return "\n".join([*rows, "", f"Not run yet: {', '.join(missing)}." if missing else "All runs are there."])


def spread(found: list[dict[str, Any]], key: str) -> str:
    values = [one[key] for one in found]
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/text"))
    parser.add_argument("--out", type=Path, default=Path("runs/language"))
    parser.add_argument("--only", default="", help="runs with this in their name")
    parser.add_argument("--list", action="store_true", help="say what is done and what is not")
    parser.add_argument("--table", action="store_true", help="write the table of what is there")
    parser.add_argument("--yardsticks", action="store_true", help="print what counts and xz reach (a minute)")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one run a core
    chosen = [run for run in RUNS if options.only in run.name]
    if options.yardsticks:
        print("\n".join(yardsticks(options.data, name) for name in TEXTS))
    for run in [] if options.table or options.yardsticks else chosen:
        out, found = options.out / run.name, result_of(run)
        print(f"{run.name}: {'not done' if found is None else found['test_bits_per_byte']}", flush=True)
        if options.list or found is not None:
            continue
        config = config_of(run, options.data)
        if run.variant == "lstm":
            train_lstm(config, out)
        else:
            begun = (out / "config.json").exists()
            text.run(config, out, resume=begun, log=print, callback=epoch_line)
        keep(run, out)
    if options.table:
        write_table(table())


def write_table(rows: str) -> None:
    """Put the table between its marks on the page of results."""
    page = RESULTS.read_text(encoding="utf-8")
    head, rest = page.split(MARKS[0])
    RESULTS.write_text(f"{head}{MARKS[0]}\n\n{rows}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}", encoding="utf-8")


def epoch_line(progress: snn.train.Progress) -> None:
    if progress.metrics is not None:
        print(text.RECIPE.epoch_line(progress), flush=True)


if __name__ == "__main__":
    main()
