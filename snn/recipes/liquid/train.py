"""A liquid with a linear readout, in software or on random memory arrays; what `snn train liquid` runs."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import snn
from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.json_file import read_json, typed
from snn.core.files.whole import write_whole
from snn.recipes import folder
from snn.recipes.liquid.config import LiquidConfig
from snn.recipes.recipe import Callback, Log, Recipe

if TYPE_CHECKING:
    from snn.core.arrays import Float32Array
    from snn.hardware import Ledger
    from snn.liquid import Readout
    from snn.recipes.liquid.parts import LiquidSamples

__all__ = ["RECIPE", "LiquidResult", "count_saved", "run"]


@dataclass(frozen=True, slots=True)
class LiquidResult:
    """Hold what a run made.

    Attributes:
        folder: The run's folder.
        summary: The last line of metrics.jsonl.
    """

    folder: Path
    summary: dict[str, Any]


def run(
    config: LiquidConfig,
    out: PathLike,
    *,
    resume: bool = False,
    init: PathLike | None = None,
    torch_device: str = "cpu",
    callback: Callback | None = None,
    log: Log | None = None,
) -> LiquidResult:
    """Harvest the liquid's features, solve for the readout, test once beside two controls, and fill the folder.

    The controls are the readout of the input's own counts and that of the same liquid without recurrence, at the
    same windows. `model.safetensors` holds the liquid, as its cells weigh, and the readout; `network.h5` the liquid
    for `snn simulate`. Features are kept in `harvest/`: `resume` goes on from there.

    Args:
        config: The settings.
        out: Folder to fill.
        resume: Go on with the run in `out`; the end has the bits of an uncut one.
        init: Must be None: nothing that is trained begins anywhere.
        torch_device: Must be "cpu".
        callback: Not called: there are no epochs.
        log: Called with lines of text.

    Raises:
        ValueError: The folder holds another run or is in use, or the data or an argument is bad.
        FileNotFoundError: The data are not there.
    """
    if init is not None:
        raise refusal("init", "left out: a liquid is drawn, and its readout solved for", str(init))
    if torch_device != "cpu":
        raise refusal("torch_device", "'cpu' for a liquid", torch_device)
    with folder.hold(out) as path:
        settings = asdict(config)
        folder.check(path, settings, resume)
        from snn.recipes.liquid.parts import load_samples

        samples = load_samples(config)
        folder.write_config(path, settings)
        if log is not None:
            sizes = (
                f"{samples.train.sum()} training, {samples.valid.sum()} validation, {samples.test.sum()} test"
            )
            log(f"data: {samples.name}; {sizes} samples")
        return LiquidResult(path, _run_in(path, config, samples))


def _run_in(path: Path, config: LiquidConfig, samples: LiquidSamples) -> dict[str, Any]:
    """Do what `run` does, in a folder that is held."""
    from snn.liquid import with_readout
    from snn.recipes.liquid.parts import make_liquids

    liquids = make_liquids(config, samples)
    rows, harvest_s = {}, 0.0
    for name, liquid in (("liquid", liquids.liquid), ("no_recurrence", liquids.control)):
        rows[name], seconds = _harvest(liquid, samples, path / "harvest" / name, config.windows)
        harvest_s += seconds
    rows["raw"] = (
        samples.events.spike_counts(config.windows).reshape(len(samples.labels), -1).astype("float32")
    )
    fitted = {name: _fit(features, samples) for name, features in rows.items()}
    summary = {
        "data": samples.name,
        "split": config.split,
        **{f"{_KEYS[name]}_accuracy": _test(fitted[name], rows[name], samples) for name in rows},
        "rate": float(rows["liquid"].sum(dtype="float64") / samples.events.n_steps.sum() / config.neurons),
        "device_seed": config.device_seed,
        "harvest_s": round(harvest_s, 3),
        "strength": fitted["liquid"].strength,
        "test_samples": int(samples.test.sum()),
    }
    dt_ms = samples.events.dt_ms
    model = with_readout(liquids.reservoir.layers(dt_ms), fitted["liquid"], config.windows)
    info = {"recipe": "liquid", "data": asdict(config), "classes": list(samples.classes), "dt_ms": dt_ms}
    snn.train.save(model, path / "model.safetensors", {**info, "test_accuracy": summary["test_accuracy"]})
    liquids.reservoir.network(dt_ms).save(path / "network.h5")
    snn.train.write_metrics(path, [summary])
    return summary


_KEYS = {"liquid": "test", "raw": "raw", "no_recurrence": "no_recurrence"}


def _harvest(liquid: Any, samples: LiquidSamples, path: Path, windows: int) -> tuple[Float32Array, float]:
    """Harvest into a folder, or go on there; gives the features, and the CPU seconds of all calls together."""
    from snn.liquid import harvest

    clock = path / "cpu_s.json"
    spent = float(read_json(clock)) if clock.exists() else 0.0
    start = time.process_time()

    def note(done: int, total: int) -> None:
        write_whole(clock, json.dumps(spent + time.process_time() - start).encode())

    features = harvest(liquid, samples.events, path, windows, resume=True, piece=500, progress=note)[:]
    return features, float(read_json(clock))


def _fit(features: Float32Array, samples: LiquidSamples) -> Readout:
    """Solve for a ridge readout whose strength validation chooses."""
    from snn.liquid import fit_readout

    train, valid = samples.train, samples.valid
    return fit_readout(features[train], samples.labels[train], features[valid], samples.labels[valid])


def _test(readout: Readout, features: Float32Array, samples: LiquidSamples) -> float:
    return readout.accuracy(features[samples.test], samples.labels[samples.test])


def _result_lines(result: LiquidResult) -> list[str]:
    """Say what a run came to."""
    s = result.summary
    controls = f"without recurrence {s['no_recurrence_accuracy']:.1%}, input counts {s['raw_accuracy']:.1%}"
    return [
        f"{s['data']}, {s['split']}: test accuracy {s['test_accuracy']:.1%} of {s['test_samples']} ({controls})",
        f"rate {s['rate']:.3f} spikes per neuron and step; model: {result.folder}/model.safetensors",
    ]


def count_saved(file: PathLike, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Count a saved liquid with its readout on its test samples, for `snn energy`.

    Args:
        file: The model file.
        data: Where the samples are; None is where they were in the run, "embedded" the embedded words.
        samples: The first so many of them; None takes all.

    Raises:
        FileNotFoundError: The file or the data are not there.
        ValueError: The file is not of this recipe, or the samples do not fit it.
    """
    from snn.core.files.hdf5 import naming
    from snn.recipes.liquid.counting import count_events
    from snn.recipes.liquid.parts import load_samples

    about, model = snn.train.read_info(file), snn.train.load(file)
    with naming(file):
        given = dict(typed("data", about.get("data"), dict, "the settings of the run"))
        where = given["data"] if data is None else None if data == "embedded" else data
        config = LiquidConfig(**{**given, "data": where})
    found = load_samples(config)
    return count_events(model, found.events.select(found.test), samples), found.name


RECIPE = Recipe(
    name="liquid",
    help="Read words or recordings out of a fixed random liquid, in software or on memory devices.",
    config=LiquidConfig,
    run=run,
    result_lines=_result_lines,
    count=count_saved,
)
