"""The examples run as they stand, only shorter."""

from __future__ import annotations

import importlib.util
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
from samples import small_mnist, write_idx, write_image_folders, write_recordings

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: str) -> str:
    env = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *arguments], capture_output=True, text=True, env=env
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


def test_liquid(tmp_path):
    printed = run("09_liquid.py", "--neurons", "20", "--out", str(tmp_path))
    assert "layers and events count alike: True" in printed
    found = dict(re.findall(r"^(\w[\w ]+?) +test accuracy ([0-9.]+)%", printed, re.MULTILINE))
    assert set(found) == {"input counts", "no recurrence", "no delays", "liquid", "memory cells"}
    assert all(float(accuracy) > 15 for accuracy in found.values())
    assert {p.name for p in tmp_path.iterdir()} == {"model.safetensors", "network.h5"}


def test_energy_report(tmp_path):
    printed = run("06_energy_report.py", "--updates", "2", "--out", str(tmp_path))
    assert "layer 0: binary input" in printed and "runs again bit for bit: True" in printed
    names = ("report.csv", "report.html", "report.json", "report.md", "sweep.png", "sweep_2.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    assert (tmp_path / "sweep_2.jsonl").read_text().count("\n") == 1 + 4 * 2 * 3


def test_flat_memory(tmp_path):
    arguments = ("--steps", "40", "--methods", "BPTT", "SLTT, one step at a time", "--out", str(tmp_path))
    printed = run("04_flat_memory.py", *arguments)
    bptt, sltt = map(float, re.findall(r"T +40: peak memory \+ *([0-9.]+) MB, +[0-9.]+ ms", printed))
    assert 0 < sltt < bptt / 2
    assert (tmp_path / "flat_memory.png").exists()


def test_one_time_step(tmp_path):
    small_images(tmp_path / "images")
    arguments = ("--data", tmp_path / "images", "--epochs", "2", "--last-epochs", "2", "--out", tmp_path)
    printed = run("05_one_time_step.py", *map(str, arguments))
    lines = re.findall(r"^(.{36}) +(\d) +([0-9.]+)% +([0-9.]+) +([0-9.]+) µJ +([0-9.]+) µJ$", printed, re.M)
    assert [int(line[1]) for line in lines] == [1, 5, 5, 3, 1, 1, 1]
    assert all(float(line[4]) < float(line[5]) for line in lines)
    arithmetic = [float(line[4]) for line in lines]
    assert arithmetic[2] > arithmetic[3] > arithmetic[4]
    assert (tmp_path / "one_time_step.png").exists()


def small_images(folder):
    """Write images of bars, lying or standing, as folders of a class each."""

    def lying(k):
        pixels = np.random.default_rng(k).integers(0, 60, (16, 16))
        pixels[4 + k % 8] = 255
        return pixels

    write_image_folders(folder, 24, 6, {"lying": lying, "standing": lambda k: lying(k).T})


def test_zero_shot():
    printed = run("10_zero_shot.py", "--splits", "3", "--neurons", "40")
    assert len(re.findall(r"unseen \(\d, \d\): seen \d+% \(chance 12%\), unseen", printed)) == 3
    assert "unseen digits are " in printed and "99 % interval of the mean" in printed


def test_crossbar(tmp_path):
    printed = run("07_crossbar.py", "--epochs", "1", "--chips", "1", "--out", str(tmp_path))
    assert "ideal crossbars give the same bits: True" in printed and "mean of 1 chips" in printed
    assert "event engine: in-hid1 in->hid1, hid1-out hid1->out" in printed and "A word costs" in printed
    page = (tmp_path / "report.html").read_text()
    assert "Wire loss" in page and "Converter range" in page and page.count("<img") == 9


def test_neuron_options(tmp_path):
    printed = run("08_neuron_options.py", "--epochs", "1", "--seeds", "1", "--out", str(tmp_path))
    assert "the same in torch: True" in printed and "total, memory included" in printed
    found = json.loads((tmp_path / "result.json").read_text())
    assert list(found) == ["plain", "currents", "adaptive", "adaptive, currents"]


def test_continual(tmp_path):
    size = ("--tasks", "2", "--epochs", "1", "--learners", "none", "hlop", "gpm", "--out", str(tmp_path))
    printed = run("11_continual.py", *size)
    rows = re.findall(r"^(\w+) +([0-9.]+)% +([+-][0-9.]+) +([0-9,]+) +[0-9.]+ s$", printed, re.M)
    assert [row[0] for row in rows] == ["none", "hlop", "gpm"] and all(float(row[1]) > 40 for row in rows)
    assert [row[3] for row in rows] == ["0", f"{28 * 64 + 2 * 60 * 200:,}", rows[2][3]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gpm.png", "hlop.png", "none.png"]


def test_continual_table(tmp_path):
    small_mnist(tmp_path)
    words = ("--tables", "check", "--only", "none", "hlop", "gpm", "--out", str(tmp_path / "out"))
    words += ("--data", f"mnist={tmp_path}", "--seeds", "0", "1")
    assert run("tables/continual_table.py", *words, "--list").count("snn train continual --tasks 3") == 6
    first = run("tables/continual_table.py", *words)
    rows = re.findall(r"^\| (\w+) \| [0-9.]+ ± [0-9.]+ \|.*\| ([0-9,]+) \| 0, 1 \|$", first, re.M)
    assert [name for name, _ in rows] == ["none", "hlop", "gpm"] and rows[0][1] == "0"
    assert "paired t-test over 2 seeds" in first and first.count("done  tasks so far") == 18
    again = run("tables/continual_table.py", *words)
    assert (
        "done" not in again
        and first.endswith(again)
        and (tmp_path / "out" / "table.md").read_text() == again[:-1]
    )


def test_train_shd(tmp_path):
    printed = run("train_shd.py", "--epochs", "1", "--hidden", "16", "--out", str(tmp_path / "run"))
    assert "test accuracy" in printed and (tmp_path / "run" / "report.html").exists() is False


def test_spike_gpt(tmp_path):
    data = tmp_path / "text.txt"
    data.write_bytes(b"the neuron fires and the net goes on\n" * 300)
    printed = run("12_spike_gpt.py", "--data", str(data), "--tokens", "12000", "--out", str(tmp_path / "out"))
    off = float(re.search(r"streaming differs from the parallel form by ([0-9.e-]+)", printed)[1])
    valid = float(re.search(r"valid ([0-9.]+) bits per byte", printed)[1])
    assert off < 1e-9 and valid < 7 and printed.count("--- seed") == 2
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"model.safetensors", "test_part.txt"}


def test_interchange(tmp_path):
    printed = run("13_interchange.py", "--epochs", "2", "--out", str(tmp_path))
    assert len(re.findall(r": 0 of 7164 steps differ, 597 of 597 alike$", printed, re.M)) in (2, 4)
    right = [float(share) for share in re.findall(r"test accuracy ([0-9.]+)%, 1\.\d+ µJ a digit", printed)]
    assert len(right) in (1, 2) and min(right) > 40
    assert (tmp_path / "SpikingJelly.h5").exists()


def test_train_text_classifier(tmp_path):
    data = tmp_path / "text.txt"
    data.write_bytes(b"a line that has more than four words\nand one that follows on the line before\n" * 300)
    printed = run("train_text_classifier.py", "--data", str(data), "--lines", "64", "--epochs", "1")
    assert re.search(r"test accuracy [0-9.]+% \(16 lines\), from fresh weights", printed)


def test_language_table(tmp_path, monkeypatch):
    """Nothing is trained: the runs are listed, and those that are there are in the table."""
    spec = importlib.util.spec_from_file_location(
        "language_table", ROOT / "examples" / "tables" / "language_table.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["language_table"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    keys = ("test_bits_per_byte", "valid_bits_per_byte", "parameters", "tokens_seen", "tokens_per_s")
    monkeypatch.setattr(module, "KEPT", tmp_path / "language.jsonl")
    runs = {run.name: run for run in module.RUNS}
    for seed, bits in ((0, 2.0), (1, 3.0)):
        run = runs[f"wikipedia-0.9M-spike_after-{seed}"]
        line = {**dict.fromkeys(keys, bits), "rates": {"hid1": 0.25}}
        (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        module.keep(run, tmp_path)
    rows = module.table()
    assert (
        "| wikipedia | 0.9M | spike_after |" in rows and "2.500 ± 0.707" in rows and "| 2 | 25%-25% |" in rows
    )
    assert "wikipedia-0.9M-lstm-2" in rows.splitlines()[-1] and len(runs) == len(module.RUNS) == 17
    lstm = module.LSTM.of_size(256, 923_648)
    assert 0.99 * 923_648 < module.count(lstm) <= 923_648
    train, test = np.frombuffer(b"abab" * 50, np.uint8), np.frombuffer(b"aba", np.uint8)
    order_0, order_1 = module.counted_bits(train, test, 1)
    p_a = p_b = (100 + 1 / 256) / 201  # each half of 200 bytes
    assert order_0 == pytest.approx(-(np.log2(p_b) + np.log2(p_a)) / 2)
    assert order_1 == pytest.approx(-(np.log2((100 + p_b) / 101) + np.log2((99 + p_a) / 100)) / 2)


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


def test_train_on_recordings(tmp_path):
    def in_its_column(digit, i):
        return ((9 * digit + k % 7, 9 + i % 2, k % 2, (k // 8 << 16) + k) for k in range(40))

    data = str(write_recordings(tmp_path / "digits", 15, 3, digits=2, make=in_its_column))
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
    pixels = np.append(np.arange(200), np.zeros(56)).reshape(1, 16, 16)
    train, test = ((np.repeat(pixels, n, axis=0), np.arange(n) % 2) for n in (24, 8))
    write_idx(tmp_path, train, test, packed=False)
    size = ("--epochs", "1", "--steps", "2", "--channels", "2", "--method", "sltt", "--k", "1")
    printed = run("train_images.py", "--data", str(tmp_path), *size, "--out", str(tmp_path / "run"))
    assert "test accuracy" in printed and (tmp_path / "run" / "figures" / "sample.png").exists()


def test_examples_are_short():
    for script in (ROOT / "examples").glob("*.py"):
        assert script.read_text().count("\n") <= 120, script.name
