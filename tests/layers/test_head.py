"""Heads: pooling, masks, precision, arguments, round trips."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_transfer.layers import ClassificationHead, RegressionHead


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def identity_output(head, num_features):
    """Makes the last dense layer pass its input on."""
    kernel, bias = head.weights[-2:]
    kernel.assign(np.eye(num_features))
    bias.assign(np.zeros(num_features))


FEATURE_MAP = np.arange(8, dtype="float32").reshape(1, 2, 2, 2)
SEQUENCE = np.array([[[1, 2], [3, 8], [50, -60]]], "float32")
VECTOR = np.array([[7, -3]], "float32")


@pytest.mark.parametrize(
    ("features", "pooling", "expected"),
    [
        (FEATURE_MAP, "avg", [3, 4]),
        (FEATURE_MAP, "max", [6, 7]),
        (SEQUENCE, "avg", [18, -50 / 3]),
        (SEQUENCE, "max", [50, 8]),
        (VECTOR, "avg", [7, -3]),
        (VECTOR, "max", [7, -3]),
    ],
)
def test_pooling_by_rank(features, pooling, expected):
    head = RegressionHead(2, pooling=pooling)
    head.build(features.shape)
    identity_output(head, 2)
    np.testing.assert_allclose(numpy_of(head(features))[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("pooling", "expected"), [("avg", [2, 5]), ("max", [3, 8])]
)
def test_masked_steps_do_not_count(pooling, expected):
    head = RegressionHead(2, pooling=pooling)
    head.build(SEQUENCE.shape)
    identity_output(head, 2)
    mask = np.array([[True, True, False]])
    result = numpy_of(head(SEQUENCE, mask=mask))[0]
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    poisoned = SEQUENCE.copy()
    poisoned[0, 2] = np.nan
    np.testing.assert_array_equal(
        numpy_of(head(poisoned, mask=mask))[0], result
    )


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_a_sample_of_masked_steps_only_gives_zeros(pooling):
    head = RegressionHead(2, pooling=pooling)
    head.build(SEQUENCE.shape)
    identity_output(head, 2)
    mask = np.zeros((1, 3), bool)
    np.testing.assert_array_equal(numpy_of(head(SEQUENCE, mask=mask)), [[0, 0]])


def test_the_mask_of_an_embedding_reaches_the_pooling():
    model = keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(9, 4, mask_zero=True),
            ClassificationHead(3),
        ]
    )
    short = numpy_of(model(np.array([[5, 2]])))
    padded = numpy_of(model(np.array([[5, 2, 0, 0]])))
    longer = numpy_of(model(np.array([[5, 2, 1, 1]])))
    np.testing.assert_allclose(padded, short, rtol=1e-6)
    assert np.abs(longer - short).max() > 1e-5


def test_channels_first_pools_over_the_last_axes():
    head = RegressionHead(2, data_format="channels_first")
    features = np.moveaxis(FEATURE_MAP, -1, 1)
    head.build(features.shape)
    identity_output(head, 2)
    np.testing.assert_allclose(numpy_of(head(features))[0], [3, 4])


@pytest.mark.parametrize(
    ("activation", "function"),
    [("softmax", ops.softmax), ("sigmoid", ops.sigmoid)],
)
def test_logits_are_what_the_activation_gets(activation, function, rng):
    head = ClassificationHead(4, hidden_units=(6,), activation=activation)
    features = rng.normal(size=(3, 2, 2, 5)).astype("float32")
    logits = head.logits(features)
    np.testing.assert_allclose(
        numpy_of(head(features)), numpy_of(function(logits)), rtol=1e-6
    )
    assert head.num_outputs == head.num_classes == 4
    assert [tuple(w.shape) for w in head.weights] == [
        (5, 6),
        (6,),
        (6, 4),
        (4,),
    ]


def test_regression_has_no_activation(rng):
    head = RegressionHead(2)
    features = 100 * rng.normal(size=(3, 5)).astype("float32")
    np.testing.assert_array_equal(
        numpy_of(head(features)), numpy_of(head.logits(features))
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32(policy, rng):
    head = ClassificationHead(3, hidden_units=(4,), dtype=policy)
    features = rng.normal(size=(2, 4, 4, 8)).astype("float32")
    for result in (head(features), head.logits(features)):
        assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_allclose(numpy_of(head(features)).sum(-1), 1, atol=1e-6)
    hidden, output = head.weights[0], head.weights[2]
    assert hidden.dtype == output.dtype == "float32"


def test_dropout_only_in_training():
    head = RegressionHead(1, dropout=0.9)
    features = np.ones((2, 64), "float32")
    np.testing.assert_array_equal(
        numpy_of(head(features)), numpy_of(head(features))
    )
    trained = [numpy_of(head(features, training=True)) for _ in range(2)]
    assert np.abs(trained[0] - trained[1]).max() > 1e-6


@pytest.mark.parametrize(
    "head",
    [
        ClassificationHead(
            3, (8, 4), 0.25, pooling="max", activation="sigmoid", name="top"
        ),
        RegressionHead(2, (8,), 0.5, "max", name="top"),
    ],
    ids=["classification", "regression"],
)
def test_round_trip(head, tmp_path, rng):
    inputs = keras.Input((4, 4, 5))
    model = keras.Model(inputs, head(inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.get_layer("top").get_config() == head.get_config()
    images = rng.normal(size=(2, 4, 4, 5)).astype("float32")
    np.testing.assert_array_equal(
        numpy_of(copy(images)), numpy_of(model(images))
    )


def test_one_class_with_softmax_names_both_ways_out():
    with pytest.raises(ValueError, match=r"always 1\.0") as caught:
        ClassificationHead(1)
    assert "ClassificationHead(2)" in str(caught.value)
    assert 'ClassificationHead(1, activation="sigmoid")' in str(caught.value)
    assert ClassificationHead(1, activation="sigmoid").num_outputs == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "num_classes=0"),
        ({"num_classes": True}, "num_classes=True"),
        ({"num_classes": 2.5}, "num_classes=2.5"),
        ({"activation": "relu"}, "activation='relu'"),
        ({"pooling": "mean"}, r"\('avg', 'max'\)"),
        ({"dropout": 1.0}, r"\[0, 1\)"),
        ({"hidden_units": 64}, r"hidden_units=64"),
        ({"hidden_units": (64, 0)}, "hidden_units=0"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        ClassificationHead(**({"num_classes": 3} | options))


def test_unknown_number_of_features_is_an_error():
    with pytest.raises(ValueError, match="known number of features"):
        ClassificationHead(3)(keras.Input((4, 4, None)))
