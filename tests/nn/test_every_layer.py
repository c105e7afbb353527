"""Every layer with every type of number, with no steps or samples, with odd states, lengths and delays."""

from __future__ import annotations

import math

import pytest
import torch
from every_layer import EVERY_LAYER, make
from torch import Tensor

from snn.nn import DelayLinear, Dropout, DropoutState, Layer, LIFState, RecurrentLIF

OTHER = (torch.uint8, torch.int64, torch.bool, torch.complex64, torch.uint16)
REAL = (torch.float16, torch.bfloat16, torch.float64)


def inputs(axes, dtype=torch.float32, steps=9, batch=3) -> Tensor:
    draw = torch.rand(steps, batch, *axes, generator=torch.Generator().manual_seed(1))
    return (draw < 0.5).to(dtype)


def leaves(state) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else [leaf for part in state for leaf in leaves(part)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", OTHER + REAL)
@pytest.mark.parametrize("name", EVERY_LAYER)
def test_numbers_of_another_type_are_right_or_refused_in_a_sentence(name, dtype, training):
    layer, axes = make(name)
    x, lengths = inputs(axes, dtype), torch.tensor([9, 5, 2])
    kind = name.split("-")[0]
    takes = kind == "Flatten" or (dtype in REAL and not list(layer.parameters()))
    if takes or (name == "LIF-learned" and dtype in REAL):
        y, state = layer.train(training)(x, None, lengths)
        assert y.dtype == dtype and all(part.dtype == dtype for part in leaves(state))
        return
    with pytest.raises(
        ValueError, match=r"^x of \w+ must be of (one of the dtypes|dtype) torch.*, got torch\.\w+$"
    ):
        layer.train(training)(x, None, lengths)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", EVERY_LAYER)
def test_a_model_of_another_type_computes_in_it(name, dtype, training):
    """Half precision takes the reference forms, which round otherwise: a spike at the threshold may differ."""
    layer, axes = make(name)
    layer = layer.to(dtype).train(training)
    wide, _ = make(name)
    wide.load_state_dict(layer.state_dict())
    x, lengths = inputs(axes, dtype), torch.tensor([9, 5, 2])
    torch.manual_seed(2)
    y, state = layer(x, None, lengths)
    torch.manual_seed(2)
    due = wide.double().train(training)(x.double(), None, lengths)[0]
    assert y.dtype == dtype and all(part.dtype == dtype for part in leaves(state))
    valid = torch.arange(9)[:, None] < lengths
    off = (y.double() - due)[valid].abs() > 0.1
    assert off.double().mean() < (0.05 if dtype != torch.float64 else 1e-9)
    if y.requires_grad:
        y.sum().backward()
    assert all(
        p.grad is None or (p.grad.dtype == dtype and p.grad.isfinite().all()) for p in layer.parameters()
    )


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(0, 3), (7, 0), (0, 0)])
@pytest.mark.parametrize("name", EVERY_LAYER)
def test_no_steps_and_no_samples_give_empty_outputs_and_zero_gradients(name, shape, training, given):
    layer, axes = make(name)
    layer.train(training)
    out = layer(inputs(axes))[0].shape[2:]
    before = layer(inputs(axes, batch=shape[1]))[1] if given else None
    kept = {key: value.clone() for key, value in layer.named_buffers()}
    x = inputs(axes, steps=shape[0], batch=shape[1]).requires_grad_()
    y, after = layer(x, before, torch.zeros(shape[1], dtype=torch.int64))
    assert y.shape == (*shape, *out)
    y.sum().backward()
    learned = [x, *(p for n, p in layer.named_parameters() if not n.endswith("position") or learns(layer))]
    assert all(p.grad is not None and p.grad.shape == p.shape and not p.grad.any() for p in learned)
    if given:
        assert all(torch.equal(a, b) for a, b in zip(leaves(before), leaves(after), strict=True))
    assert all(torch.equal(kept[key], value) for key, value in layer.named_buffers())


