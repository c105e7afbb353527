"""What a run on a text notes as it goes: bits, firing, samples of text, time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import snn
from snn.core.files.whole import write_whole
from snn.datasets import TextSet
from snn.recipes import folder
from snn.recipes.recipe import Callback, Log
from snn.recipes.text.config import TextConfig

__all__ = ["Report", "Timed", "epoch_line", "sample_text"]

SAMPLES = "samples.jsonl"


def epoch_line(progress: snn.train.Progress) -> str:
    """Say in a line what an epoch came to."""
    m = progress.metrics or {}
    train, valid = (m[name] / math.log(2) for name in ("train_loss", "valid_loss"))
    rates = " ".join(f"{name} {rate:.1%}" for name, rate in m["rates"].items())
    return (
        f"epoch {progress.epoch + 1:>3}/{progress.epochs}  bits a token: train {train:.3f}, valid {valid:.3f}  "
        f"firing {rates or 'none'}"
    )


class Timed:
    """Draw windows of a text until the time is over: what `fit` is given as data where minutes count."""

    def __init__(self, data: TextSet, minutes: float) -> None:
        """Take windows of `data`; the time starts with the first batch."""
        self.data, self._seconds, self.tokens_seen = data, 60.0 * minutes, 0

    def __len__(self) -> int:
        """Return the windows of a pass; how many there will be is not known."""
        return len(self.data)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give batches until the time is over, at least one; each pass is drawn anew."""
        end = time.perf_counter() + self._seconds
        for turn in count():
            for batch in self.data.batches(batch_size, seed=(*seed, turn), min_batch=min_batch):
                self.tokens_seen += int(batch.lengths.sum())
                yield batch
                if time.perf_counter() >= end:
                    return


class Report:
    """Note what each epoch of a run took and came to, with a sample of text: the callback of `fit`."""

    def __init__(
        self,
        path: Path,
        valid: TextSet,
        model: snn.language.SpikeGPT,
        config: TextConfig,
        resume: bool,
        callback: Callback | None,
        log: Log | None,
    ) -> None:
        """Write into `path`; a run that is resumed adds to what is there."""
        self._clock, self._file = folder.Clock(path, resume), path / SAMPLES
        self._lines = folder.read_lines(self._file) if resume and self._file.exists() else []
        self._valid, self._model, self._config = valid, model, config
        self._bytes_per_token = valid.n_bytes / len(valid.tokens)
        self._callback, self._log = callback, log

    def __call__(self, progress: snn.train.Progress) -> None:
        """Take a report of `snn.train.fit`."""
        if progress.metrics is None:
            self._clock.mark()
        else:
            self._clock.lap(progress.epoch)
        if self._callback is not None:
            self._callback(progress)
        if progress.metrics is not None:
            self._note(progress.epoch, progress.metrics)

    def _note(self, epoch: int, metrics: dict[str, Any]) -> None:
        """Write down what an epoch came to: bits, perplexity, rates, and how the held-out text goes on."""
        from snn.language.bits import perplexity

        bits = metrics["valid_loss"] / math.log(2)
        prompt, text = sample_text(self._model, self._valid, self._config.sample, self._config.train.seed)
        line = {
            "epoch": epoch,
            "valid_bits_per_byte": bits / self._bytes_per_token,
            "valid_perplexity": perplexity(bits),
            "rates": metrics["rates"],
            "prompt": prompt,
            "text": text,
        }
        self._lines.append(line)
        write_whole(self._file, "".join(json.dumps(one) + "\n" for one in self._lines).encode())
        if self._log is not None:
            self._log(
                f"valid {bits / self._bytes_per_token:.4f} bits per byte, perplexity {perplexity(bits):.2f}"
            )
            if text:
                self._log(f"sample: {text!r}")


def sample_text(model: snn.language.SpikeGPT, held_out: TextSet, tokens: int, seed: int) -> tuple[str, str]:
    """Give the beginning of a text, and how a model goes on with it; its mode and all random numbers stay."""
    if not tokens:
        return "", ""
    language, tokenizer = snn.language, held_out.tokenizer
    start = held_out.at([0]).x[:64, 0]
    mode = model.training
    model.eval()
    try:
        drawn = language.generate(
            model, language.read_prompt(model, start), tokens, language.Sampling(0.8, top_p=0.95, seed=seed)
        )
        text = tokenizer.decode([int(token[0]) for token in drawn])
    finally:
        model.train(mode)
    prompt = tokenizer.decode(start)
    return prompt.decode("utf-8", "backslashreplace"), text.decode("utf-8", "backslashreplace")
