"""Train one task after another without forgetting: gradients beside the subspaces of what old tasks send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from snn.continual.activity import Activity, Call, Feed
from snn.continual.hebbian_subspace import HebbianSubspace, derived_seed
from snn.continual.lateral_cost import LayerCost, TaskCost
from snn.continual.lateral_neurons import SpikingLateral
from snn.continual.presynaptic import width
from snn.continual.projected_layer import Form, ProjectedLayer
from snn.continual.projected_parts import find_layers, held_parameters, rates_of
from snn.continual.ranks import RankPlan, Ranks
from snn.continual.step_direction import StepDirection
from snn.core.checks import choice, refusal, whole
from snn.core.files.json_file import fields_of
from snn.nn import BatchNorm, Layer
from snn.train import TrainConfig, processes
from snn.train.arguments import check_layer
from snn.train.traces import trace_decays

__all__ = ["OrthogonalProjection"]

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
    too), thresholds, leaks, delays. Layers left out by `layers` learn freely. Every forward pass of the model in
    training, between two calls, is taken for a part of one batch.
    Source: Xiao et al., "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural
    Networks", ICLR 2024.

    Attributes:
        model: The model, on which the hooks are installed.
        layers: What is known of each layer, by its name in the model.
        finished: Tasks that are finished.
        costs: What the lateral circuits did in each task, and hold.
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
            ranks: Rows of the subspaces: {layer: [rows of task 1, 2, ...]}; an int, for every task and layer; or
                the share in (0, 1) of the input's energy that a task's rows explain together with the old ones: of
                candidates, a quarter as many as inputs, as many are kept as that takes.
            lr: Rate of the Hebbian rule, of all layers or by name; None: 0.01, and 0.001 for the first layer of the
                model. The rule's speed goes as lr |x|^2.
            feed: What subspaces learn from: "rates", a vector a sample, its mean input over its steps; "spikes",
                its input of every step; "traces", step by step, input and decaying trace, as OTTT has it.
            form: Where the projection acts: on the gradient of the "weight", or on the "input" that it multiplies;
                equal with linear lateral neurons. None: "weight" with these, "input" with spiking ones, whose
                weight form is refused: gradients are so small that they round to nothing.
            lateral: "linear" or "spiking" lateral neurons, or a `SpikingLateral`.
            layers: Names of the layers to project; None: every `Linear`, `Conv2d` and `DelayLinear`.
            most_vectors: Vectors of a batch that a subspace learns from at most, >= 1, drawn among all.
            seed: Decides new rows and what is drawn, >= 0.

        Raises:
            ValueError: An argument is none of these; a layer has more rows than inputs; the model has weights that
                no projection knows, and `layers` does not leave them out; a layer has a `gradient_input` already;
                or the feed is "traces", and not all neurons say how fast they decay.
        """
        check_layer(model)
        self.model = model
        chosen = find_layers(model, layers)
        code, rates = _lateral(lateral), rates_of(lr, list(chosen))
        self._plan = RankPlan(ranks, {name: width(layer) for name, layer in chosen.items()})
        self._settings: dict[str, Any] = {
            "feed": choice("feed", feed, Feed),
            "seed": whole("seed", seed, low=0),
            "most_vectors": whole("most_vectors", most_vectors, low=1),
            "lateral": "linear" if code is None else [code.scale, code.spikes],
            "lr": rates,
        }
        self.layers = self._follow(chosen, code, _checked_form(form, code))
        self._held = held_parameters(model, [*chosen.values()])
        self.finished = 0
        self.costs: list[TaskCost] = []
        self._batches: int | None = None  # of the task that is learned; None: between two tasks
        self._began: tuple[int, float] | None = None  # the task that a run began with, and its momentum
        self._sequence = 0
        self._samples = self._steps = 0  # since the last step of the optimiser
        self._direction = StepDirection()
        self._handles = self._install()

    def _follow(
        self, chosen: Mapping[str, Layer], code: SpikingLateral | None, form: Form
    ) -> dict[str, ProjectedLayer]:
        """Give each layer its subspace and what feeds it."""
        feed, rates, most = (self._settings[name] for name in ("feed", "lr", "most_vectors"))
        decays = trace_decays(self.model) if feed == "traces" else {}
        by_variance, followed = self._plan.share is not None, {}
        for i, (name, layer) in enumerate(chosen.items()):
            seed, like = derived_seed(self._settings["seed"], i), layer.get_parameter("weight")
            subspace = HebbianSubspace(width(layer), seed, lr=rates[name], lateral=code, like=like)
            activity = Activity(feed, decays.get(layer))
            followed[name] = ProjectedLayer(
                name, layer, subspace, activity, form=form, most=most, by_variance=by_variance
            )
        return followed

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
        self._began = self.finished, config.momentum
        self._clear()

    def __call__(self, model: Layer) -> None:
        """Project the gradients of a batch, and let the subspaces learn from it.

        Raises:
            ValueError: Another model; no rows for the task; the task was finished within a run whose optimiser has
                momentum, which goes on with steps of the old task; or the first step of the task went elsewhere.
            FloatingPointError: What comes into a layer is not finite; the rows of the task are taken away.
        """
        if model is not self.model:
            raise refusal("model", "the one on which OrthogonalProjection installed its hooks", type(model))
        self._begin_task()
        if self._began is not None and self._began[0] != self.finished and self._began[1] > 0:
            rule = "0 to go on with another task in the same run, for it carries steps of the one before"
            raise refusal("momentum", rule, self._began[1])
        weights = {name: layer.weight for name, layer in self.layers.items()}
        self._direction.check(weights)
        for layer in self.layers.values():
            layer.project_gradient()
        if self.finished:
            for parameter in self._held:
                parameter.grad = None
            if not self._batches:
                self._direction.expect(weights)
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
        self._count()

    def finish_task(self) -> None:
        """Freeze what was learned of the task: from now on gradients leave it out.

        Raises:
            ValueError: No batch of the task was learned from.
            FloatingPointError: A subspace ran away: its rate is too large for its input.
        """
        if not self._batches:
            raise ValueError("finish_task() must come after at least one batch of the task, got none")
        for layer in self.layers.values():
            layer.check_settled()
        for layer, cost in zip(self.layers.values(), self.costs[-1].layers, strict=True):
            layer.finish_task(self._plan.share)
            cost.kept = layer.subspace.frozen - cost.old
        self.finished, self._batches = self.finished + 1, None
        self._clear()
        self._hold_statistics()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Look at nothing while the block runs, nor at the step that comes, which other gradients turn."""
        mode, self.model.training = self.model.training, False  # the hooks look at a model in training alone
        self._direction.forget()
        try:
            yield
        finally:
            self.model.training = mode

    def remove(self) -> None:
        """Take the hooks off the model."""
        for handle in self._handles:
            handle.remove()
        for layer in self.layers.values():
            layer.layer.gradient_input = None

    def state_dict(self) -> dict[str, Any]:
        """Give all that the next batch depends on: tensors and JSON values by name."""
        return {
            "settings": {"ranks": self._plan.describe(), **self._settings},
            "finished": self.finished,
            "batches": self._batches,
            "costs": [cost.to_dict() for cost in self.costs],
            "layers": {name: layer.state_dict() for name, layer in self.layers.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: It is that of other layers, of another width, or made with other settings.
        """
        parts = fields_of(
            "state of OrthogonalProjection", state, ("settings", "finished", "batches", "costs", "layers")
        )
        for name, value in {"ranks": self._plan.describe(), **self._settings}.items():
            was = parts["settings"].get(name)
            if was != value:
                raise refusal(name, f"{was!r}, as in the state", value)
        if list(parts["layers"]) != list(self.layers):
            raise refusal("layers", f"{list(parts['layers'])}, as in the state", list(self.layers))
        for name, layer in self.layers.items():
            layer.load_state_dict(parts["layers"][name])
        self.costs = [TaskCost.from_dict(cost) for cost in parts["costs"]]
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
        layers = [
            LayerCost(name, layer.subspace.n, layer.subspace.frozen, rows[name], rows[name])
            for name, layer in self.layers.items()
        ]
        self.costs.append(TaskCost(layers=layers))

    def _count(self) -> None:
        """Add what a batch cost, in all processes."""
        task, layers = self.costs[-1], list(self.layers.values())
        counts = processes.add_up(self._samples, self._steps, *[layer.to_project for layer in layers])
        self._samples = self._steps = 0
        samples, steps, *projected = (round(count) for count in counts)
        task.samples, task.steps = task.samples + samples, task.steps + steps
        for layer, cost, count in zip(layers, task.layers, projected, strict=True):
            cost.projected += count
            cost.learned += layer.learned
            cost.batches += 1
            layer.to_project = 0

    def _hold_statistics(self) -> None:
        for module in self.model.modules():
            if isinstance(module, BatchNorm):
                module.frozen = True

    def _clear(self) -> None:
        self._direction.forget()
        self._samples = self._steps = 0
        for layer in self.layers.values():
            layer.clear()

    def _install(self) -> list[RemovableHandle]:
        """Look at every forward pass in training: of the model, for its lengths, and of each layer."""
        piece: dict[
            str, Any
        ] = {}  # valid steps of the samples that run now, and how often each layer ran on them

        def before(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            x, state, lengths = _arguments(given, named)
            self._sequence += state is None
            full = torch.full((x.shape[1],), len(x), device=x.device)
            ends = full if lengths is None else lengths
            piece["valid"] = valid = torch.arange(len(x), device=x.device)[:, None] < ends
            piece["turns"] = dict.fromkeys(self.layers, 0)
            if self.model.training:
                self._steps += int(valid.sum())
                self._samples += int(valid.any(0).sum()) if state is None else 0

        def make_after(name: str) -> Callable[..., Any]:
            layer = self.layers[name]

            def look(seen: Tensor) -> Tensor:  # a function, which a copy of the model shares
                return layer.look(seen)

            def after(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], made: Any) -> Any:
                if not self.model.training or not piece:
                    return None
                call = Call(self._sequence, piece["turns"][name], piece["valid"])
                piece["turns"][name] += 1
                y = layer.see(_arguments(given, named)[0], made[0], call)
                return None if y is None else (y, made[1])

            layer.layer.gradient_input = look
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
