"""Whatever happens to a model file, a checkpoint or a report, it is refused, and the refusal names it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest
import torch
from damage import damaged

from snn.hardware import Ledger, count, estimate, rerun, sweep
from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, Sequential
from snn.nn.registry import check_sizes, to_config
from snn.recipes.folder import check as check_folder
from snn.recipes.folder import read_metrics, write_config
from snn.recipes.saved import load_saved
from snn.train import TrainConfig, load, make_optimizer, read_info, save, write_metrics
from snn.train.checkpoint import NAME, Checkpoint, load_checkpoint, save_checkpoint
from snn.train.initial_weights import load_initial_weights
from snn.train.run_identity import identity
from snn.train.tensor_files import read_tensors, write_tensors

ABOUT = {"recipe": "shd", "data": {"data": None, "dt_ms": 20.0}, "seed": 0, "loss": "softmax_sum"}
CONFIG = TrainConfig(epochs=3)
METRICS = {"epoch": 0, "train_loss": 1.0, "valid_loss": 1.0, "valid_accuracy": 0.5, "rates": {}}


def network():
    torch.manual_seed(0)
    return Sequential(DelayLinear(3, 4, 6), BatchNorm(4), LIF(tau=1.3), Linear(4, 2), LeakyReadout())


def write_model(path):
    save(network(), path, ABOUT)


def checkpoint_parts():
    model = network()
    optimizer = make_optimizer(model, CONFIG)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return model, optimizer, identity(model, {"train_samples": 3}, CONFIG, None, None)


def write_checkpoint(path):
    model, optimizer, what = checkpoint_parts()
    reached = Checkpoint()
    reached.add(METRICS, model)
    save_checkpoint(path.parent.parent, reached, model, optimizer, None, what)


def read_checkpoint(path):
    model, optimizer, what = checkpoint_parts()
    return load_checkpoint(path.parent.parent, model, optimizer, None, what)


def ledger():
    return count(network(), torch.ones(5, 1, 3))


def cost(config, seed):
    return {"energy": config["bits"] + seed}


def write_config_file(path):
    write_config(path.parent, {"epochs": 3, "train": {"lr": 0.1}})


TENSORS = {
    "load": (write_model, load),
    "read_info": (write_model, read_info),
    "load_saved": (write_model, load_saved),
    "init": (write_model, lambda path: load_initial_weights(path, network())),
    "checkpoint": (write_checkpoint, read_checkpoint),
}
TEXTS = {
    "ledger": (lambda path: ledger().to_json(path), Ledger.from_json),
    "report": (lambda path: estimate(ledger()).to_json(path), rerun),
    "sweep": (
        lambda path: sweep(cost, {"bits": [1, 2]}, path=path),
        lambda path: sweep(cost, {"bits": [1, 2]}, path=path),
    ),
    "config": (
        write_config_file,
        lambda path: check_folder(path.parent, {"epochs": 3, "train": {"lr": 0.1}}, resume=True),
    ),
    "metrics": (
        lambda path: write_metrics(path.parent, [METRICS] * 3),
        lambda path: read_metrics(path.parent),
    ),
}
NAMES = {"config": "config.json", "metrics": "metrics.jsonl", "checkpoint": NAME}


def written(tmp_path, kind, write):
    path = tmp_path / NAMES.get(kind, "file")
    path.parent.mkdir(exist_ok=True)
    write(path)
    return path


@pytest.mark.parametrize("kind", TENSORS)
def test_any_damage_is_refused(tmp_path, kind):
    write, read = TENSORS[kind]
    path = written(tmp_path, kind, write)
    read(path)
    whole = path.read_bytes()
    for seed in range(200):
        path.write_bytes(damaged(whole, seed))
        with pytest.raises(ValueError) as caught:
            read(path)
        assert type(caught.value) is ValueError and str(path) in str(caught.value)


@pytest.mark.parametrize("kind", TEXTS)
def test_damaged_text_is_refused_or_still_fits(tmp_path, kind):
    """JSON has no checksum: what is refused names the file, and most is."""
    write, read = TEXTS[kind]
    path = written(tmp_path, kind, write)
    read(path)
    whole, refused = path.read_bytes(), 0
    for seed in range(200):
        path.write_bytes(damaged(whole, seed))
        try:
            read(path)
        except (ValueError, OSError) as error:
            assert type(error) is ValueError, error
            assert str(path) in str(error) or str(path.parent) in str(error), error
            refused += 1
    assert refused > 100


def places(tree, place=()):
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


def edits(tree):
    """Give the tree with each of its values removed or put in another type."""
    others = ("text", {"a": 1}, [[1]], -(10**30), None, True, 1.5)
    for i, place in enumerate(places(tree)):
        for value in (KeyError, others[i % len(others)]):
            copied = copy.deepcopy(tree)
            held = copied
            for key in place[:-1]:
                held = held[key]
            held[place[-1]] = value
            if value is KeyError:
                del held[place[-1]]
            yield place, copied


@pytest.mark.parametrize("kind", ["load_saved", "init", "checkpoint"])
def test_values_of_another_kind_are_refused_by_name(tmp_path, kind):
    """Every value beside the tensors, and every tensor, under a checksum that is right."""
    write, read = TENSORS[kind]
    path = written(tmp_path, kind, write)
    form = ("snn.checkpoint", 4) if kind == "checkpoint" else ("snn.model", 3)
    tensors, info = read_tensors(path, *form)
    changes = [(place, tensors, edited) for place, edited in edits(info)][:: 4 if kind == "checkpoint" else 2]
    for name, tensor in tensors.items():
        if kind == "checkpoint" and name.startswith("optimizer."):
            continue
        rest = {key: value for key, value in tensors.items() if key != name}
        for other in (
            {},
            {name + "x": tensor},
            {name: tensor[None, None]},
            {name: tensor.to(torch.complex64)},
        ):
            changes.append((name, {**rest, **other}, info))
    refused = 0
    for place, held, values in changes:
        write_tensors(path, *form, held, values)
        try:
            read(path)
        except (ValueError, OSError) as error:
            assert type(error) is ValueError, (place, error)
            assert str(path) in str(error) or str(tmp_path) in str(error), (place, error)
            refused += 1
        else:
            assert not isinstance(place, str), place
    assert refused > len(changes) / 2


@pytest.mark.parametrize("kind", TEXTS)
def test_json_values_of_another_kind_are_refused_by_name(tmp_path, kind):
    write, read = TEXTS[kind]
    path = written(tmp_path, kind, write)
    lines = path.read_text().splitlines()
    last = lines if kind in ("sweep", "metrics") else ["\n".join(lines)]
    all_edits = list(edits(json.loads(last[-1])))
    for place, edited in all_edits[:: max(1, len(all_edits) // 150)]:
        path.write_text("\n".join([*last[:-1], json.dumps(edited)]) + "\n")
        try:
            read(path)
        except (ValueError, OSError) as error:
            assert type(error) is ValueError, (place, error)
            assert str(path.parent) in str(error), (place, error)


LOAD = """
import resource, sys
from snn.train import load
for path in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        load(path)
    except ValueError as error:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, str(error).replace("\\n", " "))
