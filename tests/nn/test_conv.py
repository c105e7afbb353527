"""Convolution and pooling over time: torch's arithmetic step by step, state and lengths as everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReadout,
    Linear,
    MaxPool2d,
    Sequential,
    from_config,
    to_config,
)
from snn.nn.batch_norm import keep_statistics
from snn.train import TrainConfig, backward

LENGTHS = torch.tensor([7, 3, 1, 7])


def images(steps=7, batch=4, channels=2, height=9, width=8):
    random = torch.Generator().manual_seed(1)
    return (torch.rand(steps, batch, channels, height, width, generator=random) < 0.3).double()


def network(over="sequence"):
    torch.manual_seed(0)
    return Sequential(
        Conv2d(2, 4, 3, padding=1),
        BatchNorm(4, over),
        LIF(1.5, surrogate="triangle"),
        AvgPool2d(2),
        Dropout(0.3),
        Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=True),
        LIF(1.5),
        Flatten(),
        Linear(24, 5),
        LeakyReadout(1.5),
    ).double()


SAME = [
    (Conv2d(2, 6, 3, padding=1), lambda w: nn.Conv2d(2, 6, 3, padding=1, bias=False)),
    (
        Conv2d(2, 4, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2, bias=True),
        lambda w: nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 0), (1, 2), groups=2),
    ),
    (AvgPool2d(2), lambda w: nn.AvgPool2d(2)),
    (AvgPool2d(3, 2, 1), lambda w: nn.AvgPool2d(3, 2, 1)),
    (MaxPool2d(3, (1, 2), (1, 0)), lambda w: nn.MaxPool2d(3, (1, 2), (1, 0))),
    (AdaptiveAvgPool2d((4, 3)), lambda w: nn.AdaptiveAvgPool2d((4, 3))),
    (AdaptiveAvgPool2d(11), lambda w: nn.AdaptiveAvgPool2d(11)),
    (Flatten(), lambda w: nn.Flatten()),
]


@pytest.mark.parametrize(("ours", "make"), SAME, ids=lambda v: repr(v) if isinstance(v, nn.Module) else "")
def test_every_step_is_torch_on_that_step(ours, make):
    ours, theirs, x = ours.double(), make(0).double(), images()
    theirs.load_state_dict(ours.state_dict())
    y, state = ours(x, None, LENGTHS)
    assert state == ()
    torch.testing.assert_close(y, torch.stack([theirs(x_t) for x_t in x]), rtol=1e-12, atol=1e-12)
    again = from_config(to_config(ours)).double()
    again.load_state_dict(ours.state_dict())
    assert torch.equal(again(x)[0], y)


def test_max_pooling_of_spikes_gives_spikes():
    y, _ = MaxPool2d(2)(images())
    assert set(y.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("cut", [1, 4])
def test_a_cut_run_continues_as_if_never_cut(cut):
    model, x = network().eval(), images()
    whole, end = model(x)
    first, middle = model(x[:cut])
    second, last = model(x[cut:], middle)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end[2].v, last[2].v) and end[2].v.shape == (4, 4, 9, 8)


def test_a_sample_does_not_see_its_batch_mates():
    model, x = network().eval(), images()
    y, state = model(x, None, LENGTHS)
    for b, n in enumerate(LENGTHS.tolist()):
        alone, own = model(x[:n, b : b + 1])
        torch.testing.assert_close(y[:n, b : b + 1], alone, rtol=1e-12, atol=1e-12)
        assert torch.equal(state[2].v[b], own[2].v[0])


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
def test_batchnorm_over_the_sequence_is_torch_on_the_valid_images(lengths):
    torch.manual_seed(2)
    x = torch.randn(7, 4, 3, 5, 6, dtype=torch.float64)
    ends = torch.full((4,), 7) if lengths is None else lengths
    valid = torch.arange(7)[:, None] < ends
    ours, theirs = BatchNorm(3).double(), nn.BatchNorm2d(3).double()
    y, _ = ours(x, None, lengths)
    torch.testing.assert_close(y[valid], theirs(x[valid]))
    assert not y[~valid].any()
    for name, value in theirs.state_dict().items():
        if "running" in name:
            torch.testing.assert_close(getattr(ours, name), value)


@pytest.mark.parametrize("ragged", [False, True])
def test_batchnorm_per_step_is_torch_step_after_step(ragged):
    """Papers: the running statistics move once per step (SLTT)."""
    torch.manual_seed(2)
    x = torch.randn(7, 4, 3, 5, 6, dtype=torch.float64)
    ends = LENGTHS if ragged else torch.full((4,), 7)
    ours, theirs = BatchNorm(3, "step").double(), nn.BatchNorm2d(3).double()
    y, _ = ours(x, None, LENGTHS if ragged else None)
    for t in range(7):
        valid = ends > t
        torch.testing.assert_close(y[t, valid], theirs(x[t, valid]))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


@pytest.mark.parametrize("over", ["sequence", "step"])
def test_statistics_can_be_kept(over):
    x = torch.randn(7, 4, 3, 5, 6)
    moved, frozen = BatchNorm(3, over), BatchNorm(3, over)
    with keep_statistics():
        y, _ = frozen(x)
    assert torch.equal(y, moved(x)[0])
    assert not frozen.running_mean.any() and moved.running_mean.any()


def test_a_step_of_one_value_moves_no_statistic():
    ours = BatchNorm(3, "step")
    ours(torch.randn(2, 1, 3, 1, 1))
    assert not ours.running_mean.any()


def test_dropout_keeps_one_mask_over_images():
    torch.manual_seed(0)
    x = torch.ones(5, 3, 2, 6, 6)
    y, state = Dropout(0.4)(x)
    assert (y == y[0]).all() and state.mask.shape == (1, 3, 2, 6, 6)


def test_gradients_by_finite_differences():
    """Smooth layers only: the step has no derivative to compare with."""
    torch.manual_seed(3)
    model = Sequential(
        Conv2d(2, 2, 2, bias=True), BatchNorm(2, "step"), AvgPool2d(2), Conv2d(2, 1, 1), Flatten()
    )
    model.double()
    x = torch.randn(2, 2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: model(given)[0], x)


def _detached(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    return type(state)(*map(_detached, state)) if hasattr(state, "_fields") else tuple(map(_detached, state))


@pytest.mark.parametrize("config", [{}, {"chunk": 2}, {"chunk": 1}], ids=str)
def test_sltt_gives_the_gradients_of_every_step_by_itself(config):
    """Against a plain loop that detaches every state and runs backward step by step."""
    x, label = images().float(), torch.tensor([0, 1, 2, 3])
    lengths = torch.full((4,), 7)

    def made():
        model = network("step").float()
        for layer in model:
            if isinstance(layer, Dropout):
                layer.p = 0.0
        return model

    ours, loop = made(), made()
    settings = TrainConfig(method="sltt", loss="step_cross_entropy", batch_size=4, min_batch=1, **config)
    backward(ours, x, lengths, label, settings)
    state = None
    for x_t in x:
        if state is not None:
            state = _detached(state)
        y, state = loop(x_t[None], state)
        (nn.functional.cross_entropy(y[0], label) / 7).backward()
    for (name, a), b in zip(ours.named_parameters(), loop.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(0, 2, 3), "in_channels must be a whole number >= 1, got 0"),
        (
            lambda: Conv2d(2, 2, 3, padding=-1),
            "padding must be a whole number >= 0 and <= 16384, got -1",
        ),
        (
            lambda: Conv2d(2, 2, (3, 3, 3)),
            r"kernel_size must be one whole number or two \(rows, columns\), got \(3, 3, 3\)",
        ),
        (
            lambda: Conv2d(3, 2, 3, groups=2),
            "groups must be a divisor of in_channels 3 and out_channels 2, got 2",
        ),
        (lambda: AvgPool2d(2, padding=2), "padding must be at most half of kernel_size"),
        (lambda: AdaptiveAvgPool2d(0), "output_size must be a whole number >= 1 and <= 16384, got 0"),
        (
            lambda: Conv2d(3, 2, 3)(images()),
            "x of Conv2d must be .T, B, 3, H, W., got Tensor of shape .7, 4, 2, 9, 8.",
        ),
        (
            lambda: Conv2d(2, 2, 10)(images().float()),
            r"x of Conv2d must be an image no smaller than the kernel \(10, 10\), got \[9, 8\]",
        ),
        (
            lambda: MaxPool2d(2)(torch.zeros(3, 2, 5)),
            "x of MaxPool2d must be .T, B, C, H, W., got Tensor of shape .3, 2, 5.",
        ),
        (lambda: BatchNorm(3)(images()), r"x of BatchNorm must be .T, B, 3, \.\.\.., got"),
    ],
)
def test_bad_values_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
