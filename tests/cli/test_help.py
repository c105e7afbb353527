"""Every help is quick, and says what there is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from snn.cli import main
from snn.hardware import targets
from snn.recipes.table import RECIPES

MOST = 4
"""CPU seconds of a help over those of importing numpy alone, which every command needs: some 0.1 s."""
NUMPY = "import time, numpy; print(time.process_time())"
MEASURE = """
import contextlib, io, sys, time
from snn.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
heavy = ("torch", "numba", "scipy", "matplotlib", "tonic", "spikingjelly")
print(time.process_time(), *[name for name in heavy if name in sys.modules])
"""
COMMANDS = [
    "",
    "demo",
    "train",
    *(f"train {name}" for name in RECIPES),
    "simulate",
    "generate",
    "convert",
    "info",
    "energy",
    "data",
    "data list",
]
COMMANDS += ["data verify", "data fetch"]


def run(arguments):
    """Give the exit code, as a shell would see it."""
    try:
        return main(arguments)
    except SystemExit as stop:
        return stop.code


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Environment in which Python keeps what it compiled, as it does for a user."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("pycache"))}


def cpu(script, command, environment):
    """Run a script and give its CPU seconds, and the heavy modules that it loaded."""
    words = [sys.executable, "-c", script, *command.split(), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    seconds, *heavy = done.stdout.split()
    return float(seconds), heavy


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_quick(command, compiled):
    numpy, ours = [], []
    for _ in range(10):  # other work on the machine lengthens some of them
        seconds, heavy = cpu(MEASURE, command, compiled)
        assert heavy == []
        ours.append(seconds)
        numpy.append(cpu(NUMPY, "", compiled)[0])
        if min(ours) <= MOST * min(numpy):
            break
    assert min(ours) <= MOST * min(numpy)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_the_usage(command, capsys):
    assert run([*command.split(), "--help"]) == 0
    assert f"usage: snn {command}".rstrip() in capsys.readouterr().out


def test_help_of_train_names_every_recipe(capsys):
    main(["train", "--help"])
    lines = capsys.readouterr().out.splitlines()
    for name in RECIPES:
        assert f"  {name:<9} {RECIPES.find(name).help}" in lines


def test_help_of_a_recipe_tells_its_settings_and_those_of_every_run(capsys):
    run(["train", "shd", "--help"])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for text in (
        "--out STR Folder to fill. (default: runs/shd)",
        "--resume Go on with the run in the folder",
        "whose weights the run begins with",
        "Where torch computes: cpu, cuda",
        "Neighbouring channels summed into one input",
        "Passes over the training set",
    ):
        assert text in printed


def test_targets_are_listed_without_a_model(capsys):
    assert main(["energy", "--target", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(targets())
    assert all(len(line.split()) > 1 for line in lines)
    assert main(["energy"]) == 2
    message = "snn energy: FILE must be a model (.safetensors) or a network (.h5), got nothing"
    assert capsys.readouterr().err.strip() == message


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "no command 'trian'; did you mean 'train'?"),
        (["train", "image"], "got 'image'; did you mean 'images'?"),
        (["train", "mnist"], "got 'mnist'; did you mean 'nmnist'?"),
        (["data", "verfy"], "got verfy; did you mean 'verify'?"),
        (["data", "fetch"], "got fetch\nusage: snn data fetch NAME"),
        (["data"], "got nothing\nusage: snn data list"),
    ],
)
def test_what_a_user_may_have_meant(arguments, hint, capsys):
    assert run(arguments) == 2
    assert hint in capsys.readouterr().err


def test_what_is_far_from_everything_has_no_hint(capsys):
    assert run(["train", "zzz"]) == 2
    assert capsys.readouterr().err.strip().endswith("got 'zzz'")
