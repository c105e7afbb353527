"""`snn train continual`: its folder, its result, runs that are resumed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import small_mnist

from snn.cli import main
from snn.nn import Conv2d, Linear
from snn.recipes import continual
from snn.recipes.continual import ContinualConfig, load_data
from snn.recipes.continual.parts import build_model, learner, ranks_of
from snn.train import TrainConfig, load

KEYS = (
    "acc",
    "bwt",
    "fwt",
    "matrix",
    "lateral_weights",
    "network_weights",
    "seconds_per_task",
    "learner",
    "method",
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    small_mnist(folder)
    return folder


def arguments(data, out, *more):
    size = ["--hidden", "6", "--steps", "2", "--tasks", "2", "--valid-fraction", "0.2", "--batch-size", "8"]
    return ["train", "continual", "--data", str(data), "--out", str(out), *size, *more]


def last(out):
    return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])


@pytest.mark.parametrize("name", ["none", "hlop", "gpm", "ewc", "replay", "hlop-replay", "joint"])
def test_a_run_fills_its_folder(digits, tmp_path, name, capsys):
    out = tmp_path / "run"
    assert main(arguments(digits, out, "--learner", name)) == 0
    found = last(out)
    assert {*KEYS} <= {*found} and (found["learner"], found["method"]) == (name, "bptt")
    matrix = np.array(found["matrix"])
    assert matrix.shape == (2, 2) and found["acc"] == pytest.approx(matrix[-1].mean())
    assert found["bwt"] == pytest.approx(matrix[1, 0] - matrix[0, 0])
    assert found["fwt"] == pytest.approx(matrix[0, 1] - found["untrained"][1])
    assert found["network_weights"] == 30 * 6 + 6 * 4 and len(found["seconds_per_task"]) == 2
    assert (found["lateral_weights"] > 0) == (name not in ("none", "joint"))
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["accuracy"] for line in lines[:2]] == found["matrix"] and len(lines) == 3
    names = sorted(path.name for path in out.iterdir())
    assert names == ["checkpoint", "config.json", "figures", "metrics.jsonl", "model.safetensors"]
    assert sorted(path.name for path in (out / "figures").iterdir()) == ["accuracy.png", "matrix.png"]
    assert load(out / "model.safetensors")(torch.zeros(2, 1, 1, 6, 5))[0].shape == (2, 1, 4)
    printed = capsys.readouterr().out
    assert "2 tasks (permuted, domain), the first of 32 training, 8 validation, 20 test" in printed
    assert "task  2/2 done" in printed and "backward transfer" in printed


@pytest.mark.parametrize(
    ("more", "outputs"),
    [
        (("--stream", "split", "--scenario", "task"), 4),
        (("--stream", "split", "--scenario", "class", "--max-train", "20"), 4),
        (("--stream", "rotated", "--scenario", "task", "--learner", "hlop", "--method", "sltt"), 8),
        (("--model", "conv", "--channels", "3", "--learner", "hlop", "--lateral", "spiking"), 4),
        (("--learner", "hlop", "--ranks", "0.9", "--method", "ottt", "--feed", "traces"), 4),
        (("--learner", "hlop", "--ranks", "tenth"), 4),
    ],
)
def test_streams_scenarios_models_and_methods(digits, tmp_path, more, outputs):
    assert main(arguments(digits, tmp_path, *more)) == 0
    assert load(tmp_path / "model.safetensors")(torch.zeros(2, 1, 1, 6, 5))[0].shape[-1] == outputs


def test_a_run_that_was_stopped_goes_on_with_its_bits(digits, tmp_path, capsys):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.metrics and "rows" in progress.metrics:
            raise Stop

    config = ContinualConfig(
        data=str(digits), hidden=(6,), steps=2, tasks=2, valid_fraction=0.2, learner="hlop"
    )
    config = replace(config, train=replace(config.train, batch_size=8))
    with pytest.raises(Stop):
        continual.run(config, tmp_path / "cut", callback=stop)
    assert len((tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()) == 1
    command = arguments(digits, tmp_path / "cut", "--learner", "hlop")
    assert main(command) == 2 and "holds a run already: --resume continues it" in capsys.readouterr().err
    assert main([*command, "--ranks", "tenth", "--resume"]) == 2
    assert "ranks was 'published', now 'tenth'" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert main(arguments(digits, tmp_path / "uncut", "--learner", "hlop")) == 0
    for name in ("model.safetensors", "figures/matrix.png"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "uncut" / name).read_bytes()
    one, two = last(tmp_path / "cut"), last(tmp_path / "uncut")
    assert {k: v for k, v in one.items() if k != "seconds_per_task"} == {
        k: v for k, v in two.items() if k != "seconds_per_task"
    }


def test_a_run_may_begin_with_the_weights_of_a_file(digits, tmp_path):
    assert main(arguments(digits, tmp_path / "a")) == 0
    weights = ["--init", str(tmp_path / "a" / "model.safetensors")]
    assert main(arguments(digits, tmp_path / "b", *weights)) == 0
    assert last(tmp_path / "b")["untrained"] == last(tmp_path / "a")["matrix"][-1]


def test_images_are_normalised(digits):
    config = ContinualConfig(data=str(digits), steps=2, max_test=8)
    train, _, test = load_data(config)
    x = next(train.batches(len(train))).x
    assert abs(x.mean()) < 1e-3 and abs(x.std() - 1) < 1e-3 and len(test) == 8
    assert (test.mean, test.deviation) == (train.mean, train.deviation)
    each = load_data(ContinualConfig(data=str(digits), stream="split", tasks=2, max_train=10))[0]
    assert (
        len(each)
        + len(load_data(ContinualConfig(data=str(digits), stream="split", tasks=2, max_train=10))[1])
        == 20
    )


def test_published_rows():
    """The network and the lists of the paper: 470, 590 and 490 rows after ten tasks, and a tenth of them."""
    config = ContinualConfig()
    model = build_model(config, (1, 28, 28), 10)
    weights = [part.weight.shape for part in model.modules() if isinstance(part, Linear)]
    assert weights == [(800, 784), (800, 800), (10, 800)]
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_275_200
    layers = [name for name, part in model.named_modules() if isinstance(part, Linear)]
    rows = ranks_of(config, model, layers)
    assert [sum(list_) for list_ in rows.values()] == [470, 590, 490]
    assert rows[layers[0]] == [80, 70, 70, 50, 50, 50, 30, 30, 30, 10]
    lateral = sum(sum(list_) * width for list_, width in zip(rows.values(), (784, 800, 800), strict=True))
    assert lateral == 1_232_480  # papers: 1.23 M lateral against 1.28 M network weights
    tenth = ranks_of(replace(config, ranks="tenth"), model, layers)
    assert [sum(list_) for list_ in tenth.values()] == [47, 59, 49]
    assert ranks_of(replace(config, ranks="0.9"), model, layers) == 0.9


def test_rows_of_convolutions_are_no_more_than_their_inputs():
    config = ContinualConfig(model="conv", stream="split", scenario="task", tasks=5, learner="hlop")
    model = build_model(config, (1, 28, 28), 10)
    convolutions = [name for name, part in model.named_modules() if isinstance(part, Conv2d)]
    made = learner(config, model)
    assert list(made.ranks) == convolutions  # heads of their own are not projected
    assert list(made.options["lr"].values()) == [0.0005, 0.005, 0.005]
    assert made.ranks[convolutions[0]] == [6, 2, 1, 0, 0] and made.ranks[convolutions[1]] == [
        100,
        20,
        20,
        20,
        20,
    ]
    shared = learner(replace(config, scenario="class"), model)
    assert len(shared.ranks) == 4


def test_the_loss_goes_with_the_method():
    config = ContinualConfig()
    assert config.train.loss == "step_cross_entropy" and config.training.loss == "mean_cross_entropy"
    assert replace(config, mean_output=False).training is config.train
    for method in ("sltt", "ottt"):
        assert (
            replace(config, train=replace(config.train, method=method)).training.loss == "step_cross_entropy"
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stream": "mixed"}, "stream must be one of 'permuted', 'split', 'rotated', got 'mixed'"),
        ({"scenario": "all"}, "scenario must be one of 'domain', 'task', 'class', got 'all'"),
        ({"learner": "lwf"}, "learner must be one of 'none', 'hlop', .*, got 'lwf'"),
        ({"ranks": "some"}, r"ranks must be 'published', 'tenth' or a number in \(0, 1\), got 'some'"),
        ({"ranks": "1.5"}, "ranks must be a finite number > 0 and < 1, got 1.5"),
        ({"tasks": 0}, "tasks must be a whole number >= 1, got 0"),
        ({"hebbian_lr": 0.0}, "hebbian_lr must be a finite number > 0, got 0.0"),
        ({"gpm_share": 0.0}, "gpm_share must be a finite number > 0 and <= 1, got 0.0"),
        ({"ewc_strength": -1.0}, "ewc_strength must be a finite number >= 0, got -1.0"),
        (
            {"learner": "joint", "scenario": "task"},
            "scenario must be 'domain' or 'class' with learner 'joint', got .*",
        ),
        ({"hidden": ()}, r"hidden must be at least one size >= 1, got \(\)"),
        ({"max_train": 1}, "max_train must be a whole number >= 2, got 1"),
    ],
)
def test_impossible_settings_are_refused_before_torch_is_there(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ContinualConfig(**settings)


def test_what_hlop_refuses_is_said_by_the_command(digits, tmp_path, capsys):
    assert main(arguments(digits, tmp_path, "--learner", "hlop", "--optimizer", "adam")) == 2
    assert "optimizer must be 'sgd'" in capsys.readouterr().err
    assert isinstance(ContinualConfig().train, TrainConfig)
