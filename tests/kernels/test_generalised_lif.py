"""Held, adapting and bursting neurons: the fused pass against the plain loop, every option, gradients included."""

from __future__ import annotations

import itertools

import pytest
import torch

from snn.kernels import LIFOptions, Surrogate, lif
from snn.kernels.generalised_lif import (
    Carried,
    at_rest,
    generalised_lif,
    generalised_lif_fused,
    generalised_lif_reference,
)
from snn.kernels.recurrent_lif import recurrent_lif

EXTRAS = [
    {"t_ref": 3},
    {"adapt_by": 0.3, "tau_adapt": 5.0},
    {"t_ref": 1, "adapt_by": 0.2, "tau_adapt": 2.5},
    {"spikes": "multiple"},
    {"spikes": "multiple", "adapt_by": 0.1, "tau_adapt": 4.0},
]


def options():
    for extra, decay_input, reset, fires, detach, name in itertools.product(
        EXTRAS,
        (True, False),
        ("hard", "soft", "hard_next_step"),
        (">=", ">"),
        (True, False),
        ("sigmoid", "triangle"),
    ):
        if ("spikes" in extra and reset != "soft") or ("adapt_by" in extra and reset == "hard_next_step"):
            continue
        own = {"reset_by": 0.7} if reset == "soft" else {}
        yield LIFOptions(
            3.0, decay_input, 0.6, -0.2, reset, fires, detach, Surrogate(name), v_leak=0.1, **own, **extra
        )


OPTIONS = list(options())
RAGGED = torch.tensor([25, 0, 1, 17])


def outputs(form, options, lengths, dtype=torch.float64, **more):
    torch.manual_seed(1)
    x = (2 * torch.randn(25, 4, 9, dtype=dtype)).add_(0.4).requires_grad_()
    start, v = at_rest(x[0].detach(), options), torch.randn(4, 9, dtype=dtype)
    if options.t_ref:
        start = start._replace(held=torch.randint(0, options.t_ref + 1, (4, 9), dtype=torch.int32))
        v[(start.held > 0) & (v < options.v_th)] = options.v_reset  # where a neuron is that is held
    start = start._replace(v=v.requires_grad_())
    inputs = [x, start.v]
    if options.adapts:
        start = start._replace(theta=torch.rand(4, 9, dtype=dtype).requires_grad_())
        inputs.append(start.theta)
    z, last = form(x, start, options, lengths, **more)
    ends, local = [z, last.v, last.theta], more.get("local", False)
    ends = [z] if local else [part for part in ends if isinstance(part, torch.Tensor)]
    weights = [torch.randn_like(part) for part in ends]
    grads = torch.autograd.grad(ends, inputs[:1] if local else inputs, weights)
    return z, *(part for part in last if isinstance(part, torch.Tensor)), *grads


def assert_close(slow, fast):
    assert torch.equal(slow[0], fast[0])
    for a, b in zip(slow[1:], fast[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])
def test_fused_equals_reference(options, lengths):
    slow = outputs(generalised_lif_reference, options, lengths)
    assert 0 < slow[0].mean() < 2
    assert_close(slow, outputs(generalised_lif_fused, options, lengths))


@pytest.mark.parametrize("options", OPTIONS[::3], ids=str)
@pytest.mark.parametrize("learns", [None, torch.arange(25) % 4 == 1], ids=["all", "some"])
def test_fused_equals_reference_inside_a_step(options, learns):
    given = {"local": True, "learns": learns}
    assert_close(
        *(outputs(f, options, RAGGED, **given) for f in (generalised_lif_reference, generalised_lif_fused))
    )


