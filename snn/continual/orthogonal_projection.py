"""Train one task after another without forgetting: gradients beside the subspaces of what old tasks send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from snn.continual.activity import Activity, Call, Feed
from snn.continual.hebbian_subspace import HebbianSubspace, derived_seed
from snn.continual.lateral_neurons import SpikingLateral
from snn.continual.presynaptic import WITH_VECTORS, width
from snn.continual.projected_layer import Form, ProjectedLayer
from snn.continual.ranks import RankPlan, Ranks
from snn.core.checks import choice, number, refusal, whole
from snn.core.files.json_file import fields_of
from snn.nn import BatchNorm, Layer
from snn.nn.layer import runs_as
from snn.train import TrainConfig
from snn.train.arguments import check_layer

__all__ = ["OrthogonalProjection"]

PIXEL_LR, LR = 0.001, 0.01
"""Published rates of the Hebbian rule: of the layer that sees the pixels, and of the others."""
MOST_VECTORS = 2048
"""Vectors that a subspace learns from in a batch, at most."""


class OrthogonalProjection:
    """Keep what a model knows of finished tasks while it learns another: `fit(..., on_gradients=projection)`.

    Each layer with weights has a `HebbianSubspace` of what comes into it. It learns in every batch of a task, and
    stays after `finish_task()`. From then on gradients of the weight leave it out, so that no step changes what the
    layer gives for inputs that lie in it. Three lines of a training script:

        projection = snn.continual.OrthogonalProjection(model, ranks=50)
        snn.train.fit(model, train, valid, config, on_gradients=projection)  # config: sgd, weight_decay 0
        projection.finish_task()

    From the second task on nothing learns that is not projected: biases, BatchNorm (which keeps its statistics
    too), thresholds, leaks. Layers left out by `layers` learn freely. Every forward pass of the model in training,
    between two calls, is taken for a part of one batch.
    Source: Xiao et al., "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural
    Networks", ICLR 2024.

    Attributes:
        model: The model, on which the hooks are installed.
        layers: What is known of each layer, by its name in the model.
        finished: Tasks that are finished.
    """

    def __init__(
        self,
        model: Layer,
        ranks: Ranks,
        *,
        lr: float | Mapping[str, float] | None = None,
        feed: Feed = "rates",
        form: Form | None = None,
        lateral: Literal["linear", "spiking"] | SpikingLateral = "linear",
        layers: Sequence[str] | None = None,
        most_vectors: int = MOST_VECTORS,
        seed: int = 0,
    ) -> None:
        """Install the hooks on a model.

        Args:
            model: Made of layers of `snn.nn`, or holding them.
            ranks: Rows of the subspaces: {layer: [rows of task 1, 2, ...]}; an int, for every task and layer; or a
                float in (0, 1), the share of the input's energy that a task's rows are to explain together with the
                old ones: of a quarter of the inputs, as many are kept as that takes.
            lr: Rate of the Hebbian rule, of all layers or by name; None: 0.01, and 0.001 for the first layer of the
                model. The rule's speed goes as lr |x|^2.
            feed: What subspaces learn from: "rates", a vector a sample, its mean input over its steps; "spikes",
                its input of every step; "traces", step by step, input and decaying trace, as OTTT has it.
            form: Where the projection acts: on the gradient of the "weight", or on the "input" that it multiplies;
                equal with linear lateral neurons. None: "weight" with these, "input" with spiking ones, whose
                weight form is refused: gradients are so small that they round to nothing.
            lateral: "linear" or "spiking" lateral neurons, or a `SpikingLateral`.
            layers: Names of the layers to project; None: every `Linear`, `Conv2d` and `DelayLinear`.
            most_vectors: Vectors of a batch that a subspace learns from at most, >= 1, drawn among all (places of
                images are many).
            seed: Decides new rows and what is drawn, >= 0.

        Raises:
            ValueError: An argument is none of these; a layer has more rows than inputs; or the model has weights
                that no projection knows, and `layers` does not leave them out.
        """
        check_layer(model)
        self.model = model
        self._settings = {"feed": choice("feed", feed, Feed), "seed": whole("seed", seed, low=0)}
        self._settings["most_vectors"] = most = whole("most_vectors", most_vectors, low=1)
        coded = _lateral(lateral)
        self._settings["lateral"] = "linear" if coded is None else [coded.scale, coded.spikes]
        form = _checked_form(form, coded)
        chosen = _find_layers(model, layers)
        self._plan = RankPlan(ranks, {name: width(layer) for name, layer in chosen.items()})
        self._settings["lr"] = rates = _rates_of(lr, list(chosen))
        self.layers = {
            name: ProjectedLayer(
                name,
                layer,
                HebbianSubspace(
                    width(layer), derived_seed(seed, i), lr=rates[name], lateral=coded, like=layer.weight
                ),
                Activity(feed),
                form=form,
                most=most,
                by_variance=self._plan.share is not None,
            )
            for i, (name, layer) in enumerate(chosen.items())
        }
        self._held = _held_parameters(model, [*chosen.values()])
        self.finished = 0
        self._batches: int | None = None  # of the task that is learned; None: between two tasks
        self._carries: int | None = None  # task with which a run began whose optimiser has momentum
        self._sequence = 0
        self._handles = self._install()

    def check(self, model: Layer, config: TrainConfig) -> None:
        """Refuse a run whose steps would leave what the gradients were projected on; `fit` calls it.

        Raises:
            ValueError: Another model, Adam, weight decay, `recompute`, or no rows for the task.
        """
        if model is not self.model:
            raise refusal("model", "the one on which OrthogonalProjection installed its hooks", type(model))
        if config.optimizer != "sgd":
            rule = "'sgd' with OrthogonalProjection: Adam scales every weight's step by itself"
            raise refusal("optimizer", rule, config.optimizer)
        if config.weight_decay > 0:
            rule = "0 with OrthogonalProjection: it shrinks what finished tasks use"
            raise refusal("weight_decay", rule, config.weight_decay)
        if config.recompute:
            rule = "False with OrthogonalProjection: layers would be seen twice"
            raise refusal("recompute", rule, config.recompute)
        self._begin_task()
        self._carries = self.finished if config.momentum > 0 else None
        self._clear()

    def __call__(self, model: Layer) -> None:
        """Project the gradients of a batch, and let the subspaces learn from it.

        Raises:
            ValueError: Another model; no rows for the task; or the task was finished within a run whose optimiser
                has momentum, which goes on with steps of the old task.
            FloatingPointError: What comes into a layer is not finite; the rows of the task are taken away.
        """
        if model is not self.model:
            raise refusal("model", "the one on which OrthogonalProjection installed its hooks", type(model))
        self._begin_task()
        if self._carries not in (None, self.finished):
            rule = "0 to go on with another task in the same run, for it carries steps of the one before"
            raise refusal("momentum", rule, "more")
        for layer in self.layers.values():
            layer.project_gradient()
        if self.finished:
            for parameter in self._held:
                parameter.grad = None
        try:
            for layer in self.layers.values():
                layer.learn()
        except FloatingPointError:
            self._clear()
            for layer in self.layers.values():
                layer.subspace.drop()
            raise
        assert self._batches is not None
        self._batches += 1

    def finish_task(self) -> None:
        """Freeze what was learned of the task: from now on gradients leave it out.

        Raises:
            ValueError: No batch of the task was learned from.
            FloatingPointError: A subspace ran away: its rate is too large for its input.
        """
        if not self._batches:
            raise ValueError("finish_task() must come after at least one batch of the task, got none")
        for layer in self.layers.values():
            layer.finish_task(self._plan.share)
        self.finished, self._batches = self.finished + 1, None
        self._clear()
        self._hold_statistics()

    def remove(self) -> None:
        """Take the hooks off the model."""
        for handle in self._handles:
            handle.remove()

    def state_dict(self) -> dict[str, Any]:
        """Give all that the next batch depends on: tensors and JSON values by name."""
        return {
            "settings": {"ranks": self._plan.describe(), **self._settings},
            "finished": self.finished,
            "batches": self._batches,
            "layers": {name: layer.state_dict() for name, layer in self.layers.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: It is that of other layers, of another width, or made with other settings.
        """
        parts = fields_of(
            "state of OrthogonalProjection", state, ("settings", "finished", "batches", "layers")
        )
        for name, value in {"ranks": self._plan.describe(), **self._settings}.items():
            was = parts["settings"].get(name)
            if was != value:
                raise refusal(name, f"{was!r}, as in the state", value)
        if list(parts["layers"]) != list(self.layers):
            raise refusal("layers", f"{list(parts['layers'])}, as in the state", list(self.layers))
        for name, layer in self.layers.items():
            layer.load_state_dict(parts["layers"][name])
        self.finished = whole("finished", parts["finished"], low=0)
        self._batches = None if parts["batches"] is None else whole("batches", parts["batches"], low=0)
        if self.finished:
            self._hold_statistics()

    def _begin_task(self) -> None:
        """Add the rows of the task, if it has none yet."""
        if self._batches is not None:
            return
        rows = {
            name: self._plan.rows(name, self.finished, len(layer.subspace.rows))
            for name, layer in self.layers.items()
        }
        for name, layer in self.layers.items():
            layer.begin_task(rows[name])
        self._batches = 0

    def _hold_statistics(self) -> None:
        for module in self.model.modules():
            if isinstance(module, BatchNorm):
                module.frozen = True

    def _clear(self) -> None:
        for layer in self.layers.values():
            layer.clear()

    def _install(self) -> list[RemovableHandle]:
        """Look at every forward pass in training: of the model, for its lengths, and of each layer."""
        lengths_of_model: dict[str, Any] = {}

        def before(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            x, state, lengths = _arguments(given, named)
            self._sequence += state is None
            full = torch.full((x.shape[1],), len(x), device=x.device)
            ends = full if lengths is None else lengths
            lengths_of_model["valid"] = torch.arange(len(x), device=x.device)[:, None] < ends
            lengths_of_model["turns"] = dict.fromkeys(self.layers, 0)

        def make_after(name: str) -> Callable[..., Any]:
            def after(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], made: Any) -> Any:
                if not self.model.training or not lengths_of_model:
                    return None
                x, state, _lengths = _arguments(given, named)
                turn = lengths_of_model["turns"][name]
                lengths_of_model["turns"][name] += 1
                call = Call(self._sequence, turn, lengths_of_model["valid"])
                y = self.layers[name].see(x, getattr(state, "past", None), made[0], call)
                return None if y is None else (y, made[1])

            return after

        hooks = [
            layer.layer.register_forward_hook(make_after(name), with_kwargs=True)
            for name, layer in self.layers.items()
        ]
        return [self.model.register_forward_pre_hook(before, with_kwargs=True), *hooks]


