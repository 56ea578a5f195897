"""Float16 layers in a model that does not scale its loss."""

import warnings

import keras

from keras_transfer import _private


def warn_of_unscaled_loss(model: keras.Model) -> None:
    """Says so if gradients in float16 are not kept from becoming zero.

    Keras scales the loss of a model that was made under the policy
    `mixed_float16`. One that is read or put together under another policy may
    have layers in float16 all the same.

    Args:
        model: a compiled model.
    """
    layers = [
        layer
        for layer in _private.leaf_layers(model)
        if layer.variables and layer.compute_dtype == "float16"
    ]
    optimizers = _private.wrapped_optimizers(model.optimizer)
    scales = any(
        isinstance(each, keras.optimizers.LossScaleOptimizer)
        for each in optimizers
    )
    if not layers or scales:
        return
    warnings.warn(
        f"{len(layers)} layers of '{model.name}' compute in float16, but its "
        "loss is not scaled: gradients below 6e-8 become zero. Received: "
        f"dtype policy {model.dtype_policy.name!r}. Expected "
        "'mixed_float16' while the model is read or built "
        "(keras.config.set_dtype_policy), or compile("
        "keras.optimizers.LossScaleOptimizer(optimizer), ...).",
        stacklevel=3,
    )
