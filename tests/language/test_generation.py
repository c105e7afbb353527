"""Tokens are drawn with the probabilities that were asked for, from a state that is a value."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snn.language import Prompt, Sampling, SpikeGPT, generate, load_prompt, read_prompt, save_prompt

PROMPT = list(b"The neurons of a net that spikes")


def model(variant="spike_before", seed=0, dtype=torch.float64):
    """A small net whose neurons fire: fresh weights are silent."""
    torch.manual_seed(seed)
    net = SpikeGPT(256, 2, 24, variant).to(dtype).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.dim() == 2:
                parameter.add_(torch.randn_like(parameter) * 0.5)
    return net


def probabilities(sampling, logits):
    """Temperature, then the k likeliest, then the likeliest that reach p: by a plain loop over tokens."""
    weights = np.exp(np.array(logits) / sampling.temperature)
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    order = order[: sampling.top_k or len(order)]
    total, kept, reached = sum(weights[i] for i in order), [], 0.0
    for i in order:
        kept.append(i)
        reached += weights[i] / total
        if reached >= sampling.top_p - 1e-12:
            break
    found = np.zeros(len(weights))
    found[kept] = weights[kept] / weights[kept].sum()
    return found


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=0.5),
        Sampling(temperature=2.0, top_k=3),
        Sampling(top_p=0.7),
        Sampling(top_k=4, top_p=0.8, temperature=0.7),
        Sampling(top_k=1),
        Sampling(top_p=1e-6),
        Sampling(top_k=100),
    ],
    ids=str,
)
def test_tokens_come_with_their_probabilities(sampling):
    logits = [0.0, 2.0, 1.0, 2.0, -3.0, 0.5]
    draws = 4000
    chances = (np.arange(draws) + 0.5) / draws  # evenly spread, so that shares are exact to 1 / draws
    drawn = sampling.draw(torch.tensor([logits]).expand(draws, -1), chances)
    shares = np.bincount(drawn, minlength=len(logits)) / draws
    assert np.abs(shares - probabilities(sampling, logits)).max() <= 1.01 / draws


def test_half_of_four_alike_is_two():
    logits = torch.zeros(100, 4)
    drawn = Sampling(top_p=0.5).draw(logits, np.linspace(0, 0.999, 100))
    assert set(drawn) == {0, 1}


def test_the_ends_of_chance_are_tokens():
    logits = torch.tensor([[0.0, -1.0, -800.0]]).expand(2, -1)
    assert list(Sampling().draw(logits, np.array([0.0, np.nextafter(1.0, 0.0)]))) == [0, 1]


@pytest.mark.parametrize("variant", ["spike_after", "spike_before", "none"])
def test_a_text_goes_on_as_if_it_were_read_at_once(variant):
    net = model(variant)
    prompt = read_prompt(net, PROMPT)
    drawn = [int(token[0]) for token in generate(net, prompt, 40, Sampling(seed=3))]
    chances = np.random.default_rng((3, 0))
    for i, token in enumerate(drawn):
        logits, _ = net(torch.tensor(PROMPT + drawn[:i])[:, None])
        assert token == Sampling().draw(logits[-1].detach(), np.array([chances.random()]))[0]


def test_a_prompt_is_read_in_pieces_as_in_one(monkeypatch):
    net = model()
    whole = read_prompt(net, PROMPT)
    monkeypatch.setattr("snn.language.generation.PIECE", 5)
    pieces = read_prompt(net, PROMPT)
    after = read_prompt(net, PROMPT[9:], read_prompt(net, PROMPT[:9]))
    for other in (pieces, after):
        torch.testing.assert_close(other.logits, whole.logits, rtol=0, atol=1e-9)


def test_the_prompt_is_a_value():
    """Two continuations of one prompt are equal: the first changed nothing."""
    net = model()
    prompt = read_prompt(net, PROMPT)
    first, second = ([int(t[0]) for t in generate(net, prompt, 30, Sampling(seed=1))] for _ in range(2))
    other = [int(t[0]) for t in generate(net, prompt, 30, Sampling(seed=2))]
    assert first == second and first != other


def test_texts_of_a_batch_are_those_of_smaller_ones():
    net = model()
    prompt = read_prompt(net, PROMPT)
    four = np.array(list(generate(net, prompt, 25, batch=4)))
    two = np.array(list(generate(net, prompt, 25, batch=2)))
    assert four.shape == (25, 4) and (four[:, :2] == two).all()
    assert len({tuple(column) for column in four.T}) == 4


def test_no_tokens_are_no_tokens():
    net = model()
    assert list(generate(net, read_prompt(net, PROMPT), 0)) == []


def test_a_kept_prompt_goes_on_alike(tmp_path):
    net, path = model(), tmp_path / "prompt.safetensors"
    prompt = read_prompt(net, PROMPT)
    save_prompt(prompt, path, net)
    kept = load_prompt(path, net)
    assert isinstance(kept, Prompt) and type(kept.state[0]) is type(prompt.state[0])
    assert [int(t[0]) for t in generate(net, kept, 20)] == [int(t[0]) for t in generate(net, prompt, 20)]


def test_a_prompt_of_another_model_or_with_nan_is_refused(tmp_path):
    net, path = model(), tmp_path / "prompt.safetensors"
    prompt = read_prompt(net, PROMPT)
    save_prompt(prompt, path, net)
    with pytest.raises(ValueError, match="model must be the one of the prompt"):
        load_prompt(path, model(seed=1))
    with pytest.raises(ValueError, match="model must be the one of the prompt"):
        load_prompt(path, model(variant="spike_after"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="must hold the bytes that were written"):
        load_prompt(path, net)
    save_prompt(prompt._replace(logits=prompt.logits * np.nan), path, net)
    with pytest.raises(ValueError, match=r"prompt\[1\] must be finite, got 'NaN or infinity in it'"):
        load_prompt(path, net)
    save_prompt(prompt._replace(logits=prompt.logits[:, :9]), path, net)
    with pytest.raises(ValueError, match=r"prompt\[1\] must be of shape \[1, 256\]"):
        load_prompt(path, net)


def test_bad_requests_are_one_line():
    for name, value, rule in [
        ("temperature", 0, "a finite number > 0"),
        ("temperature", -1, "a finite number > 0"),
        ("temperature", float("nan"), "a finite number > 0"),
        ("top_p", 0, "a finite number > 0 and <= 1"),
        ("top_p", 1.1, "a finite number > 0 and <= 1"),
        ("top_k", 0, "a whole number >= 1"),
        ("seed", -1, "a whole number >= 0"),
    ]:
        with pytest.raises(ValueError, match=f"^{name} must be {rule}, got "):
            Sampling(**{name: value})
    net = model()
    prompt = read_prompt(net, PROMPT)
    with pytest.raises(ValueError, match=r"^tokens must be a list of at least one token"):
        read_prompt(net, [])
    with pytest.raises(ValueError, match=r"^tokens must be in 0..255, the vocabulary, got 256"):
        read_prompt(net, [256])
    with pytest.raises(ValueError, match=r"^tokens\[0\] must be a whole number >= 0, got -1"):
        read_prompt(net, [-1])
    with pytest.raises(ValueError, match="^batch must be a whole number >= 1, got 0"):
        next(generate(net, prompt, 1, batch=0))
    bad = prompt._replace(logits=prompt.logits * np.nan)
    with pytest.raises(
        ValueError, match="logits must be finite to draw a token, got 'NaN or infinity after 0 tokens'"
    ):
        next(generate(net, bad, 1))
