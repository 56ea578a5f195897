"""Everything that decides how a training goes on, as arrays and JSON."""

import re
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_transfer import _private
from keras_transfer.storage.bfloat16 import from_stored, to_stored
from keras_transfer.training import freezing


def collect(model: keras.Model) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns `(arrays, info)` of a compiled model at the end of an epoch.

    The arrays are those of the model (weights, statistics, seeds of dropout
    and augmentation) and of the optimizer (slots, averages, step counters,
    learning rate), by position. The info holds the flags, and the names and
    shapes by which another model is told apart.
    """
    variables = _variables(model)
    state = getattr(model, "_freeze_state", None)
    arrays = {
        f"{kind}/{index}": to_stored(ops.convert_to_numpy(variable))
        for kind, members in variables.items()
        for index, variable in enumerate(members)
    }
    info = {
        "described": {
            k: _described(members) for k, members in variables.items()
        },
        "optimizer": _optimizer_names(model),
        "depth": None if state is None else state.depth,
        "train_batch_norm": None if state is None else state.train_batch_norm,
        "flags": freezing.flags(model),
    }
    return arrays, info


def restore(
    model: keras.Model, arrays: dict[str, np.ndarray], info: dict[str, Any]
) -> None:
    """Brings a freshly compiled model to the state that `collect` saw.

    Args:
        model: a model that is built and compiled in the same way.
        arrays: as `collect` returned them.
        info: as `collect` returned it.

    Raises:
        ValueError: the state is that of another model or optimizer.
    """
    _check_structure(model, info)
    for kind in ("model", "penalty"):
        _check_variables(kind, _variables(model)[kind], info)
    if info["depth"] is not None:
        freezing.set_trainable_depth(
            model, info["depth"], train_batch_norm=info["train_batch_norm"]
        )
    freezing.restore_flags(model, info["flags"])
    prepare(model)
    variables = _variables(model)
    _check_variables("optimizer", variables["optimizer"], info)
    for kind, members in variables.items():
        for index, variable in enumerate(members):
            dtype = str(variable.dtype)
            variable.assign(from_stored(arrays[f"{kind}/{index}"], dtype))
    # What is derived from the optimizer's state is derived again.
    freezing.refresh_training(model)


def prepare(model: keras.Model) -> None:
    """Builds the optimizer as training will, so that it has its state."""
    if getattr(model, "_freeze_state", None) is not None:
        freezing.prepare_optimizer(model)
    elif not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _variables(model: keras.Model) -> dict[str, list[keras.Variable]]:
    # The source of a FeatureMatcher never changes: it is no part of a state.
    fixed = getattr(model, "_source_variables", ())
    left_out = {id(v) for v in [*model.metrics_variables, *fixed]}
    return {
        "model": [v for v in model.variables if id(v) not in left_out],
        "optimizer": list(model.optimizer.variables),
        "penalty": list(getattr(model, "_penalty_variables", ())),
    }


def _optimizer_names(model: keras.Model) -> list[str]:
    wrapped = _private.wrapped_optimizers(model.optimizer)
    return [type(each).__name__ for each in wrapped]


def _described(variables: list[keras.Variable]) -> list[list[str | list[int]]]:
    return [[v.name, list(v.shape), str(v.dtype)] for v in variables]


def _check_structure(model: keras.Model, info: dict[str, Any]) -> None:
    own = _optimizer_names(model)
    if own != info["optimizer"]:
        raise _of_another_model(
            "it was written with the optimizer "
            f"{' around '.join(info['optimizer'])}, and the model is compiled "
            f"with {' around '.join(own)}"
        )
    depth = info["depth"]
    if depth is not None:
        num_blocks = len(freezing.freeze_state(model).blocks)
        if depth > num_blocks:
            raise _of_another_model(
                f"{depth} blocks trained in it, and model '{model.name}' has "
                f"{num_blocks}"
            )
    num_layers = len(_private.leaf_layers(model))
    if num_layers != len(info["flags"]):
        raise _of_another_model(
            f"it was written for {len(info['flags'])} layers, and model "
            f"'{model.name}' has {num_layers}"
        )


def _check_variables(
    kind: str, variables: list[keras.Variable], info: dict[str, Any]
) -> None:
    own, saved = _described(variables), info["described"][kind]
    for mine, theirs in zip(own, saved, strict=False):
        if _without_number(mine) != _without_number(theirs):
            raise _of_another_model(
                f"it holds '{theirs[0]}' of shape {tuple(theirs[1])} and type "
                f"{theirs[2]} where the {kind} has '{mine[0]}' of shape "
                f"{tuple(mine[1])} and type {mine[2]}"
            )
    if len(own) != len(saved):
        raise _of_another_model(
            f"it holds {len(saved)} variables of the {kind}, which has "
            f"{len(own)}"
        )


def _without_number(described: list) -> list:
    # Slots are called after layers, and Keras numbers unnamed layers through:
    # a model that is built again in the same process has other numbers.
    name, *rest = described
    return [re.sub(r"_\d+", "", name), *rest]


def _of_another_model(difference: str) -> ValueError:
    return ValueError(
        "The checkpoint does not fit this model: "
        f"{difference}. Expected the checkpoint of a model that is built and "
        "compiled in the same way. Use another folder for another model, or "
        "remove the folder to start from the beginning."
    )
