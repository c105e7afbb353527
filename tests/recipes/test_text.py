"""`snn train text`: what it leaves, that it goes on bit for bit, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from snn.cli import main
from snn.core.files.text import ByteTokenizer
from snn.language import SpikeGPT, bits_per_byte
from snn.recipes import text
from snn.recipes.table import RECIPES
from snn.recipes.text.config import DATA_FIELDS, TextConfig, build_model, load_data
from snn.recipes.text.models import load_language_model, tokenizer_of
from snn.recipes.text.report import Timed
from snn.train import read_info, save

SMALL = ["--layers", "2", "--width", "16", "--context", "16", "--batch-size", "4", "--sample", "8"]
KEYS = {
    "test_bits_per_byte",
    "valid_bits_per_byte",
    "parameters",
    "tokens_seen",
    "tokens_per_s",
    "rates",
    "variant",
    "data",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A text of words drawn at random, with a few characters beyond ASCII."""
    words = "the spike of a neuron läuft über das Netz and fires again\n".split(" ")
    drawn = random.Random(0).choices(words, k=700)
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text(" ".join(drawn), encoding="utf-8")
    return path


def config(file, **changes):
    train = replace(TextConfig().train, epochs=3, batch_size=4, warmup_steps=5, **changes.pop("train", {}))
    sizes = {"layers": 2, "width": 16, "context": 16, "sample": 8, "budget_tokens": 3 * 4 * 16 * 6}
    return TextConfig(**{"data": str(file), "train": train, **sizes, **changes})


def last(out):
    return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])


@pytest.fixture(scope="module")
def uncut(file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "uncut"
    said = []
    result = text.run(config(file), out, log=said.append)
    return out, result, said


def test_a_run_leaves_what_it_came_to(uncut, file):
    out, result, said = uncut
    assert isinstance(result, text.train.TextResult) and result.summary == last(out)
    found = last(out)
    assert found.keys() >= KEYS and found["variant"] == "spike_after" and found["data"] == "words.txt (test)"
    assert found["tokens_seen"] == 3 * 4 * 16 * 6 and found["tokens_per_s"] > 0
    assert found["parameters"] == sum(p.numel() for p in result.model.parameters())
    assert found["rates"].keys() == {"hid1", "hid2", "hid3", "hid4"}
    assert all(0 <= rate <= 1 for rate in found["rates"].values())
    for name in (
        "config.json",
        "timing.jsonl",
        "samples.jsonl",
        "tokenizer.json",
        "checkpoint/last.safetensors",
    ):
        assert (out / name).stat().st_size > 0
    assert any("2 training" not in line and "bits per byte" in line for line in said)
    assert any(line.startswith("sample: ") for line in said)
    samples = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in samples] == [0, 1, 2] and all(line["text"] for line in samples)
    assert samples[2]["valid_bits_per_byte"] < samples[0]["valid_bits_per_byte"]
    assert text.RECIPE.result_lines(result)[0].startswith("words.txt (test): test ")