def learns(layer: Layer) -> bool:
    return layer.training and getattr(layer, "mode", "") != "integer"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", EVERY_LAYER)
def test_samples_of_length_zero_keep_their_state(name, training):
    layer, axes = make(name)
    layer.train(training)
    with torch.no_grad():
        _, before = layer(inputs(axes))
    x = inputs(axes).requires_grad_()
    for lengths in (torch.tensor([0, 9, 2]), torch.tensor([0, 0, 0])):
        y, after = layer(x, before, lengths)
        assert y.isfinite().all()
        for a, b in zip(leaves(before), leaves(after), strict=True):
            sample = 0 if a.dim() == len(axes) + 1 else (slice(None), 0)
            assert torch.equal(a[sample], b[sample])
        (y * (torch.arange(9)[:, None] < lengths).reshape(9, 3, *[1] * (y.dim() - 2))).sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in (x, *layer.parameters()))


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([3, 3, 3], TypeError, r"lengths must be a tensor \[3\] of whole numbers"),
        (torch.tensor([True, False, True]), ValueError, r"lengths must be whole numbers \[3\]"),
        (torch.tensor([1.0, 2.0, 3.0]), ValueError, r"lengths must be whole numbers \[3\]"),
        (torch.tensor([9, 9]), ValueError, r"lengths must be whole numbers \[3\]"),
        (torch.tensor([9, 10, 9]), ValueError, "lengths must be in 0..9, the steps of x, got 10"),
        (torch.tensor([9, -1, 9]), ValueError, "lengths must be in 0..9, the steps of x, got -1"),
        (torch.tensor([9, 9, 9]).to("meta"), ValueError, "lengths must be on cpu, as x, got meta"),
    ],
)
@pytest.mark.parametrize("name", ["LIF", "LeakyReadout", "DelayLinear-gauss", "RecurrentLIF", "BatchNorm"])
def test_lengths_are_whole_numbers_of_steps(name, lengths, error, message):
    layer, axes = make(name)
    with pytest.raises(error, match=message):
        layer(inputs(axes), None, lengths)


@pytest.mark.parametrize("name", ["LIF", "LeakyReadout", "DelayLinear-linear", "RecurrentLIF"])
def test_lengths_of_any_whole_type_are_the_same(name):
    """Of bytes, one less than 0 is 255."""
    layer, axes = make(name)
    y, state = layer(inputs(axes), None, torch.tensor([0, 5, 9]))
    z, other = layer(inputs(axes), None, torch.tensor([0, 5, 9], dtype=torch.uint8))
    assert torch.equal(y, z)
    assert all(torch.equal(a, b) for a, b in zip(leaves(state), leaves(other), strict=True))


@pytest.mark.parametrize("name", EVERY_LAYER)
def test_what_is_no_state_of_the_layer_is_refused(name):
    layer, axes = make(name)
    if name == "Sequential":
        pytest.skip("its state is the tuple of those of its layers")
    x = inputs(axes)
    for odd in (torch.zeros(3, *axes), (torch.zeros(3, *axes), 1), 0, {"v": 0}):
        with pytest.raises(TypeError, match=rf"^state of {name.split('-')[0]} must be "):
            layer(x, odd)


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (DropoutState(torch.ones(1, 1, 4)), "shape"),
        (DropoutState(torch.ones(1, 3, 1)), "shape"),
        (DropoutState(torch.ones(9, 3, 4)), "shape"),
        (DropoutState(torch.ones(1, 3, 4, dtype=torch.float64)), "dtype"),
        (DropoutState(torch.ones(1, 3, 4, device="meta")), "device"),
    ],
)
def test_a_mask_does_not_spread(state, what):
    with pytest.raises(ValueError, match=f"state of Dropout must be of {what} "):
        Dropout(0.5)(inputs((4,)), state)
    with pytest.raises(TypeError, match="state of Dropout must be a DropoutState or None, got LIFState"):
        Dropout(0.5)(inputs((4,)), LIFState(torch.ones(3, 4)))


