"""Every loader of the package: a small file that it reads, and what it makes of it."""

from __future__ import annotations

import bz2
import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from contents import plain
from edits import Edit, edit_hdf5, edit_json, edit_our_hdf5, edit_safetensors, edit_tree_file, edit_zip
from event_files import write_cifar10_dvs, write_event_files, write_gesture_arrays, write_gestures
from samples import SMALL_SHD, small_mnist, small_shd, write_image_folders, write_recordings, write_small_shd
from sounds import glide, write_speech_commands

import snn
from snn.core.files.events import FORMAT as EVENTS
from snn.core.files.events import VERSION as EVENTS_VERSION
from snn.core.files.hdf5 import naming
from snn.core.network import FORMAT as NETWORK
from snn.core.network import VERSION as NETWORK_VERSION
from snn.core.recording import FORMAT as PART
from snn.core.recording import VERSION as PART_VERSION
from snn.core.state import FORMAT as STATE
from snn.core.state import VERSION as STATE_VERSION
from snn.interop import nir


@dataclass(frozen=True)
class Loader:
    """Hold how a sample is written and read.

    Attributes:
        write: Writes the sample into an empty folder, and gives the path that `read` takes.
        read: Reads it and gives what it holds.
        edit: Edits the structure of one file; None: only bytes are damaged.
        digest: Whether a file carries a digest of itself: then no byte of it can change unseen.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], Any]
    edit: Edit | None = None
    digest: bool = False


def _network() -> snn.Network:
    neuron = snn.LIFParams(
        tau_mem_ms=10.0, tau_syn_ms={"exc": 5.0, "inh": 8.0}, adapt_by=0.2, tau_adapt_ms=20.0, t_ref_ms=2.0
    )
    plastic = snn.core.STDP(0.01, 0.012)
    rng = np.random.default_rng(0)
    return snn.Network(
        1.0,
        [
            snn.Population("in", 6),
            snn.Population("h", 5, neuron),
            snn.Population("o", 3, snn.LIFParams(decay=0.9)),
        ],
        [
            snn.Projection("in", "h", rng.random((6, 5)), rng.integers(0, 5, (6, 5)) * 1.0, "in-h", "exc"),
            snn.Projection("h", "h", -rng.random((5, 5)), 2.0, "h-h", "inh"),
            snn.Projection("h", "o", rng.random((5, 3)), 3.0, "h-o", plasticity=plastic),
        ],
        [snn.core.PoissonInput("h", 100.0, 0.5, "exc")],
    )


def _events() -> snn.Events:
    rng = np.random.default_rng(1)
    steps = [np.sort(rng.integers(0, 20, 30)) for _ in range(2)]
    units = [rng.integers(0, 6, 30) for _ in range(2)]
    return snn.Events.from_lists(steps, units, n_units=6, dt_ms=1.0, n_steps=20)


def _write_network(folder: Path) -> Path:
    _network().save(folder / "network.h5")
    return folder / "network.h5"


def _read_network(path: Path) -> Any:
    return snn.Network.load(path).to_dict()


def _write_events(folder: Path) -> Path:
    _events().save(folder / "events.h5")
    return folder / "events.h5"


def _write_state(folder: Path) -> Path:
    snn.simulate(_network(), {"in": _events()}).state.save(folder / "state.h5")
    return folder / "state.h5"


def _go_on(path: Path) -> Any:
    """Read a state and go on from it: what is accepted must also run."""
    state = snn.SimulationState.load(path)
    with naming(path):  # what `simulate` says of the state names no file: it was given none
        snn.simulate(_network(), {"in": _events()}, state=state)
    return state


def _write_recording(folder: Path) -> Path:
    snn.stream(_network(), {"in": _events()}, folder / "run", chunk=10, record=snn.Record(v=["h"]))
    return folder / "run"


def _read_recording(path: Path) -> Any:
    found = snn.Recording.load(path)
    return {"spikes": found.spikes, "v": found.v, "counts": found.counts.to_dict(), "state": found.state}


def _edit_recording(path: Path, rng: np.random.Generator) -> None:
    kind, version = (STATE, STATE_VERSION) if path.name.startswith("state") else (PART, PART_VERSION)
    edit_tree_file(kind, version)(path, rng)


def _recorded() -> dict[str, snn.Events]:
    between = snn.TimedEvents.from_times([[0.3, 2.7, 9.4]], [[0, 1, 0]], n_units=2, dt_ms=1.0, n_steps=20)
    return {"in": _events().select([0]), "hid": between}


def _steps_of(spikes: dict[str, snn.Events]) -> Any:
    """List what populations hold: their names and kinds are of the file, in which any other is as good."""
    return [[events.step, events.unit, events.n_units, events.n_steps] for events in spikes.values()]


def _write_sonata_spikes(folder: Path) -> Path:
    snn.interop.sonata.write_spikes(_recorded(), folder / "spikes.h5")
    return folder / "spikes.h5"


def _write_sonata_edges(folder: Path) -> Path:
    snn.interop.sonata.write_edges(_network(), folder / "edges.h5", lossy=True)
    return folder / "edges.h5"


def _read_sonata_edges(path: Path) -> Any:
    found = snn.interop.sonata.read_edges(path).projections
    return [[projection.weight, projection.delay_ms] for projection in found]


def _write_nwb(folder: Path) -> Path:
    snn.interop.nwb.write(_recorded(), folder / "units.nwb")
    return folder / "units.nwb"


def _model() -> Any:
    from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, Residual, Sequential

    return Sequential(
        DelayLinear(6, 5, max_delay=4, mode="gauss"),
        BatchNorm(5),
        LIF(tau=2.0),
        Residual(Sequential(Linear(5, 5), LIF(tau=2.0))),
        Linear(5, 3),
        LeakyReadout(tau=2.0),
    )


def _write_model(folder: Path) -> Path:
    snn.train.save(_model(), folder / "model.safetensors")
    return folder / "model.safetensors"


def _read_model(path: Path) -> Any:
    model = snn.train.load(path)
    return {"config": snn.nn.to_config(model), "tensors": dict(model.state_dict())}


def _write_ledger(folder: Path) -> Path:
    from ledgers import ledger_of

    ledger_of([(6, 5, 40), (5, 3, 12)]).to_json(folder / "ledger.json")
    return folder / "ledger.json"


def _write_report(folder: Path) -> Path:
    from ledgers import ledger_of

    ledger = ledger_of([(6, 5, 40), (5, 3, 12)])
    snn.hardware.estimate(ledger, "loihi1").to_json(folder / "report.json")
    return folder / "report.json"


def _read_report(path: Path) -> Any:
    from snn.hardware.report.estimate import rerun

    return json.loads(rerun(path).to_json())


def _sweep(path: Path) -> Any:
    found = snn.hardware.sweep(
        lambda config, seed: {"score": config["bits"] + 0.5 * seed}, {"bits": [2, 4]}, seeds=(0, 1), path=path
    )
    return [(run.config, run.seed, run.metrics) for run in found.runs]


def _write_sweep(folder: Path) -> Path:
    _sweep(folder / "sweep.jsonl")
    return folder / "sweep.jsonl"


def _write_checkpoint(folder: Path) -> Path:
    _fit(folder / "run", resume=False)
    return folder / "run"


def _fit(out: Path, resume: bool = True) -> Any:
    import torch
    from own_parts import loader, own_network

    torch.manual_seed(0)
    model = own_network()
    config = snn.train.TrainConfig(epochs=2 if resume else 1, loss="softmax_sum")
    result = snn.train.fit(model, loader(), loader(seed=1), config, out=out, resume=resume)
    return {"history": result.history, "tensors": dict(model.state_dict())}


def _edit_run(path: Path, rng: np.random.Generator) -> None:
    (edit_safetensors if path.suffix == ".safetensors" else edit_json)(path, rng)


def _write_run(folder: Path) -> Path:
    from snn.recipes.folder import write_config

    write_config(folder, {"data": None, "train": {"epochs": 3, "seed": 0}})
    return folder


def _read_run(path: Path) -> Any:
    from snn.recipes.folder import check

    return check(path, {"data": None, "train": {"epochs": 3, "seed": 0}}, resume=True)


def _write_shd_gz(folder: Path) -> Path:
    small_shd(folder)
    for file in list(folder.glob("*.h5")):
        file.with_suffix(".h5.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return folder


def _sets(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Read sets, and a batch of each: what is accepted must also be served.

    Which training samples validate depends on their labels, so both are compared together.
    """

    def read_all(path: Path) -> Any:
        batches = []
        for one in read(path):
            (batch,) = one.batches(len(one))
            assert len(batch.label) == len(one), "a batch must hold every sample"
            batches.append((np.asarray(batch.x).sum(axis=0), batch.label))
        train, valid, test = batches
        return [[np.concatenate(pair) for pair in zip(train, valid, strict=True)], list(test)]

    return read_all


