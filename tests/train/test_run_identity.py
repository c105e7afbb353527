"""A run is resumed only as what it was: model, data, every setting, functions of one's own; more epochs go on."""

from __future__ import annotations

import dataclasses
import functools
import random
from typing import Any

import numpy as np
import pytest
import torch
from layers import InMemory
from own_parts import Items, Momentum, Signed, collate, loader, own_network, register_parts

from snn.core import Events
from snn.datasets import AugmentedSpikes, Batch, SpikeAugment, SpikeSet
from snn.nn import LIF, Layer, Linear, Residual, Sequential
from snn.train import TrainConfig, fit, save
from snn.train.fingerprint import fingerprint

register_parts()

CONFIG = TrainConfig(epochs=2, batch_size=20, loss="step_cross_entropy")

CHANGED: dict[str, Any] = {
    "batch_size": 21,
    "accumulate": 2,
    "min_batch": 15,
    "method": "sltt",
    "chunk": 5,
    "precision": "bfloat16",
    "loss": "own_step",
    "select": "loss",
    "scores": ("steadiness",),
    "optimizer": "sgd",
    "momentum": 0.8,
    "betas": (0.9, 0.99),
    "eps": 1e-7,
    "amsgrad": True,
    "clip_norm": 1.0,
    "schedule": "cosine",
    "schedule_by": "step",
    "warmup_steps": 1,
    "lr": 4e-3,
    "weight_decay": 1e-4,
    "delay_lr": 0.2,
    "sigma_end": 0.3,
    "rounded_epochs": 1,
    "seed": 1,
    # these need others beside them
    "k": {"method": "sltt", "k": 3},
    "rescale_k": {"method": "sltt", "k": 3, "rescale_k": True},
    "recompute": {"chunk": 5, "recompute": True},
}
"""Another value for every setting that a resumed run must have as it was."""


class Words(InMemory):
    def __init__(self, samples=40, seed=0):
        self.label = np.random.default_rng(seed).integers(0, 3, samples)

    def batch(self, index):
        x = (np.random.default_rng(index[0]).random((9, len(index), 6)) < 0.3).astype(np.float32)
        return Batch(x, np.full(len(index), 9), self.label[index], index)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("done")
    fit(own_network(), Words(), Words(20, 1), CONFIG, out=out)
    return out


def resume(out: Any, config: TrainConfig = CONFIG, model: Any = None, train: Any = None, **given: Any) -> Any:
    sets = (Words() if train is None else train), Words(20, 1)
    return fit(model or own_network(), *sets, config, out=out, resume=True, **given)


def test_every_setting_is_in_the_list_above():
    """A new field of `TrainConfig` stands here until it is said how a resumed run treats it."""
    assert {f.name for f in dataclasses.fields(TrainConfig)} == {*CHANGED, "epochs"}


@pytest.mark.parametrize("name", CHANGED)
def test_no_setting_may_change(done, tmp_path, name):
    values = CHANGED[name] if isinstance(CHANGED[name], dict) else {name: CHANGED[name]}
    now = values.pop(name)
    base = dataclasses.replace(CONFIG, **values)
    values[name] = now
    out = done
    if len(values) > 1:  # a run that has what the setting needs beside it
        out = tmp_path
        fit(own_network(), Words(), Words(20, 1), base, out=out)
    with pytest.raises(
        ValueError, match=rf"^config {name}(\[\d\])? must be .* to resume .*, got .*; resume with"
    ):
        resume(out, dataclasses.replace(CONFIG, **values))


def without_delays():
    torch.manual_seed(0)
    return Sequential(Linear(6, 12), LIF(1.5), Linear(12, 3))


def test_more_epochs_go_on(tmp_path):
    """Where no rate depends on how many there are, as if they had been asked for at once."""
    steady = dataclasses.replace(CONFIG, schedule="constant")
    fit(without_delays(), Words(), Words(20, 1), steady, out=tmp_path)
    longer = dataclasses.replace(steady, epochs=4)
    model, whole = without_delays(), without_delays()
    result = resume(tmp_path, longer, model)
    assert [m["epoch"] for m in result.history] == [0, 1, 2, 3]
    assert fit(whole, Words(), Words(20, 1), longer).history == result.history
    with pytest.raises(ValueError, match="config epochs must be >= 4 to resume .*, got 3"):
        resume(tmp_path, dataclasses.replace(steady, epochs=3), without_delays())


def test_other_models_are_refused(done):
    torch.manual_seed(0)
    other = Sequential(
        *list(own_network())[:2], LIF(3.0, decay_input=False, v_th=0.5), *list(own_network())[3:]
    )
    with pytest.raises(ValueError, match=r"^model layers.layers\[2\].tau must be 1.5 to resume .*, got 3.0"):
        resume(done, model=other)
    still = own_network()
    still[0].weight.requires_grad_(False)
    with pytest.raises(ValueError, match=r"model tensors.layers.0.weight must be .*, trained' to resume"):
        resume(done, model=still)
    with pytest.raises(
        ValueError, match=r"model tensors.* must be '.* torch.float32.* got '.* torch.float64"
    ):
        resume(done, model=own_network().double())


