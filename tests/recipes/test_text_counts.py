"""`snn energy` on a language model: windows of the test text, each from rest."""

from __future__ import annotations

import json

import pytest
import torch

import snn
from snn.cli.costs import count_file
from snn.core.files.text import ByteTokenizer
from snn.hardware import count
from snn.language import SpikeGPT
from snn.recipes.text.config import TextConfig, load_data
from snn.recipes.text.counts import count_text


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a model as `snn train text` does, untrained; the test part of its text has windows of 16 and a rest."""
    folder = tmp_path_factory.mktemp("text")
    words = " ".join(f"number {n} of {n * n % 97}" for n in range(200))
    (folder / "words.txt").write_text(words, encoding="utf-8")
    torch.manual_seed(0)
    model = SpikeGPT(256, 2, 8, "spike_before", initial="torch")
    data = {"data": str(folder / "words.txt"), "tokenizer": "bytes", "vocabulary": 4096, "context": 16}
    about = {"recipe": "text", "data": data, "tokenizer": ByteTokenizer().description()}
    snn.train.save(model, folder / "model.safetensors", about)
    return folder, model, load_data(TextConfig(**data))[2]


def test_all_windows_are_counted_once(saved):
    folder, model, test = saved
    ledger, name = count_file(str(folder / "model.safetensors"), None, None)
    assert name == test.name and ledger.samples == len(test) and ledger.steps == len(test.tokens) - 1
    whole = test.at(range(0, len(test.tokens) - 1, 16))
    assert ledger == count(model, torch.from_numpy(whole.x), torch.from_numpy(whole.lengths))


@pytest.mark.parametrize("samples", [1, 8, 11, 10**6])
def test_the_first_so_many(saved, samples):
    folder, model, test = saved
    ledger, _ = count_text(folder / "model.safetensors", None, samples)
    taken = min(samples, len(test))
    assert ledger.samples == taken
    first = test.at([16 * i for i in range(taken)])
    due = count(model, torch.from_numpy(first.x), torch.from_numpy(first.lengths))
    assert ledger.total("acs") == due.total("acs") and ledger.total("output_spikes") == due.total(
        "output_spikes"
    )


def test_another_text_and_the_page(saved, tmp_path, capsys):
    folder, _, test = saved
    (tmp_path / "other.txt").write_text("what else there is to say " * 40, encoding="utf-8")
    file = str(folder / "model.safetensors")
    assert count_text(file, str(tmp_path / "other.txt"), None)[0].steps != len(test.tokens) - 1
    from snn.cli import energy

    energy.main(
        [file, "--samples", "2", "--target", "horowitz45_fp32", "--out", str(tmp_path / "report.html")]
    )
    printed = capsys.readouterr().out
    assert "not priced: " in printed and " exponentials" in printed
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert numbers["ledger"]["version"] == 4 and numbers["unpriced"]["exponentials"] == 2 * 4 * 8 * 32
    with pytest.raises(FileNotFoundError):
        count_text(file, str(tmp_path / "none.txt"), None)