def _zipped(write: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def write_zip(folder: Path) -> Path:
        (folder / "tree").mkdir()
        write(folder / "tree")
        with zipfile.ZipFile(folder / "set.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted((folder / "tree").rglob("*")):
                if file.is_file():
                    packed.write(file, file.relative_to(folder / "tree").as_posix())
        shutil.rmtree(folder / "tree")
        return folder / "set.zip"

    return write_zip


def _write_words_of_three(folder: Path) -> Path:
    small_shd(folder)
    write_small_shd(folder / "valid.h5", *SMALL_SHD)
    return folder


def _read_words_of_three(path: Path) -> Any:
    return snn.datasets.ssc(path, dt_ms=100.0, group=70)


def _write_sounds(folder: Path) -> Path:
    return write_speech_commands(folder / "sounds", (1, 1, 1), lambda word, i: glide(300, 900, 0.1, seed=i))


def _read_sounds(path: Path) -> Any:
    """Read all sounds: the lists alone say which split a file is in, and a shorter list is a list."""
    sets = snn.datasets.gsc(path, front_end=snn.datasets.MelFrontEnd(mels=4))
    sounds = {str(file): part[i] for part in sets for i, file in enumerate(part.files.sources)}
    return [[x.sum(axis=0), label] for _, (x, label) in sorted(sounds.items())]


def _write_words_in_h5(folder: Path) -> Path:
    small_shd(folder)
    (folder / "test.h5").unlink()
    return folder / "train.h5"


def _few_recordings(folder: Path) -> Path:
    return write_recordings(folder, train=2, test=1)


def _write_mnist(packed: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        small_mnist(folder, packed)
        return folder

    return write


def _write_images(folder: Path) -> Path:
    make = {name: lambda i, k=k: np.full((6, 5), 40 * i + k) for k, name in enumerate(("cat", "dog"))}
    return write_image_folders(folder, 3, 2, make)


def _read_words(path: Path) -> Any:
    return snn.datasets.shd(path, dt_ms=100.0, group=70, valid_fraction=0.5)


def _read_digits(path: Path) -> Any:
    return snn.datasets.nmnist(path, n_bins=3, valid_fraction=0.5)


def _read_images(path: Path) -> Any:
    return snn.datasets.images(path, valid_fraction=0.5)


def _few_events(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Read sets of recordings, and the events of each pixel and polarity: their times have no fixed number."""

    def read_all(path: Path) -> Any:
        return [np.bincount(part.events.unit, minlength=part.n_units) for part in read(path)]

    return read_all


def _read_gestures(path: Path) -> Any:
    return snn.datasets.dvs_gesture(path, n_bins=2, valid_fraction=0.5)


def _read_objects(path: Path) -> Any:
    return snn.datasets.cifar10_dvs(path, n_bins=2, valid_fraction=0.5)


def _read_event_files(path: Path) -> Any:
    """Read all files of a folder, as rows: their number is told by the file's length alone."""
    files = sorted(path.iterdir())
    return {file.name: np.transpose(snn.datasets.read_events(file)).tolist() for file in files}


def _write_text(folder: Path) -> Path:
    (folder / "text.txt.bz2").write_bytes(bz2.compress("über das Netz läuft es\n".encode() * 60))
    return folder / "text.txt.bz2"


def _read_text(path: Path) -> Any:
    sets = snn.datasets.text(path, "characters", context=4)
    return [[part.tokens, part.tokenizer.description()["characters"]] for part in sets]


def _language_model() -> Any:
    import torch

    torch.manual_seed(0)
    return snn.language.SpikeGPT(5, 1, 4).eval()


def _write_prompt(folder: Path) -> Path:
    model = _language_model()
    snn.language.save_prompt(snn.language.read_prompt(model, [1, 2]), folder / "prompt.safetensors", model)
    return folder / "prompt.safetensors"


def _read_prompt(path: Path) -> Any:
    return list(_leaves(snn.language.load_prompt(path, _language_model())))


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for part in tree:
            yield from _leaves(part)
    else:
        yield tree.numpy()


def _write_nir(folder: Path) -> Path:
    populations = [
        snn.Population("in", 3),
        snn.Population("h", 4, snn.LIFParams(tau_mem_ms=10.0, tau_syn_ms=5.0, fires=">")),
        snn.Population("o", 2, snn.LIParams(decay=0.8)),
    ]
    rng = np.random.default_rng(3)
    projections = [
        snn.Projection("in", "h", rng.random((3, 4)), np.array([[1.0], [2.0], [0.0]]) + np.zeros(4)),
        snn.Projection("h", "h", rng.random((4, 4)), 1.0),
        snn.Projection("h", "o", rng.random((4, 2))),
    ]
    nir.write(snn.Network(1.0, populations, projections), folder / "net.nir")
    return folder / "net.nir"


def _read_nir(path: Path) -> Any:
    """Give what decides a run, where one value for all and one for each are the same."""
    net = nir.read(path, None).network
    steps = {p.name: p.neuron.dynamics(p.size, net.dt_ms) for p in net.populations if p.neuron is not None}
    weights = {p.name: scipy.sparse.csr_array(p.weight).toarray() for p in net.projections}
    return {name: list(constants) for name, constants in steps.items()} | weights


LOADERS: dict[str, Loader] = {
    "network": Loader(_write_network, _read_network, edit_tree_file(NETWORK, NETWORK_VERSION), digest=True),
    "events": Loader(_write_events, snn.Events.load, edit_our_hdf5(EVENTS, EVENTS_VERSION), digest=True),
    "state": Loader(_write_state, _go_on, edit_tree_file(STATE, STATE_VERSION), digest=True),
    "recording": Loader(_write_recording, _read_recording, _edit_recording, digest=True),
    "model": Loader(_write_model, _read_model, edit_safetensors),
    "checkpoint": Loader(_write_checkpoint, _fit, _edit_run),
    "run": Loader(_write_run, _read_run, edit_json),
    "ledger": Loader(_write_ledger, snn.hardware.Ledger.from_json, edit_json),
    "report": Loader(_write_report, _read_report, edit_json),
    "sweep": Loader(_write_sweep, _sweep, edit_json),
    "words": Loader(small_shd, _sets(_read_words), edit_hdf5),
    "words gz": Loader(_write_shd_gz, _sets(_read_words)),
    "words of three": Loader(_write_words_of_three, _sets(_read_words_of_three), edit_hdf5),
    "sounds": Loader(_write_sounds, _read_sounds),
    "words zip": Loader(_zipped(small_shd), _sets(_read_words), edit_zip),
    "foreign events": Loader(
        _write_words_in_h5, lambda path: snn.Events.load(path, dt_ms=1.0, n_units=700), edit_hdf5
    ),
    "sonata spikes": Loader(
        _write_sonata_spikes,
        lambda path: _steps_of(snn.interop.sonata.read_spikes(path, 1.0).spikes),
        edit_hdf5,
    ),
    "sonata edges": Loader(_write_sonata_edges, _read_sonata_edges, edit_hdf5),
    "nwb": Loader(_write_nwb, lambda path: _steps_of(snn.interop.nwb.read(path, 1.0).spikes), edit_hdf5),
    "recordings": Loader(_few_recordings, _sets(_read_digits)),
    "recordings zip": Loader(_zipped(_few_recordings), _sets(_read_digits), edit_zip),
    "event files": Loader(write_event_files, _read_event_files),
    "gestures": Loader(lambda folder: write_gestures(folder, n=120), _few_events(_read_gestures)),
    "gesture arrays": Loader(
        lambda folder: write_gesture_arrays(folder, people=2), _few_events(_read_gestures)
    ),
    "objects": Loader(write_cifar10_dvs, _few_events(_read_objects)),
    "idx": Loader(_write_mnist(packed=False), _sets(_read_images)),
    "idx gz": Loader(_write_mnist(packed=True), _sets(_read_images)),
    "idx zip": Loader(_zipped(_write_mnist(packed=True)), _sets(_read_images), edit_zip),
    "images": Loader(_write_images, _sets(_read_images)),
    "text": Loader(_write_text, _read_text),
    "prompt": Loader(_write_prompt, _read_prompt, edit_safetensors),
    "images zip": Loader(_zipped(_write_images), _sets(_read_images), edit_zip),
}
if find_spec("nir") is not None:  # an extra, which writes the sample
    LOADERS["nir"] = Loader(_write_nir, _read_nir, edit_hdf5)


def contents(loader: Loader, path: Path) -> Any:
    """Read a file, as a tree that two readings can be compared by."""
    return plain(loader.read(path))