def _arguments(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor, Any, Tensor | None]:
    """Give x, the state and the lengths that a layer was called with."""
    values = dict(zip(("x", "state", "lengths"), given, strict=False)) | named
    return values["x"], values.get("state"), values.get("lengths")


def _lateral(lateral: Any) -> SpikingLateral | None:
    """Give the code of lateral neurons, None for linear ones."""
    if isinstance(lateral, SpikingLateral):
        return lateral
    return SpikingLateral() if choice("lateral", lateral, ("linear", "spiking")) == "spiking" else None


def _checked_form(form: Form | None, lateral: SpikingLateral | None) -> Form:
    if form is None:
        return "weight" if lateral is None else "input"
    choice("form", form, Form)
    if form == "weight" and lateral is not None:
        raise refusal("form", "'input' with spiking lateral neurons, which would round gradients to 0", form)
    return form


def _find_layers(model: Layer, layers: Sequence[str] | None) -> dict[str, Layer]:
    """Give the layers to project by name.

    Raises:
        ValueError: A name is that of no layer that can be projected; or none is given, and the model has other
            weights, or none.
    """
    known = {name: part for name, part in model.named_modules() if runs_as(part, *WITH_VECTORS)}
    kinds = ", ".join(kind.__name__ for kind in WITH_VECTORS)
    if layers is not None:
        if isinstance(layers, str) or not layers:
            raise refusal("layers", "a list of names", layers)
        return {choice(f"layers[{i}]", name, tuple(known)): known[name] for i, name in enumerate(layers)}
    if not known:
        raise refusal("model", f"one with layers to project ({kinds})", type(model).__name__)
    mine = {id(parameter) for layer in known.values() for parameter in layer.parameters(recurse=False)}
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and id(parameter) not in mine:
            rule = f"a weight of {kinds}, or left out by `layers`"
            raise refusal(f"{name} of the model", rule, list(parameter.shape))
    for name, part in model.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise refusal(
                f"{name} of the model", "a BatchNorm of snn.nn, which can be held", type(part).__name__
            )
    return known


def _held_parameters(model: Layer, projected: Sequence[Layer]) -> list[nn.Parameter]:
    """Give what learns in the first task alone: biases, normalisation and neurons, but not of layers left out."""
    free = [part for part in model.modules() if runs_as(part, *WITH_VECTORS) and part not in projected]
    spared = {id(parameter) for layer in free for parameter in layer.parameters(recurse=False)}
    return [part for part in model.parameters() if part.dim() <= 1 and id(part) not in spared]


def _rates_of(lr: float | Mapping[str, float] | None, names: Sequence[str]) -> dict[str, float]:
    """Give the rate of the Hebbian rule for each layer."""
    if lr is None:
        return {name: LR if i else PIXEL_LR for i, name in enumerate(names)}
    if not isinstance(lr, Mapping):
        return dict.fromkeys(names, number("lr", lr, above=0.0))
    if set(lr) != set(names):
        raise refusal("lr", f"a number, or one for each of the layers {list(names)}", list(lr))
    return {name: number(f"lr[{name!r}]", lr[name], above=0.0) for name in names}
