"""A token at a time in one compiled pass: the logits, spikes and states of the model."""

from __future__ import annotations

import pytest
import torch
from plain_language import spiking

from snn.language import SpikeGPT, Stepper

VARIANTS = ("spike_after", "spike_before", "none")


@pytest.mark.parametrize("dtype, off", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_the_model(variant, dtype, off):
    """A membrane is read from the state: one that was reset is 0, so equal states have equal spikes."""
    model = spiking(variant=variant, dtype=dtype)
    x = torch.randint(50, (60, 3), generator=torch.Generator().manual_seed(2))
    stepper = Stepper(model)
    with torch.no_grad():
        whole, end = model(x)
        _, prompt = model(x[:20])
    first, state = stepper(x[:20])
    rest, after = stepper(x[20:], prompt)
    again, also = stepper(x[20:], state)
    assert (torch.cat([first, rest]) - whole).abs().max() < off * max(1, whole.abs().max())
    assert (rest - again).abs().max() < off and (after - also).abs().max() < off
    held = stepper.pack(end)
    assert (after - held).abs().max() < off * 100 and torch.equal(after[:, :, 5:] == 0, held[:, :, 5:] == 0)
    with torch.no_grad():
        on, _ = model(x[:5], stepper.unpack(after))
    assert (on - stepper(x[:5], after)[0]).abs().max() < off
    assert torch.equal(stepper.pack(stepper.unpack(after)), after)


def test_a_state_is_a_value_and_weights_are_those_of_its_making():
    model = spiking(dtype=torch.float32)
    stepper, x = Stepper(model), torch.tensor([[3], [4]])
    _, state = stepper(x)
    kept = state.clone()
    first = stepper(x, state)[0]
    with torch.no_grad():
        model.head.weight.zero_()
    assert torch.equal(stepper(x, state)[0], first) and torch.equal(state, kept)


def test_what_it_does_not_run_is_refused_in_a_line():
    model = spiking(dtype=torch.float32)
    stepper, x = Stepper(model), torch.zeros(1, 2, dtype=torch.int64)
    _, state = stepper(x)
    bad = state.clone()
    bad[0, 0, 0, 0] = torch.nan
    for match, call in (
        ("model must be a SpikeGPT", lambda: Stepper(torch.nn.Linear(1, 1))),
        ("model must be on the CPU in float32 or float64", lambda: Stepper(SpikeGPT(5, 1, 4).half())),
        (r"tokens must be in 0\.\.49", lambda: stepper(x + 50)),
        (r"state of Stepper must be a tensor \[1, 3, 7, 24\]", lambda: stepper(x[:, :1], state)),
        ("state of Stepper must be finite, got nan", lambda: stepper(x, bad)),
        ("state of Stepper must be a tuple of 3 BlockState, got 2", lambda: stepper(x, model(x)[1][:2])),
    ):
        with pytest.raises(ValueError, match=match):
            call()
    model.blocks[1].time_mixing.fire["output"].shift_threshold_(0.5)
    with pytest.raises(
        ValueError, match=r"blocks\.1\.time_mixing\.fire\.output of the model must be the neurons"
    ):
        Stepper(model)
