"""How a command ends: in one sentence, whatever stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import snn
from snn import cli


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("the membranes need about 9.0 GB"), "snn data: the membranes need about 9.0 GB\n"),
        (MemoryError(), "snn data: out of memory\n"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes.\nmore"),
            "snn data: out of memory: Def",
        ),
        (PermissionError(13, "Permission denied", "/a"), "snn data: [Errno 13] Permission denied: '/a'\n"),
    ],
)
def test_too_little_memory_is_one_sentence(monkeypatch, capsys, error, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("snn.cli.data.main", fail)
    assert cli.main(["data", "list"]) == 2
    text = capsys.readouterr().err
    assert text.startswith(said) and text.count("\n") == 1


LONG = """
import sys, numpy as np, snn
net = snn.Network(1.0, [snn.Population("h", 3, snn.LIFParams(decay=0.5, bias=2.0))])
net.save(sys.argv[1] + "/net.h5")
"""


def test_a_batch_system_ends_a_run_as_ctrl_c_does(tmp_path):
    """SIGTERM: the message, the exit code of the signal, and all that is done kept."""
    subprocess.run([sys.executable, "-c", LONG, str(tmp_path)], check=True)
    words = [
        sys.executable,
        "-m",
        "snn",
        "simulate",
        "net.h5",
        "--steps",
        "1000000000",
        "--out",
        "out",
        "--chunk",
        "500",
    ]
    run = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = Path(tmp_path, "out", "recording")
    while run.poll() is None and len(list(folder.glob("part-*.h5"))) < 2:
        pass
    os.kill(run.pid, signal.SIGTERM)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 143 and said.endswith("snn simulate: terminated\n") and "Traceback" not in said
    assert snn.Recording.load(folder).counts.steps >= 1000
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