def test_other_data_are_refused(done):
    with pytest.raises(ValueError, match="data train_samples must be 40 to resume .*, got 41"):
        resume(done, train=Words(41))
    with pytest.raises(ValueError, match="data train_fingerprint must be '.*' to resume .*, got '.*'"):
        resume(done, train=Words(40, 7))


def test_a_fingerprint_tells_data_apart_but_not_their_names():
    def words(unit=3, label=1, name="words"):
        events = Events.from_lists([[0, 4], [2]], [[1, unit], [0]], n_units=5, dt_ms=1.0, n_steps=6)
        labels = np.array([0, label])
        return SpikeSet(name, events, labels, np.zeros(2, dtype=np.int64), ("a", "b"))

    same = fingerprint(words())
    assert fingerprint(words()) == fingerprint(words(name="the same, elsewhere")) == same
    varied = [AugmentedSpikes(words(), SpikeAugment(shift_units=n)) for n in (1, 2)]
    tensors = [torch.utils.data.TensorDataset(torch.full((3,), float(n))) for n in (1, 2)]
    parts = [torch.utils.data.Subset(tensors[0], indices) for indices in ([0, 1], [1, 2])]
    others = [words(unit=4), words(label=0), *varied, *tensors, *parts]
    assert len({same, *map(fingerprint, others)}) == 1 + len(others)


def test_other_loaders_are_refused(tmp_path):
    fit(own_network(), loader(), Words(20, 1), CONFIG, out=tmp_path)
    longer = torch.utils.data.DataLoader(
        Items(), 8, collate_fn=collate, shuffle=True, generator=torch.Generator()
    )
    with pytest.raises(ValueError, match=r"data train_loader.batch_size must be 10 to resume .*, got 8"):
        resume(tmp_path, train=longer)
    with pytest.raises(
        ValueError, match=r"data train_loader.sampler must be 'RandomSampler .*got 'Sequential"
    ):
        resume(tmp_path, train=loader(shuffle=False))
    with pytest.raises(ValueError, match="data train_fingerprint must be"):
        resume(tmp_path, train=loader(seed=3))


def test_other_functions_are_refused(done):
    with pytest.raises(ValueError, match="on_gradients must be None to resume .*, got 'own_parts:Momentum'"):
        resume(done, on_gradients=Momentum())
    with pytest.raises(ValueError, match="optimizer must be None to resume .*, got 'own_parts:Signed'"):
        resume(done, optimizer=Signed)


def test_functions_without_a_name_are_not_resumed(done):
    with pytest.raises(
        ValueError, match="on_gradients must be a function or class with a name to resume, got"
    ):
        resume(done, on_gradients=lambda model: None)
    with pytest.raises(ValueError, match="optimizer must be a function or class with a name to resume, got"):
        resume(done, optimizer=functools.partial(lambda groups: Signed(groups)))
    with pytest.raises(
        ValueError, match=r"optimizer \(a partial\) must be made with numbers and strings .*, got"
    ):
        resume(done, optimizer=functools.partial(torch.optim.SGD, lr=torch.tensor(1.0)))
    fit(own_network(), Words(), Words(20, 1), CONFIG, on_gradients=lambda model: None)


def test_a_run_starts_from_the_weights_of_a_file(tmp_path):
    first = own_network(seed=5)
    save(first, tmp_path / "m.safetensors")
    runs = []
    for model, init in ((own_network(seed=5), None), (own_network(seed=6), tmp_path / "m.safetensors")):
        runs.append(fit(model, Words(), Words(20, 1), CONFIG, init=init).history)
    assert runs[0] == runs[1]


def test_weights_of_another_model_are_no_start(tmp_path):
    save(own_network(), tmp_path / "m.safetensors")
    other = own_network(outputs=4)
    message = r"layers\[5\].out_features of the model must be 3 to start from the weights in .*, got 4"
    with pytest.raises(ValueError, match=message):
        fit(other, Words(), Words(20, 1), CONFIG, init=tmp_path / "m.safetensors")
    shorter = Sequential(Linear(6, 12))
    with pytest.raises(ValueError, match=r"layers of the model must be of 7 entries .*, got 1"):
        fit(shorter, Words(), Words(20, 1), CONFIG, init=tmp_path / "m.safetensors")
    with pytest.raises(FileNotFoundError, match="no file at"):
        fit(other, Words(), Words(20, 1), CONFIG, init=tmp_path / "nothing.safetensors")


def test_a_resumed_run_has_the_weights_of_its_checkpoint(tmp_path):
    save(own_network(seed=5), tmp_path / "m.safetensors")
    half = dataclasses.replace(CONFIG, epochs=1, schedule="constant")
    fit(own_network(), Words(), Words(20, 1), half, out=tmp_path)
    longer = dataclasses.replace(half, epochs=2)
    model, plain = own_network(), own_network()
    result = resume(tmp_path, longer, model, init=tmp_path / "m.safetensors")
    assert result.history == fit(plain, Words(), Words(20, 1), longer).history


