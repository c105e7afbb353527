"""Saved models and checkpoints: whole or not at all, and only ours."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import safetensors.torch
import torch

from snn.nn import (
    LIF,
    BatchNorm,
    DelayLinear,
    Layer,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Sequential,
    register_layer,
)
from snn.train import TrainConfig, load, make_optimizer, read_info, save
from snn.train.checkpoint import load_checkpoint


def network():
    torch.manual_seed(0)
    return Sequential(DelayLinear(3, 4, 6), BatchNorm(4), LIF(tau=1.3), Linear(4, 2), LeakyReadout())


def header(kind, version):
    return {"snn": json.dumps({"format": kind, "version": version, "info": {}})}


def test_round_trip(tmp_path):
    model, path = network(), tmp_path / "m.safetensors"
    save(model, path, {"classes": ["a", "ü"], "test_accuracy": 0.1 + 0.2})
    again = load(path)
    assert not again.training
    assert read_info(path) == {"classes": ["a", "ü"], "test_accuracy": 0.1 + 0.2}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    mine = network()
    assert load(path, mine) is mine


@register_layer
class Careless(Layer):
    """A layer whose description is not all of it."""

    def __init__(self, width=2, pair=(1, 2), extra=False):
        super().__init__()
        if not isinstance(pair, tuple):
            raise RuntimeError("pair is no tuple")
        self.inner = Linear(width, width)
        self.extra = Linear(1, 1) if extra else None
        self.said = {}

    def config(self):
        return self.said


@pytest.mark.parametrize(
    ("layer", "said", "message"),
    [
        (Careless(3), {}, r"layers.0.inner.weight is of shape \[3, 3\] in the model, got of shape \[2, 2\]"),
        (Careless(extra=True), {}, r"layers.0.extra.weight is of shape \[1, 1\] in the model, got missing"),
        (
            Careless(),
            {"extra": True},
            r"layers.0.extra.weight is missing in the model, got of shape \[1, 1\]",
        ),
        (Careless(), {"pair": (1, 2)}, r"must be built from .*, got RuntimeError: pair is no tuple"),
    ],
    ids=["shape", "less", "more", "tuple"],
)
def test_a_description_that_builds_another_model_is_refused_at_save(tmp_path, layer, said, message):
    layer.said = said
    with pytest.raises(ValueError, match=message):
        save(Sequential(layer), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_saving_draws_no_random_numbers(tmp_path):
    model = network()
    before = torch.get_rng_state()
    save(model, tmp_path / "m.safetensors")
    assert torch.equal(torch.get_rng_state(), before)


def test_double_precision_survives(tmp_path):
    model = network().double()
    save(model, tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors", network().double())
    assert torch.equal(again[0].weight, model[0].weight)


def test_files_that_are_not_ours(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(FileNotFoundError, match="no file at"):
        load(path)
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="must be a whole safetensors file, got"):
        load(path)
    safetensors.torch.save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(
        ValueError, match="must be a file of format 'snn.model', got one that names no format"
    ):
        load(path)
    safetensors.torch.save_file({"w": torch.zeros(2)}, path, header("snn.checkpoint", 1))
    with pytest.raises(ValueError, match="must be a file of format 'snn.model', got 'snn.checkpoint'"):
        load(path)
    safetensors.torch.save_file({"w": torch.zeros(2)}, path, header("snn.model", 99))
    with pytest.raises(ValueError, match="must be a 'snn.model' file of version 3, got version 99"):
        load(path)


def test_files_of_the_first_format_are_refused_by_their_version():
    """Version 1 calls `RecurrentLIF` by another name."""
    path = Path(__file__).parents[1] / "data" / "first_format"
    for read in (load, read_info):
        with pytest.raises(ValueError, match="must be a 'snn.model' file of version 3, got version 1"):
            read(path / "model.safetensors")
    config = TrainConfig(epochs=2)
    what = {"config": {"select": "accuracy"}}
    model = Sequential(Linear(2, 3), RecurrentLIF(3, 2), Linear(3, 2), LeakyReadout())
    optimizer = make_optimizer(model, config)
    with pytest.raises(ValueError, match="must be a 'snn.checkpoint' file of version 4, got version 1"):
        load_checkpoint(path, model, optimizer, None, what)


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    save(network(), path)
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(
            ValueError, match=f"^{path} must be a whole safetensors file, got|bytes that were written"
        ):
            load(path)


def test_weights_of_another_model(tmp_path):
    save(network(), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"weights in .* must fit the model, got"):
        load(tmp_path / "m.safetensors", Sequential(Linear(2, 2), LIF()))


def test_a_full_disk_leaves_the_file_before_whole(tmp_path):
    """A limit on file size is to the program what a full disk is: the write fails half-way."""
    code = textwrap.dedent(
        """
        import resource, signal, sys, torch
        from snn.nn import Linear, LIF, Sequential
        from snn.train import save
        torch.manual_seed(0)
        model, path = Sequential(Linear(100, 100), LIF()), sys.argv[1]
        save(model, path)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with torch.no_grad():
            model[0].weight.zero_()
        try:
            save(model, path)
        except OSError as error:
            print(error)
        """
    )
    path = tmp_path / "m.safetensors"
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "could not write" in run.stdout and "the file written before is untouched" in run.stdout
    assert load(path)[0].weight.abs().sum() > 0
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
