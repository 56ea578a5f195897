"""What the trials of a search are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras_tuner


def default_objective(class_weight: object | None) -> str:
    """Returns what a search goes by if nothing is said.

    Args:
        class_weight: the class weights, or `None`; accuracy, which knows
            nothing of them, would choose the trials that make least of them.
    """
    return "val_accuracy" if class_weight is None else "val_loss"


def objective_of(objective: str | keras_tuner.Objective) -> tuple[str, str]:
    """Returns the name of an objective, and whether it is to be `"max"`.

    Args:
        objective: a name, or a `keras_tuner.Objective`.

    Returns:
        `(name, "max" or "min")`.

    Raises:
        ValueError: it is neither.
    """
    name = getattr(objective, "name", objective)
    if not isinstance(name, str) or hasattr(objective, "objectives"):
        raise ValueError(
            "`objective` is one name or one keras_tuner.Objective. Received: "
            f"{objective!r}. Several at once: keras_tuner.RandomSearch("
            "hypermodel, objective=[...])."
        )
    is_high = name.endswith("accuracy")
    direction = getattr(objective, "direction", None)
    return name, direction or ("max" if is_high else "min")


def check_objective(name: str, has_validation: bool) -> None:
    """Raises if no trial logs an objective.

    Args:
        name: name of the objective.
        has_validation: whether there are validation data.

    Raises:
        ValueError: there is none of that name.
    """
    logged = ["loss", "accuracy"]
    if has_validation:
        logged += [f"val_{each}" for each in logged]
    if name in logged:
        return
    missing = not has_validation and name.startswith("val_")
    raise ValueError(
        f"The objective {name!r} is not logged. Expected one of "
        f"{', '.join(map(repr, logged))}."
        + (" There are no validation data." if missing else "")
    )
