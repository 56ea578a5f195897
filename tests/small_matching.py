"""Small models of photos for `FeatureMatcher`, and layers that count calls."""

import keras
from small_nets import conv_net

import keras_transfer as kt

SIZE = (16, 16, 3)
NUM = 40


def net(*widths, size=SIZE, head=3, **options):
    """Returns a model of pooled convolutions with batch norm."""
    backbone = conv_net(
        *widths,
        shape=size,
        batch_norm=True,
        pooled=True,
        named=False,
        use_bias=False,
    )
    return kt.TransferModel(backbone, head=head, preprocessing="tf", **options)


def target(**options):
    """Returns an untrained net, the same each time."""
    keras.utils.set_random_seed(2)
    return net(4, 8, 8, weights=None, **options)


def as_trained(model, rng):
    """Moves what begins at zero, as training would."""
    for variable in model.variables:
        if variable.path.endswith(("beta", "bias", "moving_mean")):
            variable.assign(0.1 * rng.normal(size=variable.shape))
    return model


class CallCount(keras.layers.Layer):
    """Counts how often it is called, and in which mode."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def call(self, inputs, training=None):
        self.calls.append(training)
        return inputs


def numpy(x):
    return keras.ops.convert_to_numpy(x)
