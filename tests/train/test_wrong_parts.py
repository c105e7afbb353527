"""A part that cannot serve is refused by name before it spoils a run: losses, labels, scores, states, hooks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from own_parts import Items, Momentum, collate, loader, own_network, register_parts

from snn.nn import Layer, Linear, Sequential
from snn.train import LOSSES, SCORES, Loss, TrainConfig, evaluate, fit, register_loss, register_score, save

register_parts()

STEPS = TrainConfig(epochs=2, loss="step_cross_entropy")
LOSS_SHAPES = {
    "wrong_scalar": (
        Loss(of_sequence=lambda y, lengths, label: y.mean()),
        r"sample \[B\], got Tensor of shape \[\]",
    ),
    "wrong_classes": (
        Loss(of_sequence=lambda y, lengths, label: y.mean(0)),
        r"sample \[B\], got .* \[10, 3\]",
    ),
    "wrong_number": (Loss(of_sequence=lambda y, lengths, label: 1.0), r"sample \[B\], got float"),
    "wrong_steps": (Loss(of_steps=lambda y, valid, label: y.mean((0, 2))), r"step \[T, B\], got .* \[10\]"),
    "wrong_step": (
        Loss(of_steps=lambda y, valid, label: y.mean()),
        r"step \[T, B\], got Tensor of shape \[\]",
    ),
}
for name, (loss, _) in LOSS_SHAPES.items():
    if name not in LOSSES:
        register_loss(name, loss)


@pytest.mark.parametrize(
    ("name", "use"),
    [(name, use) for name in LOSS_SHAPES for use in ("fit", "evaluate")]
    + [(name, "sltt") for name in ("wrong_steps", "wrong_step")],
)
def test_a_loss_of_another_shape_is_refused(name, use):
    message = f"loss '{name}' must give one value per {LOSS_SHAPES[name][1]}"
    with pytest.raises(ValueError, match=message):
        if use == "evaluate":
            evaluate(own_network(), loader(), loss=name)
        else:
            method: Any = "sltt" if use == "sltt" else "bptt"
            fit(own_network(), loader(), loader(), TrainConfig(loss=name, select="loss", method=method))


@pytest.mark.parametrize(
    ("samples", "label"),
    [
        (4, torch.zeros(4, 7, dtype=torch.int64)),
        (4, torch.zeros(4, 1, dtype=torch.int64)),
        (4, torch.eye(4, 3, dtype=torch.int64)),
        (1, torch.zeros(1, 7, dtype=torch.int64)),
        (1, torch.zeros(1, 1, dtype=torch.int64)),
        (1, torch.zeros(1, 3, dtype=torch.int32)),
        (4, torch.zeros(7, 4, 1, dtype=torch.int64)),
    ],
)
@pytest.mark.parametrize("loss", ["softmax_sum", "step_cross_entropy"])
def test_labels_of_another_shape_are_refused(samples, label, loss):
    batches = [(torch.rand(7, samples, 6), label)]
    message = r"label must be \[B\] or \[T, B\], time first, for a loss with classes, got Tensor of shape"
    with pytest.raises(ValueError, match=message):
        evaluate(own_network(), batches, loss=loss)
    with pytest.raises(ValueError, match=message):
        fit(own_network(), batches, batches, TrainConfig(epochs=1, loss=loss))


def not_a_number(y, lengths, label):
    return torch.full((y.shape[1],), float("nan"))


def test_an_epoch_is_not_selected_by_what_is_no_number():
    if "wrong nan" not in SCORES:
        register_score("wrong nan", not_a_number)
    config = TrainConfig(epochs=2, loss="step_cross_entropy", select="wrong nan")
    with pytest.raises(FloatingPointError, match="valid_wrong nan must be a number .*, got nan in epoch 0"):
        fit(own_network(), loader(), loader(), config)
    x, label = torch.full((9, 4, 6), float("nan")), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(FloatingPointError, match="valid_loss must be a number .*, got nan in epoch 0"):
        fit(Sequential(Linear(6, 3)), loader(), [(x, label)], STEPS)


class Stateful(Layer):
    def __init__(self, state):
        super().__init__()
        self.state, self.linear = state, Linear(6, 3)

    def forward(self, x, state=None, lengths=None):
        return self.linear(x)[0], self.state


@pytest.mark.parametrize("state", [{"a": torch.ones(1)}, "words", None, 1.0, ((), {"a": 1})])
def test_states_in_pieces_are_trees_of_tensors(state):
    got = "dict" if isinstance(state, tuple) else type(state).__name__
    config = TrainConfig(epochs=1, loss="step_cross_entropy", chunk=3)
    with pytest.raises(
        ValueError, match=f"state of Stateful must be a tree of tuples and tensors, got {got}"
    ):
        fit(Stateful(state), loader(), loader(), config)


class Unkept(Momentum):
    def state_dict(self):
        return {"held": object()}

    def __call__(self, model):
        raise AssertionError("a step was taken")


def test_what_cannot_be_kept_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(
        ValueError, match=r"on_gradients\['held'\] must be a tensor, a number, .*, got <object"
    ):
        fit(own_network(), loader(), loader(), STEPS, out=tmp_path, on_gradients=Unkept())
    for given in (
        {"on_gradients": lambda model: None},
        {"optimizer": lambda groups: torch.optim.SGD(groups)},
    ):
        with pytest.raises(ValueError, match=f"{next(iter(given))} must be a function or class with a name"):
            fit(own_network(), loader(), loader(), STEPS, out=tmp_path, **given)
    assert not list(tmp_path.iterdir())


def test_arguments_of_another_kind_are_refused():
    sets = loader(), loader()
    with pytest.raises(ValueError, match="out must be the folder of the run to resume, got None"):
        fit(own_network(), *sets, STEPS, resume=True)
    for config in (TrainConfig, {"epochs": 1}, None):
        with pytest.raises(ValueError, match="config must be a TrainConfig, got"):
            fit(own_network(), *sets, config)
    for use in (lambda model: fit(model, *sets, STEPS), lambda model: evaluate(model, sets[0])):
        with pytest.raises(ValueError, match="model must be a snn.nn.Layer, got Linear"):
            use(torch.nn.Linear(6, 3))
    with pytest.raises(ValueError, match="train must give at least one batch, got none"):
        fit(own_network(), [], loader(), STEPS)
    with pytest.raises(ValueError, match="optimizer must be a function that gives .*, got 'adam'"):
        fit(own_network(), *sets, STEPS, optimizer="adam")
    with pytest.raises(ValueError, match="scores must be a tuple of names, got 'steadiness'"):
        evaluate(own_network(), sets[0], scores="steadiness")
    with pytest.raises(ValueError, match="score must be a name that is not empty, got 3"):
        register_score(3, not_a_number)
    with pytest.raises(ValueError, match="loss must be a name that is not empty, got None"):
        register_loss(None, Loss(of_sequence=max))
    for wrong in ({"score": 3, "of_sequence": max}, {"of_steps": 3}, {"of_sequence": "sum"}):
        with pytest.raises(
            ValueError, match="(score|of_steps|of_sequence) of a Loss must be a function, got"
        ):
            Loss(**wrong)
    with pytest.raises(ValueError, match="method must be .*; SLTT-K is method='sltt' with k, got 'sltt-k'"):
        TrainConfig(method="sltt-k")


def test_weights_to_begin_with_are_taken_up_where_no_checkpoint_was_reached(tmp_path):
    file = tmp_path / "m.safetensors"
    save(own_network(seed=5), file)

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(own_network(), loader(), loader(), STEPS, out=tmp_path / "a", init=file, callback=stop)
    resumed = fit(own_network(), loader(), loader(), STEPS, out=tmp_path / "a", resume=True, init=file)
    assert resumed.history == fit(own_network(), loader(), loader(), STEPS, init=file).history
    file.unlink()
    again = fit(own_network(), loader(), loader(), STEPS, out=tmp_path / "a", resume=True, init=file)
    assert again.history == resumed.history


class Noisy(Items):
    """Items with noise from the global random numbers of numpy."""

    def __getitem__(self, index):
        x, label = self.items[index]
        return x + np.random.rand(*x.shape).astype("float32"), label


def test_data_that_draw_from_numpy_have_the_same_bits_when_resumed(tmp_path):
    def noisy():
        return torch.utils.data.DataLoader(Noisy(), 10, collate_fn=collate)

    whole = fit(own_network(), noisy(), noisy(), STEPS)

    def stop(progress):
        if progress.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(own_network(), noisy(), noisy(), STEPS, out=tmp_path, callback=stop)
    assert fit(own_network(), noisy(), noisy(), STEPS, out=tmp_path, resume=True).history == whole.history
