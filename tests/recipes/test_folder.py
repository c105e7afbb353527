"""One run at a time writes into a folder, whatever becomes of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from snn.recipes import folder

HOLD = "import sys, time\nfrom snn.recipes.folder import hold\n"
WAIT = HOLD + "with hold(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(600)\n"
TAKE_TURNS = HOLD + (
    "from pathlib import Path\n"
    "held = 0\n"
    "for _ in range(400):\n"
    "    try:\n"
    "        with hold(sys.argv[1]) as path:\n"
    "            (path / 'mine').touch(exist_ok=False)\n"
    "            held += 1\n"
    "            (path / 'mine').unlink()\n"
    "    except ValueError:\n"
    "        pass\n"
    "print(held)\n"
)


def start(code, out):
    return subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True)


def test_a_second_run_is_refused(tmp_path):
    out = tmp_path / "runs" / "a"
    refusal = (
        f"^{out} must be a folder that no run is writing into, got one that is in use; wait for that run, or"
    )
    with folder.hold(out) as path:
        assert path == out
        with pytest.raises(ValueError, match=refusal), folder.hold(out):
            pass
        (out / "kept").touch()
    with folder.hold(out), folder.hold(tmp_path / "runs" / "b"):
        pass
    assert [file.name for file in out.iterdir()] == ["kept"]


def test_a_run_that_fails_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), folder.hold(tmp_path / "a"):
        print(1 / 0)
    with folder.hold(tmp_path / "a"):
        pass


def test_a_killed_run_is_in_nobodys_way(tmp_path):
    running = start(WAIT, tmp_path)
    try:
        assert running.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="in use"), folder.hold(tmp_path):
            pass
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
    assert (tmp_path / ".lock").exists()
    with folder.hold(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


def test_however_many_try_one_holds_it(tmp_path):
    """What each finds while it holds the folder is its own, though the lock's file comes and goes."""
    out = tmp_path / "out"
    started = [start(TAKE_TURNS, out) for _ in range(3)]
    held = [int(process.communicate()[0]) for process in started]
    assert all(process.returncode == 0 for process in started) and sum(held) > 0


def test_a_run_may_go_on_for_longer_but_not_otherwise(tmp_path):
    settings = {"steps": 3, "train": {"epochs": 4, "lr": 0.1}}
    folder.write_config(tmp_path, settings, init="a.safetensors")
    with pytest.raises(ValueError, match="holds a run already: --resume continues it"):
        folder.check(tmp_path, settings, resume=False)
    longer = {"steps": 3, "train": {"epochs": 5, "lr": 0.1}}
    init = folder.check(tmp_path, longer, resume=True)
    folder.write_config(tmp_path, longer, init)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["config"]["train"]["epochs"] == 5 and written["init"] == "a.safetensors"
    assert folder.check(tmp_path, longer, True, init=tmp_path.cwd() / "a.safetensors") == "a.safetensors"
    with pytest.raises(ValueError, match="init must be 'a.safetensors' to resume .*, got 'b.safetensors'"):
        folder.check(tmp_path, longer, True, init="b.safetensors")
    with pytest.raises(ValueError, match="epochs was 5, now 4; resume with the same settings"):
        folder.check(tmp_path, settings, resume=True)
    with pytest.raises(ValueError, match="lr was 0.1, now 0.2"):
        folder.check(tmp_path, {"steps": 3, "train": {"epochs": 6, "lr": 0.2}}, resume=True)
