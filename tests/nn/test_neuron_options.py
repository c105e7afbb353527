"""Options of neurons in the layers: gradients against a loop written down here, and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from snn.kernels import Surrogate
from snn.kernels.generalised_lif import Carried, generalised_lif_reference
from snn.kernels.recurrent_generalised_lif import recurrent_generalised_lif
from snn.kernels.step_local import local_in_time
from snn.nn import LIF, LeakyReadout, RecurrentLIF
from snn.nn.neurons import ReadoutState
from snn.nn.receptors import flow

STEPS, BATCH, N, DELAY = 14, 3, 4, 3
RAGGED = torch.tensor([14, 5, 1])
NEURONS = {
    "plain": {},
    "v_leak": dict(v_leak=0.1),
    "reset_by": dict(reset="soft", reset_by=0.7),
    "t_ref": dict(t_ref=2),
    "adaptation": dict(adapt_by=0.2, tau_adapt=4.0),
    "multiple": dict(reset="soft", spikes="multiple", reset_by=0.3),
    "tau_syn": dict(tau_syn=2.0),
    "receptors": dict(syn_leak={"exc": 0.6, "inh": 0.8}),
    "late": dict(reset="hard_next_step", t_ref=1, tau_syn=2.0, v_leak=0.1),
    "most, hard": dict(syn_leak={"exc": 0.6, "inh": 0.8}, t_ref=1, adapt_by=0.2, tau_adapt=4.0, v_leak=0.1),
    "most, soft": dict(reset="soft", spikes="multiple", tau_syn=2.0, adapt_by=0.1, tau_adapt=4.0),
}
ALL = pytest.mark.parametrize("name", NEURONS)
DETACHED = pytest.mark.parametrize("detach", [True, False], ids=["detached", "attached"])
LENGTHS = pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])


class Fire(torch.autograd.Function):
    """Spikes of u = v - threshold, with 1 / (1 + (pi u)^2) at the nearest threshold as derivative."""

    @staticmethod
    def forward(ctx, u, fall, multiple):
        ctx.save_for_backward(u - fall * (u / fall).round().clamp(min=0) if multiple else u)
        count = (u / fall).floor() + 1 if multiple else torch.ones_like(u)
        return torch.where(u >= 0, count, 0.0)

    @staticmethod
    def backward(ctx, g):
        return g / (1 + (math.pi * ctx.saved_tensors[0]) ** 2), None, None


def by_hand(layer: LIF | RecurrentLIF, x: Tensor, state, steps: int, detach_state: bool = False):
    """Run one sample, x [T, R N], for so many steps from a state of its own; gives its spikes and last state."""
    o, receptors = layer.options, layer.receptors
    v, flowing, held, theta = state.v, state.currents, state.refractory, state.adaptation
    past = list(state.past) if isinstance(layer, RecurrentLIF) else []
    before = len(past)
    cut = (lambda part: part.detach()) if detach_state else (lambda part: part)

    def reset(h, z):
        z = z.detach() if o.detach_reset else z
        return h - z * o.fall if o.reset == "soft" else h * (1 - z) + o.v_reset * z

    def fire(u):
        return Fire.apply(u, o.fall, o.spikes == "multiple")

    for t in range(steps):
        v, flowing, theta = (cut(part) if len(part) else part for part in (v, flowing, theta))
        parts = list(x[t].split(N))
        if before:
            apart = (layer.delays() if layer.training else layer.delay_steps()) - torch.arange(
                1, DELAY + 1
            ).view(-1, 1, 1)
            for d in range(1, DELAY + 1):
                share = (1 - apart[d - 1].abs()).clamp(min=0)
                parts[layer._place] = parts[layer._place] + (layer.weight * share) @ cut(past[before + t - d])
        if receptors is not None:
            flowing = torch.cat(
                [i * k + a for i, k, a in zip(flowing.split(N), receptors.decays, parts, strict=True)]
            )
            parts = flowing.split(N)
        drive = sum(parts)
        theta = theta * (1 - 1 / o.tau_adapt) if o.adapts else theta
        threshold = o.v_th + theta if o.adapts else o.v_th
        v = reset(v, fire(v - threshold)) if o.reset == "hard_next_step" else v
        charged = (
            v + (drive - v + o.rest) / o.tau if o.decay_input else o.rest + (v - o.rest) * o.decay + drive
        )
        free = (held == 0).to(v.dtype) if o.t_ref else torch.ones_like(v)
        v = free * charged + (1 - free) * v
        z = free * fire(v - threshold)
        past.append(z)
        v = v if o.reset == "hard_next_step" else reset(v, z)
        held = torch.where(z > 0, o.t_ref, (held - 1).clamp(min=0)) if o.t_ref else held
        theta = theta + o.adapt_by * z if o.adapts else theta
    return past[before:], v, flowing, theta, past[len(past) - before :]


def make(kind: type, name: str, detach: bool, **more):
    """Build a layer, an input and a state that came from somewhere, all with gradients."""
    torch.manual_seed(3)
    own = dict(v_th=0.6, v_reset=-0.2, detach_reset=detach, surrogate="atan", surrogate_alpha=2.0)
    own |= dict(decay_input=name in ("plain", "t_ref", "tau_syn")) | NEURONS[name] | more
    if kind is RecurrentLIF:
        receptor = {"receptor": "inh"} if isinstance(own.get("syn_leak"), dict) else {}
        layer = RecurrentLIF(N, DELAY, "linear", 3.0, **own, **receptor)
    else:
        layer = LIF(3.0, **own)
    layer = layer.double()
    parts = 1 if layer.receptors is None else len(layer.receptors.names)
    x = (1.5 * torch.randn(STEPS, BATCH, parts * N, dtype=torch.float64) + 0.9).requires_grad_()

    def drawn(part):
        if not isinstance(part, Tensor):
            return part
        if part.dtype is torch.int32:
            return torch.randint(0, layer.options.t_ref + 1, part.shape, dtype=torch.int32)
        return (0.3 * torch.rand_like(part)).requires_grad_()

    state = type(layer.at_rest(x.detach()))(*map(drawn, layer.at_rest(x.detach())))
    if name == "late":  # a membrane that is held has been reset
        v = torch.where(state.refractory > 0, layer.options.v_reset, state.v.detach()).requires_grad_()
        state = state._replace(v=v)
    return layer, x, state


def of_sample(state, b: int):
    """Cut a sample out of a state."""
    cut = {
        name: part[:, b] if name == "past" else part[b]
        for name, part in state._asdict().items()
        if isinstance(part, Tensor)
    }
    return state._replace(**cut)


def leaves(layer, x, state):
    """Give all that has a gradient."""
    parts = [part for part in state if isinstance(part, Tensor) and part.requires_grad]
    return [x, *parts, *layer.parameters()]


def results(layer, x, state, lengths):
    """Run the layer; gives its spikes and what it carries on, whole numbers left out."""
    z, last = layer(x, state, lengths)
    carried = [last.v, last.currents, last.adaptation, *([last.past] if hasattr(last, "past") else [])]
    return [z, *(part for part in carried if isinstance(part, Tensor))]


def results_by_hand(layer, x, state, lengths, **more):
    """Run each sample by itself, and put them together as `results` does."""
    ends = [STEPS] * BATCH if lengths is None else lengths.tolist()
    samples = [by_hand(layer, x[:, b], of_sample(state, b), n, **more) for b, n in enumerate(ends)]
    padded = [
        torch.stack([*spikes, *[torch.zeros(N, dtype=x.dtype)] * (STEPS - len(spikes))])
        for spikes, *_ in samples
    ]
    found = [torch.stack(padded, dim=1)]
    for place in (1, 2, 3):
        parts = [sample[place] for sample in samples]
        found += [torch.stack(parts)] if isinstance(parts[0], Tensor) else []
    if hasattr(state, "past"):
        found.append(torch.stack([torch.stack(sample[4]) for sample in samples], dim=1))
    return found


def assert_same_gradients(ours, theirs, inputs):
    """Compare results, then the gradients of random weights of them all."""
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weights = [torch.randn_like(part) for part in ours]
    for a, b in zip(
        *(torch.autograd.grad(ends, inputs, weights, allow_unused=True) for ends in (ours, theirs)),
        strict=True,
    ):
        assert (a is None) is (b is None) or not torch.any(a if b is None else b)
        if a is not None and b is not None:
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@ALL
@DETACHED
@LENGTHS
@pytest.mark.parametrize("kind", [LIF, RecurrentLIF])
def test_gradients_are_those_of_a_plain_loop(kind, name, detach, lengths):
    layer, x, state = make(kind, name, detach)
    ours, theirs = results(layer, x, state, lengths), results_by_hand(layer, x, state, lengths)
    assert torch.equal(ours[0], theirs[0]) and ours[0].sum() >= 10
    assert_same_gradients(ours, theirs, leaves(layer, x, state))


@ALL
@LENGTHS
@pytest.mark.parametrize("kind", [LIF, RecurrentLIF])
def test_gradients_inside_a_step_are_those_of_detached_steps(kind, name, lengths):
    layer, x, state = make(kind, name, True)
    with local_in_time():
        ours = results(layer, x, state, lengths)[:1]
    theirs = results_by_hand(layer, x, state, lengths, detach_state=True)[:1]
    assert_same_gradients(ours, theirs, [x, *layer.parameters()])


@LENGTHS
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("local", [True, False], ids=["inside a step", "over time"])
@pytest.mark.parametrize(
    "receptors", [{}, dict(tau_syn=2.0), dict(syn_leak={"exc": 0.6, "inh": 0.8})], ids=str
)
def test_readout(receptors, local, decay_input, lengths):
    torch.manual_seed(0)
    layer = LeakyReadout(3.0, decay_input=decay_input, v_leak=0.2, **receptors)
    decays = () if layer.receptors is None else layer.receptors.decays
    width = max(len(decays), 1) * N
    x = torch.randn(STEPS, BATCH, width, dtype=torch.float64, requires_grad=True)
    start = ReadoutState(torch.rand(BATCH, N, dtype=torch.float64, requires_grad=True))
    if decays:
        start = start._replace(currents=torch.rand(BATCH, width, dtype=torch.float64, requires_grad=True))
    if local:
        with local_in_time():
            ours = [layer(x, start, lengths)[0]]
    else:
        y, last = layer(x, start, lengths)
        ours = [y, *(part for part in last if isinstance(part, Tensor))]
    trace, ends = [], []
    v, flowing = start.v, start.currents
    for t in range(STEPS):
        v, flowing = (v.detach(), flowing.detach() if decays else ()) if local else (v, flowing)
        drive = x[t]
        if decays:
            kept = torch.tensor([k for k in decays for _ in range(N)], dtype=x.dtype)
            flowing = flowing * kept + x[t]
            drive = sum(flowing.split(N, dim=1))
        v = v + (drive - (v - 0.2)) / 3 if decay_input else 0.2 + (v - 0.2) * (2 / 3) + drive
        trace.append(v)
        ends.append((v, flowing))
    theirs = [torch.stack(trace)]
    if not local:
        last_step = [STEPS - 1] * BATCH if lengths is None else (lengths - 1).tolist()
        for place in range(1 + bool(decays)):
            theirs.append(torch.stack([ends[t][place][b] for b, t in enumerate(last_step)]))
    inputs = [x] if local else [x, *(part for part in start if isinstance(part, Tensor))]
    assert_same_gradients(ours, theirs, inputs)


SMOOTH = [name for name, given in NEURONS.items() if given.get("spikes") != "multiple"]


@pytest.mark.parametrize("name", SMOOTH)
def test_finite_differences_of_smooth_neurons(name):
    """With a smooth step the gradient is the derivative: by the input, the membrane, currents and threshold."""
    layer, x, state = make(LIF, name, False, decay_input=True)
    smooth = Surrogate("sigmoid").primitive
    inputs = [
        part.detach()[..., :5, :, :] if part.dim() == 3 else part.detach() for part in leaves(layer, x, state)
    ]

    def run(x, v, *others):
        others = list(others)
        currents = others.pop(0) if layer.receptors else ()
        drive, flowing = flow("LIF", layer.receptors, x, currents, torch.tensor([5, 3, 1]))
        carried = Carried(v, state.refractory, others[0] if others else ())
        z, last = generalised_lif_reference(drive, carried, layer.options, torch.tensor([5, 3, 1]), smooth)
        return tuple(part for part in (z, last.v, last.theta, flowing) if isinstance(part, Tensor))

    assert torch.autograd.gradcheck(run, [part.requires_grad_() for part in inputs])


@pytest.mark.parametrize("name", SMOOTH)
def test_finite_differences_of_smooth_recurrent_neurons(name):
    layer, x, state = make(LIF, name, False)
    receptors = layer.receptors
    carried = Carried(state.v, state.refractory, state.adaptation)
    smooth = Surrogate("sigmoid").primitive
    delay = 1 + torch.rand(N, N, dtype=x.dtype) * 0.9

    def run(x, weight, delay, v):
        z, last, _ = recurrent_generalised_lif(
            x, carried._replace(v=v), state.currents, (weight, delay, 2), layer.options, torch.tensor([5, 3, 1]),
            syn_decays=() if receptors is None else receptors.decays, spike=smooth,
        )  # fmt: skip
        return z, last.v

    given = (x.detach()[:5], torch.randn(N, N, dtype=x.dtype), delay, state.v.detach())
    assert torch.autograd.gradcheck(run, [part.requires_grad_() for part in given], fast_mode=True)


NEUTRAL = [dict(syn_leak=0.0), dict(tau_syn=1.0), dict(tau_adapt=3.0), dict(syn_leak={"one": 0.0})]


@pytest.mark.parametrize("neutral", NEUTRAL, ids=str)
@pytest.mark.parametrize("kind", [LIF, RecurrentLIF])
@LENGTHS
def test_neutral_options_change_nothing(kind, neutral, lengths):
    """Currents that are gone at once, and thresholds that rise by 0: the plain neuron's spikes and gradients."""
    plain, x, _ = make(kind, "plain", False)
    named = dict(receptor="one") if kind is RecurrentLIF and isinstance(neutral.get("syn_leak"), dict) else {}
    config = {name: value for name, value in plain.config().items() if name not in named}
    other = kind(**config | neutral | named).double()
    other.load_state_dict(plain.state_dict())
    ours = results(other, x, other.at_rest(x.detach()), lengths)[:2]
    theirs = results(plain, x, plain.at_rest(x.detach()), lengths)[:2]
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)
    weights = [torch.randn_like(part) for part in theirs]
    grads = (
        torch.autograd.grad(ends, [x, *layer.parameters()], weights)
        for ends, layer in ((ours, other), (theirs, plain))
    )
    torch.testing.assert_close(*grads, rtol=1e-11, atol=1e-11)
