"""Batches from a `DataLoader` or any iterable: time first, in an order that a resumed run sees again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from own_parts import Items, collate, loader, own_network
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
)

from snn.core import Events
from snn.datasets import Batch, SpikeSet
from snn.train import TrainConfig, evaluate, fit
from snn.train.data_loaders import LoadedBatches, as_data, steps_per_epoch

CONFIG = TrainConfig(epochs=2, batch_size=10, min_batch=10, loss="step_cross_entropy")


class Batches:
    """The batches of a loader, as a data set of ours gives them."""

    def __len__(self) -> int:
        return 40

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Any:
        for x, lengths, label in loader(shuffle=False, generator=torch.Generator()):
            yield Batch(x.numpy(), lengths.numpy(), label.numpy(), np.arange(len(label)))


def test_a_loader_trains_as_the_same_batches_do():
    histories = []
    for data in (
        Batches(),
        loader(shuffle=False, generator=torch.Generator()),  # else it draws from the numbers of the model
        list(loader(shuffle=False)),
        [tuple(part.numpy() for part in batch) for batch in loader(shuffle=False)],
        list(Batches().batches(10)),
    ):
        histories.append(fit(own_network(), data, data, CONFIG).history)
    assert all(history == histories[0] for history in histories)


def test_scores_weigh_samples_not_batches():
    model = own_network().eval()
    by_ten = evaluate(model, loader(shuffle=False), loss="step_cross_entropy")
    odd = DataLoader(Items(), batch_size=7, collate_fn=collate)
    by_seven = evaluate(model, odd, loss="step_cross_entropy")
    assert by_seven.loss == pytest.approx(by_ten.loss, rel=1e-6)
    assert by_seven.accuracy == by_ten.accuracy and by_seven.samples == 40


def test_samples_without_lengths_are_valid_to_their_end():
    batch = torch.rand(9, 10, 6), torch.arange(10) % 3
    with_lengths = batch[0], torch.full((10,), 9), batch[1]
    found = [evaluate(own_network(), [given]) for given in (batch, with_lengths)]
    assert found[0] == found[1]


def test_the_order_of_an_epoch_is_decided_by_seed_and_epoch():
    seen: list[list[list[int]]] = []
    for _ in range(2):
        data = LoadedBatches("train", loader())
        orders = []
        for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0)):
            data.set_epoch(seed, epoch)
            orders.append([int(i) for batch in data.batches() for i in batch.x.sum((0, 2))])
        assert orders[0] == orders[3] and orders[0] != orders[1] and orders[0] != orders[2]
        seen.append(orders)
    assert seen[0] == seen[1]


def test_a_loader_knows_its_size():
    assert len(LoadedBatches("train", loader())) == 40
    assert len(as_data("train", [(torch.rand(9, 4, 6), torch.zeros(4))] * 3)) == 12
    assert steps_per_epoch(as_data("train", loader()), 1, 1) == 4
    assert steps_per_epoch(Batches(), 16, 8) == 3 and steps_per_epoch(Batches(), 16, 9) == 2


@pytest.mark.parametrize("use", ["fit", "evaluate"])
def test_batch_first_is_refused(use):
    first = [(torch.rand(10, 9, 6), torch.arange(10) % 3)]
    message = (
        r"x must be time first, \[T, B, ...\] with B = len\(label\) .*"
        r"got x of shape \[10, 9, 6\] and label of shape \[10\]"
    )
    with pytest.raises(ValueError, match=message):
        fit(own_network(), first, first, CONFIG) if use == "fit" else evaluate(own_network(), first)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            (torch.rand(9, 10, 6),),
            r"batches of data must be \(x, label\) or \(x, lengths, label\), got 1 parts",
        ),
        ({"x": 1}, r"batches of data must be \(x, label\) or \(x, lengths, label\), got dict"),
        (
            (torch.rand(9), torch.zeros(9)),
            r"x of data must be an array or tensor \[T, B, ...\], time first, got",
        ),
        ((torch.rand(9, 3, 6), torch.ones(2), torch.zeros(3).long()), r"lengths must be whole numbers \[3\]"),
        (
            (torch.rand(9, 3, 6), torch.tensor([9, 10, 8]), torch.zeros(3).long()),
            r"lengths must be in 0..9, the steps of x, got 10",
        ),
    ],
)
def test_batches_of_another_form_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        evaluate(own_network(), [batch])


@pytest.mark.parametrize("data", [3, iter([]), "words", {"x": 1}])
def test_what_is_no_data_is_refused(data):
    with pytest.raises(ValueError, match="train must be a data set with batches.* or batches .*, got"):
        fit(own_network(), data, loader(), CONFIG)


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter(Items().items)


def test_a_stream_has_no_known_length():
    stream = DataLoader(Stream(), batch_size=10, collate_fn=collate)
    done = fit(own_network(), stream, loader(shuffle=False), CONFIG)
    whole = fit(own_network(), loader(shuffle=False), loader(shuffle=False), CONFIG)
    assert done.history == whole.history
    with pytest.raises(
        ValueError, match="schedule_by must be 'epoch' with a loader that does not know its length"
    ):
        config = TrainConfig(epochs=1, loss="step_cross_entropy", schedule_by="step")
        fit(own_network(), stream, loader(shuffle=False), config)


class Drawn(Sampler):
    """An order of chance that no generator decides."""

    def __iter__(self):
        return iter(torch.randperm(40).tolist())

    def __len__(self):
        return 40


SHUFFLING = {
    "own sampler": lambda: loader(sampler=Drawn(), generator=torch.Generator()),
    "own batch sampler": lambda: DataLoader(
        Items(),
        batch_sampler=BatchSampler(Drawn(), 10, False),
        collate_fn=collate,
        generator=torch.Generator(),
    ),
    "shuffle": lambda: loader(shuffle=True),
    "sampler": lambda: loader(sampler=RandomSampler(Items())),
    "stream": lambda: DataLoader(Stream(), batch_size=10, collate_fn=collate),
    "batch sampler": lambda: DataLoader(
        Items(), batch_sampler=BatchSampler(RandomSampler(Items()), 10, False), collate_fn=collate
    ),
    "iterable": lambda: type("Own", (), {"__iter__": lambda self: iter(loader(shuffle=True))})(),
}


@pytest.mark.parametrize("kind", SHUFFLING)
@pytest.mark.parametrize("place", ["train", "valid"])
def test_a_run_with_an_order_of_chance_is_not_resumed(tmp_path, kind, place):
    sets = {"train": loader(), "valid": loader(), place: SHUFFLING[kind]()}
    message = rf"{place} must be a loader in order or with a generator to resume .*, got .* without one"
    with pytest.raises(ValueError, match=message):
        fit(own_network(), *sets.values(), CONFIG, out=tmp_path, resume=True)


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"sampler": SequentialSampler(Items())},
        {"sampler": RandomSampler(Items(), generator=torch.Generator())},
        {"shuffle": True, "generator": torch.Generator()},
    ],
)
def test_a_run_with_an_order_that_is_decided_is(tmp_path, options):
    fit(own_network(), loader(**options), loader(), CONFIG, out=tmp_path, resume=True)


def test_workers_that_stay_are_not_resumed(tmp_path):
    data = loader(shuffle=False, num_workers=1, persistent_workers=True)
    with pytest.raises(ValueError, match="persistent_workers of train must be False to resume, got True"):
        fit(own_network(), data, loader(), CONFIG, out=tmp_path, resume=True)


def test_items_that_nobody_puts_together_are_refused():
    events = Events.from_lists([[0, 4], [2]], [[1, 3], [0]], n_units=6, dt_ms=1.0, n_steps=6)
    words = SpikeSet("words", events, np.array([0, 1]), np.zeros(2, dtype=np.int64), ("a", "b"))
    for use in (
        lambda data: fit(own_network(), data, data, CONFIG),
        lambda data: evaluate(own_network(), data),
    ):
        with pytest.raises(ValueError, match="collate_fn of (train|data) must put .*snn.datasets.collate"):
            use(DataLoader(words, 2))
