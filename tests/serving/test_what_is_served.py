"""Types of the inputs, names and shapes of the outputs of an export."""

import keras
import numpy as np
import pytest
from small_heads import own_head, two_outputs
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.serving.inputs import types_taken

tf = pytest.importorskip("tensorflow")
pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="one is enough"
    ),
]
layers = keras.layers
SHAPE = (8, 8, 3)


def exported(model, folder, names=None):
    """The loaded export and the type that its signature takes."""
    path = kt.export_saved_model(model, folder / "m", names)
    loaded = tf.saved_model.load(str(path))
    _, arguments = loaded.signatures["serve"].structured_input_signature
    (spec,) = arguments.values()
    return loaded, spec.dtype.name


def model_of(shape=SHAPE, head=3, first=None, **options):
    """A `TransferModel` without preprocessing but for a first layer."""
    net = conv_net(4, shape=shape)
    if first is not None:
        inputs = keras.Input(shape)
        net = keras.Model(inputs, net(first(inputs)))
    options = {"output_layer": net.layers[-1].name} | options
    return kt.TransferModel(net, head=head, **options)


def normalization(scale):
    """A `Normalization` with the statistics of numbers up to `scale`."""
    layer = layers.Normalization()
    layer.adapt(np.linspace(0, scale, 300, dtype="float32").reshape(-1, 3))
    return layer


