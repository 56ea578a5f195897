"""Nets that are as small as a test allows: tracing them is what takes time."""

import keras
import numpy as np

import keras_transfer as kt

layers = keras.layers
LOSS = "sparse_categorical_crossentropy"


def dense_net(
    num_blocks=4,
    units=5,
    *,
    features=6,
    batch_norm=False,
    dropout=0.0,
    use_bias=True,
    dtype=None,
    named=True,
    after=None,
):
    """Returns a stack of dense layers with tanh, each a block.

    Args:
        num_blocks: Number of dense layers, `dense0` and up.
        units: Width of each.
        features: Width of the input.
        batch_norm: Whether a block is `dense0`, `norm0`, `tanh0`.
        dropout: Share that a last layer of each block drops, `dropout0`.
        use_bias: Whether dense layers have one.
        dtype: Policy of all layers.
        named: False leaves the names to Keras, which numbers all it made.
        after: By number of a block, functions that make more layers.
    """
    inputs = x = keras.Input((features,))
    for index in range(num_blocks):

        def options(kind, index=index):
            return {"dtype": dtype, "name": f"{kind}{index}" if named else None}

        activation = None if batch_norm else "tanh"
        x = layers.Dense(
            units, activation, use_bias=use_bias, **options("dense")
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(**options("norm"))(x)
            x = layers.Activation("tanh", **options("tanh"))(x)
        if dropout:
            x = layers.Dropout(dropout, **options("dropout"))(x)
        for make in (after or {}).get(index, []):
            x = make()(x)
    return keras.Model(inputs, x, name="dense")


def conv_net(
    *widths,
    shape=(8, 8, 3),
    batch_norm=False,
    pooled=False,
    named=True,
    **options,
):
    """Returns convolutions with ReLU: `conv0`, `norm0`, `relu0`, `pool0`.

    Args:
        widths: Number of channels of each convolution.
        shape: Of the images: (height, width, channels).
        batch_norm: Whether one follows each convolution.
        pooled: Whether each halves height and width.
        named: False leaves the names to Keras, which numbers all it made.
        options: More for each `Conv2D`.
    """
    inputs = x = keras.Input(shape)
    for index, width in enumerate(widths):

        def name(kind, index=index):
            return f"{kind}{index}" if named else None

        x = layers.Conv2D(
            width, 3, **{"padding": "same", "name": name("conv")} | options
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(name=name("norm"))(x)
        x = layers.ReLU(name=name("relu"))(x)
        if pooled:
            x = layers.MaxPooling2D(name=name("pool"))(x)
    return keras.Model(inputs, x, name="conv")


def residual_net(shape=(16, 16, 3), name="tiny"):
    """Returns convolutions with batch norm and shortcuts: five blocks."""
    inputs = keras.Input(shape)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)
    for index in range(4):
        y = layers.Conv2D(
            4, 3, padding="same", use_bias=False, name=f"conv{index}"
        )(x)
        y = layers.BatchNormalization(name=f"norm{index}")(y)
        x = layers.Add(name=f"add{index}")([x, y])
    return keras.Model(inputs, x, name=name)


def source_net():
    """Returns convolutions on images of 8 x 8, the same each time."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 3))
    for index, width in enumerate((4, 6, 8)):
        x = layers.Conv2D(
            width, 3, padding="same", activation="relu", name=f"conv{index}",
            bias_initializer="ones",
        )(x)  # fmt: skip
    return keras.Model(inputs, x, name="source")


def photo_net(shape=(8, 8, 3)):
    """Returns a net that takes pixels of 0..255, the same each time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="second")(x)
    return keras.Model(inputs, x, name="small")


def sgd():
    return keras.optimizers.SGD(0.01)


def built(
    make_net=dense_net,
    make_optimizer=sgd,
    *,
    head=3,
    seed=7,
    depth=None,
    compiled=None,
    **options,
):
    """Returns a compiled `TransferModel`, the same each time.

    Args:
        make_net: A function that makes the backbone.
        make_optimizer: A function that makes the optimizer.
        head: Number of classes, or a function that makes the head.
        seed: Set before anything is made; layers draw seeds of their own.
        depth: Number of trainable blocks; None leaves it.
        compiled: More for `compile`.
        options: More for `TransferModel`; there is no preprocessing unless
            one is given.
    """
    keras.utils.set_random_seed(seed)
    net = make_net()
    model = kt.TransferModel(
        net,
        head=head() if callable(head) else head,
        # Not cut at a layer that looks like a classifier's.
        output_layer=net.layers[-1].name,
        **{"preprocessing": None} | options,
    )
    if depth is not None:
        kt.set_trainable_depth(model, depth)
    model.compile(make_optimizer(), LOSS, **compiled or {})
    return model


def built_plain(make_optimizer=sgd, make_net=dense_net, *, dropout=0, seed=7):
    """Returns a compiled classifier that is no `TransferModel`."""
    keras.utils.set_random_seed(seed)
    net = make_net()
    x = layers.Dropout(dropout)(net.output) if dropout else net.output
    outputs = layers.Dense(3, activation="softmax")(x)
    model = keras.Model(net.input, outputs)
    model.compile(make_optimizer(), LOSS, metrics=["accuracy"])
    return model


def values(variables):
    """Returns copies of the numbers of variables or tensors."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def weighted_layers(model):
    """The names of the layers with weights, block by block."""
    return [
        [layer.name for layer in block.layers if layer.weights]
        for block in kt.graph.blocks(model)
    ]
