"""A source of one's own is copied, with all that its layers keep."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.backbones.copying import copy_of

layers = keras.layers
RNG = np.random.default_rng(0)


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def normalised():
    scaling = layers.Normalization()
    scaling.adapt(RNG.normal(90.0, 20.0, (64, 5)))
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(3)(scaling(inputs)))


def with_lora():
    inputs = keras.Input((5,))
    dense = layers.Dense(4)
    model = keras.Model(inputs, layers.Dense(3)(dense(inputs)))
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(RNG.normal(size=dense.lora_kernel_b.shape))
    return model


def quantized():
    inputs = keras.Input((5,))
    model = keras.Model(inputs, layers.Dense(3)(layers.Dense(8)(inputs)))
    model.quantize("int8")
    return model


def transfer_model():
    return kt.TransferModel(normalised(), head=3)


class Plain(keras.Model):
    """A subclass that nobody has registered."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return super().get_config() | {"units": self.units}


def subclassed():
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(3)(Plain(4)(inputs)))


def with_a_lambda():
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Lambda(lambda x: 3.0 * x)(inputs))


MODELS = {
    "adapted normalization": normalised,
    "lora": with_lora,
    "quantized": quantized,
    "a TransferModel": transfer_model,
    "a subclass that is not registered": subclassed,
    "a lambda": with_a_lambda,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_copy_puts_out_the_same_and_shares_nothing(name):
    model = MODELS[name]()
    copy = copy_of(model)
    x = RNG.normal(size=(4, 5)).astype("float32")
    np.testing.assert_allclose(outputs(copy, x), outputs(model, x), rtol=1e-5)
    assert type(copy) is type(model) and copy.name == model.name
    assert not {id(v) for v in model.variables} & {
        id(v) for v in copy.variables
    }


def test_a_vocabulary_is_copied():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("texts in the graph need TensorFlow")
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(["rose tulip", "daisy rose"])
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, layers.Embedding(8, 2)(words(inputs)))
    copy = copy_of(model)
    x = keras.ops.convert_to_tensor(["tulip rose", "daisy"])
    np.testing.assert_array_equal(outputs(copy, x), outputs(model, x))


def test_training_leaves_the_source_as_it_was():
    inputs = keras.Input((5,))
    source = keras.Model(inputs, layers.Dense(4, name="features")(inputs))
    before, flags = source.get_weights(), source.get_layer("features").trainable
    for _ in range(2):
        model = kt.TransferModel(source, head=2)
        model.compile("auto")
        kt.unfreeze(model)
        x = RNG.normal(size=(16, 5)).astype("float32")
        start = model.backbone.get_weights()
        model.fit(x, np.arange(16) % 2, verbose=0)
        # Every fold begins with the same features.
        np.testing.assert_array_equal(start[0], before[0])
        assert not np.array_equal(model.backbone.get_weights()[0], before[0])
    np.testing.assert_array_equal(source.get_weights()[0], before[0])
    assert source.get_layer("features").trainable == flags


def test_sharing_on_request():
    inputs = keras.Input((5,))
    source = keras.Model(inputs, layers.Dense(4)(inputs))
    model = kt.TransferModel(source, head=2, share_source=True)
    assert model.backbone.layers[-1] is source.layers[-1]


class Secretive(layers.Layer):
    """A layer whose config lacks an argument of its constructor."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return layers.Layer.get_config(self)


class Forgetful(Secretive):
    """A layer whose config is silent about what it was built with."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(factor, **kwargs)


@pytest.mark.parametrize("layer", [Secretive(2.0), Forgetful(2.0)])
def test_what_cannot_be_copied_names_the_way_out(layer):
    inputs = keras.Input((5,))
    source = keras.Model(inputs, layers.Dense(4)(layer(inputs)))
    with pytest.raises(ValueError, match="share_source=True"):
        kt.TransferModel(source, head=2)
    assert kt.TransferModel(source, head=2, share_source=True)
