"""What kind of operation a layer or raw operation is, by its type."""

import keras

layers = keras.layers

_PLAIN_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_CONVOLUTIONS = (
    *_PLAIN_CONVOLUTIONS,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
_NORMS = (
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.UnitNormalization,
    layers.RMSNormalization,
    layers.SpectralNormalization,
)
_PADDINGS = (
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.ZeroPadding3D,
    layers.Cropping2D,
)
_ACTIVATIONS = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Softmax,
)
_ELEMENTWISE = (
    layers.Dropout,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.ActivityRegularization,
    layers.Identity,
    layers.Rescaling,
    layers.Multiply,
    layers.Add,
)
_ELEMENTWISE_OPERATIONS = {
    "add", "subtract", "multiply", "divide", "truedivide", "negative", "power",
    "square", "sqrt", "exp", "log", "maximum", "minimum", "clip", "cast",
    "identity", "normalize", "abs", "absolute",
}  # fmt: skip
_ACTIVATION_OPERATIONS = {
    "relu", "relu6", "sigmoid", "hardsigmoid", "silu", "swish", "hardsilu",
    "hardswish", "gelu", "elu", "selu", "celu", "leakyrelu", "softplus",
    "softsign", "softmax", "logsoftmax", "tanh", "mish", "glu",
}  # fmt: skip


def type_name(operation: keras.Operation) -> str:
    """Returns an operation's type in lower case: `conv2d`, `multiply`."""
    return type(operation).__name__.lower().replace("_", "")


def weights(operation: keras.Operation) -> list[keras.Variable]:
    """Returns the weights of a layer; a raw operation has none."""
    return getattr(operation, "weights", [])


def learned(operations: list[keras.Operation]) -> list[keras.layers.Layer]:
    """Returns those with weights that are no statistics of the data."""
    return [x for x in operations if weights(x) and not is_preprocessing(x)]


def is_convolution(operation: keras.Operation) -> bool:
    """A convolution over space or time, of any kind."""
    return isinstance(operation, _CONVOLUTIONS) or is_depthwise(operation)


def is_depthwise(operation: keras.Operation) -> bool:
    """A convolution that does not mix channels."""
    if isinstance(operation, layers.DepthwiseConv1D | layers.DepthwiseConv2D):
        return True
    groups = getattr(operation, "groups", 1)
    return (
        isinstance(operation, _PLAIN_CONVOLUTIONS)
        and groups > 1
        and groups == operation.filters
    )


def is_pointwise(operation: keras.Operation) -> bool:
    """A 1x1 convolution."""
    plain = isinstance(operation, _PLAIN_CONVOLUTIONS)
    return plain and set(operation.kernel_size) == {1}


def is_positionwise(operation: keras.Operation) -> bool:
    """A layer that works on one position at a time: dense, 1x1, norm."""
    dense = isinstance(operation, layers.Dense | layers.EinsumDense)
    return dense or is_pointwise(operation) or is_norm(operation)


def is_norm(operation: keras.Operation) -> bool:
    """A normalisation layer inside a network."""
    return isinstance(operation, _NORMS) or (
        isinstance(operation, layers.Layer)
        and type_name(operation).endswith(("norm", "normalization"))
        and not is_preprocessing(operation)
    )


def is_preprocessing(operation: keras.Operation) -> bool:
    """A layer whose weights are statistics of the input data."""
    return isinstance(operation, layers.Normalization | layers.Discretization)


def is_padding(operation: keras.Operation) -> bool:
    """Zero padding or cropping."""
    return isinstance(operation, _PADDINGS) or type_name(operation) == "pad"


def is_embedding(operation: keras.Operation) -> bool:
    """An embedding of tokens or positions."""
    return isinstance(operation, layers.Embedding) or (
        isinstance(operation, layers.Layer)
        and type_name(operation).endswith("embedding")
    )


def is_attention(operation: keras.Operation) -> bool:
    """One attention layer."""
    return isinstance(operation, layers.Layer) and (
        "attention" in type_name(operation)
    )


def attends(operations: list[keras.Operation]) -> bool:
    """Tells whether attention is spelled out: softmax and matrix products."""
    names = {type_name(operation) for operation in operations}
    softmax = "softmax" in names or any(
        getattr(operation, "activation", None) is keras.activations.softmax
        for operation in operations
    )
    return softmax and bool(names & {"matmul", "einsum", "dot"})


def is_product(operation: keras.Operation) -> bool:
    """An element-wise product of two tensors."""
    return type_name(operation) == "multiply"


def activates(operation: keras.Operation) -> bool:
    """Tells whether an operation applies a non-linearity."""
    if isinstance(operation, layers.Layer):
        if isinstance(operation, _ACTIVATIONS):
            return True
        activation = getattr(operation, "activation", None)
        return activation not in (None, keras.activations.linear)
    return type_name(operation) in _ACTIVATION_OPERATIONS


def is_global_pooling(operation: keras.Operation) -> bool:
    """A pooling layer over all positions."""
    return type_name(operation).startswith("global")


def is_max_pooling(operation: keras.Operation) -> bool:
    """A max pooling layer with a window."""
    return isinstance(
        operation,
        layers.MaxPooling1D | layers.MaxPooling2D | layers.MaxPooling3D,
    )


def is_reshape(operation: keras.Operation) -> bool:
    """An operation that moves values about and changes none."""
    return isinstance(operation, layers.Flatten | layers.Reshape) or (
        type_name(operation) in {"reshape", "squeeze", "expanddims", "flatten"}
    )


def is_elementwise(operation: keras.Operation) -> bool:
    """An operation without weights on each number by itself."""
    if isinstance(operation, layers.Layer):
        return isinstance(operation, _ACTIVATIONS + _ELEMENTWISE)
    names = _ACTIVATION_OPERATIONS | _ELEMENTWISE_OPERATIONS
    return type_name(operation) in names
