"""`snn simulate`: run a saved model or network by events: on test samples, or for long on its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from snn.cli.outputs import check_folder
from snn.cli.parse import parse
from snn.cli.progress import print_line
from snn.core import Counts
from snn.core.checks import refusal
from snn.core.files.whole import write_whole

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Run the test samples through a saved model or network, by events, and keep spikes and counts.

    With --steps or --events a network runs for long instead: what it records streams to OUT/recording, Ctrl-C
    keeps what is done, and --resume goes on.

    Attributes:
        file: A model (model.safetensors) or a network (network.h5).
        data: Where the samples are ("embedded": the synthetic words); by default where it was trained.
        engine: Engine; both give the same spikes.
        out: Folder for spikes-*.h5 or recording/, and counts.json.
        steps: Steps to run a network for; by default as long as its --events.
        events: Spikes of its sources, as NAME=FILE (a file of Events.save).
        v: Populations whose membranes are kept in a long run.
        chunk: Steps of a long run that are kept in memory, and written, at a time.
        seed: Seed of random elements in a long run.
        resume: Go on with the long run in OUT.
    """

    file: Annotated[str, tyro.conf.Positional]
    data: str | None = None
    engine: Literal["event", "clock"] = "event"
    out: str = "runs/simulate"
    steps: int | None = None
    events: tuple[str, ...] = ()
    v: tuple[str, ...] = ()
    chunk: int = 1000
    seed: int = 0
    resume: bool = False


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "simulate", arguments)
    out = check_folder("--out", options.out)
    if options.steps is not None or options.events:
        _run_long(options)
        return
    from snn.cli.samples import load_file, test_samples
    from snn.recipes.agreement import compare, run_samples, scores

    loaded = load_file(options.file)
    test = test_samples(loaded, options.data)
    print_line(f"{test.name}: {len(test)} test samples through {loaded.network}")
    scored = () if loaded.saved is None else ("out",)
    rec = run_samples(loaded.network, test, loaded.tail_steps, engine=options.engine, v=scored)
    out.mkdir(parents=True, exist_ok=True)
    for name, events in rec.spikes.items():
        if events.n_events:
            events.save(out / f"spikes-{name}.h5")
            print_line(f"{name}: {events.n_events} spikes, {events.n_events / len(test):.1f} a sample")
    _write_counts(out, rec.counts)
    if loaded.saved is not None:
        import torch

        model, loss = loaded.saved.model, loaded.saved.loss
        lengths = torch.from_numpy(test.events.n_steps + loaded.tail_steps)
        right = int((scores(rec, lengths, loss).argmax(1).numpy() == test.labels).sum())
        print_line(f"accuracy by events: {right / len(test):.1%} ({right} of {len(test)})")
        print_line(compare(model, loaded.network, test, loss=loss).sentence())
    print_line(f"written: {out}")


def _write_counts(out: Path, counts: Counts) -> None:
    text = json.dumps(asdict(counts), indent=2) + "\n"
    write_whole(out / "counts.json", text.encode("utf-8"))


def _run_long(options: Options) -> None:
    from tqdm import tqdm

    from snn.core import Events, Network, Record, stream

    net = Network.load(options.file)
    inputs = {}
    for given in options.events:
        name, found, path = given.partition("=")
        if not found:
            raise refusal("--events", "NAME=FILE", given)
        inputs[name] = Events.load(path)
    print_line(f"{net}")
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
    _write_counts(out, counts)
    seconds = counts.steps * net.dt_ms / 1000.0
    for population in net.populations:
        spikes = counts.spikes[population.name]
        rate = spikes / (population.size * seconds) if seconds else 0.0
        print_line(f"{population.name}: {spikes} spikes, {rate:.2f} Hz")
    print_line(f"written: {out / 'recording'} ({counts.steps} steps); read it with snn.Recording.load")
