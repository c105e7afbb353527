"""The operations of a language model: integers against an independent recount, token by token."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from snn.hardware import ELEMENTWISE, Ledger, LedgerBuilder, Signal, compare, count, count_steps, estimate
from snn.hardware.ledger.evaluation import in_evaluation
from snn.hardware.ledger.layer_names import name_layers
from snn.language import Classifier, SpikeGPT
from snn.language.counters import norm_operations, wkv_operations
from snn.language.projection import Projection
from snn.language.transformer import transformer_ledger

VOCAB, LAYERS, WIDTH, STEPS = 31, 3, 12, 23
LENGTHS = torch.tensor([STEPS, 9, 0, 14])
VARIANTS = ("spike_after", "spike_before", "none")


def spiking_model(variant: str) -> SpikeGPT:
    """Give a model that spikes, which a fresh one does not, by gains on what drives neurons; some weights are 0."""
    torch.manual_seed(3)
    model = SpikeGPT(VOCAB, LAYERS, WIDTH, variant, initial="torch").eval()
    for name, p in model.named_parameters():
        if name.endswith(("output.weight", "channel_mixing.value.weight", "channel_mixing.key.weight")):
            p.data *= 20
        if "norm_" in name and name.endswith("weight"):
            p.data *= 2
        if name.endswith("receptance.weight"):
            p.data[:, ::5] = 0
    return model


def tokens() -> torch.Tensor:
    return torch.randint(0, VOCAB, (STEPS, len(LENGTHS)), generator=torch.Generator().manual_seed(1))


def seen_inputs(model: torch.nn.Module, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Run a model, and give what each of its matrices was given, by name."""
    seen, hooks = {}, []
    for name, module in model.named_modules():
        if isinstance(module, Projection):
            keep = lambda m, given, y, n=name: seen.__setitem__(n, given[0].detach().numpy().copy())  # noqa: E731
            hooks.append(module.register_forward_hook(keep))
    with torch.no_grad():
        model(x, None, LENGTHS)
    for hook in hooks:
        hook.remove()
    return seen