@pytest.mark.parametrize("options", OPTIONS[::3], ids=str)
def test_float32_spikes_are_the_references(options):
    slow, fast = (
        outputs(form, options, None, torch.float32)
        for form in (generalised_lif_reference, generalised_lif_fused)
    )
    assert torch.equal(slow[0], fast[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sample_without_steps_keeps_its_state(dtype):
    """Also a late reset, which is due when a step begins, waits for the sample's next."""
    options = LIFOptions(reset="hard_next_step", v_reset=-0.2)
    x, v = torch.ones(2, 2, 3, dtype=dtype), torch.full((2, 3), 1.5, dtype=dtype)
    lengths = torch.tensor([0, 2])
    one = torch.ones(3, 3, dtype=dtype)
    for _, last in (
        lif(x, v, options, lengths),
        recurrent_lif(x, v, one, one, 1, options, lengths),
        generalised_lif(x, Carried(v), options, lengths),
    ):
        after = last.v if isinstance(last, Carried) else last
        assert (after[0] == 1.5).all() and (after[1] != 1.5).all()


@pytest.mark.parametrize("options", OPTIONS[::5], ids=str)
def test_cutting_in_two_changes_nothing(options):
    x = torch.randn(30, 3, 5, dtype=torch.float64) + 0.6
    whole, end = generalised_lif(x, at_rest(x[0], options), options)
    first, middle = generalised_lif(x[:11], at_rest(x[0], options), options)
    second, last = generalised_lif(x[11:], middle, options)
    assert torch.equal(whole, torch.cat([first, second]))
    for a, b in zip(end, last, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b == ()


@pytest.mark.parametrize(
    "options",
    [
        LIFOptions(2.5, False, 0.8, reset="soft", v_leak=0.1, adapt_by=0.3, tau_adapt=4.0),
        LIFOptions(2.5, True, 0.8, v_reset=-0.3, v_leak=0.1, adapt_by=0.3, tau_adapt=4.0),
    ],
    ids=["soft", "hard"],
)
def test_gradient_of_a_smooth_step_by_finite_differences(options):
    x, v, theta = (torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(3))
    smooth = Surrogate("sigmoid").primitive

    def run(x, v, theta):
        z, last = generalised_lif_reference(
            x, at_rest(x[0], options)._replace(v=v, theta=theta), options, spike=smooth
        )
        return z, last.v, last.theta

    assert torch.autograd.gradcheck(
        run, (x, v[0].detach().requires_grad_(), theta[0].detach().requires_grad_())
    )


def test_without_options_it_is_the_plain_neuron():
    options = LIFOptions(2.0, False, 0.7)
    x = torch.randn(20, 3, 5, dtype=torch.float64) + 0.3
    z, last = generalised_lif(x, at_rest(x[0], options), options)
    plain, v = lif(x, torch.zeros_like(x[0]), options)
    assert torch.equal(z, plain) and torch.equal(last.v, v) and last.held == last.theta == ()


def test_by_hand():
    x = torch.tensor([2.0, 2.0, 2.0, 2.0, 0.0, 3.75]).reshape(6, 1, 1)
    for extra, expected in (
        ({"t_ref": 2}, [1, 0, 0, 1, 0, 0]),
        ({"adapt_by": 1.5, "tau_adapt": 2.0}, [1, 1, 0, 1, 0, 1]),
        ({"reset": "soft", "spikes": "multiple"}, [2, 2, 2, 2, 0, 3]),
        ({"reset": "soft", "spikes": "multiple", "fires": ">", "reset_by": 0.5}, [2, 3, 3, 3, 0, 6]),
    ):
        options = LIFOptions(1.0, False, **extra) if "adapt_by" in extra else LIFOptions(2.0, False, **extra)
        z, _ = generalised_lif(x, at_rest(x[0], options), options)
        assert z.flatten().tolist() == expected, extra


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"t_ref": -1}, "t_ref must be a whole number >= 0"),
        ({"t_ref": 1.5}, "t_ref must be a whole number"),
        ({"adapt_by": -0.1, "tau_adapt": 2.0}, "adapt_by must be a finite number >= 0"),
        ({"adapt_by": 0.1}, "tau_adapt must be a number of steps >= 1 with adapt_by, got None"),
        ({"adapt_by": 0.1, "tau_adapt": 0.5}, "tau_adapt must be a finite number >= 1"),
        ({"tau_adapt": 2.0, "reset": "hard_next_step"}, "tau_adapt must be None with reset='hard_next_step'"),
        ({"reset_by": 0.5}, "reset_by must be None with reset='hard'"),
        ({"reset_by": 0.0, "reset": "soft"}, "reset_by must be a finite number > 0"),
        ({"v_leak": float("nan")}, "v_leak must be a finite number"),
        ({"spikes": "many"}, "spikes must be one of 'single', 'multiple'"),
        ({"spikes": "multiple"}, "reset must be 'soft' with spikes='multiple'"),
        ({"spikes": "multiple", "reset": "soft", "t_ref": 1}, "t_ref must be 0 with spikes='multiple'"),
    ],
)
def test_impossible_options(given, message):
    with pytest.raises(ValueError, match=message):
        LIFOptions(**given)
