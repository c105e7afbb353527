"""The main job on the embedded words: train with delays, run by events, cost it, write report.html."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from snn.core import Network
from snn.core.arrays import PathLike
from snn.datasets import SpikeSet
from snn.hardware import EnergyReport, Headline, Ledger, Section, count, estimate
from snn.nn import to_network
from snn.plot import confusion, firing_rates, training_curves
from snn.recipes import pictures, shd
from snn.recipes.agreement import Agreement, compare
from snn.recipes.experiment import RunResult
from snn.recipes.folder import hold
from snn.recipes.recipe import Callback, Log
from snn.train import TrainConfig, prepare

__all__ = ["DemoResult", "demo_config", "run"]

Trained = RunResult[SpikeSet]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Hold what the demo made.

    Attributes:
        trained: The trained model and its scores.
        network: The same model in the event engine.
        agreement: How the two agree.
        energy: What the test words cost.
        page: report.html.
    """

    trained: Trained
    network: Network
    agreement: Agreement
    energy: EnergyReport
    page: Path


def demo_config(epochs: int = 30, seed: int = 0) -> shd.ShdConfig:
    """Set up the demo: the embedded words, learned delays, two hidden layers of 256 neurons."""
    return shd.ShdConfig(train=TrainConfig(epochs=epochs, batch_size=64, seed=seed))


def run(
    out: PathLike,
    *,
    config: shd.ShdConfig | None = None,
    target: str = "loihi1",
    resume: bool = False,
    callback: Callback | None = None,
    log: Log | None = None,
) -> DemoResult:
    """Train, export, compare, count and price; leave the run's folder with network.h5 and report.html.

    Args:
        out: The run's folder.
        config: What to train; None is `demo_config()`.
        target: Hardware to price on.
        resume: Go on with the run in `out`.
        callback: Called after every batch and epoch.
        log: Called with lines of text that say what was found.

    Raises:
        ValueError: As `snn.recipes.shd.run`; or an unknown target.
        RuntimeError: The engine and torch disagree (beyond ties): a defect.
    """
    with hold(out) as path:
        return _run_in(path, config or demo_config(), target, resume, callback, log or (lambda _: None))


def _run_in(
    path: Path, config: shd.ShdConfig, target: str, resume: bool, callback: Callback | None, log: Log
) -> DemoResult:
    trained = shd.EXPERIMENT.run_in(path, config, resume=resume, callback=callback, log=log)
    log(f"test accuracy {trained.test.accuracy:.1%} on {trained.test.samples} words of unheard voices")
    test = trained.sets[2]
    network = to_network(trained.model, config.dt_ms)
    network.save(path / "network.h5")
    agreement = compare(trained.model, network, test)
    log(agreement.sentence())
    if not agreement.exact:
        raise RuntimeError(f"torch and the event engine disagree: {agreement}")
    ledger = count_twice(trained, agreement, network)
    energy = estimate(ledger, target)
    energy.to_json(path / "energy.json")
    page = _write_page(path, config, trained, agreement, energy)
    return DemoResult(trained, network, agreement, energy, page)


def count_twice(trained: Trained, agreement: Agreement, network: Network) -> Ledger:
    """Count the test words twice, from the torch model and from the engine's counts.

    Raises:
        RuntimeError: The two ledgers differ: a defect.
    """
    ledgers = []
    for batch in trained.sets[2].batches(64):
        x, lengths, _ = prepare(batch, trained.model)
        tail = trained.model.tail_steps
        ledgers.append(count(trained.model, x[: x.shape[0] - tail], lengths - tail))
    total = functools.reduce(operator.add, ledgers)
    by_events = count(agreement.counts, network)
    if total != by_events:
        raise RuntimeError(f"the ledgers of torch and of the event engine differ: {total} and {by_events}")
    return by_events


def _write_page(
    out: Path, config: shd.ShdConfig, trained: Trained, agreement: Agreement, energy: EnergyReport
) -> Path:
    test = trained.sets[2]
    true, predicted = pictures.predictions(trained.model, test)
    before = [
        Section(
            "The network at work",
            pictures.one_sample(trained.model, test),
            f"One test word ({test.name}): input channels, the hidden neurons, and the readout; in colour the "
            "class with the largest score.",
        ),
        Section(
            "Training",
            training_curves(trained.fit.history, trained.fit.selected_epoch),
            f"{len(trained.sets[0])} training and {len(trained.sets[1])} validation words. The epoch is selected "
            "on the validation words; the test set is used once.",
        ),
        Section("Firing", firing_rates(trained.fit.history), "Validation words."),
        Section(
            "Delays",
            _delays(config, trained),
            "Every synapse learns its own delay together with its weight. Bars are a step wide around whole steps: "
            "the first and the last cover half a step of the range and hold what training pushed to its ends.",
        ),
        Section(
            "Test words",
            confusion(true, predicted, test.classes),
            f"{trained.test.accuracy:.1%} right; {1 / len(test.classes):.0%} is chance. {test.name}, "
            "voices that were not heard in training.",
        ),
        Section("Three readings, one network", f"<p>{agreement.sentence()}.</p>", _counted(agreement)),
    ]
    title = f"Spoken words by spikes: {test.name}"
    return energy.to_html(out / "report.html", title=title, before=before, headlines=_headlines(trained))


def _headlines(trained: Trained) -> list[Headline]:
    test = trained.test
    return [
        Headline("Test accuracy", f"{test.accuracy:.1%}", f"{test.samples} words, selected on validation")
    ]


def _counted(agreement: Agreement) -> str:
    counts = agreement.counts
    events = sum(counts.synaptic_events.values())
    return (
        f"Over {counts.samples} words and {counts.steps} steps the engine delivered {events} synaptic events; "
        "counting in torch gives the same integers for every layer."
    )


def _delays(config: shd.ShdConfig, trained: Trained) -> Figure:
    train = trained.sets[0]
    untrained = shd.build_model(config, train.n_units, len(train.classes), seed=config.train.seed)
    before = pictures.delays_ms(untrained, train.dt_ms)
    return pictures.delay_change(before, trained.model, train.dt_ms)
