"""The fused neuron pass against the plain loop, every option, gradients included."""

from __future__ import annotations

import itertools

import pytest
import torch

from snn.kernels import LIFOptions, Surrogate, lif, lif_fused, lif_reference

OPTIONS = [
    LIFOptions(3.0, decay_input, 0.9, -0.2, reset, fires, detach, Surrogate(name))
    for decay_input, reset, fires, detach, name in itertools.product(
        (True, False), ("hard", "soft", "hard_next_step"), (">=", ">"), (True, False), ("sigmoid", "triangle")
    )
]


def outputs(form, options, lengths, dtype):
    torch.manual_seed(1)
    x = torch.randn(25, 4, 9, dtype=dtype).add_(0.4).requires_grad_()
    v = torch.randn(4, 9, dtype=dtype).requires_grad_()
    z, last = form(x, v, options, lengths)
    gz, gv = torch.randn_like(z), torch.randn_like(last)
    grads = torch.autograd.grad((z, last), (x, v), (gz, gv))
    return z, last, *grads


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "lengths",
    [None, torch.tensor([25, 3, 1, 17]), torch.tensor([25, 0, 1, 0])],
    ids=["whole", "ragged", "empty"],
)
def test_fused_equals_reference(options, lengths):
    slow = outputs(lif_reference, options, lengths, torch.float64)
    fast = outputs(lif_fused, options, lengths, torch.float64)
    assert 0 < slow[0].mean() < 1
    assert torch.equal(slow[0], fast[0])
    for a, b in zip(slow[1:], fast[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS[::5], ids=str)
def test_float32_spikes_are_the_references(options):
    slow, fast = (outputs(form, options, None, torch.float32) for form in (lif_reference, lif_fused))
    assert torch.equal(slow[0], fast[0])


@pytest.mark.parametrize("options", OPTIONS[::9], ids=str)
@pytest.mark.parametrize("shape", [(7, 3, 1500), (7, 2, 2500)])
@pytest.mark.parametrize("lengths", [None, [7, 4, 7]], ids=["whole", "ragged"])
def test_many_neurons_and_passes_without_graph(options, shape, lengths):
    """Neurons are taken in blocks where all samples do the same; without graph no membranes are kept."""
    counts = None if lengths is None else torch.tensor(lengths[: shape[1]])
    x, v = torch.randn(shape, dtype=torch.float64) + 0.4, torch.randn(shape[1:], dtype=torch.float64)
    found = []
    for form in (lif_reference, lif_fused):
        x, v = (a.detach().requires_grad_() for a in (x, v))
        z, last = form(x, v, options, counts)
        found.append((z, last, *torch.autograd.grad((z * x.detach()).sum() + last.square().sum(), (x, v))))
    for slow, fast in zip(*found, strict=True):
        torch.testing.assert_close(slow, fast, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        for slow, bare in zip(found[0], lif_fused(x, v, options, counts), strict=False):
            torch.testing.assert_close(slow, bare, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS[::5], ids=str)
@pytest.mark.parametrize("lengths", [None, torch.tensor([25, 3, 1, 17])], ids=["whole", "ragged"])
@pytest.mark.parametrize("marked", [[0], [3, 4, 11, 24], list(range(25))], ids=len)
def test_only_marked_steps_have_a_gradient(options, lengths, marked):
    learns = torch.zeros(25, dtype=torch.bool)
    learns[marked] = True
    found = []
    for form in (lif_reference, lif_fused):
        torch.manual_seed(1)
        x = torch.randn(25, 4, 9, dtype=torch.float64).add_(0.4).requires_grad_()
        z, last = form(x, torch.zeros(4, 9, dtype=torch.float64), options, lengths, local=True, learns=learns)
        found.append((z, last, *torch.autograd.grad(z, x, torch.randn_like(z))))
    for slow, fast in zip(*found, strict=True):
        torch.testing.assert_close(slow, fast, rtol=1e-12, atol=1e-12)
    assert not found[1][2][~learns].any()


def hand_written(x, o):
    """One neuron, as a person would write it."""
    v, spikes = o.v_reset, []
    pending = False
    for drive in x:
        if pending:
            v, pending = o.v_reset, False
        v = (
            v + (drive - (v - o.v_reset)) / o.tau
            if o.decay_input
            else o.v_reset + (v - o.v_reset) * o.decay + drive
        )
        fired = v > o.v_th if o.fires == ">" else v >= o.v_th
        spikes.append(float(fired))
        if fired and o.reset == "hard":
            v = o.v_reset
        elif fired and o.reset == "soft":
            v -= o.v_th
        elif fired:
            pending = True
    return spikes


@pytest.mark.parametrize("options", OPTIONS[::2], ids=str)
def test_reference_equals_a_hand_written_loop(options):
    x = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 0.3
    z, _ = lif(x.reshape(-1, 1, 1), torch.full((1, 1), options.v_reset, dtype=torch.float64), options)
    assert z.flatten().tolist() == hand_written(x.tolist(), options)


def test_exactly_at_the_threshold():
    x = torch.tensor([1.0, 0.0, 1.0]).reshape(3, 1, 1)
    for fires, spikes in ((">=", [1, 0, 1]), (">", [0, 0, 1])):
        options = LIFOptions(2.0, decay_input=False, fires=fires)
        z, _ = lif(x, torch.zeros(1, 1), options)
        assert z.flatten().tolist() == spikes


def test_gradient_of_a_smooth_step_by_finite_differences():
    options = LIFOptions(2.5, decay_input=False, reset="soft", v_th=0.8)
    x = torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)
    v = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    smooth = Surrogate("sigmoid").primitive
    assert torch.autograd.gradcheck(lambda x, v: lif_reference(x, v, options, spike=smooth), (x, v))


def test_cutting_in_two_changes_nothing():
    for options in OPTIONS[::7]:
        x = torch.randn(30, 3, 5, dtype=torch.float64) + 0.4
        start = torch.zeros(3, 5, dtype=torch.float64)
        whole, end = lif(x, start, options)
        first, middle = lif(x[:11], start, options)
        second, last = lif(x[11:], middle, options)
        assert torch.equal(whole, torch.cat([first, second])) and torch.equal(end, last)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tau", 0.5),
        ("tau", float("nan")),
        ("v_th", float("inf")),
        ("v_reset", 2.0),
        ("reset", "none"),
        ("fires", "<"),
        ("leak", 1.5),
    ],
)
def test_impossible_options_are_named(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be .*, got "):
        LIFOptions(**{field: value})


def test_a_leak_goes_without_decay_of_the_input():
    with pytest.raises(ValueError, match="decay_input must be False where leak is given, got True"):
        LIFOptions(leak=0.5)
