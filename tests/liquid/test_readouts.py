"""Readouts are those of scikit-learn, choose their strength on validation, and fit behind a liquid as a layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from liquids import events, liquid
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import snn
from snn.liquid import Readout, WindowReadout, fit_readout, train_readout, with_readout


@pytest.fixture
def task():
    """Three classes of 60 samples with shifted means, features of unlike scale, one that never varies."""
    rng = np.random.default_rng(4)
    labels = np.arange(180) % 3
    features = rng.normal(size=(180, 20)) + 0.6 * rng.normal(size=(3, 20))[labels]
    features = features * 10.0 ** rng.integers(-2, 3, 20) + 5.0
    features[:, 7] = 2.0
    return features.astype(np.float32), labels


@pytest.mark.parametrize("wide", [False, True])
def test_ridge_is_that_of_scikit_learn(task, wide):
    features, labels = task
    if wide:
        features = np.tile(features, 12) + np.random.default_rng(1).normal(size=(180, 240)).astype(np.float32)
    readout = fit_readout(features[:120], labels[:120], features[120:], labels[120:], strengths=[3.0])
    scaler = StandardScaler().fit(features.astype(np.float64))
    target = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    due = Ridge(alpha=3.0).fit(scaler.transform(features.astype(np.float64)), target)
    np.testing.assert_allclose(
        readout.scores(features), due.predict(scaler.transform(features.astype(np.float64))), atol=1e-6
    )
    assert (
        readout.accuracy(features, labels)
        == (due.predict(scaler.transform(features)).argmax(1) == labels).mean()
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_is_that_of_scikit_learn(task, classes):
    features, labels = (part[task[1] < classes] for part in task)
    n = len(labels) - 30
    readout = fit_readout(
        features[:n], labels[:n], features[n:], labels[n:], kind="logistic", strengths=[2.0]
    )
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    due = LogisticRegression(C=0.5, max_iter=1000).fit(scaled, labels)
    np.testing.assert_array_equal(readout.predict(features), due.predict(scaled))


def test_the_strength_is_the_best_on_validation(task):
    features, labels = task
    strengths = (1e-2, 1e1, 1e3, 1e6)
    readout = fit_readout(features[:90], labels[:90], features[90:], labels[90:], strengths=strengths)
    scaler = StandardScaler().fit(features[:90].astype(np.float64))
    x, v = (scaler.transform(part.astype(np.float64)) for part in (features[:90], features[90:]))
    target = np.where(labels[:90, None] == np.arange(3), 1.0, -1.0)
    scored = [(Ridge(alpha=s).fit(x, target).predict(v).argmax(1) == labels[90:]).mean() for s in strengths]
    assert readout.strength == max(s for s, one in zip(strengths, scored, strict=True) if one == max(scored))


def test_a_class_that_training_lacks_is_never_chosen_by_logistic(task):
    features, labels = task
    keep = labels != 1
    readout = fit_readout(
        features[keep], labels[keep], features[keep], labels[keep], kind="logistic", strengths=[1.0]
    )
    assert set(readout.predict(features).tolist()) == {0, 2}


def test_a_linear_layer_learns_the_same_task(task):
    features, labels = task
    config = snn.train.TrainConfig(
        epochs=30, batch_size=32, lr=0.05, loss="sum_cross_entropy", weight_decay=1e-3
    )
    trained = train_readout(features[:120], labels[:120], features[120:], labels[120:], config)
    ridge = fit_readout(features[:120], labels[:120], features[120:], labels[120:])
    assert trained.accuracy(features, labels) > 0.9 * ridge.accuracy(features, labels)
    again = train_readout(features[:120], labels[:120], features[120:], labels[120:], config)
    np.testing.assert_array_equal(trained.weight, again.weight)


@pytest.mark.parametrize("windows", [1, 4])
def test_a_readout_behind_a_liquid_scores_its_counts(windows, tmp_path):
    rng = np.random.default_rng(1)
    reservoir, given = liquid(rng), events(rng)
    rows, labels = reservoir.run(given, windows), np.arange(6) % 2
    readout = fit_readout(rows, labels, rows, labels, strengths=[1.0])
    model = with_readout(reservoir.layers(1.0), readout, windows)
    x, lengths = torch.tensor(given.to_raster().z, dtype=torch.float32), torch.tensor(given.n_steps)
    y, _ = model(x, None, lengths)
    np.testing.assert_allclose(y.sum(0).detach().numpy(), readout.scores(rows), atol=1e-4)
    assert not y[int(given.n_steps[0]) :, 0].any()
    snn.train.save(model, tmp_path / "model.safetensors")
    again, _ = snn.train.load(tmp_path / "model.safetensors")(x, None, lengths)
    assert torch.equal(again, y)


def test_a_window_readout_has_gradients_and_no_state():
    layer = WindowReadout(3, 2, windows=2)
    x = torch.ones(4, 1, 3)
    y, state = layer(x, None, torch.tensor([3]))
    y.sum().backward()
    assert state == ()
    np.testing.assert_array_equal(
        layer.weight.grad[0].numpy(), [[2, 2, 2], [1, 1, 1]]
    )  # steps 0, 1 and step 2
    np.testing.assert_array_equal(layer.bias.grad.numpy(), [1, 1])
    with pytest.raises(TypeError, match="state of WindowReadout must be"):
        layer(x, (x,), None)
    np.testing.assert_array_equal(layer.window_of_steps(x, torch.tensor([3])).numpy()[:, 0], [0, 0, 1, -1])


def test_what_does_not_fit_is_refused_by_name(task):
    features, labels = task
    good = [features[:90], labels[:90], features[90:], labels[90:]]
    readout = fit_readout(*good)
    with pytest.raises(ValueError, match="features must be of width 20, as the readout"):
        readout.scores(features[:, :3])
    with pytest.raises(ValueError, match="windows must be a divisor of 20, the width of the readout, got 3"):
        with_readout(liquid(np.random.default_rng(0)).layers(1.0), readout, 3)
    for fit in (fit_readout, lambda *given: train_readout(*given, snn.train.TrainConfig(epochs=1))):
        with pytest.raises(ValueError, match="valid_features must be of width 20"):
            fit(*good[:2], features[90:, :4], labels[90:])
        with pytest.raises(ValueError, match="labels must be 90, one per sample"):
            fit(features[:90], labels[:80], *good[2:])
    with pytest.raises(ValueError, match="labels must be of two classes or more"):
        fit_readout(features[:90], np.zeros(90), *good[2:])
    with pytest.raises(ValueError, match="strengths must be at least one"):
        fit_readout(*good, strengths=[])
    with pytest.raises(ValueError, match=r"features\[0, 0\] must be finite"):
        fit_readout(np.full((90, 20), np.nan), *good[1:])
    with pytest.raises(ValueError, match=r"weight and bias must be of shapes \[F, C\] and \[C\]"):
        Readout(np.ones((3, 2)), np.ones(3), 1.0)