def recount(weight: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Count in plain loops over samples, tokens and inputs."""
    adds, multiplies = (np.zeros(x.shape[:2], dtype=int) for _ in range(2))
    fan_out = [int((weight[:, i] != 0).sum()) for i in range(weight.shape[1])]
    for b, length in enumerate(LENGTHS.tolist()):
        for t in range(length):
            for i, value in enumerate(x[t, b]):
                adds[t, b] += fan_out[i] if value == 1 else 0
                multiplies[t, b] += fan_out[i] if value not in (0, 1) else 0
    return {"acs": adds, "macs": multiplies}


@pytest.mark.parametrize("variant", VARIANTS)
def test_adds_and_multiplies_of_every_matrix_and_token(variant):
    model, x = spiking_model(variant), tokens()
    steps, seen = count_steps(model, x, LENGTHS), seen_inputs(model, x)
    assert {*seen} <= {row.name for row in steps}
    for name, given in seen.items():
        row, due = steps[name], recount(model.get_submodule(name).weight.detach().numpy(), given)
        assert np.array_equal(row["macs"], due["macs"]), name
        assert np.array_equal(row["active_inputs"] - row["macs"], due["acs"]), name


def matrices(ledger: Ledger) -> list[Any]:
    return [row for row in ledger if row.stored_weights and row.pre != "in"]


def test_neurons_behind_the_weights_leave_no_add_and_neurons_ahead_leave_spikes_times_fan_out():
    """Spikes are counted another way: from what the neurons give."""
    after = count(spiking_model("spike_after"), tokens(), LENGTHS)
    assert sum(row.acs for row in matrices(after)) == 0 and after.total("output_spikes") > 0
    model, spikes = spiking_model("spike_before"), {}
    for name, module in model.named_modules():
        if ".fire." in name:
            keep = lambda m, given, y, n=name: spikes.__setitem__(n, y[0])  # noqa: E731
            module.register_forward_hook(keep)
    before = count(model, tokens(), LENGTHS)
    with torch.no_grad():
        model(tokens(), None, LENGTHS)
    for name, z in spikes.items():
        mixing, _, fed = name.rpartition(".fire.")
        row, weight = before[f"{mixing}.{fed}"], model.get_submodule(f"{mixing}.{fed}").weight
        assert row.pre == name and row.macs == 0 and row.values == "counts"
        assert row.input_spikes == int(z.sum()) > 0
        assert row.acs == int((z.sum((0, 1)) @ (weight != 0).sum(0).float()).item())
    real = [row.name for row in matrices(before) if row.macs]
    assert real == [f"blocks.{i}.time_mixing.output" for i in range(LAYERS)] + ["head"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_neurons_stand_with_what_drives_them(variant):
    ledger, valid = count(spiking_model(variant), tokens(), LENGTHS), int(LENGTHS.sum())
    sizes = {"spike_after": 2 * WIDTH, "spike_before": 9 * WIDTH, "none": 0}
    assert ledger.total("updates_dense") == LAYERS * valid * sizes[variant]
    assert ledger.steps == valid and ledger.samples == len(LENGTHS)
    fed = {row.name: row.post for row in matrices(ledger) if row.post != row.name}
    due = {
        "spike_after": {"time_mixing.output": "output", "channel_mixing.value": "output"},
        "spike_before": {"channel_mixing.key": "value"},
        "none": {},
    }[variant]
    assert fed == {
        f"blocks.{i}.{name}": f"blocks.{i}.{name.partition('.')[0]}.fire.{neurons}"
        for i in range(LAYERS)
        for name, neurons in due.items()
    }


class Counted:
    """A number that counts what is done with it."""

    done: ClassVar[dict[str, int]] = {}

    def __init__(self, value: float) -> None:
        self.value = value

    def _do(self, kind: str, value: float) -> Counted:
        Counted.done[kind] = Counted.done.get(kind, 0) + 1
        return Counted(value)

    def __add__(self, other: Any) -> Counted:
        return self._do("element_adds", self.value + getattr(other, "value", other))

    def __sub__(self, other: Any) -> Counted:
        return self._do("element_adds", self.value - getattr(other, "value", other))

    def __mul__(self, other: Any) -> Counted:
        return self._do("element_multiplies", self.value * getattr(other, "value", other))

    def __truediv__(self, other: Any) -> Counted:
        return self._do("divisions", self.value / getattr(other, "value", other))

    def __ge__(self, other: Any) -> bool:
        self._do("element_adds", 0.0)
        return bool(self.value >= getattr(other, "value", other))

    def minus_size_exp(self) -> Counted:
        return self._do("exponentials", float(np.exp(-abs(self.value))))

    def root(self) -> Counted:
        return self._do("square_roots", float(np.sqrt(self.value)))


def counted(values: Any) -> list[Counted]:
    return [Counted(float(value)) for value in values]


def test_the_recurrence_and_normalisation_cost_what_their_formulas_do():
    """Run on numbers that count: the same values as torch, and as many operations as the ledger says."""
    rng = np.random.default_rng(0)
    w, u, k, v, p, q, o = rng.normal(size=7)
    Counted.done = {}
    w_, u_, k_, v_, p_, q_, o_ = counted((w, u, k, v, p, abs(q), o))
    gap = o_ - (u_ + k_)
    small, one = gap.minus_size_exp(), Counted(1.0)
    e1, e2 = (one, small) if gap >= 0 else (small, one)
    y = (e1 * p_ + e2 * v_) / (e1 * q_ + e2)
    decayed = o_ + w_
    gap = decayed - k_
    small = gap.minus_size_exp()
    f1, f2 = (one, small) if gap >= 0 else (small, one)
    after = f1 * p_ + f2 * v_, f1 * q_ + f2
    assert Counted.done == wkv_operations(1)
    e = np.exp([o, u + k, o + w, k])
    assert np.isclose(y.value, (e[0] * p + e[1] * v) / (e[0] * abs(q) + e[1]))
    assert np.isclose(after[0].value / after[1].value, (e[2] * p + e[3] * v) / (e[2] * abs(q) + e[3]))
    x, scale, offset = rng.normal(size=(3, 7))
    Counted.done = {}
    xs = counted(x)
    total = xs[0]
    for other in xs[1:]:
        total = total + other
    mean = total * (1 / 7)
    apart = [one - mean for one in xs]
    squares = [a * a for a in apart]
    total = squares[0]
    for other in squares[1:]:
        total = total + other
    inverse = Counted(1.0) / (total * (1 / 7) + 1e-5).root()
    normal = [a * inverse * s + c for a, s, c in zip(apart, counted(scale), counted(offset), strict=True)]
    assert Counted.done == norm_operations(7)
    due = (
        torch.nn.functional.layer_norm(*(torch.from_numpy(part) for part in (x,)), (7,)).numpy() * scale
        + offset
    )
    assert np.allclose([n.value for n in normal], due)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_computed_element_by_element(variant):
    """Totals by the formulas of a block, written once more."""
    ledger = count(spiking_model(variant), tokens(), LENGTHS)
    d, valid = WIDTH, int(LENGTHS.sum())
    rectifier = 0 if variant == "spike_before" else 4 * d
    bits = 0 if variant == "none" else d
    norms = 2 * LAYERS + 2
    due = {
        "element_adds": norms * (4 * d - 1) + LAYERS * (5 * d + 10 * d + 2 * d + rectifier + 2 * d) + bits,
        "element_multiplies": norms * (3 * d + 2) + LAYERS * (10 * d + 6 * d + 2 * d + rectifier),
        "divisions": norms + LAYERS * 3 * d,
        "exponentials": LAYERS * 4 * d,
        "square_roots": norms,
    }
    assert {field: ledger.total(field) for field in ELEMENTWISE} == {f: n * valid for f, n in due.items()}
    recurrence = ledger["blocks.1.time_mixing.wkv"]
    assert (recurrence.divisions, recurrence.exponentials) == (d * valid, 2 * d * valid)


def test_the_logits_that_were_counted_are_the_models():
    """A counter runs the layers itself: what it sends on is what the model gives."""
    for variant in VARIANTS:
        model, x = spiking_model(variant), tokens()
        builder = LedgerBuilder(LENGTHS, STEPS, name_layers(model))
        with in_evaluation(model):
            sent = builder.count(model, Signal(x.float(), None, True, "in"))
            logits, _ = model(x, None, LENGTHS)
        valid = torch.arange(STEPS)[:, None] < LENGTHS
        assert torch.equal(sent.x[valid], logits[valid])


def test_an_embedding_is_a_lookup_and_a_classifier_has_a_head_of_its_own():
    ledger = count(Classifier(spiking_model("spike_before"), 5), tokens(), LENGTHS)
    valid = int(LENGTHS.sum())
    rows = {row.name: row for row in ledger}
    (embedding,) = (row for row in ledger if row.pre == "in")
    assert (embedding.acs, embedding.macs) == (WIDTH * valid, 0)
    assert (embedding.stored_weights, embedding.dense_synapses) == (VOCAB * WIDTH, WIDTH)
    (head,) = (row for row in ledger if row.n_post == 5)
    assert head.macs == head.input_spikes * 5 and len(rows) == len(ledger.rows)


def test_operations_have_the_names_of_the_ledger():
    builder = LedgerBuilder(torch.tensor([2, 1]), 2, {})
    with pytest.raises(ValueError, match="^per_step must be one of 'element_adds', "):
        builder.add_operations("gate", 3, products=4)
    builder.add_operations("gate", 3, divisions=4)
    (row,) = builder.build().ledger()
    assert (row.divisions, row.element_adds, row.n_post, row.pre) == (12, 0, 3, None)


def test_half_precision_does_not_hold_all_tokens():
    with pytest.raises(ValueError, match="^the model must be in float32 or float64 to be counted"):
        count(spiking_model("none").bfloat16(), tokens(), LENGTHS)


def test_a_target_without_a_price_says_so_by_name(tmp_path):
    ledger = count(spiking_model("spike_after"), tokens(), LENGTHS)
    assert Ledger.from_json(ledger.to_json()) == ledger
    exponentials = LAYERS * 4 * WIDTH * int(LENGTHS.sum()) / len(LENGTHS)
    for target, words in (
        ("horowitz45_int8", f"{exponentials:,.10g} exponentials"),
        ("loihi1", f"{exponentials:,.10g} exponentials"),
        ("ann_fp32_every_step", f"{exponentials:,.10g} exponentials"),
        ("loihi1", "element-wise multiplies"),
    ):
        report = estimate(ledger, target)
        (sentence,) = (text for text in report.assumptions if text.startswith("Not priced"))
        assert words in sentence and target in sentence
        assert words in report.table() and words in report.to_markdown()
        assert report.to_dict()["unpriced"]["divisions"] == ledger.total("divisions")
    side_by_side = compare(ledger, ("horowitz45_fp32", "loihi1"))
    assert " ".join(side_by_side.table().split()).count("(not priced: ") == 2
    assert side_by_side.to_dict()["loihi1"]["unpriced"].keys() == {*ELEMENTWISE}
    priced = estimate(ledger, "horowitz45_fp32")
    assert "element_adds" not in priced.unpriced
    assert priced.energy_pj(component="element-wise multiply") == pytest.approx(
        3.7 * ledger.total("element_multiplies")
    )
    # real numbers are multiplied whether or not a neuron spikes
    assert priced.idle.nominal >= 4.6 * sum(row.macs for row in matrices(ledger))


def test_a_transformer_of_equal_size():
    """Its weights are those of a SpikeGPT; attention by loops over tokens and those before."""
    vocab, layers, width, context = 77, 2, 128, 9
    ledger = transformer_ledger(vocab, layers, width, context)
    model = SpikeGPT(vocab, layers, width)
    matrices = [module.weight.numel() for module in model.modules() if isinstance(module, Projection)]
    assert sum(row.stored_weights for row in ledger) == sum(matrices) + vocab * width
    assert ledger.total("macs") == context * (13 * layers * width**2 + vocab * width)
    multiplies = adds = exponentials = 0
    for t in range(context):
        for _ in range(2):  # heads
            for _ in range(t + 1):
                multiplies, adds = multiplies + 2 * 64, adds + 2 * 64 + 3
                exponentials += 1
        multiplies += 2 * width
    row = ledger["blocks.1.attention"]
    assert (row.element_multiplies, row.element_adds, row.exponentials) == (multiplies, adds, exponentials)
    assert row.divisions == 2 * context
    twice = transformer_ledger(vocab, layers, width, 2 * context)
    assert twice.total("macs") == 2 * ledger.total("macs")
    for wrong, name in (
        (dict(width=7), "width / 2"),
        (dict(context=0), "context"),
        (dict(vocab=1.5), "vocab"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be a whole number"):
            transformer_ledger(**dict(vocab=vocab, layers=layers, width=width, context=context) | wrong)
