"""Sources with several inputs, names of inputs, and what is applied to them."""

import keras
import numpy as np
import pytest

import keras_transfer as kt

layers = keras.layers
RNG = np.random.default_rng(0)
SHAPE, NUM = (8, 8, 3), 12
IMAGES = RNG.integers(0, 256, (NUM, *SHAPE)).astype("float32")
AGES = RNG.normal(size=(NUM, 1)).astype("float32")
LABELS = np.arange(NUM) % 3


def source(names=("scan", "age"), kind=dict):
    inputs = [
        keras.Input(SHAPE if i == 0 or name != "age" else (1,), name=name)
        for i, name in enumerate(names)
    ]
    parts = [
        layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
        if len(x.shape) == 4
        else x
        for x in inputs
    ]
    features = layers.Dense(5)(layers.Concatenate()(parts))
    if kind is dict:
        inputs = dict(zip(names, inputs, strict=True))
    return keras.Model(inputs, features)


def trained(model, data):
    model.compile("auto")
    return model.fit(data, LABELS, verbose=0).history["loss"][0]


@pytest.mark.parametrize("kind", [dict, list])
def test_inputs_keep_their_names(kind):
    model = kt.TransferModel(source(kind=kind), head=3)
    assert {tensor.name for tensor in model.inputs} == {"scan", "age"}
    assert np.isfinite(trained(model, {"scan": IMAGES, "age": AGES}))
    copy = model.clone()
    assert {tensor.name for tensor in copy.inputs} == {"scan", "age"}


def test_a_name_that_is_kerass_own_becomes_images():
    inputs = keras.Input(SHAPE)
    model = kt.TransferModel(
        keras.Model(inputs, layers.Conv2D(4, 3)(inputs)), head=3
    )
    assert model.inputs[0].name == "images"


@pytest.mark.parametrize("kind", [dict, list])
def test_two_images(kind, tmp_path):
    model = kt.TransferModel(source(("left", "right"), kind), head=3)
    data = {"left": IMAGES, "right": IMAGES[::-1]}
    assert np.isfinite(trained(model, data))
    model.save(tmp_path / "two.keras")
    again = kt.load_model(tmp_path / "two.keras")
    np.testing.assert_allclose(
        again.predict(data, verbose=0),
        model.predict(data, verbose=0),
        rtol=1e-5,
    )


def test_preprocessing_is_applied_to_each_image_alone():
    model = kt.TransferModel(
        source(), head=3, preprocessing=layers.Rescaling(1 / 255)
    )
    plain = kt.TransferModel(model.backbone, head=3, share_source=True)
    plain.head.set_weights(model.head.get_weights())
    np.testing.assert_allclose(
        model.predict({"scan": IMAGES, "age": AGES}, verbose=0),
        plain.predict({"scan": IMAGES / 255, "age": AGES}, verbose=0),
        rtol=1e-4,
    )


def test_preprocessing_without_an_image_is_refused():
    inputs = [keras.Input((3,), name="a"), keras.Input((2,), name="b")]
    two = keras.Model(inputs, layers.Concatenate()(inputs))
    with pytest.raises(ValueError, match="none of them an image"):
        kt.TransferModel(two, head=3, preprocessing="tf")


class BothTurned(layers.Layer):
    """A user's own layer for all inputs."""

    def call(self, inputs):
        return {**inputs, "scan": keras.ops.flip(inputs["scan"], axis=2)}


class ImageAlone(layers.Layer):
    def call(self, inputs):
        return inputs["scan"]


@pytest.mark.parametrize(
    "augmentation", [layers.RandomFlip("horizontal"), BothTurned()]
)
def test_augmentation_of_several_inputs(augmentation):
    model = kt.TransferModel(source(), head=3, augmentation=augmentation)
    assert np.isfinite(trained(model, {"scan": IMAGES, "age": AGES}))


def test_a_layer_that_loses_inputs_is_refused():
    with pytest.raises(ValueError, match="nested as they came"):
        kt.TransferModel(source(), head=3, preprocessing=ImageAlone())


REFUSED = {
    "mixed": (lambda: layers.MixUp(), "labels have to be mixed"),
    "cut": (lambda: layers.CutMix(), "labels have to be mixed"),
    "mixed after a flip": (
        lambda: keras.Sequential([layers.RandomFlip(), layers.MixUp()]),
        "labels have to be mixed",
    ),
    "cropped": (lambda: layers.RandomCrop(6, 6), "keeps the size"),
    "resized": (lambda: layers.Resizing(9, 9), "keeps the size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_augmentation_that_changes_labels_or_size(name):
    make, said = REFUSED[name]
    inputs = keras.Input(SHAPE)
    net = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    with pytest.raises(ValueError, match=said):
        kt.TransferModel(net, head=3, augmentation=make())


def test_a_word_for_augmentation_is_for_images():
    with pytest.raises(ValueError, match=r"shape \(None, 5\).*GaussianNoise"):
        kt.TransferModel(vectors(), head=3, augmentation="light")
    with pytest.raises(ValueError, match="mean 'light'"):
        kt.TransferModel(vectors(), head=3, augmentation="lihgt")


def vectors():
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(4)(inputs))


def test_a_word_augments_each_image_of_several_inputs():
    model = kt.TransferModel(source(), head=3, augmentation="light")
    assert isinstance(model.augmentation, kt.TrainingOnly)
    assert np.isfinite(trained(model, {"scan": IMAGES, "age": AGES}))
