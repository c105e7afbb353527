"""Wrong arguments, places that cannot be written to, readers that leave: one sentence, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snn.cli import main

WRONG = [
    "energy",
    "energy x --samples abc",
    "energy x --samples 0",
    "energy x --nonsense 3",
    "energy x --target nope",
    "energy x --compare nope",
    "energy x --out report.json",
    "energy x --out nowhere/report.html",
    "energy x --out .",
    "energy x y",
    "energy nothing.safetensors",
    "energy nothing.h5",
    "simulate",
    "simulate nothing.h5",
    "simulate nothing.safetensors",
    "simulate nothing.h5 --engine fast",
    "simulate nothing.h5 --steps x",
    "simulate nothing.h5 --steps 3",
    "simulate nothing.h5 --events in",
    "simulate nothing.h5 --out file/below",
    "train",
    "train nothing",
    "train shd --epochs x",
    "train shd --epochs 0",
    "train shd --epochs 1.5",
    "train shd --tau nan",
    "train shd --lr",
    "train shd --lr no",
    "train shd --resume no",
    "train shd --data nowhere --epochs 1",
    "train shd --torch-device tpu:9 --epochs 1",
    "train shd --out file --epochs 1",
    "train images --data nowhere --epochs 1",
    "train nmnist --data nowhere --epochs 1",
    "demo --epochs 0",
    "demo --seed -1",
    "demo --target nope",
    "demo --out file",
    "data",
    "data nothing",
    "data verify nowhere",
    "data verify a b",
    "data fetch nothing",
    "nothing",
]


@pytest.mark.parametrize("line", WRONG)
def test_wrong_arguments_are_one_sentence(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert main(line.split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith("snn") and "Traceback" not in said.err and not said.out
    assert said.err.count("\n") == 1 or line.startswith(
        "data"
    )  # the usage of the few actions of `data` follows
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [tmp_path / "file"] and before


@pytest.mark.parametrize(
    "command", ["demo", "train shd", "train images", "train nmnist", "energy", "simulate"]
)
def test_every_command_tells_its_options(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert not stop.value.code and "--" in capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error():
    command = [sys.executable, "-m", "snn", "data", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_a_compiled_loop_is_kept_somewhere(tmp_path):
    """Numba finds no folder to write to: the loops are kept in one for this process, which is said once."""
    copy = tmp_path / "loops.py"
    copy.write_text(
        "import warnings\n"
        "import numba.core.caching as caching\n"
        "from snn.core import compiled as made\n"
        "none = [c for c in caching.CacheImpl._locator_classes if c is caching.UserProvidedCacheLocator]\n"
        "caching.CacheImpl._locator_classes = none\n"
        "made.numba.config.CACHE_DIR = ''\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    first = made.compiled(lambda x: x + 1)\n"
        "    second = made.compiled(lambda x: x + 2)\n"
        "assert (first(1), second(1)) == (2, 3)\n"
        "said = [str(one.message) for one in said if one.category is RuntimeWarning]\n"
        "assert len(said) == 1 and 'snn-compiled-' in said[0], said\n"
        "print(made.numba.config.CACHE_DIR)\n"
    )
    found = subprocess.run([sys.executable, str(copy)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert not Path(found.stdout.strip()).exists()  # gone with the process


def test_a_damaged_cache_is_named(tmp_path):
    source = tmp_path / "loop.py"
    source.write_text(
        "from snn.core.compiled import compiled\n@compiled\ndef loop(x):\n    return x + 1\nprint(loop(1))\n"
    )
    cache = tmp_path / "cache"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    run = [sys.executable, str(source)]
    assert subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout == "2\n"
    for index in cache.rglob("loop.loop*.nbi"):
        index.write_bytes(b"no pickle")
    found = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert "OSError: compiled code in" in found.stderr and "delete that folder" in found.stderr
