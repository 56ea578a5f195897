"""Copies the weights of one model into another, as far as they agree."""

import dataclasses
from collections.abc import Iterable, Sequence

import keras
from keras import ops

from keras_transfer import _private
from keras_transfer.backbones.assignment import assign_weights
from keras_transfer.backbones.layer_pairing import (
    WeightedLayer,
    own_weights,
    pair_layers,
)
from keras_transfer.storage.printing import brief
from keras_transfer.storage.tables import format_table


@dataclasses.dataclass(frozen=True)
class TransferRow:
    """What became of one layer.

    Attributes:
        layer: Name of the source layer, `None` if there is none.
        target_layer: Name of the target layer, `None` if there is none.
        status: `"copied"` or `"skipped"`.
        reason: Why.
    """

    layer: str | None
    target_layer: str | None
    status: str
    reason: str


@dataclasses.dataclass(frozen=True)
class TransferReport:
    """What `transfer_weights` did, a row a layer; it prints as a table.

    Attributes:
        rows: In the order of the source, then what is left of the target.
    """

    rows: tuple[TransferRow, ...]

    @property
    def num_copied(self) -> int:
        """How many layers were copied."""
        return sum(row.status == "copied" for row in self.rows)

    def __repr__(self) -> str:
        skipped = len(self.rows) - self.num_copied
        return brief(self, f"{self.num_copied} copied", f"{skipped} skipped")

    def __str__(self) -> str:
        num_targets = sum(row.target_layer is not None for row in self.rows)
        return format_table(
            [field.name for field in dataclasses.fields(TransferRow)],
            [
                ["-" if text is None else text for text in vars(row).values()]
                for row in self.rows
            ],
            title=(
                f"copied {self.num_copied} of the {num_targets} layers with "
                "weights in the target"
            ),
        )


def transfer_weights(
    *, source: keras.Model, target: keras.Model
) -> TransferReport:
    """Copies every layer of `source` that fits a layer of `target`.

    Use it to start a network from another that is alike but not the same:
    another head, more blocks, another number of input channels. Where the
    shapes differ throughout, match features instead (`FeatureMatcher`).

    Layers with weights are compared in order, from input to output, nested
    models included. First, layers pair up whose name was given by a person
    (not `dense_3`) and is unique in both models. Between those, layers of the
    same class with the same shapes pair up by their order: the longest
    sequence that both have in common. All weights of a paired layer are
    copied, batch norm statistics too; nothing else changes, and nothing at
    all if there is an error.

    Args:
        source: A built model.
        target: A built model, which is changed in place.

    Returns:
        A `TransferReport`: `print(report)` shows a table of what was copied,
        what was skipped and why; `report.num_copied` counts layers.

    Raises:
        ValueError: If a model is not built or has no weights.

    Example:

    ```python
    report = transfer_weights(
        source=ten_class_model, target=five_class_model
    )
    print(report)
    ```
    """
    old, new = _leaves(source, "source"), _leaves(target, "target")
    pairs = pair_layers(old, new)
    rows = _rows(old, new, pairs)
    # Read everything before anything is written: the models may share layers.
    values = [
        (new[j], [ops.convert_to_numpy(weight) for weight in old[i].weights])
        for i, j in pairs
        if _mismatch(old[i], new[j]) is None
    ]
    for leaf, arrays in values:
        assign_weights(leaf.weights, arrays, [leaf.layer])
    return TransferReport(tuple(rows))


def _leaves(model: keras.Model, role: str) -> list[WeightedLayer]:
    if not isinstance(model, keras.Model) or not model.weights:
        raise ValueError(
            f"The {role} of transfer_weights has to be a built keras.Model "
            f"with weights. Received: a {type(model).__name__}. Call it on "
            "data once, or give it a keras.Input."
        )
    layers = list(dict.fromkeys(_private.leaf_layers(model)))
    leaves = [WeightedLayer(layer, own_weights(layer)) for layer in layers]
    return [leaf for leaf in leaves if leaf.weights]


def _mismatch(old: WeightedLayer, new: WeightedLayer) -> str | None:
    """Why a paired layer is not copied, `None` if it is."""
    if old.layer is new.layer:
        return "the same layer is in both models"
    if old.shapes != new.shapes:
        return f"shapes differ: {_listed(old.shapes)} and {_listed(new.shapes)}"
    return None


def _rows(
    old: Sequence[WeightedLayer],
    new: Sequence[WeightedLayer],
    pairs: Iterable[tuple[int, int]],
) -> list[TransferRow]:
    partner = dict(pairs)
    rows = []
    for i, leaf in enumerate(old):
        if i not in partner:
            reason = f"no {_described(leaf)} is left in the target"
            rows.append(TransferRow(leaf.name, None, "skipped", reason))
            continue
        other = new[partner[i]]
        reason = _mismatch(leaf, other)
        status = "copied" if reason is None else "skipped"
        reason = reason or _listed(leaf.shapes)
        rows.append(TransferRow(leaf.name, other.name, status, reason))
    for j in sorted(set(range(len(new))) - set(partner.values())):
        reason = f"no {_described(new[j])} is left in the source"
        rows.append(TransferRow(None, new[j].name, "skipped", reason))
    return rows


def _described(leaf: WeightedLayer) -> str:
    return f"{type(leaf.layer).__name__} with {_listed(leaf.shapes)}"


def _listed(shapes: tuple[tuple[int, ...], ...]) -> str:
    return " ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)