"""
LARGE = (
    {"kind": "Linear", "in_features": 30_000, "out_features": 30_000},
    {"kind": "DelayLinear", "in_features": 1, "out_features": 1, "max_delay": 2, "kernel_count": 10**9},
    {"kind": "BatchNorm", "num_features": 10**12},
)


def test_small_files_take_little_memory(tmp_path):
    """A description of large layers is held against the tensors in the file before any of them is made."""
    paths = [tmp_path / f"{i}.safetensors" for i in range(len(LARGE))]
    for path, large in zip(paths, LARGE, strict=True):
        save(Sequential(Linear(2, 2)), path)
        tensors, info = read_tensors(path, "snn.model", 3)
        layer = info["model"]["layers"][0]
        info["model"]["layers"] = [{**layer, **large} if large["kind"] == layer["kind"] else large]
        write_tensors(path, "snn.model", 3, tensors, info)
    ran = subprocess.run([sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, check=True)
    found = ran.stdout.splitlines()
    assert len(found) == len(LARGE)
    for line, path in zip(found, paths, strict=True):
        kilobytes, text = line.split(" ", 1)
        assert text.startswith(str(path)) and int(kilobytes) < 300_000, line


def test_checking_sizes_draws_no_random_numbers():
    model = network()
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    before = torch.get_rng_state()
    check_sizes(to_config(model), shapes)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="layers.3.weight must be of shape .2, 4., as the description of"):
        check_sizes(to_config(model), {**shapes, "layers.3.weight": [2, 5]})
