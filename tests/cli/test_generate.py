"""`snn generate`: text alone, the same for the same seed, and not a byte lost."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from snn.cli import main
from snn.core.files.text import ByteTokenizer, CharacterTokenizer
from snn.language import SpikeGPT, generate, load_prompt, read_prompt
from snn.train import save


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return made(tmp_path_factory.mktemp("model") / "model.safetensors", ByteTokenizer())


def made(path, tokenizer):
    torch.manual_seed(0)
    model = SpikeGPT(tokenizer.vocab, 1, 16, "spike_before")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.add_(torch.randn_like(parameter) * 0.5)
    save(model, path, {"recipe": "text", "tokenizer": tokenizer.description()})
    return path


def run(capfdbinary, *arguments):
    code = main(["generate", *map(str, arguments)])
    return code, *capfdbinary.readouterr()


def test_text_alone_and_the_same_for_the_seed(file, capfdbinary):
    found = [run(capfdbinary, file, "--prompt", "spikes", "--tokens", 50, "--seed", s) for s in (1, 1, 2)]
    assert [code for code, _, _ in found] == [0, 0, 0] and all(not err for _, _, err in found)
    assert len(found[0][1]) == 50 and found[0][1] == found[1][1] != found[2][1]


def test_every_byte_comes_out_as_it_was_drawn(file, capfdbinary):
    """A fresh model writes bytes that are no UTF-8: neither lost nor replaced, in the stream and in JSON."""
    from snn.train import load

    model = load(file)
    drawn = [int(t[0]) for t in generate(model, read_prompt(model, list(b"spikes")), 60)]
    _, out, _ = run(capfdbinary, file, "--prompt", "spikes", "--tokens", 60)
    assert out == bytes(drawn)
    with pytest.raises(UnicodeDecodeError):
        out.decode()
    _, printed, _ = run(capfdbinary, file, "--prompt", "spikes", "--tokens", 60, "--json")
    group = json.loads(printed)
    assert group["text"].encode("utf-8", "surrogateescape") == bytes(drawn)
    assert group.keys() == {"text", "tokens_per_s", "ms_per_token_first", "ms_per_token_last", "peak_mb"}
    assert group["tokens_per_s"] > 0 and group["ms_per_token_last"] > 0 and group["peak_mb"] > 0


def test_characters_of_many_bytes_are_whole(tmp_path, capfdbinary):
    path = made(tmp_path / "model.safetensors", CharacterTokenizer("aä語\U0001f41d\n"))
    code, out, _ = run(capfdbinary, path, "--prompt", "語ä", "--tokens", 40)
    assert code == 0 and len(out.decode()) == 40
    code, out, err = run(capfdbinary, path, "--prompt", "Ω")
    assert code == 2 and not out
    assert err.decode().startswith(
        "snn generate: prompt: text[0] must be of the 5 characters that the tokenizer"
    )


def test_a_prompt_from_a_file_and_from_a_kept_state(file, tmp_path, capfdbinary):
    prompt, state = tmp_path / "prompt.txt", tmp_path / "state.safetensors"
    prompt.write_bytes(b"a prompt \xff of bytes")
    _, whole, _ = run(capfdbinary, file, "--prompt-file", prompt, "--tokens", 20)
    run(capfdbinary, file, "--prompt-file", prompt, "--tokens", 0, "--save-state", state)
    _, kept, _ = run(capfdbinary, file, "--state", state, "--tokens", 20)
    assert whole == kept and len(whole) == 20
    _, longer, _ = run(capfdbinary, file, "--state", state, "--prompt", " and more", "--tokens", 20)
    prompt.write_bytes(prompt.read_bytes() + b" and more")
    assert longer == run(capfdbinary, file, "--prompt-file", prompt, "--tokens", 20)[1]
    from snn.train import load

    assert load_prompt(state, load(file)).logits.shape == (1, 256)


def test_without_a_prompt_it_says_where_it_starts(file, capfdbinary):
    code, out, err = run(capfdbinary, file, "--tokens", 9)
    assert code == 0 and len(out) == 9
    assert err.decode() == "prompt is empty: the model starts from rest, at the start of a line\n"
    assert run(capfdbinary, file, "--prompt", "\n", "--tokens", 9)[1] == out


def test_several_texts(file, capfdbinary):
    _, one, _ = run(capfdbinary, file, "--prompt", "x", "--tokens", 9)
    _, out, _ = run(capfdbinary, file, "--prompt", "x", "--tokens", 9, "--batch", 2)
    assert out.startswith(b"--- 1 of 2 ---\n" + one + b"\n--- 2 of 2 ---\n")
    _, printed, _ = run(capfdbinary, file, "--prompt", "x", "--tokens", 9, "--batch", 2, "--json")
    assert len(json.loads(printed)["text"]) == 2


def test_a_reader_that_has_seen_enough(file):
    """As `snn generate ... | head -c 5`: the end is quiet."""
    words = [sys.executable, "-m", "snn", "generate", str(file), "--prompt", "x", "--tokens", "400"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(5)) == 5
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "0"], "temperature must be a finite number > 0, got 0.0"),
        (["--top-p", "0"], "top_p must be a finite number > 0 and <= 1, got 0.0"),
        (["--top-p", "1.5"], "top_p must be a finite number > 0 and <= 1, got 1.5"),
        (["--top-k", "0"], "top_k must be a whole number >= 1, got 0"),
        (["--tokens", "-1"], "tokens must be a whole number >= 0, got -1"),
        (["--batch", "0"], "batch must be a whole number >= 1, got 0"),
        (
            ["--prompt", "x", "--prompt-file", "y"],
            "prompt_file must be left out where there is a prompt, got 'y'",
        ),
        (["--prompt-file", "none.txt"], "no file at none.txt"),
        (["--state", "none.safetensors"], "no file at none.safetensors"),
        (["--torch-device", "tpu"], "torch_device must be a device that torch can use here"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_requests_are_one_line(file, arguments, message, capfdbinary):
    code, out, err = run(capfdbinary, file, *arguments)
    assert code == 2 and not out
    assert err.decode().startswith(f"snn generate: {message}") and err.count(b"\n") == 1


def test_what_is_no_language_model_is_refused(tmp_path, capfdbinary):
    from snn.nn import Linear

    assert run(capfdbinary, tmp_path / "none")[2].decode().startswith("snn generate: no file at")
    save(Linear(2, 2), tmp_path / "other")
    assert b"model must be one of `snn train text`" in run(capfdbinary, tmp_path / "other")[2]
    save(Linear(2, 2), tmp_path / "odd", {"tokenizer": {"kind": "bytes"}})
    assert b"model must be a SpikeGPT, got 'Linear'" in run(capfdbinary, tmp_path / "odd")[2]
