"""Neurons given by one step: a LIF written so is the LIF of the layers, in every way that layers are run."""

from __future__ import annotations

import pytest
import torch

from snn.hardware import count
from snn.kernels import is_local, local_in_time, spike
from snn.nn import LIF, LIFState, Linear, Sequential, SteppedNeuron


class OneStep(SteppedNeuron):
    """The LIF of the defaults."""

    def at_rest(self, x):
        return LIFState(torch.zeros_like(x))

    def step(self, x, state):
        h = state.v + (x - state.v) / 2.0
        z = spike(h - 1.0)
        return z, LIFState((1 - z) * h)


def outcome(neuron, lengths, local, given=None, shape=(9, 3, 5)):
    torch.manual_seed(0)
    x = (torch.randn(shape, dtype=torch.float64) * 2 + 0.7).requires_grad_()
    learns = torch.arange(len(x)) % 2 == 0 if local == "some" else None
    if local:
        with local_in_time(learns):
            z, state = neuron(x, given, lengths)
    else:
        z, state = neuron(x, given, lengths)
    weight = torch.randn_like(z) * (1.0 if learns is None else learns[:, None, None].double())
    (gx,) = torch.autograd.grad((z * weight).sum(), x)
    return z, state.v, gx


@pytest.mark.parametrize("local", [False, True, "some"])
@pytest.mark.parametrize("lengths", [None, torch.tensor([9, 4, 0])], ids=["whole", "ragged"])
def test_a_step_of_the_lif_is_the_lif(lengths, local):
    given = LIFState(torch.rand(3, 5, dtype=torch.float64))
    for mine, theirs in zip(*(outcome(n, lengths, local, given) for n in (OneStep(), LIF())), strict=True):
        if lengths is not None and len(mine) == 9:
            inside = torch.arange(9)[:, None, None] < lengths[:, None]
            mine, theirs = mine * inside, theirs * inside
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    assert not is_local()


def test_it_is_counted_as_the_lif():
    torch.manual_seed(0)
    x = torch.poisson(torch.full((9, 3, 4), 0.5)).double()
    models = [Sequential(Linear(4, 5), neuron, Linear(5, 2), neuron2).double()
              for neuron, neuron2 in ((OneStep(), OneStep()), (LIF(), LIF()))]  # fmt: skip
    models[1].load_state_dict(models[0].state_dict())
    ends = torch.tensor([9, 4, 0])
    mine, theirs = (count(model, x, ends) for model in models)
    for a, b in zip(mine, theirs, strict=True):
        assert (a.output_spikes, a.updates_dense, a.updates_touched) == (
            b.output_spikes,
            b.updates_dense,
            b.updates_touched,
        )
        assert (a.input_spikes, a.synaptic_events, a.macs) == (b.input_spikes, b.synaptic_events, b.macs)


def test_images_and_no_steps():
    z, state = OneStep()(torch.zeros(0, 2, 3, 4, 4))
    assert z.shape == (0, 2, 3, 4, 4) and state.v.shape == (2, 3, 4, 4)


class Graded(OneStep):
    """Sends half a spike."""

    def step(self, x, state):
        z, after = super().step(x, state)
        return z / 2, after


class Listed(OneStep):
    """Gives its state as a list."""

    def at_rest(self, x):
        return [x]


class Restless(SteppedNeuron):
    """Has no step."""

    def at_rest(self, x):
        return (x,)


def test_refusals():
    x = torch.full((2, 1, 3), 5.0)
    with pytest.raises(TypeError, match="Restless must have a method step, got none"):
        Restless()(x)
    with pytest.raises(TypeError, match="SteppedNeuron must have a method at_rest, got none"):
        SteppedNeuron()(x)
    with pytest.raises(TypeError, match="what at_rest of Listed gives must be a tuple of tensors"):
        Listed()(x)
    with pytest.raises(
        ValueError, match=r"outputs of graded1 must be whole numbers of spikes >= 0 to be counted"
    ):
        count(Sequential(Linear(3, 3), Graded()), torch.full((4, 1, 3), 9.0))
    with pytest.raises(ValueError, match="state of OneStep must be of shape"):
        OneStep()(x, LIFState(torch.zeros(2, 3)))
