"""`snn simulate`: run a saved model or network by events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from snn.cli.parse import parse
from snn.cli.progress import say

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Run the test samples through a saved model or network, by events, and keep spikes and counts."""

    file: Annotated[str, tyro.conf.Positional]
    """A model (model.safetensors) or a network (network.h5)."""
    data: str | None = None
    """Where the samples are ("embedded": the synthetic words); by default where it was trained."""
    engine: Literal["event", "clock"] = "event"
    """Engine; both give the same spikes."""
    out: str = "runs/simulate"
    """Folder for spikes-*.h5 and counts.json."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "simulate", arguments)
    from snn.cli.words import load_file, test_words
    from snn.recipes.agreement import compare, run_words, scores

    loaded = load_file(options.file)
    test = test_words(loaded, options.data)
    what = "recordings" if test.shape else "words"
    say(f"{test.name}: {len(test)} test {what} through {loaded.network}")
    last = loaded.network.populations[-1].name
    rec = run_words(loaded.network, test, loaded.tail_steps, engine=options.engine, v=(last,))
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, events in rec.spikes.items():
        if events.n_events:
            events.save(out / f"spikes-{name}.h5")
            say(f"{name}: {events.n_events} spikes, {events.n_events / len(test):.1f} a {what[:-1]}")
    (out / "counts.json").write_text(json.dumps(asdict(rec.counts), indent=2) + "\n", encoding="utf-8")
    if loaded.saved is not None:
        import torch

        model, loss = loaded.saved.model, loaded.saved.loss
        lengths = torch.from_numpy(test.events.n_steps + loaded.tail_steps)
        right = int((scores(rec, lengths, loss).argmax(1).numpy() == test.labels).sum())
        say(f"accuracy by events: {right / len(test):.1%} ({right} of {len(test)})")
        say(compare(model, loaded.network, test, loss=loss).sentence(what))
    say(f"written: {out}")
