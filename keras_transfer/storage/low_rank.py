"""LoRA: the factors of a layer, and what they stand for."""

import keras

from keras_transfer import _private


def low_rank_factors(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    """Returns the first of the two factors of each variable that has them.

    Args:
        layer: a layer without layers in it.

    Returns:
        A dict from the variable that `enable_lora` has frozen, by its name,
        to the factor: `{"kernel": lora_kernel_a}`.
    """
    own = {v.name: v for v in _private.own_trainable_variables(layer)}
    return {
        name.removeprefix("lora_").removesuffix("_a"): variable
        for name, variable in own.items()
        if name.startswith("lora_") and name.endswith("_a")
    }


def renew_low_rank_factors(model: keras.Model) -> None:
    """Makes LoRA factors that are all zero fit for training again.

    Keras adds the product of two factors to the kernel where it saves, and
    sets both to zero where it reads. The gradient of each is then zero for
    ever. Here the first of them is drawn anew, as `enable_lora` does; the
    output of the model stays the same, since the product is still zero.

    Args:
        model: a model whose weights have been read.
    """
    for index, layer in enumerate(_private.leaf_layers(model)):
        for factor in low_rank_factors(layer).values():
            if not keras.ops.any(factor.value):
                draw = keras.initializers.HeUniform(seed=index)
                factor.assign(draw(factor.shape, factor.dtype))