class Unregistered(Layer):
    def __init__(self, gain, tau=2.0):
        super().__init__()
        self.gain, self.inner, self.plain = gain, LIF(tau), torch.nn.Dropout(gain / 10)

    def forward(self, x, state=None, lengths=None):
        return self.inner(x, state, lengths)

    def config(self):
        return {"gain": self.gain, "other": object(), "nothing": float("nan")}


def with_unregistered(gain=1.0, tau=2.0, hidden_tau=1.5):
    torch.manual_seed(0)
    return Sequential(
        Linear(6, 12), Residual(Sequential(LIF(hidden_tau))), Unregistered(gain, tau), Linear(12, 3)
    )


def test_one_layer_that_is_not_registered_hides_no_other(tmp_path):
    fit(with_unregistered(), Words(), Words(20, 1), CONFIG, out=tmp_path)
    resume(tmp_path, model=with_unregistered())
    for changed, place in (
        ({"hidden_tau": 3.0}, r"layers\[1\].body.layers\[0\].tau must be 1.5"),
        ({"gain": 2.0}, r"layers\[2\].config.gain must be 1.0"),
        ({"tau": 4.0}, r"layers\[2\].parts.inner.tau must be 2.0"),
    ):
        with pytest.raises(ValueError, match=f"^model layers.{place} to resume"):
            resume(tmp_path, model=with_unregistered(**changed))


class Ordinary(torch.utils.data.Dataset):
    def __init__(self, **held):
        self.__dict__.update(held)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.full((3, 2), getattr(self, "_scale", 1.0)) * float(
            np.random.rand() > 2
        ) + self._scale, index


@pytest.mark.parametrize(
    "held",
    [
        lambda n: {"x": np.full(4, n), "y": np.zeros(4)},
        lambda n: {"x": torch.ones(3), "y": torch.full((3,), n)},
        lambda n: {"answers": [0, 1, n], "path": "here"},
        lambda n: {"files": {"a": np.full(4, n)}},
        lambda n: {"inner": Ordinary(x=np.full(4, n))},
        lambda n: {"long": list(range(5000)) + [n] * 5000},
        lambda n: {"_scale": float(n), "path": "here"},
    ],
)
def test_a_fingerprint_reads_ordinary_data_sets(held):
    same, again, other = (Ordinary(**held(n)) for n in (1, 1, 2))
    assert fingerprint(same) == fingerprint(again) != fingerprint(other)
    assert fingerprint(torch.utils.data.DataLoader(same, num_workers=1)) == fingerprint(same)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros, lambda n: [np.zeros(3) for _ in range(n // 100)]])
def test_a_fingerprint_sees_any_element(make):
    data = make(300_001)
    before = fingerprint(Ordinary(x=data))
    for place in (1, 1_777):
        data[place] += 1.0
        after = fingerprint(Ordinary(x=data))
        assert after != before
        before = after


def test_a_run_begins_with_the_content_of_a_file_not_with_its_name(tmp_path):
    file, out = tmp_path / "m.safetensors", tmp_path / "out"
    save(own_network(seed=5), file)
    half = dataclasses.replace(CONFIG, epochs=1, schedule="constant")
    longer = dataclasses.replace(half, epochs=2)
    fit(own_network(), Words(), Words(20, 1), half, out=out, init=file)
    save(own_network(seed=6), file)
    with pytest.raises(
        ValueError, match="init must be the file of sha256 .*, with which the run in .* began"
    ):
        resume(out, longer, init=file)
    resume(out, longer)
    with pytest.raises(ValueError, match="init must be the file of sha256"):
        resume(out, dataclasses.replace(half, epochs=3), init=file)
    save(own_network(seed=5), tmp_path / "elsewhere.safetensors")
    resume(out, dataclasses.replace(half, epochs=3), init=tmp_path / "elsewhere.safetensors")


def test_a_fingerprint_leaves_random_numbers_alone():
    class Chance(Ordinary):
        def __getitem__(self, index):
            return torch.rand(2) + random.random() + np.random.rand(2)

    def draw():
        return random.random(), np.random.rand(), torch.rand(()).item()

    found = []
    for read in (False, True, True):
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(3)
        draw()
        prints = {fingerprint(Chance()) for _ in range(2)} if read else {""}
        found.append((draw(), *prints))
    assert found[0][0] == found[1][0] and found[1] == found[2] and len(found[1]) == 2


def test_another_collate_function_is_refused(tmp_path):
    def other(items):
        return collate(items)

    fit(own_network(), loader(), Words(20, 1), CONFIG, out=tmp_path)
    changed = loader()
    changed.collate_fn = other
    with pytest.raises(
        ValueError, match=r"data train_loader.collate must be 'own_parts:collate' .*got '.*other'"
    ):
        resume(tmp_path, train=changed)
