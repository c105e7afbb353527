"""Neurons of other simulators, each as ours with its options: the same spikes in every one of 300 steps."""

from __future__ import annotations

import math

import pytest
import torch

from snn.nn import LIF, LeakyReadout, RecurrentLIF

STEPS, BATCH, N = 300, 2, 16
BETA, ALPHA, V_TH = 0.9, 0.8, 0.7
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def drive(dtype: torch.dtype, mean: float, seed: int = 0) -> torch.Tensor:
    """Draw an input that makes neurons spike now and then, [300, 2, 16]."""
    random = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, N, generator=random, dtype=torch.float64) * 2 * mean).to(dtype)


@torch.no_grad()
def assert_same_spikes(ours, x: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Compare spikes [T, B, N] step by step, and give our last membranes."""
    z, state = ours.to(x.dtype)(x)
    assert 0.01 < theirs.mean() < 2 and theirs.shape == z.shape
    differ = (z != theirs).flatten(1).any(dim=1)
    assert int(differ.sum()) == 0, f"{int(differ.sum())} of {STEPS} steps differ"
    return state.v


@torch.no_grad()
def over_time(cell, x: torch.Tensor) -> torch.Tensor:
    """Run a step that takes an input and its own states, and gives (spikes, *states)."""
    states, spikes = (), []
    for x_t in x.unbind(0):
        z, *states = cell(x_t, *states)
        spikes.append(z)
    return torch.stack(spikes)


SNNTORCH = {
    "Leaky, zero": (
        lambda s: s.Leaky(BETA, threshold=V_TH, reset_mechanism="zero", reset_delay=False),
        dict(),
    ),
    "Leaky, zero, delay": (
        lambda s: s.Leaky(BETA, threshold=V_TH, reset_mechanism="zero"),
        dict(reset="hard_next_step"),
    ),
    # It subtracts the threshold behind the next step's leak, beta m + x - th; ours falls before that: the fall that
    # comes to th behind the leak is th / beta.
    "Leaky, subtract": (
        lambda s: s.Leaky(BETA, threshold=V_TH, reset_mechanism="subtract"),
        dict(reset="soft", reset_by=V_TH / BETA),
    ),
    "Synaptic, zero": (
        lambda s: s.Synaptic(ALPHA, BETA, threshold=V_TH, reset_mechanism="zero", reset_delay=False),
        dict(syn_leak=ALPHA),
    ),
    "Synaptic, subtract": (
        lambda s: s.Synaptic(ALPHA, BETA, threshold=V_TH, reset_mechanism="subtract"),
        dict(syn_leak=ALPHA, reset="soft", reset_by=V_TH / BETA),
    ),
}


@DTYPES
@pytest.mark.parametrize("name", SNNTORCH)
def test_snntorch(name, dtype):
    make, neuron = SNNTORCH[name]
    cell = make(pytest.importorskip("snntorch")).to(dtype)
    x = drive(dtype, 0.04 if "Synaptic" in name else 0.15)
    ours = LIF(leak=BETA, decay_input=False, v_th=V_TH, fires=">", **neuron)
    assert_same_spikes(ours, x, over_time(cell, x))


def test_a_subtracted_threshold_needs_its_own_fall():
    """What tells the two kinds of subtraction apart: with the fall of the threshold itself many steps differ."""
    cell = pytest.importorskip("snntorch").Leaky(BETA, threshold=V_TH).double()
    x = drive(torch.float64, 0.15)
    with torch.no_grad():
        z, _ = LIF(leak=BETA, decay_input=False, v_th=V_TH, fires=">", reset="soft").double()(x)
    assert (z != over_time(cell, x)).any(dim=2).sum() > 50


@DTYPES
def test_snntorch_recurrent(dtype):
    cell = pytest.importorskip("snntorch").RSynaptic(ALPHA, BETA, linear_features=N, threshold=V_TH).to(dtype)
    torch.nn.init.zeros_(cell.recurrent.bias)
    ours = RecurrentLIF(
        N, 1, "fixed", leak=BETA, decay_input=False, v_th=V_TH, fires=">", reset="soft", reset_by=V_TH / BETA,
        syn_leak=ALPHA,
    )  # fmt: skip
    with torch.no_grad():
        ours.weight.copy_(cell.recurrent.weight)
    x = drive(dtype, 0.04)

    def step(x_t, *spikes):  # it keeps its other states itself; its spikes are float32 in any case
        return (cell(x_t, *(z.to(dtype) for z in spikes))[0],) * 2

    assert_same_spikes(ours, x, over_time(step, x))


@DTYPES
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("v_reset", [-0.1, 0.0, None])
def test_spikingjelly(v_reset, decay_input, dtype):
    """Its membrane leaks towards `v_reset` and starts there, as ours does without a `v_leak`."""
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    theirs = neuron.LIFNode(
        tau=4.0, decay_input=decay_input, v_reset=v_reset, v_threshold=V_TH, step_mode="m"
    )
    x = drive(dtype, 0.8 if decay_input else 0.25)
    kind = dict(reset="soft") if v_reset is None else dict(v_reset=v_reset)
    with torch.no_grad():
        z = theirs(x)
    v = assert_same_spikes(LIF(4.0, decay_input=decay_input, v_th=V_TH, **kind), x, z)
    if decay_input or not v_reset:  # else it leaks by v - (v - v_reset) / tau, and we by a factor
        assert torch.equal(v, theirs.v)


@DTYPES
def test_spikingjelly_with_currents(dtype):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    theirs = neuron.CUBALIFNode(c_decay=ALPHA, v_decay=BETA, v_threshold=V_TH, v_reset=0.0)
    x = drive(dtype, 0.04)
    with torch.no_grad():
        z = torch.stack([theirs(x_t) for x_t in x])
    assert_same_spikes(LIF(leak=BETA, decay_input=False, v_th=V_TH, syn_leak=ALPHA), x, z)


def norse():
    """Give norse's functions; it is installed without what it needs for its data sets."""
    return pytest.importorskip("norse.torch", reason="norse is not installed", exc_type=ImportError)


TAU, TAU_SYN, V_LEAK, V_RESET = 4.0, 2.5, 0.15, -0.1


def rates(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Give norse's parameters of a neuron; its steps are of 1 ms, its rates per second."""
    given = {"tau_mem_inv": 1000 / TAU, "v_leak": V_LEAK, "v_th": V_TH, "v_reset": V_RESET}
    return {name: torch.tensor(value, dtype=dtype) for name, value in given.items()}


NORSE = dict(v_th=V_TH, v_leak=V_LEAK, v_reset=V_RESET, fires=">")


@DTYPES
def test_norse_box(dtype):
    f, x = norse(), drive(dtype, 0.7)
    p, start = f.LIFBoxParameters(**rates(dtype)), f.LIFBoxFeedForwardState(v=x.new_full((BATCH, N), V_LEAK))
    z = over_time(lambda x, s=start: f.lif_box_feed_forward_step(x, s, p), x)
    assert_same_spikes(LIF(TAU, **NORSE), x, z)


def norse_with_currents(x: torch.Tensor) -> torch.Tensor:
    """Run `lif_feed_forward_step`."""
    f, dtype = norse(), x.dtype
    p = f.LIFParameters(tau_syn_inv=torch.tensor(1000 / TAU_SYN, dtype=dtype), **rates(dtype))
    start = f.LIFFeedForwardState(v=x.new_full((BATCH, N), V_LEAK), i=x.new_zeros(BATCH, N))
    return over_time(lambda x, s=start: f.lif_feed_forward_step(x, s, p), x)


def euler_with_currents(x: torch.Tensor) -> torch.Tensor:
    """Run the equations that it gives: v' = (v_leak - v + i) / tau and i' = -i / tau_syn, in Euler's steps."""
    v, i, spikes = torch.full_like(x[0], V_LEAK), torch.zeros_like(x[0]), []
    for x_t in x:
        i = i + x_t
        v = v + (V_LEAK - v + i) / TAU
        i = i - i / TAU_SYN
        spikes.append((v > V_TH).to(x.dtype))
        v = torch.where(v > V_TH, V_RESET, v)
    return torch.stack(spikes)


@DTYPES
@pytest.mark.parametrize("run", [euler_with_currents, norse_with_currents])
def test_norse_with_currents(run, dtype):
    x = drive(dtype, 0.3)
    assert_same_spikes(LIF(TAU, tau_syn=TAU_SYN, **NORSE), x, run(x))


@DTYPES
def test_norse_recurrent(dtype):
    f, x = norse(), drive(dtype, 0.3)
    p = f.LIFParameters(tau_syn_inv=torch.tensor(1000 / TAU_SYN, dtype=dtype), **rates(dtype))
    start = f.LIFState(z=x.new_zeros(BATCH, N), v=x.new_full((BATCH, N), V_LEAK), i=x.new_zeros(BATCH, N))
    ours = RecurrentLIF(N, 1, "fixed", TAU, tau_syn=TAU_SYN, **NORSE).to(dtype)
    w, w_in = ours.weight.detach(), torch.eye(N, dtype=dtype)
    assert_same_spikes(ours, x, over_time(lambda x, s=start: f.lif_step(x, s, w_in, w, p), x))


@DTYPES
def test_norse_readout(dtype):
    f, x = norse(), drive(dtype, 0.3)
    p = f.LIParameters(
        tau_syn_inv=torch.tensor(1000 / TAU_SYN, dtype=dtype),
        tau_mem_inv=torch.tensor(1000 / TAU, dtype=dtype),
        v_leak=torch.tensor(V_LEAK, dtype=dtype),
    )
    start = f.LIState(v=x.new_full((BATCH, N), V_LEAK), i=x.new_zeros(BATCH, N))
    v = over_time(lambda x, s=start: f.li_feed_forward_step(x, s, p), x)
    y, _ = LeakyReadout(TAU, decay_input=True, v_leak=V_LEAK, tau_syn=TAU_SYN)(x)
    torch.testing.assert_close(y, v, rtol=1e-5 if dtype is torch.float32 else 1e-12, atol=0)


TAU_SINABS = 5.0


def several_spikes(x: torch.Tensor, tau_syn: float | None) -> torch.Tensor:
    """Run sinabs' equations: trunc(v / v_th) spikes, each taking v_th; a current decays as it arrives."""
    decay, v, i, spikes = math.exp(-1 / TAU_SINABS), torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
    for x_t in x:
        i = x_t if tau_syn is None else math.exp(-1 / tau_syn) * (i + x_t)
        v = decay * v + i
        spikes.append((v > 0) * torch.trunc(v / V_TH))
        v = v - spikes[-1] * V_TH
    return torch.stack(spikes)


def sinabs(x: torch.Tensor, tau_syn: float | None) -> torch.Tensor:
    """Run sinabs itself; it takes [B, T, N]."""
    layers = pytest.importorskip("sinabs.layers", reason="sinabs is not installed", exc_type=ImportError)
    cell = layers.LIF(TAU_SINABS, tau_syn=tau_syn, spike_threshold=V_TH, norm_input=False).to(x.dtype)
    with torch.no_grad():
        return cell(x.transpose(0, 1)).transpose(0, 1)


@DTYPES
@pytest.mark.parametrize("tau_syn", [None, 3.0])
@pytest.mark.parametrize("run", [several_spikes, sinabs])
def test_sinabs(run, tau_syn, dtype):
    """Its current decays in the step in which a spike arrives, ours from the next on: a factor of the weights."""
    x = drive(dtype, 1.2 if tau_syn is None else 0.5)
    theirs = run(x, tau_syn)
    assert theirs.max() >= 3
    factor, syn_leak = (1.0, None) if tau_syn is None else (math.exp(-1 / tau_syn),) * 2
    ours = LIF(
        leak=math.exp(-1 / TAU_SINABS), decay_input=False, v_th=V_TH, reset="soft", spikes="multiple",
        syn_leak=syn_leak,
    )  # fmt: skip
    assert_same_spikes(ours, x * factor, theirs)
