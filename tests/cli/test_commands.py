"""The commands as a user types them: results, messages, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import snn
from snn.cli import main
from snn.recipes import demo
from snn.recipes.table import RECIPES

NAMES = ", ".join(map(repr, RECIPES))


def run(arguments):
    """Give the exit code, as a shell would see it."""
    try:
        return main(arguments)
    except SystemExit as stop:
        return stop.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A demo run too short to learn, with everything a run leaves."""
    out = tmp_path_factory.mktemp("cli") / "demo"
    arguments = ["demo", "--epochs", "1", "--out", str(out), "--target", "horowitz45_int8"]
    assert main(arguments) == 0
    return out


def test_the_demo_leaves_a_whole_folder(trained):
    for name in (
        "model.safetensors",
        "network.h5",
        "report.html",
        "energy.json",
        "metrics.jsonl",
        "config.json",
    ):
        assert (trained / name).stat().st_size > 0
    page = (trained / "report.html").read_text()
    assert (
        "synthetic speech" in page and "Test accuracy" in page and "SHD" not in page.split("Assumptions")[0]
    )
    data = json.loads((trained / "energy.json").read_text())
    assert data["target"] == "horowitz45_int8" and data["samples"] == 120
    assert isinstance(demo.demo_config().train.epochs, int)


def test_simulate_a_model_and_its_network(trained, tmp_path, capsys):
    spikes = []
    for file, engine in (("model.safetensors", "event"), ("network.h5", "clock")):
        out = tmp_path / engine
        assert main(["simulate", str(trained / file), "--engine", engine, "--out", str(out)]) == 0
        spikes.append(snn.Events.load(out / "spikes-hid1.h5"))
        counts = json.loads((out / "counts.json").read_text())
        assert counts["samples"] == 120
    printed = capsys.readouterr().out
    assert "synthetic speech" in printed and "120 of 120 samples: the same spikes" in printed
    # a network file knows no tail: it runs longer, to its longest path, and never shorter
    assert spikes[0].n_events <= spikes[1].n_events


def test_energy_of_a_model(trained, tmp_path, capsys):
    out = tmp_path / "r.html"
    arguments = [
        "energy",
        str(trained / "model.safetensors"),
        "--target",
        "horowitz45_int8",
        "--out",
        str(out),
    ]
    assert main([*arguments, "--compare", "loihi1", "horowitz45_fp32"]) == 0
    printed = capsys.readouterr().out
    assert (
        "per inference, mean of 120 samples" in printed
        and "loihi1: " in printed
        and "horowitz45_fp32: " in printed
    )
    again = json.loads(out.with_suffix(".json").read_text())
    assert again == json.loads((trained / "energy.json").read_text())
    assert main(["energy", "any", "--target", "list"]) == 0
    assert "loihi1" in capsys.readouterr().out


def test_a_long_run_streams_and_goes_on(tmp_path, capsys):
    neuron = snn.LIFParams(tau_mem_ms=10.0, bias=0.2, t_ref_ms=2.0)
    net = snn.Network(
        1.0,
        [snn.Population("in", 2), snn.Population("n", 3, neuron)],
        [snn.Projection("in", "n", [[0.5] * 3] * 2)],
    )
    net.save(tmp_path / "net.h5")
    events = snn.Events.from_lists([[3, 50]], [[0, 1]], n_units=2, dt_ms=1.0, n_steps=60)
    events.save(tmp_path / "in.h5")
    arguments = ["simulate", str(tmp_path / "net.h5"), "--events", f"in={tmp_path / 'in.h5'}", "--v", "n"]
    arguments += ["--out", str(tmp_path / "out"), "--chunk", "25"]
    assert main([*arguments, "--steps", "60"]) == 0
    printed = capsys.readouterr().out
    assert "in: 2 spikes, 16.67 Hz" in printed and "(60 steps)" in printed
    assert main([*arguments, "--steps", "100"]) == 2
    assert "holds a recording of 60 steps; resume=True goes on" in capsys.readouterr().err
    assert main([*arguments, "--steps", "100", "--resume"]) == 0
    rec = snn.Recording.load(tmp_path / "out" / "recording")
    whole = snn.simulate(net, {"in": events}, 100, record=snn.Record(v=["n"]))
    assert rec.spikes == whole.spikes and (rec.v["n"] == whole.v["n"]).all()
    assert json.loads((tmp_path / "out" / "counts.json").read_text())["spikes"] == rec.counts.spikes
    assert main(["simulate", str(tmp_path / "net.h5"), "--events", "in"]) == 2
    assert "--events must be NAME=FILE, got 'in'" in capsys.readouterr().err


