"""What the lateral circuits of a task did and hold: operations, memory, and a ledger that hardware prices."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from snn.continual.hebbian_subspace import INNER_STEPS
from snn.core.checks import whole
from snn.core.files.json_file import fields_of
from snn.hardware import LayerCounts, Ledger

__all__ = ["LayerCost", "TaskCost"]

_NOTES = (
    "Lateral circuits alone, in training: the network's own forward and backward pass is not in these rows.",
    "Projection: every presynaptic vector of every step goes to the old rows and back, 2 M n multiply-accumulates, "
    "as lateral neurons do it; to project a batch's gradient instead takes fewer.",
    f"Learning: {INNER_STEPS} inner steps on each vector, of which old rows see the first alone; each is a product "
    "to the new rows, one back, and one of changes; each batch moves averages and rows. No zero is skipped.",
)


@dataclass(slots=True)
class LayerCost:
    """Count what the lateral circuit of one layer did in a task.

    Attributes:
        name: Layer.
        inputs: Length n of its vectors.
        old: Rows of the tasks before.
        new: Rows that learned.
        kept: Of these, rows that stay.
        projected: Vectors that were projected.
        learned: Vectors that were learned from.
        batches: Batches that were learned from.
    """

    name: str
    inputs: int
    old: int
    new: int
    kept: int
    projected: int = 0
    learned: int = 0
    batches: int = 0

    @property
    def projection_macs(self) -> int:
        """Multiply-accumulates of the projection: 2 M n a vector."""
        return 2 * self.old * self.inputs * self.projected

    @property
    def learning_macs(self) -> int:
        """Multiply-accumulates of the Hebbian rule."""
        a_vector = 2 * self.old + INNER_STEPS * 3 * self.new
        return self.inputs * (a_vector * self.learned + INNER_STEPS * 2 * self.new * self.batches)


@dataclass(slots=True)
class TaskCost:
    """Count what the lateral circuits of a model did in a task.

    Attributes:
        samples: Samples trained on, each as often as it came.
        steps: Their valid steps.
        layers: The layers that are projected.
    """

    samples: int = 0
    steps: int = 0
    layers: list[LayerCost] = field(default_factory=list)

    @property
    def lateral_weights(self) -> int:
        """Lateral weights in memory at the end of the task, those of earlier tasks included."""
        return sum((layer.old + layer.kept) * layer.inputs for layer in self.layers)

    def ledger(self) -> Ledger:
        """Give rows NAME.project and NAME.learn for `snn.hardware.estimate`; an inference is a sample trained on.

        Raises:
            ValueError: No layer has rows.
        """
        rows = []
        for layer in self.layers:
            learning = layer.old + layer.new
            for part, size, vectors, macs in (
                ("project", layer.old, layer.projected, layer.projection_macs),
                ("learn", learning, layer.learned, layer.learning_macs),
            ):
                if size:
                    rows.append(self._row(layer, part, size, vectors, macs))
        return Ledger(tuple(rows), _NOTES)

    def _row(self, layer: LayerCost, part: str, size: int, vectors: int, macs: int) -> LayerCounts:
        weights = size * layer.inputs
        return LayerCounts(
            f"{layer.name}.{part}",
            f"{layer.name}.lateral",
            layer.name,
            n_pre=layer.inputs,
            n_post=size,
            synapses=weights,
            dense_synapses=weights,
            samples=self.samples,
            steps=self.steps,
            input_spikes=layer.inputs * vectors,
            synaptic_events=macs,
            active_inputs=macs,
            macs=macs,
            values="real",
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> TaskCost:
        """Read what `to_dict` gave.

        Raises:
            ValueError: A part is missing, or no count.
        """
        parts = fields_of("cost of a task", values, [f.name for f in fields(cls)])
        layers = []
        for row in parts["layers"]:
            given = fields_of("cost of a layer", row, [f.name for f in fields(LayerCost)])
            counts = {name: whole(name, n, low=0) for name, n in given.items() if name != "name"}
            layers.append(LayerCost(name=given["name"], **counts))
        samples, steps = (whole(name, parts[name], low=0) for name in ("samples", "steps"))
        return cls(samples, steps, layers)