def test_the_reported_bits_are_those_of_the_saved_model(uncut, file, tmp_path):
    out, _, _ = uncut
    model, tokenizer = load_language_model(out / "model.safetensors")
    assert isinstance(model, SpikeGPT) and isinstance(tokenizer, ByteTokenizer)
    data = file.read_bytes()
    part = tmp_path / "test-part"
    part.write_bytes(data[len(data) * 95 // 100 :])
    assert bits_per_byte(model, part, 16) == pytest.approx(last(out)["test_bits_per_byte"], rel=1e-6)
    about = read_info(out / "model.safetensors")
    assert about["recipe"] == "text" and set(about["data"]) == set(DATA_FIELDS)


@pytest.mark.parametrize("after", [0, 1])
def test_a_cut_run_goes_on_with_the_same_bits(uncut, file, tmp_path, after):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.epoch == after + 1 and progress.metrics is None and progress.batch == 3:
            raise Stop

    cut = tmp_path / "cut"
    with pytest.raises(Stop):
        text.run(config(file), cut, callback=stop)
    text.run(config(file), cut, resume=True)
    assert (cut / "model.safetensors").read_bytes() == (uncut[0] / "model.safetensors").read_bytes()
    assert (cut / "samples.jsonl").read_bytes() == (uncut[0] / "samples.jsonl").read_bytes()
    one, other = ({**last(out), "tokens_per_s": 0} for out in (cut, uncut[0]))
    assert one == other


def test_by_the_clock(file, tmp_path):
    out = tmp_path / "run"
    arguments = ["train", "text", "--data", str(file), "--out", str(out), *SMALL, "--minutes", "0.005"]
    assert main(arguments) == 0
    found = last(out)
    assert found["tokens_seen"] >= 64 and found["tokens_seen"] % 64 == 0 and found["variant"] == "spike_after"
    kept = json.loads((out / "config.json").read_text())["config"]["train"]
    assert kept["schedule"] == "constant" and kept["epochs"] == 1
    train = load_data(config(file))[0]
    timed = Timed(train, 1e-9)
    assert [len(b.lengths) for b in timed.batches(4, seed=(0, 0))] == [4] and timed.tokens_seen == 64
    assert len(timed) == len(train)


def test_the_clock_does_not_say_the_same_twice(file, tmp_path, capsys):
    arguments = [
        "train",
        "text",
        "--data",
        str(file),
        "--out",
        str(tmp_path),
        *SMALL,
        "--minutes",
        "1",
        "--resume",
    ]
    assert main(arguments) == 2
    assert "minutes must be None to resume a run" in capsys.readouterr().err


@pytest.mark.parametrize("tokenizer", ["characters", "bpe"])
def test_other_tokens_and_a_start_from_a_model_of_them(file, tmp_path, tokenizer, capsys):
    if tokenizer == "bpe":
        pytest.importorskip("tokenizers", reason="the extra 'bpe' is not installed")
    how = {"tokenizer": tokenizer, "vocabulary": 280, "train": {"loss": "step_cross_entropy"}}
    first = text.run(config(file, **how), tmp_path / "first")
    known = tokenizer_of(tmp_path / "first" / "model.safetensors")
    assert known.kind == tokenizer and known.vocab == first.model.vocab
    assert 0 < first.summary["test_bits_per_byte"] < 12
    # another text, by the tokens of the model that it begins with
    other = tmp_path / "other.txt"
    other.write_text("das Netz läuft and a neuron fires\n" * 40, encoding="utf-8")
    again = text.run(config(other, **how), tmp_path / "again", init=tmp_path / "first" / "model.safetensors")
    assert tokenizer_of(tmp_path / "again" / "model.safetensors").description() == known.description()
    # what a run began with need not be there any more to go on with it
    kept = (tmp_path / "first" / "model.safetensors").rename(tmp_path / "kept.safetensors")
    resumed = text.run(config(other, **how), tmp_path / "again", resume=True)
    assert resumed.summary["test_bits_per_byte"] == again.summary["test_bits_per_byte"]
    with pytest.raises(ValueError, match=f"cannot resume .*: tokenizer was '{tokenizer}', now 'bytes'"):
        text.run(config(other, **how | {"tokenizer": "bytes"}), tmp_path / "again", resume=True)
    other.write_text("Ω is not known\n" * 90, encoding="utf-8")
    if tokenizer == "characters":
        with pytest.raises(
            ValueError, match=r"other.txt: text\[0\] must be of the .* characters .*, got 'Ω'"
        ):
            text.run(config(other, **how), tmp_path / "no", init=kept)
    with pytest.raises(
        ValueError, match=f"tokenizer must be '{tokenizer}', the one of the model .*, got 'bytes'"
    ):
        text.run(config(file), tmp_path / "no2", init=kept)


def test_parts_of_a_batch_and_half_precision(file, tmp_path, uncut):
    halves = text.run(config(file, train={"accumulate": 2}), tmp_path / "halves")
    assert halves.summary["test_bits_per_byte"] == pytest.approx(
        uncut[1].summary["test_bits_per_byte"], abs=0.02
    )
    low = text.run(config(file, train={"precision": "bfloat16"}, variant="none"), tmp_path / "low")
    assert low.summary["rates"] == {} and 0 < low.summary["test_bits_per_byte"] < 8


WORKER = """
import sys, torch
torch.set_num_threads(1)
from snn.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_processes_share_a_run(file, tmp_path, uncut):
    out = tmp_path / "two"
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    arguments = ["train", "text", "--data", str(file), "--out", str(out), *SMALL, "--epochs", "3"]
    arguments += ["--budget-tokens", str(3 * 4 * 16 * 6), "--warmup-steps", "5"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(worker), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("words.txt (test): test ") == 1
    found, alone = last(out), uncut[1].summary
    assert found["tokens_seen"] == alone["tokens_seen"]
    # gradients are averaged in another order of sums
    assert found["test_bits_per_byte"] == pytest.approx(alone["test_bits_per_byte"], abs=0.02)


def test_settings_that_do_not_go_are_refused(file, tmp_path):
    for changes, message in [
        ({"tokenizer": "words"}, "tokenizer must be one of"),
        ({"vocabulary": 255}, "vocabulary must be a whole number >= 256"),
        ({"variant": "spiky"}, "variant must be one of"),
        ({"layers": 0}, "layers must be a whole number >= 1"),
        ({"context": 0}, "context must be a whole number >= 1"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"sample": -1}, "sample must be"),
        ({"minutes": 0.0, "budget_tokens": None}, "minutes must be a finite number > 0"),
        ({"minutes": 1.0}, "minutes must be None with budget_tokens"),
        ({"budget_tokens": 191}, "budget_tokens must be >= 192: 3 epochs of a batch of 64 tokens, got 191"),
        ({"train": {"select": "accuracy"}}, "train must be method 'bptt' and select 'loss'"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            config(file, **changes)
    with pytest.raises(FileNotFoundError, match="data must be the path of a text, got None"):
        text.run(TextConfig(), tmp_path / "none")
    small = tmp_path / "small"
    small.write_bytes(b"too short" * 20)
    with pytest.raises(
        ValueError, match=r"text of small \(valid\) must be longer than a window of 16 tokens, got '9"
    ):
        text.run(config(small), tmp_path / "short")
    net = build_model(config(file), 256)
    save(net, tmp_path / "plain.safetensors")
    for use in (tokenizer_of, load_language_model):
        with pytest.raises(
            ValueError, match="model must be one of `snn train text`, which says its tokenizer"
        ):
            use(tmp_path / "plain.safetensors")
    save(net, tmp_path / "other.safetensors", {"tokenizer": {"kind": "characters", "characters": "abc"}})
    with pytest.raises(
        ValueError, match="tokenizer must be one of 256 tokens, the model's vocabulary, got 'char"
    ):
        load_language_model(tmp_path / "other.safetensors")


def test_a_run_is_the_seed_s(file):
    first, same = (build_model(config(file, train={"seed": 3}), 256) for _ in range(2))
    other = build_model(config(file, train={"seed": 4}), 256)
    assert torch.equal(first.head.weight, same.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert RECIPES.find("text") is text.RECIPE
