"""A user's losses, score, optimiser, loader and gradient hook: cut and resumed, a run has the same bits."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
import torch
from own_parts import Momentum, Signed, loader, own_network, register_parts

from snn.train import TrainConfig, evaluate, fit

register_parts()

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # labels, settings, arguments of fit
    "loader": ("class", {}, {}),
    "own loss per step": ("step class", {"loss": "own_step"}, {}),
    "own loss per step, sltt": (
        "step class",
        {"loss": "own_step", "method": "sltt", "k": 4, "chunk": 3, "accumulate": 2},
        {},
    ),
    "own regression": ("value", {"loss": "own_regression", "select": "loss"}, {}),
    "regression per step": ("step value", {"loss": "step_squared_error", "select": "loss", "chunk": 5}, {}),
    "own score": ("class", {"select": "steadiness", "clip_norm": 0.5}, {}),
    "steps": ("class", {"schedule_by": "step", "warmup_steps": 6, "optimizer": "sgd", "momentum": 0.5}, {}),
    "own optimiser": ("class", {}, {"optimizer": Signed}),
    "hook": ("class", {"schedule": "cosine"}, {"on_gradients": Momentum}),
    "all": (
        "step class",
        {"loss": "own_step", "select": "steadiness", "schedule_by": "step", "clip_norm": 1.0},
        {"optimizer": Signed, "on_gradients": Momentum},
    ),
}


def run(case: str, out: Any, resume: bool = False, stop_at: int = -1, stop: Any = None) -> Any:
    kind, settings, given = CASES[case]
    model = own_network(2 if "value" in kind else 3)
    seen = 0

    def count(progress: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == stop_at:
            stop()

    if "on_gradients" in given:
        given = given | {"on_gradients": given["on_gradients"]()}
    config = TrainConfig(**({"epochs": 4, "loss": "step_cross_entropy", "lr": 0.02} | settings))
    sets = loader(kind), loader(kind, 1, shuffle=False)
    done = fit(model, *sets, config, out=out, resume=resume, callback=count, **given)
    return model, done, given.get("on_gradients")


class Cut(Exception):
    pass


def cut() -> None:
    raise Cut


@pytest.mark.parametrize("case", CASES)
def test_cut_and_resumed(tmp_path, case):
    """Four batches and one report per epoch: cut in the second, again right after it, and in the third."""
    whole, uncut, hook = run(case, tmp_path / "whole")
    out = tmp_path / "cut"
    for stop_at in (7, 5, 3):
        with pytest.raises(Cut):
            run(case, out, resume=True, stop_at=stop_at, stop=cut)
    model, done, again = run(case, out, resume=True)
    assert done.history == uncut.history and done.selected_epoch == uncut.selected_epoch
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    assert any(m["train_loss"] != uncut.history[0]["train_loss"] for m in uncut.history)
    if hook is not None:
        assert hook.calls == again.calls == 16 and hook.checked == 1


def test_killed_and_resumed(tmp_path):
    """The same, by a signal that no code survives, in a process of its own."""
    code = (
        "import os, signal, sys\nimport test_own_parts\n"
        "stop = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "test_own_parts.run('all', sys.argv[1], True, int(sys.argv[2]), stop)\n"
    )
    here = os.path.dirname(__file__)
    path = os.pathsep.join([here, os.path.join(here, "..", "support"), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    for stop_at, code_is in ((8, -signal.SIGKILL), (-1, 0)):
        command = [sys.executable, "-c", code, str(tmp_path / "cut"), str(stop_at)]
        ended = subprocess.run(command, env=env, capture_output=True, text=True)
        assert ended.returncode == code_is, ended.stderr[-2000:]
    run("all", tmp_path / "whole")
    lines = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "cut")]
    assert lines[0] == lines[1]


def test_metrics_of_a_run_without_classes(tmp_path):
    _, done, _ = run("own regression", tmp_path)
    assert done.selected["valid_accuracy"] is None and done.selected["train_accuracy"] is None
    assert done.selected_epoch == min(range(4), key=lambda e: done.history[e]["valid_loss"])


def test_a_score_is_reported_and_selects(tmp_path):
    model, done, _ = run("own score", tmp_path)
    values = [m["valid_steadiness"] for m in done.history]
    assert done.selected_epoch == max(range(4), key=lambda e: values[e])
    found = evaluate(model, loader(seed=1, shuffle=False), loss="step_cross_entropy", scores=("steadiness",))
    assert found.values == {"steadiness": max(values)}


def test_an_optimiser_made_by_a_partial_is_known_by_its_arguments(tmp_path):
    made = functools.partial(torch.optim.AdamW, betas=(0.8, 0.9))
    config = TrainConfig(epochs=1, loss="step_cross_entropy")
    fit(own_network(), loader(), loader(), config, out=tmp_path, optimizer=made)
    other = functools.partial(torch.optim.AdamW, betas=(0.8, 0.99))
    message = r"optimizer must be 'torch.optim.adamw:AdamW\(betas=\(0.8, 0.9\)\)' to resume .*, got .*0.99"
    with pytest.raises(ValueError, match=message):
        fit(own_network(), loader(), loader(), config, out=tmp_path, resume=True, optimizer=other)


def test_a_users_betas_are_left_alone():
    seen = []

    def make(groups):
        assert [sorted(group) for group in groups] == [["lr", "params", "role", "weight_decay"]] * 3
        made = torch.optim.AdamW(groups, betas=(0.7, 0.9))
        made.register_step_pre_hook(
            lambda o, *_: seen.append({(g["lr"], g["betas"]) for g in o.param_groups[:2]})
        )
        return made

    config = TrainConfig(epochs=4, loss="step_cross_entropy")
    fit(own_network(), loader(), loader(), config, optimizer=make)
    assert {betas for step in seen for _, betas in step} == {(0.7, 0.9)}
    assert (
        len({lr for step in seen for lr, _ in step}) == 4
    )  # the schedule moves the rates of groups with a role
