"""A copy of a model that shares nothing with it."""

import weakref
from typing import Any

import keras
import numpy as np

from keras_transfer import _private

# Models of which a copy was found equal: a search copies one in each trial.
_equal_when_copied = weakref.WeakSet()
# Sizes of axes of inputs that are not fixed.
_IMAGE_SIDE, _STEPS = 64, 16


def copy_of(model: keras.Model) -> keras.Model:
    """Returns a model like another one, with variables of its own.

    As from a `.keras` file: made of its config, each layer with what it
    stores of itself. Classes need not be registered.

    Args:
        model: a built `keras.Model`; it stays as it is.

    Returns:
        A model that puts out the same, which is checked the first time.

    Raises:
        ValueError: it cannot be made of its config, or the copy differs.
    """
    try:
        copy = made_again(model)
        _private.copy_state(model, copy)
    except Exception as error:
        raise _cannot_copy(model, error) from error
    if model not in _equal_when_copied:
        _check_equal(model, copy)
        _equal_when_copied.add(model)
    return copy


def made_again(model: keras.Model) -> keras.Model:
    """Returns a model of the same config, with new weights, not compiled.

    Args:
        model: a built `keras.Model`. Its classes need not be registered, and
            it may hold `Lambda` layers.
    """
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return made_of(config, model)


def made_of(config: dict[str, Any], model: keras.Model) -> keras.Model:
    """Returns what a serialised model makes.

    Args:
        config: what `keras.saving.serialize_keras_object` returns.
        model: the model that the config is of, whose classes are known then.
    """
    known = {}
    for kind in _private.layer_classes(model):
        if kind.__module__.split(".")[0] == "keras":
            # Found anyway; `Add` would also stand for the operation.
            continue
        known[kind.__name__] = kind
        known[keras.saving.get_registered_name(kind)] = kind
    with keras.saving.custom_object_scope(known):
        # Functions in it come from this process, not from a file.
        return keras.saving.deserialize_keras_object(config, safe_mode=False)


def _check_equal(model: keras.Model, copy: keras.Model) -> None:
    inputs = keras.tree.map_structure(_some_input, model.input)
    try:
        expected = _outputs(model, inputs)
    except Exception:
        # It does not run on made-up inputs: its weights are compared alone.
        expected, found = model.get_weights(), copy.get_weights()
    else:
        found = _outputs(copy, inputs)
    for a, b in zip(expected, found, strict=True):
        if not np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True):
            difference = np.abs(np.subtract(a, b)).max()
            raise _cannot_copy(model, f"its outputs differ by {difference:.3g}")


def _outputs(model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    outputs = model(inputs, training=False)
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(outputs)]


def _some_input(tensor: keras.KerasTensor) -> np.ndarray:
    side = _IMAGE_SIDE if len(tensor.shape) == 4 else _STEPS
    shape = (2, *(size or side for size in tensor.shape[1:]))
    if tensor.dtype == "string":
        return keras.ops.convert_to_tensor(np.full(shape, "a b"))
    if "float" in tensor.dtype:
        generator = np.random.default_rng(0)
        return generator.uniform(0, 1, shape).astype(tensor.dtype)
    return np.ones(shape, tensor.dtype)


def _cannot_copy(model: keras.Model, reason: str | Exception) -> ValueError:
    return ValueError(
        f"The source '{model.name}' cannot be copied: {reason}. A source of "
        "your own is copied, so that it stays as it is. Give its layers a "
        "get_config() with all constructor arguments, or pass "
        "share_source=True: then its own layers train and change."
    )
