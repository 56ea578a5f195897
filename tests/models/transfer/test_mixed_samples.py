"""`fit(..., mixing=...)`: the loss to mixed labels, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers
from small_nets import dense_net

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.mixing import Mixing

SPARSE = "sparse_categorical_crossentropy"


def made(head=3, preprocessing="tf", **compiled):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(inputs)
    model = kt.TransferModel(
        keras.Model(inputs, x),
        head=head,
        preprocessing=preprocessing,
        weights=None,
    )
    options = {"optimizer": keras.optimizers.SGD(0.01), "loss": SPARSE}
    model.compile(**options | {"metrics": ["accuracy"]} | compiled)
    return model


@pytest.fixture
def data(rng):
    y = np.arange(12) % 3
    x = rng.uniform(0, 255, (12, 8, 8, 3)).astype("float32")
    return x, y


def mixed_by_hand(data, method, eye, **weights):
    """The mixed batch, its soft labels, and shares by sample."""
    batches = ArrayBatches(*data, batch_size=12, seed=5)
    x, y = batches.mixed(Mixing(method, **weights))[0]
    own = y["mixing_share"] * y["weights"]
    other = (1 - y["mixing_share"]) * y["partner_weights"]
    soft = own[:, None] * eye[y["labels"]]
    return x, soft + other[:, None] * eye[y["partner_labels"]]


LOSSES = {
    "by name": SPARSE,
    "summed": keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("method", ["mixup", "cutmix"])
def test_the_loss_is_that_to_the_mixed_labels(data, name, method):
    weights = {0: 2.0, 2: 0.5}
    model = made(loss=LOSSES[name])
    x, soft = mixed_by_hand(data, method, np.eye(3), class_weight=weights)
    terms = -(soft * np.log(model.predict(x, verbose=0))).sum(axis=1)
    expected = terms.sum() if name == "summed" else terms.mean()
    expected += float(keras.ops.sum(model.losses))
    fit = model.fit(
        *data, batch_size=12, seed=5, verbose=0, mixing=method,
        class_weight=weights,
    )  # fmt: skip
    np.testing.assert_allclose(fit.history["loss"], expected, rtol=1e-5)


def test_a_sample_mixed_with_itself_is_learnt_as_it_is(data):
    def losses(**options):
        # Raw pixels: scores as sure, and as wrong, as can be.
        model = made(preprocessing=None)
        fit = model.fit(*data, batch_size=1, epochs=2, verbose=0, **options)
        return fit.history["loss"]

    np.testing.assert_allclose(losses(mixing="mixup"), losses(), rtol=1e-3)


def test_several_labels_at_once(data):
    head = kt.ClassificationHead(3, activation="sigmoid")
    model = made(head, loss="binary_crossentropy", metrics=None)
    x, y = data
    many = np.eye(3, dtype="float32")[y]
    batch, mixed = ArrayBatches(x, many, batch_size=12, seed=5).mixed(
        Mixing("mixup")
    )[0]
    share = mixed["mixing_share"][:, None]
    soft = share * mixed["labels"] + (1 - share) * mixed["partner_labels"]
    expected = keras.losses.binary_crossentropy(
        soft, model.predict(batch, verbose=0)
    )
    expected = keras.ops.mean(expected) + keras.ops.sum(model.losses)
    fit = model.fit(x, many, batch_size=12, seed=5, verbose=0, mixing="mixup")
    np.testing.assert_allclose(fit.history["loss"], float(expected), rtol=1e-5)


def test_validation_data_are_not_mixed_and_metrics_are_by_class(data):
    model = made()
    fit = model.fit(
        *data, batch_size=12, verbose=0, mixing="mixup", validation_data=data
    )
    loss, accuracy = model.evaluate(*data, verbose=0)
    np.testing.assert_allclose(fit.history["val_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(fit.history["val_accuracy"], accuracy)
    assert fit.history["accuracy"][0] * 12 % 1 == pytest.approx(0, abs=1e-5)


def test_a_later_epoch_mixes_as_in_one_run(data):
    def trained(*ends):
        model = made()
        for start, end in zip((0, *ends), ends, strict=False):
            model.fit(
                *data, batch_size=5, initial_epoch=start, epochs=end,
                verbose=0, mixing="mixup",
            )  # fmt: skip
        return [keras.ops.convert_to_numpy(v) for v in model.weights]

    for a, b in zip(trained(3), trained(1, 3), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.any_backend
def test_what_is_refused(data):
    model = made()
    with pytest.raises(ValueError, match="Drop one of feature_cache="):
        model.fit(*data, mixing="mixup", feature_cache="memory")
    with pytest.raises(ValueError, match=r"mixing='mixUp'.*mean 'mixup'"):
        model.fit(*data, mixing="mixUp")
    mean = "mean_with_sample_weight"
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=mean)
    with pytest.raises(ValueError, match="divides by these weights"):
        made(loss=loss).fit(*data, mixing="mixup")
    tokens = keras.Input((5,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(tokens))
    model = kt.TransferModel(keras.Model(tokens, x), head=3)
    model.compile("auto")
    with pytest.raises(ValueError, match="type int32"):
        model.fit(np.ones((4, 5), "int32"), np.arange(4) % 3, mixing="mixup")


def test_balanced_class_weights_are_mixed_too(rng):
    x, y = rng.normal(size=(8, 6)).astype("float32"), np.arange(8) // 6
    found = []
    for weights in ("balanced", {0: 8 / 12, 1: 8 / 4}):
        keras.utils.set_random_seed(0)
        model = kt.TransferModel(
            dense_net(2), 2, output_layer="dense1", preprocessing=None
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        history = model.fit(
            x, y, mixing="mixup", class_weight=weights, verbose=0
        )
        found.append(history.history["loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-6)
