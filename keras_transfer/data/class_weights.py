"""Weights of classes: what may be given, and what it comes to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.data.nested import integer_labels
from keras_transfer.data.views import WithClassWeights

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches

# "balanced", or weights by index or name of a class.
ClassWeight: TypeAlias = str | Mapping[int | str, float]
# More classes than these are told by the smallest and largest weight.
_MOST_TOLD = 10


def weights_by_class(
    class_weight: ClassWeight,
    labels: ArrayLike,
    num_classes: int,
    class_names: Sequence[str] | None = None,
) -> dict[int, float]:
    """Returns the weight of each class by its index.

    `"balanced"` is samples / (classes * samples of the class), as in
    scikit-learn: each class then weighs as much as any other, and the weights
    of all samples have a mean of one. Classes that a dict leaves out weigh 1.

    Args:
        class_weight: `"balanced"`, or a dict from indices or names of classes
            to weights above 0.
        labels: labels of the training samples, integers `(samples,)` or
            one-hot `(samples, classes)`.
        num_classes: number of classes.
        class_names: their names, where they are known.

    Raises:
        ValueError: another text, labels that are no classes, a class that is
            not there, a weight that is not above 0 and finite, or
            `"balanced"` with a class without samples.

    Examples:
        >>> weights_by_class("balanced", [0, 0, 0, 1], 2)
        {0: 0.6666666666666666, 1: 2.0}
        >>> weights_by_class({"rare": 5}, [0, 0, 1], 2, ["common", "rare"])
        {0: 1.0, 1: 5.0}
    """
    classes = _classes(labels)
    if isinstance(class_weight, Mapping):
        given = _given(class_weight, num_classes, class_names)
        return {i: given.get(i, 1.0) for i in range(num_classes)}
    if class_weight != "balanced":
        raise ValueError(
            "`class_weight` is 'balanced' or a dict from classes to weights. "
            f"Received: class_weight={class_weight!r}."
        )
    return _balanced(classes, num_classes, class_names)


def with_class_weights(
    train: SeededBatches,
    validation: SeededBatches | None,
    class_weight: ClassWeight,
    num_classes: int,
    class_names: Sequence[str] | None = None,
) -> tuple[SeededBatches, SeededBatches | None]:
    """Returns `(train, validation)`, both weighted by class.

    What is chosen on validation then goes by the weighted loss too.

    Args:
        train: training data; `"balanced"` counts these.
        validation: validation data, or `None`.
        class_weight: as in `weights_by_class`, and so are the others.
        num_classes: number of classes.
        class_names: their names; those of the data if `None`.
    """
    weights = weights_by_class(
        class_weight, train.read_labels(), num_classes,
        class_names or train.class_names,
    )  # fmt: skip
    train = WithClassWeights(train, weights)
    if validation is not None:
        validation = WithClassWeights(validation, weights)
    return train, validation


def check_takes_class_weights(activation: str | None, num_outputs: int) -> None:
    """Raises unless a head with this activation tells classes apart.

    Args:
        activation: `"softmax"`, `"sigmoid"`, `"linear"`, or `None` if it is
            not known.
        num_outputs: number of outputs.
    """
    if activation in (None, "softmax"):
        return
    kind = "numbers"
    if activation == "sigmoid":
        kind = "independent labels, a sigmoid each"
    raise ValueError(
        "`class_weight` is for classes, one a sample (softmax). Received: a "
        f"head with {num_outputs} outputs for {kind}. Pass weights of the "
        "samples instead: (x, y, sample_weight)."
    )


def in_words(
    weights: dict[int, float],
    labels: ArrayLike,
    class_names: Sequence[str] | None = None,
) -> tuple[str, str]:
    """Returns the weights, and the class mix that the scores then assume.

    A model that is trained with class weights gives the probabilities of
    data in which a class has the share weight * samples of the whole.

    Args:
        weights: weights by index.
        labels: labels of the training samples.
        class_names: names by index, or `None`.
    """
    names = [str(name) for name in class_names or range(len(weights))]
    counts = np.bincount(_classes(labels), minlength=len(weights))
    values = np.array([weights[i] for i in range(len(weights))])
    mix = values * counts / (values * counts).sum()
    assumed = f"the mix {_listed(names, mix)}"
    if np.allclose(mix, mix[0]):
        assumed = "that all classes are equally common"
    return _listed(names, values), f"the scores assume {assumed}"


def _listed(names: Sequence[str], values: np.ndarray) -> str:
    chosen = range(len(names))
    if len(names) > _MOST_TOLD:
        chosen = [int(np.argmin(values)), int(np.argmax(values))]
    between = " to " if len(names) > _MOST_TOLD else ", "
    return between.join(f"{names[i]} {values[i]:.3g}" for i in chosen)


def _classes(labels: ArrayLike) -> np.ndarray:
    labels = np.asarray(labels)
    found = np.asarray(integer_labels(labels)).reshape(-1)
    width = labels.reshape(len(labels), -1).shape[1]
    is_one_hot = width > 1 and np.allclose(
        labels.reshape(len(labels), -1).sum(axis=1), 1
    )
    if (width > 1 and not is_one_hot) or np.any(found != np.round(found)):
        raise ValueError(
            "`class_weight` is for classes, one a sample. Received: labels of "
            f"shape {labels.shape} that are neither integers nor one-hot. Pass "
            "weights of the samples instead: (x, y, sample_weight)."
        )
    return found.astype(int)


def _balanced(
    classes: np.ndarray, num_classes: int, names: Sequence[str] | None
) -> dict[int, float]:
    from sklearn.utils.class_weight import compute_class_weight

    every = np.arange(num_classes)
    missing = np.setdiff1d(every, classes)
    if len(missing):
        listed = ", ".join(
            repr(names[i]) if names else str(i) for i in missing[:5]
        )
        raise ValueError(
            "class_weight='balanced' needs a sample of each class. Received: "
            f"{len(classes)} training samples, none of {len(missing)} of "
            f"{num_classes} classes ({listed}). Add samples of it, train "
            "without that class, or pass a dict from classes to weights."
        )
    found = compute_class_weight("balanced", classes=every, y=classes)
    return dict(enumerate(map(float, found)))


def _given(
    class_weight: Mapping[int | str, float],
    num_classes: int,
    names: Sequence[str] | None,
) -> dict[int, float]:
    found: dict[int, float] = {}
    for key, weight in class_weight.items():
        index = _index(key, num_classes, names)
        if index in found:
            raise ValueError(
                "`class_weight` has two weights for one class. Received: "
                f"{dict(class_weight)!r}. Leave one out."
            )
        found[index] = _checked(key, weight)
    return found


def _index(
    key: int | str, num_classes: int, names: Sequence[str] | None
) -> int:
    if isinstance(key, str):
        listed = list(names or ())
        if key in listed:
            return listed.index(key)
        expected = "an index, as no names of classes are known"
        if listed:
            near = difflib.get_close_matches(key, listed, 1, 0)
            expected = f"a name as '{near[0]}'" if near else "a name"
            expected += f", one of {', '.join(map(repr, listed[:10]))}"
            expected += ", ..." if len(listed) > 10 else ""
    else:
        if not isinstance(key, bool) and key in range(num_classes):
            return int(key)
        expected = f"an index from 0 to {num_classes - 1}"
    raise ValueError(
        f"`class_weight` names a class that is not there. Received: {key!r}. "
        f"Expected {expected}."
    )


def _checked(key: int | str, weight: float) -> float:
    try:
        value = float(weight)
    except (TypeError, ValueError):
        value = float("nan")
    if not (np.isfinite(value) and value > 0):
        raise ValueError(
            "Weights of classes are finite numbers above 0. Received: "
            f"{weight!r} for class {key!r}. To leave a class out, leave its "
            "samples out."
        )
    return value
