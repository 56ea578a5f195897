"""Where a classifier is cut."""

import keras
import pytest

from keras_transfer import graph

pytestmark = pytest.mark.any_backend

layers = keras.layers


def classifier(*stack, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *stack])


def conv(name="conv"):
    return layers.Conv2D(4, 3, padding="same", name=name)


CASES = {
    "flatten": [
        conv("end"),
        layers.Flatten(),
        layers.Dense(5),
        layers.Dense(2),
    ],
    "global pooling": [
        conv(),
        layers.ReLU(name="end"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.2),
        layers.Dense(2),
        layers.Softmax(),
    ],
    "vector norm": [
        conv("end"),
        layers.GlobalMaxPooling2D(),
        layers.BatchNormalization(),
        layers.Dense(4, activation="relu"),
        layers.Dense(2),
    ],
    "fully convolutional": [
        conv("end"),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Conv2D(6, 1),
        layers.Activation("hard_silu"),
        layers.Conv2D(2, 1),
        layers.Flatten(),
    ],
    "average pooling of all": [
        conv("end"),
        layers.AveragePooling2D(8),
        layers.Flatten(),
        layers.Dense(2),
    ],
    "max pooling down to one position": [
        conv(),
        layers.MaxPooling2D(8, name="end"),
        layers.Flatten(),
        layers.Dense(2),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_image_classifier(case):
    assert graph.top_cut(classifier(*CASES[case])).name == "end"


def test_one_position_left_in_a_residual_network():
    start = keras.Input((1, 1, 4))
    x = layers.Conv2D(4, 1)(start)
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 1)(x)])
    x = layers.ReLU(name="end")(x)
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    assert graph.top_cut(keras.Model(start, x)).name == "end"


def test_one_position_returned():
    start = keras.Input((1, 1, 4))
    x = layers.Conv2D(4, 1)(layers.ReLU()(layers.Conv2D(4, 1)(start)))
    assert graph.top_cut(keras.Model(start, x)) is None


def test_raw_operations_in_the_top():
    start = keras.Input((8, 8, 3))
    features = conv("end")(start)
    x = keras.ops.mean(features, axis=(1, 2))
    x = layers.Dense(4)(x)
    x = x * keras.ops.relu6(x + 3) / 6
    model = keras.Model(start, keras.ops.softmax(layers.Dense(2)(x)))
    assert graph.top_cut(model).name == "end"


def test_class_token():
    start = keras.Input((5, 4))
    x = layers.LayerNormalization(name="end")(layers.Dense(4)(start))
    model = keras.Model(start, layers.Dense(2)(x[:, 0]))
    assert graph.top_cut(model).name == "end"


@pytest.mark.parametrize(
    "stack",
    [
        [layers.LSTM(4, name="end"), layers.Dense(3), layers.Dense(2)],
        [
            layers.LSTM(4, return_sequences=True, name="end"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ],
    ],
)
def test_recurrent_classifier(stack):
    assert graph.top_cut(classifier(*stack, shape=(5, 3))).name == "end"


def test_dense_network_is_cut_before_its_last_layer():
    model = classifier(
        layers.Dense(4, name="a"),
        layers.BatchNormalization(),
        layers.ReLU(name="end"),
        layers.Dropout(0.1),
        layers.Dense(2),
        layers.Softmax(),
        shape=(3,),
    )
    assert graph.top_cut(model).name == "end"


def test_flattened_image_into_dense_layers():
    model = classifier(
        layers.Flatten(), layers.Dense(4, name="end"), layers.Dense(2)
    )
    assert graph.top_cut(model).name == "end"


@pytest.mark.parametrize(
    "stack",
    [
        [conv()],
        [conv(), layers.ReLU()],
        [conv(), layers.GlobalAveragePooling2D()],
        [conv(), layers.GlobalAveragePooling2D(), layers.Dropout(0.1)],
        [layers.Flatten(), layers.Dense(2)],
    ],
)
def test_no_top(stack):
    assert graph.top_cut(classifier(*stack)) is None


def test_nested_backbone():
    backbone = classifier(conv(), layers.ReLU(name="end"))
    model = keras.Sequential(
        [backbone, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    assert graph.top_cut(model).name == "end"


def test_output_layer_by_name():
    backbone = keras.Sequential(
        [keras.Input((8, 8, 3)), conv(), layers.ReLU(name="r")], name="body"
    )
    model = keras.Sequential([backbone, layers.Flatten(), layers.Dense(2)])
    assert graph.top_cut(model, "conv").name == "conv"
    assert graph.top_cut(model, "body").name == "r"
    with pytest.raises(ValueError, match=r"no operation named 'cone'.*'conv'"):
        graph.top_cut(model, "cone")


def test_several_outputs_need_a_name():
    start = keras.Input((8, 8, 3))
    x = conv("end")(start)
    flat = layers.Flatten()(x)
    model = keras.Model(start, [layers.Dense(2)(flat), layers.Dense(1)(flat)])
    with pytest.raises(ValueError, match=r"has 2 outputs.*'end'"):
        graph.top_cut(model)
    assert graph.top_cut(model, "end").name == "end"
