"""The examples run as they stand, only shorter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *words: str) -> str:
    env = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *words], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_spoken_words(tmp_path):
    printed = run("01_spoken_words.py", "--epochs", "2", "--out", str(tmp_path))
    assert "synthetic speech" in printed and "the same in torch: True" in printed
    assert {p.name for p in tmp_path.iterdir()} == {"model.safetensors", "report.html", "word.png"}


def test_balanced_network(tmp_path):
    printed = run("02_balanced_network.py", "--size", "1250", "--ms", "200", "--out", str(tmp_path))
    rows = re.findall(
        r"(CUBA|SR|SI fast|AI|SI slow)\b.*?\s([0-9.]+)\s+([0-9.]+|nan)\s+[0-9]+\s+[0-9]+%", printed
    )
    rate, cv = ({name: float(row[i]) for name, *row in rows} for i in (0, 1))
    assert rate["SR"] > 250 and cv["SR"] < 0.1
    assert rate["SR"] > rate["SI fast"] > rate["SI slow"] and cv["SI fast"] > 0.3
    assert 1 < rate["CUBA"] < 20
    assert (tmp_path / "balanced.png").stat().st_size > 20_000


def test_energy_report(tmp_path):
    printed = run("06_energy_report.py", "--updates", "2", "--out", str(tmp_path))
    assert "layer 0: binary input" in printed and "runs again bit for bit: True" in printed
    names = ("report.csv", "report.html", "report.json", "report.md", "sweep.png", "sweep_2.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    assert (tmp_path / "sweep_2.jsonl").read_text().count("\n") == 1 + 4 * 2 * 3


def test_flat_memory(tmp_path):
    words = ("--steps", "40", "--methods", "BPTT", "SLTT, one step at a time", "--out", str(tmp_path))
    printed = run("04_flat_memory.py", *words)
    bptt, sltt = map(float, re.findall(r"T +40: peak memory \+ *([0-9.]+) MB, +[0-9.]+ ms", printed))
    assert 0 < sltt < bptt / 2
    assert (tmp_path / "flat_memory.png").exists()


def test_one_time_step(tmp_path):
    small_images(tmp_path / "images")
    words = ("--data", tmp_path / "images", "--epochs", "2", "--last-epochs", "2", "--out", tmp_path)
    printed = run("05_one_time_step.py", *map(str, words))
    lines = re.findall(r"^(.{36}) +(\d) +([0-9.]+)% +([0-9.]+) +([0-9.]+) µJ +([0-9.]+) µJ$", printed, re.M)
    assert [int(line[1]) for line in lines] == [1, 5, 5, 3, 1, 1, 1]
    assert all(float(line[4]) < float(line[5]) for line in lines)
    arithmetic = [float(line[4]) for line in lines]
    assert arithmetic[2] > arithmetic[3] > arithmetic[4]
    assert (tmp_path / "one_time_step.png").exists()


def small_images(folder):
    """Write images of bars, lying or standing, as folders of a class each."""
    for split, each in (("train", 24), ("test", 6)):
        for name, axis in (("lying", 0), ("standing", 1)):
            (folder / split / name).mkdir(parents=True)
            for k in range(each):
                pixels = np.random.default_rng(k).integers(0, 60, (16, 16)).astype(np.uint8)
                (pixels if axis == 0 else pixels.T)[4 + k % 8] = 255
                Image.fromarray(pixels).save(folder / split / name / f"{k}.png")


def test_crossbar(tmp_path):
    printed = run("07_crossbar.py", "--epochs", "1", "--chips", "1", "--out", str(tmp_path))
    assert "ideal crossbars give the same bits: True" in printed and "mean of 1 chips" in printed
    assert "event engine: in-hid1 in->hid1, hid1-out hid1->out" in printed and "A word costs" in printed
    page = (tmp_path / "report.html").read_text()
    assert "Wire loss" in page and "Converter range" in page and page.count("<img") == 9


def test_train_shd(tmp_path):
    printed = run("train_shd.py", "--epochs", "1", "--hidden", "16", "--out", str(tmp_path / "run"))
    assert "test accuracy" in printed and (tmp_path / "run" / "report.html").exists() is False


@pytest.mark.parametrize("mode", ["gauss", "linear"])
def test_learned_delays(tmp_path, mode):
    printed = run("03_learned_delays.py", "--mode", mode, "--epochs", "30", "--out", str(tmp_path))
    learned, frozen = (float(word) for word in re.findall(r"test accuracy ([0-9.]+)%", printed))
    assert learned > 99 and 40 < frozen < 60
    lag = int(re.search(r"answers to: (-?[0-9]+) steps", printed)[1])
    assert abs(abs(lag) - 10) <= 1
    assert (tmp_path / "delays.png").exists()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_notebooks_run_and_show_what_they_hold(path):
    book = nbformat.read(path, as_version=4)
    shown = [text(cell) for cell in book.cells]
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    assert [text(cell) for cell in book.cells] == shown


def text(cell):
    """What a cell printed, in however many pieces and numbers by their places, and how many figures it drew."""
    shown = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
    printed = "".join(o.get("text", "") for o in shown)
    return re.sub(r"[0-9.]+", "#", printed), sum("text" not in o for o in shown)


def test_compare_runs(tmp_path):
    for name in ("a", "b"):
        run(
            "train_shd.py",
            "--epochs",
            "1",
            "--hidden",
            "8",
            "--seed",
            str("ab".index(name)),
            "--out",
            str(tmp_path / name),
        )
    printed = run(
        "compare_runs.py", str(tmp_path / "a"), str(tmp_path / "b"), "--json", str(tmp_path / "c.json")
    )
    assert "p = " in printed
    found = json.loads((tmp_path / "c.json").read_text())
    for name in ("a", "b"):
        line = (tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1]
        assert abs(found[str(tmp_path / name)]["accuracy"] - 100 * json.loads(line)["test_accuracy"]) < 1e-6


def small_tree(folder):
    """Recordings in N-MNIST's layout: 5 bytes an event; two digits differ in place."""
    for split, count in (("Train", 15), ("Test", 3)):
        for digit in range(2):
            (folder / split / str(digit)).mkdir(parents=True)
            for i in range(count):
                events = b"".join(
                    bytes([9 * digit + k % 7, 9 + i % 2, k % 2 << 7 | k // 8, 0, k]) for k in range(40)
                )
                (folder / split / str(digit) / f"{i}.bin").write_bytes(events)
    return folder


def test_train_on_recordings(tmp_path):
    data = str(small_tree(tmp_path / "digits"))
    size = ("--data", data, "--epochs", "1", "--steps", "2", "--channels", "2")
    for seed in ("0", "1"):
        more = ("--batch-size", "16", "--seed", seed, "--out", str(tmp_path / f"run-{seed}"))
        assert "test accuracy" in run("train_nmnist.py", *size, *more)
    compared = run("compare_runs.py", str(tmp_path / "run-0"), str(tmp_path / "run-1"))
    assert "p = " in compared and "not rounded" not in compared
    printed = run("nmnist_folds.py", *size, "--folds", "3", "--out", str(tmp_path / "folds"))
    assert "N-MNIST sample (30 + 6 of 60000 + 10000 recordings): 36 recordings in 3 folds" in printed
    found = json.loads((tmp_path / "folds" / "result.json").read_text())
    assert found["regression"]["accuracy"] == 100.0 and len(found["net"]["folds"]) == 3
    assert found["paired"]["only_net"] == 0


def test_train_on_images(tmp_path):
    for split, count in (("train", 24), ("t10k", 8)):
        pixels = bytes(range(200)) * count + bytes(56 * count)
        head = bytes([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 16, 0, 0, 0, 16])
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(head + pixels)
        labels = bytes([0, 0, 8, 1, 0, 0, 0, count]) + bytes(i % 2 for i in range(count))
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(labels)
    words = ("--data", str(tmp_path), "--epochs", "1", "--steps", "2", "--channels", "2", "--method", "sltt")
    printed = run("train_images.py", *words, "--k", "1", "--out", str(tmp_path / "run"))
    assert "test accuracy" in printed and (tmp_path / "run" / "figures" / "sample.png").exists()


def test_examples_are_short():
    for script in (ROOT / "examples").glob("*.py"):
        assert script.read_text().count("\n") <= 120, script.name
