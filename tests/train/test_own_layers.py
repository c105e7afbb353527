"""A user's layer trains, is scored, saved and loaded as ours are."""

from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest
import torch
from layers import InMemory
from own_blocks import Block, Gated

from snn.datasets import Batch
from snn.kernels.step_local import is_local, learning_steps, local_in_time
from snn.nn import Layer, LeakyReadout, Linear, Residual, Sequential, registry
from snn.train import TrainConfig, evaluate, fit, load, save


class Noise(InMemory):
    """Three classes of noise whose samples differ in length."""

    def __init__(self, samples=24):
        rng = np.random.default_rng(0)
        self.label = np.arange(samples) % 3
        self.length = rng.integers(4, 11, samples)
        rate = np.where(np.arange(6) // 2 == self.label[:, None], 0.7, 0.1)
        self.x = (rng.random((10, samples, 6)) < rate).astype(np.float32)
        self.x *= np.arange(10)[:, None, None] < self.length[:, None]

    def batch(self, index):
        return Batch(self.x[:, index], self.length[index], self.label[index], index)


def network(call="keyword"):
    torch.manual_seed(0)
    return Sequential(Gated(6, 8, call), Linear(8, 3), LeakyReadout())


CONFIG = TrainConfig(epochs=2, batch_size=8, min_batch=1, lr=0.02, loss="step_cross_entropy")


# --- lengths by position, by keyword, not at all ---


@pytest.mark.parametrize("method", ["bptt", "sltt"])
def test_lengths_by_keyword_are_those_by_position(method):
    data, found = Noise(), []
    for call in ("keyword", "position"):
        model = network(call)
        found.append(fit(model, data, data, TrainConfig(**{**CONFIG_FIELDS, "method": method})).history)
        assert 0 < evaluate(model, data).rates["hid1"] < 1
    assert found[0] == found[1]


CONFIG_FIELDS = {name: getattr(CONFIG, name) for name in ("epochs", "batch_size", "min_batch", "lr", "loss")}


def test_without_lengths_every_step_counts():
    data = Noise()
    rates = {call: evaluate(network(call), data, batch_size=24).rates["hid1"] for call in ("keyword", "none")}
    z = network("none")[0](torch.from_numpy(data.x))[0].detach()
    assert rates["none"] == pytest.approx(float(z.mean()))
    valid = torch.arange(10)[:, None] < torch.from_numpy(data.length)
    assert rates["keyword"] == pytest.approx(float(z[valid].mean()))


# --- states, methods ---


@pytest.mark.parametrize(
    "changes", [{"method": "sltt", "chunk": 3}, {"chunk": 3}, {"chunk": 3, "recompute": True}]
)
def test_a_state_may_hold_nothing(changes):
    """Block and Gated carry `()` beside tensors from piece to piece."""
    torch.manual_seed(0)
    model = Sequential(Block(6, 8), Residual(Gated(8, 8)), Linear(8, 3), LeakyReadout())
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    fit(model, Noise(), Noise(), TrainConfig(**CONFIG_FIELDS, **changes))
    assert all(not torch.equal(before[name], now) for name, now in model.named_parameters())


class Trace(Layer):
    """A leaky trace by arithmetic of its own, that asks what a layer must ask."""

    def forward(self, x, state=None, lengths=None):
        trace, found = torch.zeros_like(x[0]) if state is None else state, []
        learns = learning_steps(len(x))
        for t, x_t in enumerate(x.unbind(0)):
            trace = trace.detach() if is_local() else trace
            with torch.set_grad_enabled(torch.is_grad_enabled() and (learns is None or bool(learns[t]))):
                trace = 0.5 * trace + x_t
            found.append(trace)
        return torch.stack(found), trace


@pytest.mark.parametrize("marked", [False, True])
def test_what_a_layer_must_ask_in_step_local_training(marked):
    """All steps at once have the gradients of the steps one by one, as Layer's docstring says."""
    layer, weight = Trace(), torch.rand(3, 4, requires_grad=True)
    x, learns = torch.rand(5, 2, 4), torch.tensor([True, False, True, True, False])
    loss = torch.rand(5, 2, 3) * (learns[:, None, None] if marked else 1.0)
    with local_in_time(learns if marked else None):
        y, _ = layer(x @ weight.t())
    (together,) = torch.autograd.grad((y * loss).sum(), weight)
    state, alone = None, torch.zeros_like(weight)
    for x_t, loss_t in zip(x, loss, strict=True):
        y, state = layer(x_t[None] @ weight.t(), state)
        alone += torch.autograd.grad((y[0] * loss_t).sum(), weight)[0]
        state = state.detach()
    torch.testing.assert_close(together, alone)


# --- files ---


MODULE = """
    from snn.nn import LIF, Layer, Linear, register_layer


    class Unregistered(Layer):
        pass


    {decorator}
    class Own(Layer):
        def __init__(self, width):
            super().__init__()
            self.width, self.connect, self.fire = width, Linear(6, width), LIF()

        def config(self):
            return {{"width": self.width}}

        def forward(self, x, state=None, lengths=None):
            z, state = self.fire(self.connect(x)[0], state, lengths)
            return z, state
"""


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A model with a layer of a module that this process has not seen, as it were."""
    (tmp_path / "own_module.py").write_text(textwrap.dedent(MODULE.format(decorator="@register_layer")))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_REGISTERED", {})
    import own_module

    model = Sequential(own_module.Own(5), Linear(5, 3), LeakyReadout()).eval()
    save(model, tmp_path / "m.safetensors")
    registry._REGISTERED.clear()
    del sys.modules["own_module"]
    yield model, tmp_path / "m.safetensors"
    sys.modules.pop("own_module", None)


def test_a_module_is_imported_only_if_it_is_named(saved):
    model, path = saved
    for allow in ((), ("own",), ("own_module.part",), ["other"]):
        with pytest.raises(ValueError) as refused:
            load(path, allow=allow)
        names = ", ".join(f'"{name}"' for name in (*allow, "own_module"))
        assert str(refused.value) == (
            f"{path}: layer kind must be registered in this process, got 'own_module:Own'; "
            f"to import own_module, if you trust it: snn.train.load(path, allow=({names},))"
        )
    assert "own_module" not in sys.modules
    again = load(path, allow=("own_module",))
    x = torch.rand(4, 2, 6)
    assert torch.equal(again(x)[0], model(x)[0])
    assert type(load(path)[0]) is type(again[0])  # registered by now


def test_a_module_may_leave_registration_to_the_file(saved, tmp_path):
    model, path = saved
    (tmp_path / "own_module.py").write_text(textwrap.dedent(MODULE.format(decorator="")))
    sys.modules.pop("own_module", None)
    again = load(path, allow=("own_module",))
    assert torch.equal(again[0].connect.weight, model[0].connect.weight)
    save(again, path)


def test_modules_that_do_not_help(saved, tmp_path):
    _, path = saved
    for allow, got in (
        ("own_module", r"'own_module'; write \('own_module',\)"),
        (None, "None"),
        ((torch,), r".* in it; write \('torch',\)"),
        ((3,), "3 in it"),
    ):
        with pytest.raises(TypeError, match=f"^allow must be a tuple of names of modules, got {got}$"):
            load(path, allow=allow)
    message = r"^allow must be .*, got 'own_module:Doubled'; write \('own_module',\)$"
    with pytest.raises(ValueError, match=message):
        load(path, allow=("own_module:Doubled",))
    (tmp_path / "own_module.py").write_text("Own = 3\n")
    with pytest.raises(ValueError, match="module own_module must define the layer Own, got 3 of that name"):
        load(path, allow=("own_module",))
    (tmp_path / "own_module.py").unlink()
    sys.modules.pop("own_module", None)
    with pytest.raises(ImportError, match="own_module"):
        load(path, allow=("own_module",))


def test_a_layer_of_a_script_is_found_where_it_is_registered(tmp_path):
    cell = type("Cell", (Gated,), {"__module__": "__main__"})
    registry.register_layer(cell)
    path = tmp_path / "m.safetensors"
    save(cell(2, 3), path)
    assert type(load(path)) is cell
    del registry._REGISTERED["__main__:Cell"]
    with pytest.raises(
        ValueError,
        match="got '__main__:Cell'; it was in the script that saved it, which allow cannot import; load it",
    ):
        load(path)
