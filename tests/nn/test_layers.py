"""Layers: state passed through, lengths respected, bad input refused."""

from __future__ import annotations

import pytest
import torch
from layers import PAPER_LIF

from snn.nn import (
    LIF,
    BatchNorm,
    DelayedLayer,
    DelayLinear,
    DelayState,
    Dropout,
    DropoutState,
    Layer,
    LeakyReadout,
    LIFState,
    Linear,
    ReadoutState,
    RecurrentLIF,
    RecurrentLIFState,
    Sequential,
    from_config,
    populations,
    to_config,
)


def network(delays=True) -> Sequential:
    torch.manual_seed(0)
    connect = (lambda i, o: DelayLinear(i, o, 8)) if delays else Linear
    neuron = RecurrentLIF(16, 5, tau=1.5, **PAPER_LIF) if delays == "recurrent" else LIF(1.5, **PAPER_LIF)
    return Sequential(connect(12, 16), BatchNorm(16), neuron, Dropout(0.4), connect(16, 5), LeakyReadout(1.5))


def spikes(steps=30, batch=6, units=12, dtype=torch.float32):
    return (torch.rand(steps, batch, units, generator=torch.Generator().manual_seed(1)) < 0.3).to(dtype)


LENGTHS = torch.tensor([30, 10, 20, 25, 1, 12])


def leaves(state):
    return [t for part in state for t in part if isinstance(t, torch.Tensor)]


