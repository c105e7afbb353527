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
    """Run the test words through a saved model or network, by events, and keep spikes and counts."""

    file: Annotated[str, tyro.conf.Positional]
    """A model (model.safetensors) or a network (network.h5)."""
    data: str | None = None
    """Words in SHD's layout; "embedded" is the synthetic set; by default those it was trained on."""
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
    words = test_words(loaded, options.data)
    say(f"{words.name}: {len(words)} test words through {loaded.network}")
    last = loaded.network.populations[-1].name
    rec = run_words(loaded.network, words, loaded.tail_steps, engine=options.engine, v=(last,))
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, events in rec.spikes.items():
        if events.n_events:
            events.save(out / f"spikes-{name}.h5")
            say(f"{name}: {events.n_events} spikes, {events.n_events / len(words):.1f} a word")
    (out / "counts.json").write_text(json.dumps(asdict(rec.counts), indent=2) + "\n", encoding="utf-8")
    if loaded.model is not None:
        import torch

        lengths = torch.from_numpy(words.events.n_steps + loaded.tail_steps)
        right = int((scores(rec, lengths).argmax(1).numpy() == words.labels).sum())
        say(f"accuracy by events: {right / len(words):.1%} ({right} of {len(words)})")
        say(compare(loaded.model, loaded.network, words).sentence())
    say(f"written: {out}")
