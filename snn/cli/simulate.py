"""`snn simulate`: run a saved model or network by events: on test words, or for long on its own."""

from __future__ import annotations

import json
import sys
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
    """Run the test samples through a saved model or network, by events, and keep spikes and counts.

    With --steps or --events a network runs for long instead: what it records streams to OUT/recording, Ctrl-C
    keeps what is done, and --resume goes on.
    """

    file: Annotated[str, tyro.conf.Positional]
    """A model (model.safetensors) or a network (network.h5)."""
    data: str | None = None
    """Where the samples are ("embedded": the synthetic words); by default where it was trained."""
    engine: Literal["event", "clock"] = "event"
    """Engine; both give the same spikes."""
    out: str = "runs/simulate"
    """Folder for spikes-*.h5 or recording/, and counts.json."""
    steps: int | None = None
    """Steps to run a network for; by default as long as its --events."""
    events: tuple[str, ...] = ()
    """Spikes of its sources, as NAME=FILE (a file of Events.save)."""
    v: tuple[str, ...] = ()
    """Populations whose membranes are kept in a long run."""
    chunk: int = 1000
    """Steps of a long run that are kept in memory, and written, at a time."""
    seed: int = 0
    """Seed of random elements in a long run."""
    resume: bool = False
    """Go on with the long run in OUT."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "simulate", arguments)
    if options.steps is not None or options.events:
        _run_long(options)
        return
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


def _run_long(options: Options) -> None:
    from tqdm import tqdm

    from snn.core import Events, Network, Record, stream

    net = Network.load(options.file)
    inputs = {}
    for word in options.events:
        name, found, path = word.partition("=")
        if not found:
            raise ValueError(f"--events must be NAME=FILE, got {word!r}")
        inputs[name] = Events.load(path)
    say(f"{net}")
    out = Path(options.out)
    with tqdm(desc="steps", unit="step", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        counts = stream(
            net,
            inputs,
            out / "recording",
            options.steps,
            chunk=options.chunk,
            engine=options.engine,
            record=Record(v=options.v),
            seed=options.seed,
            progress=show,
            resume=options.resume,
        )
    (out / "counts.json").write_text(json.dumps(asdict(counts), indent=2) + "\n", encoding="utf-8")
    seconds = counts.steps * net.dt_ms / 1000.0
    for population in net.populations:
        spikes = counts.spikes[population.name]
        rate = spikes / (population.size * seconds) if seconds else 0.0
        say(f"{population.name}: {spikes} spikes, {rate:.2f} Hz")
    say(f"written: {out / 'recording'} ({counts.steps} steps); read it with snn.Recording.load")