@pytest.mark.parametrize("delays", [True, False, "recurrent"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("cut", [1, 7, 29])
def test_a_cut_run_continues_as_if_never_cut(delays, training, cut):
    model = Sequential(*[layer for layer in network(delays) if not isinstance(layer, BatchNorm | Dropout)])
    model.train(training)
    x = spikes()
    with torch.no_grad():
        whole, end = model(x)
        first, middle = model(x[:cut])
        second, last = model(x[cut:], middle)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-5)
    for a, b in zip(leaves(end), leaves(last), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_sample_does_not_see_its_batch_mates():
    model = network().eval()
    x = spikes()
    with torch.no_grad():
        y, state = model(x, None, LENGTHS)
        for b, n in enumerate(LENGTHS.tolist()):
            alone, own = model(x[:n, b : b + 1])
            assert torch.equal(y[:n, b : b + 1], alone)
            for part, mine in zip(leaves(state), leaves(own), strict=True):
                whole, single = (part[:, b], mine[:, 0]) if part.dim() == 3 else (part[b], mine[0])
                assert torch.equal(whole, single)


def test_padding_enters_no_statistic():
    x = torch.randn(30, 6, 16)
    rows = torch.cat([x[:n, b] for b, n in enumerate(LENGTHS)])
    plain = torch.nn.BatchNorm1d(16)
    ours = BatchNorm(16)
    y, _ = ours(x, None, LENGTHS)
    expected = plain(rows)
    torch.testing.assert_close(torch.cat([y[:n, b] for b, n in enumerate(LENGTHS)]), expected)
    torch.testing.assert_close(ours.running_mean, plain.running_mean)
    torch.testing.assert_close(ours.running_var, plain.running_var)
    scale, offset = ours.scale_and_offset()
    torch.testing.assert_close(ours.eval()(x)[0].double(), x.double() * scale + offset, rtol=1e-5, atol=1e-6)


def test_padding_gets_no_gradient():
    model = network()
    x = spikes().requires_grad_()
    y, _ = model(x, None, LENGTHS)
    mask = torch.arange(30)[:, None] < LENGTHS
    (y * mask[:, :, None]).square().sum().backward()
    assert x.grad[mask].abs().sum() > 0
    assert x.grad[~mask].abs().max() < 1e-6 * x.grad.abs().max()  # rounding of the transform


def test_dropout_keeps_one_mask_for_a_sequence():
    torch.manual_seed(0)
    drop = Dropout(0.4)
    x = torch.ones(20, 8, 50)
    y, state = drop(x)
    assert isinstance(state, DropoutState)
    assert (y == y[0]).all() and 0.2 < (y == 0).float().mean() < 0.6
    assert y.max().item() == pytest.approx(1 / 0.6)
    assert torch.equal(drop(x, state)[0], y)
    assert torch.equal(drop.eval()(x)[0], x)


def test_states_are_named_tuples_of_tensors():
    _, state = network()(spikes())
    kinds = [type(part) for part in state]
    assert kinds == [DelayState, tuple, LIFState, DropoutState, DelayState, ReadoutState]
    assert state[0].past.shape == (8, 6, 12)
    _, state = network("recurrent")(spikes())
    assert isinstance(state[2], RecurrentLIFState)
    assert state[2].v.shape == (6, 16) and state[2].past.shape == (5, 6, 16)


@pytest.mark.parametrize("decay_input", [True, False])
def test_readout_is_its_equation(decay_input):
    x = torch.randn(12, 2, 3, dtype=torch.float64)
    y, _ = LeakyReadout(3.0, decay_input=decay_input)(x)
    v = torch.zeros(2, 3, dtype=torch.float64)
    for t in range(12):
        v = v + (x[t] - v) / 3.0 if decay_input else v * (1 - 1 / 3.0) + x[t]
        torch.testing.assert_close(y[t], v, rtol=1e-14, atol=1e-14)


def test_fixed_delays_do_not_learn():
    layer = DelayLinear(4, 3, 8, mode="fixed")
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert torch.equal(layer.position, layer.position.round())
    x = spikes(units=4)
    torch.testing.assert_close(layer(x)[0], layer.eval()(x)[0].detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["gauss", "linear", "fixed"])
def test_modes_evaluate_alike(mode):
    torch.manual_seed(2)
    layer = DelayLinear(12, 5, 8, mode=mode).eval()
    other = DelayLinear(12, 5, 8).eval()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(layer(spikes())[0], other(spikes())[0])


def test_whole_delays_interpolate_to_themselves():
    layer = DelayLinear(12, 5, 8, mode="linear")
    with torch.no_grad():
        layer.position.round_()
    x = spikes()
    torch.testing.assert_close(layer(x)[0], layer.eval()(x)[0], rtol=1e-5, atol=1e-5)


def test_integer_mode_trains_weights_on_rounded_delays():
    layer = DelayLinear(12, 5, 8)
    x = spikes()
    rounded = layer.eval()(x)[0]
    layer.mode = "integer"
    y, _ = layer.train()(x)
    torch.testing.assert_close(y, rounded, rtol=1e-5, atol=1e-5)
    y.sum().backward()
    assert layer.position.grad is None
    torch.testing.assert_close(layer.weight.grad.sum(1), _reached(layer, x))


def _reached(layer, x):
    """Spikes that arrive within the run, by receiver."""
    left = len(x) - layer.delay_steps()
    sent = x.sum(1).cumsum(0)
    return sent[left - 1, torch.arange(layer.in_features)].sum(1)


@pytest.mark.parametrize("mode", ["gauss", "linear", "integer", "fixed"])
@pytest.mark.parametrize("training", [True, False])
def test_kernels_are_parallel_layers(mode, training):
    torch.manual_seed(0)
    both = DelayLinear(12, 5, 8, mode, kernel_count=3).train(training)
    x = spikes()
    total = torch.zeros(30, 6, 5)
    for i in range(3):
        one = DelayLinear(12, 5, 8, mode).train(training)
        with torch.no_grad():
            one.weight.copy_(both.weight[i])
            one.position.copy_(both.position[i])
        total = total + one(x)[0]
    torch.testing.assert_close(both(x)[0], total, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sharing", ["axonal", "dendritic"])
@pytest.mark.parametrize("mode", ["gauss", "linear"])
def test_shared_delays_are_equal_delays(sharing, mode):
    torch.manual_seed(0)
    shared = DelayLinear(12, 5, 8, mode, sharing=sharing)
    own = DelayLinear(12, 5, 8, mode)
    assert shared.position.numel() == (12 if sharing == "axonal" else 5)
    with torch.no_grad():
        own.weight.copy_(shared.weight)
        own.position.copy_(shared.position.expand(5, 12))
    x = spikes()
    g = torch.randn(30, 6, 5)
    y, z = shared(x)[0], own(x)[0]
    torch.testing.assert_close(y, z, rtol=1e-5, atol=1e-5)
    y.backward(g)
    z.backward(g)
    gathered = own.position.grad.sum(0 if sharing == "axonal" else 1, keepdim=True)
    torch.testing.assert_close(shared.position.grad, gathered, rtol=1e-4, atol=1e-4)
    assert torch.equal(shared.delay_steps(), own.delay_steps())


def test_recurrent_delays_are_at_least_a_step():
    layer = RecurrentLIF(4, 7)
    assert isinstance(layer, DelayedLayer) and layer.centre == 4
    with torch.no_grad():
        layer.position.uniform_(-100, 100)
    layer.clamp_()
    assert layer.delays().min() == 1 and layer.delays().max() == 7
    assert layer.delay_steps().min() == 1 and layer.delay_steps().max() == 7


def test_positions_are_clamped():
    layer = DelayLinear(4, 3, 8)
    with torch.no_grad():
        layer.position.mul_(100)
    layer.clamp_()
    assert layer.position.abs().max() == 4
    assert layer.delays().min() >= 0 and layer.delays().max() <= 8


def test_description_builds_the_same_model():
    shared = Sequential(DelayLinear(3, 2, 4, "linear", kernel_count=2, sharing="axonal"), LIF())
    plain = Sequential(Linear(3, 2, bias=True), LIF())
    for model in (network(), network(delays=False), network("recurrent"), plain, shared):
        again = from_config(to_config(model))
        again.load_state_dict(model.state_dict())
        x = spikes(units=model[0].in_features)
        assert torch.equal(model.eval()(x)[0], again.eval()(x)[0])
        assert to_config(again) == to_config(model)


def test_unknown_layers_are_refused():
    class Mine(Layer):
        pass

    with pytest.raises(TypeError, match="layers of the model must be of Sequential, .*BatchNorm.*, got Mine"):
        to_config(Sequential(Mine()))
    with pytest.raises(ValueError, match="layer kind must be one of 'Sequential', .*BatchNorm.*got 'Mine'"):
        from_config({"kind": "Mine"})
    with pytest.raises(
        ValueError, match="layer LIF must be built from .*unexpected keyword argument 'colour'"
    ):
        from_config({"kind": "LIF", "colour": 1})
    with pytest.raises(TypeError, match=r"layers\[1\] must be a layer of snn.nn, got ReLU"):
        Sequential(Linear(2, 2), torch.nn.ReLU())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(0, 3), "in_features must be a whole number >= 1, got 0"),
        (lambda: DelayLinear(3, 3, 5), r"max_delay must be even, .* got 5"),
        (lambda: DelayLinear(3, 3, 0), "max_delay must be a whole number >= 2 and <= 16777216, got 0"),
        (
            lambda: DelayLinear(3, 3, 4, "free"),
            "mode must be one of 'gauss', 'linear', 'integer', 'fixed', got 'free'",
        ),
        (
            lambda: DelayLinear(3, 3, 4, sharing="row"),
            "sharing must be one of .*, got 'row'",
        ),
        (lambda: DelayLinear(3, 3, 4, kernel_count=0), "kernel_count must be a whole number >= 1, got 0"),
        (lambda: RecurrentLIF(3, 0), "max_delay must be a whole number >= 1 and <= 16777216, got 0"),
        (
            lambda: RecurrentLIF(3, 4, "gauss"),
            "mode must be one of 'linear', 'integer', 'fixed', got 'gauss'",
        ),
        (
            lambda: RecurrentLIF(3, 4)(torch.zeros(5, 1, 4)),
            r"x of RecurrentLIF must be \[T, B, 3\], got Tensor of shape \[5, 1, 4\]",
        ),
        (lambda: DelayLinear(3, 3, 4).set_sigma_(-1), "sigma must be a finite number >= 0, got -1"),
        (lambda: Dropout(1.0), "p must be a finite number >= 0 and < 1, got 1.0"),
        (lambda: BatchNorm(3, over="batch"), "over must be one of 'sequence', 'step', got 'batch'"),
        (lambda: BatchNorm(3, momentum=0), "momentum must be a finite number > 0 and <= 1, got 0"),
        (lambda: LIF(0.5), "tau must be a finite number >= 1, got 0.5"),
        (
            lambda: Linear(3, 2)(torch.zeros(5, 3)),
            r"x of Linear must be \[T, B, 3\], got Tensor of shape \[5, 3\]",
        ),
        (lambda: network()(spikes(), None, torch.tensor([1.0] * 6)), r"lengths must be whole numbers \[6\]"),
        (
            lambda: network()(spikes(), None, torch.tensor([31] * 6)),
            r"lengths must be in 0..30, the steps of x, got 31",
        ),
        (lambda: network()(spikes(), ((),)), "state must be a tuple of 6 entries, one per layer, got 1"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_populations_name_what_is_out_of_order():
    with pytest.raises(
        ValueError, match="population 1 of the model must begin with Linear or DelayLinear, got LIF"
    ):
        populations.split(Sequential(LIF()))
    with pytest.raises(
        ValueError, match="population 1 of the model must end in LIF or LeakyReadout, got the end"
    ):
        populations.split(Sequential(Linear(2, 2)))
    with pytest.raises(ValueError, match="LeakyReadout, which never spikes"):
        populations.split(Sequential(Linear(2, 2), LeakyReadout(), Linear(2, 2), LIF()))
    with pytest.raises(ValueError, match="model must have layers, got none"):
        populations.split(Sequential())
    names = [part.projection for part in populations.split(network())]
    assert names == ["in-hid1", "hid1-out"]


def test_weights_flatten_without_a_copy():
    """Optimisers and tools that see all parameters as one vector need it."""
    model = Sequential(Linear(6, 4, bias=True), LIF(2.0), DelayLinear(4, 3, max_delay=4))
    vector = torch.nn.utils.parameters_to_vector(model.parameters())
    assert vector.numel() == sum(p.numel() for p in model.parameters())
