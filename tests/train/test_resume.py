"""A run that is killed and resumed ends with the bits of an uncut one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from snn.recipes import shd
from snn.train import TrainConfig, load

RUN = """
import os, signal, sys
import torch
from snn.recipes import shd
from snn.train import TrainConfig
torch.set_num_threads(1)
out, kill_at, resume = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "resume"
seen = 0
def watch(progress):
    global seen
    seen += 1
    if seen == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
config = shd.ShdConfig(hidden=(8,), max_delay=6, dt_ms=20.0, group=50, train=TrainConfig(epochs=4, batch_size=128))
shd.run(config, out, resume=resume, callback=watch)
"""


def run(out: Path, kill_at: int = -1, resume: bool = False) -> int:
    words = [sys.executable, "-c", RUN, str(out), str(kill_at), "resume" if resume else "fresh"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    out = tmp_path_factory.mktemp("uncut")
    assert run(out) == 0
    return out


# 4 batches and one report per epoch: before any checkpoint, inside epochs, right after one, several times
@pytest.mark.parametrize("kills", [(2,), (7,), (10, 3), (18,)], ids=str)
def test_killed_and_resumed(uncut, tmp_path, kills):
    out = tmp_path / "cut"
    assert run(out, kills[0]) == -signal.SIGKILL
    for kill_at in kills[1:]:
        assert run(out, kill_at, resume=True) == -signal.SIGKILL
    assert run(out, resume=True) == 0
    for name in ("model.safetensors", "metrics.jsonl", "config.json"):
        assert (out / name).read_bytes() == (uncut / name).read_bytes(), name


def test_a_finished_run_resumes_to_itself(uncut, tmp_path):
    before = (uncut / "metrics.jsonl").read_bytes()
    assert run(uncut, resume=True) == 0
    assert (uncut / "metrics.jsonl").read_bytes() == before


def test_the_folder_is_complete(uncut):
    names = {str(p.relative_to(uncut)) for p in uncut.rglob("*") if p.is_file()}
    figures = {f"figures/{name}.png" for name in ("training", "rates", "delays", "raster", "confusion")}
    assert names >= figures | {"config.json", "metrics.jsonl", "timing.jsonl", "model.safetensors"}
    last = json.loads((uncut / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["data"] == "synthetic speech (espeak-ng number words)"
    assert 0 <= last["test_accuracy"] <= 1 and last["test_samples"] == 120
    config = json.loads((uncut / "config.json").read_text())
    assert config["config"]["train"]["epochs"] == 4 and "torch" in config["versions"]
    assert load(uncut / "model.safetensors")


def test_another_run_in_the_folder_is_refused(uncut):
    config = shd.ShdConfig(
        hidden=(8,), max_delay=6, dt_ms=20.0, group=50, train=TrainConfig(epochs=4, batch_size=128)
    )
    with pytest.raises(ValueError, match="holds a run already: --resume continues it"):
        shd.run(config, uncut)
    other = shd.ShdConfig(
        hidden=(9,), max_delay=6, dt_ms=20.0, group=50, train=TrainConfig(epochs=4, batch_size=128)
    )
    with pytest.raises(ValueError, match=r"cannot resume .*: hidden was \[8\], now \[9\]"):
        shd.run(other, uncut, resume=True)