BY_FIRST_LAYER = {
    "nothing, RGB": (None, SHAPE, "uint8"),
    "nothing, one channel": (None, (8, 8, 1), "float32"),
    "nothing, six bands": (None, (8, 8, 6), "float32"),
    "pixels to 0..1": (lambda: layers.Rescaling(1 / 255), SHAPE, "uint8"),
    "grey pixels": (lambda: layers.Rescaling(1 / 255), (8, 8, 1), "uint8"),
    "pixels to -1..1": (
        lambda: layers.Rescaling(1 / 127.5, offset=-1), SHAPE, "uint8"
    ),
    "pixels, less their mean": (
        lambda: layers.Rescaling(1.0, offset=[-124, -117, -104]),
        SHAPE, "uint8",
    ),
    "0..1 to -1..1": (
        lambda: layers.Rescaling(2.0, offset=-1), SHAPE, "float32"
    ),
    "reflectances": (lambda: layers.Rescaling(1 / 10000), SHAPE, "float32"),
    "statistics of pixels": (lambda: normalization(255), SHAPE, "uint8"),
    "statistics of 0..1": (lambda: normalization(1), SHAPE, "float32"),
    "divided by 255": (lambda: lambda x: x / 255, SHAPE, "uint8"),
    "times 2": (lambda: lambda x: x * 2.0, SHAPE, "float32"),
    "flipped pixels": (
        lambda: keras.Sequential(
            [layers.RandomFlip(), layers.Rescaling(1 / 255)]
        ),
        (8, 8, 1), "uint8",
    ),
    "resized pixels": (
        lambda: keras.Sequential(
            [layers.Resizing(8, 8), layers.Rescaling(1 / 255)]
        ),
        SHAPE, "uint8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_FIRST_LAYER)
def test_bytes_are_served_where_the_first_layer_scales_pixels(case):
    make, shape, expected = BY_FIRST_LAYER[case]
    model = model_of(shape, first=make and make())
    assert types_taken(model)[0] == [expected]


def test_preprocessing_of_the_transfer_model_counts_too():
    model = model_of((8, 8, 1), preprocessing="tf")
    assert types_taken(model)[0] == ["uint8"]


def test_a_named_source_without_its_preprocessing_takes_scaled_images():
    model = kt.TransferModel(
        "MobileNetV2", 2, input_shape=(32, 32, 3), weights=None,
        preprocessing=None,
    )  # fmt: skip
    assert model._pixel_inputs == [False]
    assert not model.expects_pixels


DATA = {
    "pixels": (np.arange(256.0), (8, 8, 1), "uint8"),
    "0..1": (np.linspace(0, 1, 256), SHAPE, "float32"),
    "spectrograms": (np.linspace(0.1, 80.1, 256), SHAPE, "float32"),
    "decibels": (np.linspace(-80, 0, 256), SHAPE, "float32"),
}


@pytest.mark.parametrize("case", DATA)
def test_what_was_trained_on_decides_where_nothing_scales(case, tmp_path):
    values, shape, expected = DATA[case]
    x = np.resize(values, (6, *shape)).astype("float32")
    model = model_of(shape)
    model.compile("auto")
    model.fit(x, np.arange(6) % 3, verbose=0)
    model.save(tmp_path / "model.keras")
    again = kt.load_model(tmp_path / "model.keras")
    loaded, dtype = exported(again, tmp_path)
    assert dtype == expected
    np.testing.assert_allclose(
        loaded.serve(x)["scores"], model.predict(x, verbose=0), atol=1e-5
    )


def test_floats_are_not_cut_down_to_bytes(tmp_path, rng):
    model = model_of()
    x = rng.uniform(0, 1, (2, *SHAPE)).astype("float32")
    loaded, dtype = exported(model, tmp_path)
    assert dtype == "uint8"
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(loaded.serve(x)["scores"], expected, atol=1e-5)


SOFTMAX_HEADS = {
    "inside": lambda: own_head(layers.Dense(3, activation="softmax")),
    "a layer": lambda: own_head(layers.Dense(3), layers.Softmax()),
    "then dropout": lambda: own_head(
        layers.Dense(3), layers.Activation("softmax"), layers.Dropout(0.1)
    ),
}


@pytest.mark.parametrize("kind", SOFTMAX_HEADS)
def test_heads_of_ones_own_serve_labels(kind, tmp_path, rng):
    model = model_of(head=SOFTMAX_HEADS[kind]())
    x = rng.integers(0, 256, (4, *SHAPE), dtype="uint8")
    loaded, _ = exported(model, tmp_path, ["a", "b", "c"])
    best = model.predict(x, verbose=0).argmax(axis=-1)
    expected = [b"abc"[i : i + 1] for i in best]
    assert loaded.serve(x)["label"].numpy().tolist() == expected
    model.compile("auto")
    assert model.loss == "sparse_categorical_crossentropy"


def test_columns_have_their_names_in_each_row(tmp_path):
    x = np.zeros((2, *SHAPE), "uint8")
    sigmoids = kt.ClassificationHead(2, activation="sigmoid")
    loaded, _ = exported(model_of(head=sigmoids), tmp_path, ["a", "b"])
    assert loaded.serve(x)["labels"].numpy().tolist() == [[b"a", b"b"]] * 2
    loaded, _ = exported(
        model_of(head=kt.RegressionHead(2)), tmp_path, ["x", "y"]
    )
    assert loaded.serve(x)["labels"].numpy().tolist() == [[b"x", b"y"]] * 2
    assert loaded.serve(x)["values"].shape == (2, 2)


def test_two_names_of_one_sigmoid_are_those_of_0_and_of_1(tmp_path, rng):
    head = kt.ClassificationHead(1, activation="sigmoid")
    model = model_of(head=head)
    x = rng.integers(0, 256, (6, *SHAPE), dtype="uint8")
    positive = model.predict(x, verbose=0)[:, 0]
    head._output.bias.assign([-np.median(np.log(positive / (1 - positive)))])
    positive = model.predict(x, verbose=0)[:, 0]
    loaded, _ = exported(model, tmp_path, ["cat", "dog"])
    served = loaded.serve(x)
    np.testing.assert_allclose(served["scores"][:, 1], positive, atol=1e-6)
    np.testing.assert_allclose(served["scores"][:, 0], 1 - positive, atol=1e-6)
    labels = [name.decode() for name in served["label"].numpy()]
    assert labels == ["dog" if p > 0.5 else "cat" for p in positive]
    assert set(labels) == {"cat", "dog"}


@pytest.mark.parametrize("as_dict", [True, False])
def test_each_of_several_outputs_has_its_own_entries(as_dict, tmp_path):
    model = model_of(head=two_outputs(as_dict))
    x = np.zeros((2, *SHAPE), "uint8")
    loaded, _ = exported(model, tmp_path, {"kind": ["a", "b", "c"]})
    served = loaded.serve(x)
    assert sorted(served) == [
        "age_values", "kind_label", "kind_score", "kind_scores",
    ]  # fmt: skip
    assert served["kind_label"].numpy()[0] in (b"a", b"b", b"c")
    assert served["age_values"].shape == (2, 1)


def test_a_list_of_names_for_several_outputs_is_an_error(tmp_path):
    model = model_of(head=two_outputs(True))
    with pytest.raises(ValueError, match=r"dict.*by name of the output"):
        kt.export_saved_model(model, tmp_path / "m", ["a", "b", "c"])
    with pytest.raises(ValueError, match="2 names for 3 outputs"):
        kt.export_saved_model(model, tmp_path / "m", {"kind": ["a", "b"]})
    with pytest.raises(ValueError, match="a list of words"):
        kt.export_saved_model(model_of(), tmp_path / "m", "abc")
    with pytest.raises(ValueError, match=r"a list of words.*5"):
        kt.export_saved_model(model_of(), tmp_path / "m", 5)


def test_of_several_inputs_each_is_served_as_what_it_is(tmp_path, rng):
    images, numbers = (
        keras.Input((8, 8, 1), name="image"),
        keras.Input((4,), name="numbers"),
    )
    x = layers.Conv2D(3, 3)(layers.Rescaling(1 / 255)(images))
    x = layers.GlobalAveragePooling2D()(x)
    net = keras.Model(
        {"image": images, "numbers": numbers},
        layers.Concatenate(name="both")([x, numbers]),
    )
    model = kt.TransferModel(net, head=3, output_layer="both")
    path = kt.export_saved_model(model, tmp_path / "m")
    loaded = tf.saved_model.load(str(path))
    _, specs = loaded.signatures["serve"].structured_input_signature
    types = {name: spec.dtype.name for name, spec in specs.items()}
    assert types == {"image": "uint8", "numbers": "float32"}
    data = {
        "image": rng.integers(0, 256, (2, 8, 8, 1)).astype("float32"),
        "numbers": rng.normal(size=(2, 4)).astype("float32"),
    }
    expected = model.predict(data, verbose=0)
    bytes_in = data | {"image": data["image"].astype("uint8")}
    for given in (data, bytes_in):
        np.testing.assert_allclose(
            loaded.serve(given)["scores"], expected, atol=1e-5
        )
