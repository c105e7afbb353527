"""What every run offers: a folder of its own, weights to begin with, a device, more epochs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from samples import small_mnist

from snn.cli import main
from snn.recipes import images
from snn.recipes.experiment import check_device
from snn.train import load

RUN = """
import sys, time
from dataclasses import replace
import torch
torch.set_num_threads(int(sys.argv[3]))  # the weight gradient of a convolution has other bits with others
from snn.recipes import images
def stop_after_the_first_epoch(progress):
    if progress.metrics is not None:
        print("an epoch", flush=True)
        time.sleep(600)
train = replace(images.ImagesConfig().train, epochs=2, batch_size=20)
config = images.ImagesConfig(data=sys.argv[1], steps=2, channels=(3,), train=train)
images.run(config, sys.argv[2], callback=stop_after_the_first_epoch)
"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    small_mnist(folder)
    return folder


def config(data, channels=(3,), **train):
    how = replace(images.ImagesConfig().train, **{"epochs": 2, "batch_size": 20, **train})
    return images.ImagesConfig(data=str(data), steps=2, channels=channels, train=how)


def arguments(data, out):
    size = ["--steps", "2", "--channels", "3", "--epochs", "2", "--batch-size", "20"]
    return ["train", "images", "--data", str(data), "--out", str(out), *size]


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    assert main(arguments(digits, out)) == 0
    return out


def tensors(model):
    return dict(model.state_dict())


def test_two_runs_into_one_folder(digits, tmp_path, trained, capsys):
    """The second is refused while the first runs; when that is killed, its folder can be used at once."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", RUN, str(digits), str(out), str(torch.get_num_threads())]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "an epoch\n"
        assert main([*arguments(digits, out), "--resume"]) == 2
        error = capsys.readouterr().err
        assert f"snn train: {out} must be a folder that no run is writing into" in error
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    assert main([*arguments(digits, out), "--resume"]) == 0
    assert not (out / ".lock").exists()
    for name in ("metrics.jsonl", "model.safetensors"):
        assert (out / name).read_bytes() == (trained / name).read_bytes()


def test_a_refused_run_leaves_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "images", "--data", "/nowhere"]) == 2
    assert main(["train", "shd", "--torch-device", "tpu9"]) == 2
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_run_begins_with_given_weights(digits, tmp_path, trained):
    before = load(trained / "model.safetensors")
    still = config(digits, epochs=1, lr=1e-20, weight_decay=0.0)
    file = trained / "model.safetensors"
    result = images.run(still, tmp_path / "a", init=file)
    own = images.run(still, tmp_path / "b")
    name = next(iter(tensors(before)))
    assert torch.equal(tensors(result.model)[name], tensors(before)[name])
    assert not torch.equal(tensors(own.model)[name], tensors(before)[name])
    for out, init in (("a", str(file)), ("b", None)):
        assert json.loads((tmp_path / out / "config.json").read_text())["init"] == init


def test_weights_of_another_model_are_refused(digits, tmp_path, trained, capsys):
    file = trained / "model.safetensors"
    with pytest.raises(ValueError, match="of the model must be|model must be as described") as refused:
        images.run(config(digits, channels=(4,)), tmp_path / "a", init=file)
    assert "to start from the weights" in str(refused.value) and str(file) in str(refused.value)
    assert main([*arguments(digits, tmp_path / "b"), "--init", "/nowhere.safetensors"]) == 2
    assert "no file at /nowhere.safetensors" in capsys.readouterr().err
    assert not list(tmp_path.rglob("config.json"))


def test_a_run_that_is_resumed_began_with_the_same_weights(digits, tmp_path, trained):
    file, out = trained / "model.safetensors", tmp_path / "a"

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        images.run(config(digits), out, init=file, callback=stop)
    with pytest.raises(ValueError, match="init must be .*model.safetensors' to resume .*, got 'other"):
        images.run(config(digits), out, resume=True, init="other.safetensors")
    resumed = images.run(config(digits), out, resume=True)
    whole = images.run(config(digits), tmp_path / "b", init=file)
    assert resumed.fit.history == whole.fit.history
    assert json.loads((out / "config.json").read_text())["init"] == str(file)


def test_a_run_goes_on_for_more_epochs(digits, tmp_path):
    short = config(digits, schedule="constant")
    images.run(short, tmp_path / "a")
    longer = replace(short, train=replace(short.train, epochs=3))
    result = images.run(longer, tmp_path / "a", resume=True)
    whole = images.run(longer, tmp_path / "b")
    assert result.fit.history == whole.fit.history and len(whole.fit.history) == 3
    for one, two in zip(tensors(result.model).values(), tensors(whole.model).values(), strict=True):
        assert torch.equal(one, two)


def test_devices():
    assert check_device("cpu") == torch.device("cpu")
    for name in ("tpu9", "meta", "cuda:99", *([] if torch.cuda.is_available() else ["cuda"])):
        with pytest.raises(
            ValueError,
            match=rf"^torch_device must be a device that torch can use here \(cpu.*\), got '{name}'",
        ):
            check_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
def test_a_run_on_a_gpu(digits, tmp_path):
    result = images.run(config(digits), tmp_path / "a", torch_device="cuda")
    assert {tensor.device.type for tensor in tensors(result.model).values()} == {"cpu"}
    assert (tmp_path / "a" / "figures" / "confusion.png").exists()