DELAYED = [name for name in EVERY_LAYER if name.startswith(("DelayLinear", "RecurrentLIF"))]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("name", DELAYED)
def test_positions_that_are_no_number_are_refused(name, grad, training, value):
    layer, axes = make(name)
    with torch.no_grad():
        layer.position[..., -1, 0] = value
    place = ", ".join(str(n) for n in (*[0] * (layer.position.dim() - 2), layer.position.shape[-2] - 1, 0))
    message = rf"^position of {name.split('-')[0]}\[{place}\] must be finite, got {value}$"
    layer.train(training)
    with torch.set_grad_enabled(grad), pytest.raises(ValueError, match=message):
        layer(inputs(axes))
    for ask in (layer.delays, layer.delay_steps):
        with pytest.raises(ValueError, match=message):
            ask()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", DELAYED)
def test_positions_beyond_an_end_count_as_at_the_end(name, training):
    """An optimiser leaves them there until `clamp_`; delays beyond 0..max_delay are none."""
    layer, axes = make(name)
    with torch.no_grad():
        layer.position.mul_(3.0)
        assert (layer.position.abs() > layer.centre).any()
    y = layer.train(training)(inputs(axes))[0]
    layer.clamp_()
    assert torch.equal(y, layer(inputs(axes))[0])


def test_half_precision_rounds_long_delays_as_whole_numbers():
    layer = DelayLinear(4, 3, 602, "fixed").to(torch.bfloat16)
    with torch.no_grad():
        layer.position.fill_(2.0)
    assert (layer.delay_steps() == 299).all()


@pytest.mark.parametrize("name", ["Conv2d", "AvgPool2d", "MaxPool2d", "AdaptiveAvgPool2d"])
def test_images_too_small_are_refused(name):
    layer, _ = make(name)
    with pytest.raises(ValueError, match=f"x of {name} must be an image no smaller than the (kernel|window)"):
        layer(torch.zeros(3, 2, 2, 0, 5))


@pytest.mark.parametrize("name", EVERY_LAYER)
@pytest.mark.parametrize("x", [[[1.0]], 3, None, torch.zeros(4), torch.zeros(())], ids=str)
def test_what_is_no_input_is_refused(name, x):
    layer, _ = make(name)
    with pytest.raises((TypeError, ValueError), match=r"^x of \w+ must be (a tensor )?\[T, B, "):
        layer(x)


def test_half_precision_under_autocast_reaches_delays_and_statistics():
    with torch.autocast("cpu", torch.bfloat16):
        for name in (
            "DelayLinear-gauss",
            "DelayLinear-linear",
            "RecurrentLIF",
            "BatchNorm",
            "BatchNorm-step",
            "Linear",
        ):
            layer, axes = make(name)
            half, _ = layer(inputs(axes, torch.bfloat16), None, torch.tensor([9, 5, 2]))
            other, _ = make(name)
            full, _ = other(inputs(axes), None, torch.tensor([9, 5, 2]))
            torch.testing.assert_close(half.float(), full, rtol=2e-2, atol=2e-2)


def test_one_value_has_no_variance():
    layer, _ = make("BatchNorm")
    for x, lengths in ((torch.rand(1, 1, 4), None), (torch.rand(5, 2, 4), torch.tensor([1, 0]))):
        with pytest.raises(
            ValueError, match="x of BatchNorm must be of two valid values of each feature or more"
        ):
            layer(x, None, lengths)


def test_a_weight_put_in_place_of_another_shape_is_refused():
    layer, _ = make("Linear")
    layer.weight = torch.nn.Parameter(torch.ones(3, 2))
    with pytest.raises(ValueError, match=r"weight must be of shape \[out, 4\]"):
        layer(inputs((4,)))
    layer = RecurrentLIF(4, 3)
    layer.weight_transform = lambda weight: weight.double()
    with pytest.raises(ValueError, match="weight_transform must keep the dtype torch.float32"):
        layer(inputs((4,)))