def test_data_commands(capsys):
    assert main(["data", "list"]) == 0
    assert main(["data", "verify"]) == 0
    printed = capsys.readouterr().out
    assert "embedded" in printed and "480 samples" in printed and "as published" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tarin"], "no command 'tarin'; did you mean 'train'?"),
        (["train"], f"NAME must be one of {NAMES}, got nothing"),
        (["train", "shdd"], f"NAME must be one of {NAMES}, got 'shdd'; did you mean 'shd'?"),
        (["train", "shd", "--data", "/nowhere"], "no file, folder or zip at /nowhere"),
        (["train", "shd", "--tau", "0.5"], "tau must be a finite number >= 1, got 0.5"),
        (["train", "nmnist", "--data", "/nowhere"], "no file, folder or zip at /nowhere"),
        (["train", "nmnist", "--steps", "0"], "steps must be a whole number >= 1, got 0"),
        (["train", "nmnist", "--frames", "count", "--dt-ms", "5"], "frames 'count' needs n_bins"),
        (["train", "nmnist", "--k", "2"], "k must be None with method 'bptt', got 2"),
        (
            ["train", "nmnist", "--channels", "8", "8", "8", "8", "8", "8"],
            "channels must be at most 5 sizes",
        ),
        (["train", "images", "--data", "/nowhere"], "no file, folder or zip at /nowhere"),
        (["train", "images", "--steps", "0"], "steps must be a whole number >= 1, got 0"),
        (["train", "images", "--shift", "-1"], "shift must be a whole number >= 0, got -1"),
        (["train", "images", "--method", "sltt", "--loss", "softmax_sum"], "loss must be a sum over steps"),
        (
            ["train", "shd", "--epochs", "0"],
            "epochs must be a whole number >= 1 and <= 9007199254740992, got 0",
        ),
        (["train", "shd", "--dropout", "1"], "dropout must be a finite number >= 0 and < 1, got 1.0"),
        (["train", "shd", "--max-delay", "5"], "max_delay must be even"),
        (["train", "shd", "--group", "3"], "group must be a divisor of 700, got 3"),
        (["train", "shd", "--binning", "floor"], "binning must be one of 'fixed'"),
        (["demo", "--target", "loihi9"], "target must be one of 'horowitz45_fp32', "),
        (["simulate", "/nowhere.safetensors"], "no file at /nowhere.safetensors"),
        (["simulate", "/nowhere.h5"], "no file at /nowhere.h5"),
        (["energy", "/nowhere.safetensors", "--target", "loihi9"], "target must be one of "),
        (["data", "list", "all"], "arguments must be as below, got list all"),
        (["data", "fetch", "embedded"], "name must be one of 'shd', 'nmnist', got 'embedded'"),
    ],
)
def test_mistakes_are_one_clear_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_unknown_options_are_refused(capsys):
    assert run(["train", "shd", "--epocs", "3"]) == 2
    assert "epocs" in capsys.readouterr().err


def test_a_run_is_not_overwritten(trained, capsys):
    assert main(["demo", "--epochs", "1", "--out", str(trained)]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_help_and_version(capsys):
    assert main([]) == main(["--help"]) == 0
    assert "usage: snn COMMAND" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == snn.__version__
    for command in (
        "train",
        "data",
        "train shd",
        "train nmnist",
        "train images",
        "demo",
        "simulate",
        "energy",
    ):
        assert run([*command.split(), "--help"]) == 0


def test_as_a_program():
    run = subprocess.run([sys.executable, "-m", "snn", "data", "lst"], capture_output=True, text=True)
    assert run.returncode == 2 and "snn data: arguments must be as below, got lst" in run.stderr
