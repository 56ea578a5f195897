"""Blocks of small hand-built networks, against hand-written lists."""

import keras
import pytest
from small_nets import weighted_layers

from keras_transfer import graph

pytestmark = pytest.mark.any_backend

layers = keras.layers


def conv(x, name, kernel=3, filters=4, **kwargs):
    x = layers.Conv2D(filters, kernel, padding="same", name=name, **kwargs)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def conv_relu(x, name, **kwargs):
    return layers.ReLU()(conv(x, name, **kwargs))


def image():
    return keras.Input((16, 16, 3))


def test_plain_convolutions():
    x = start = image()
    x = layers.Rescaling(1 / 255)(x)
    x = layers.ZeroPadding2D()(x)
    x = conv_relu(x, "c1")
    x = layers.MaxPooling2D()(x)
    x = layers.ZeroPadding2D(name="pad")(x)
    x = conv_relu(x, "c2")
    model = keras.Model(start, x)
    assert weighted_layers(model) == [["c1", "c1_bn"], ["c2", "c2_bn"]]
    # The padding goes with the convolution it feeds, the pooling does not.
    assert graph.blocks(model)[1].layers[0].name == "pad"


def test_activation_before_the_norm():
    x = start = image()
    for name in ("c1", "c2"):
        x = layers.Conv2D(4, 3, activation="relu", name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
    model = keras.Model(start, x)
    assert weighted_layers(model) == [["c1", "c1_bn"], ["c2", "c2_bn"]]


def test_pre_activation_belongs_to_the_convolution_it_feeds():
    x = start = image()
    for name in ("c1", "c2"):
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU()(x)
        x = layers.Conv2D(4, 3, name=name)(x)
    x = layers.BatchNormalization(name="end_bn")(x)
    model = keras.Model(start, layers.ReLU()(x))
    assert weighted_layers(model) == [
        ["c1_bn", "c1"],
        ["c2_bn", "c2", "end_bn"],
    ]


def test_residual_blocks():
    x = start = image()
    x = conv_relu(x, "stem")
    for name in ("r1", "r2"):
        y = conv_relu(x, f"{name}_a")
        y = conv(y, f"{name}_b")
        x = layers.ReLU()(layers.Add()([x, y]))
    blocks = graph.blocks(keras.Model(start, x))
    assert [block.name for block in blocks] == ["stem", "r1", "r2"]
    # 3x3x4x4 + 4 weights a convolution, 4x4 a batch norm.
    assert [block.num_params for block in blocks[1:]] == [328, 328]


def test_pre_activated_residual_blocks():
    x = start = image()
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    x = layers.MaxPooling2D()(x)
    for name in ("r1", "r2"):
        y = layers.BatchNormalization(name=f"{name}_bn")(x)
        y = layers.ReLU()(y)
        # A shortcut with weights, so that the norm is no part of the branch.
        short = layers.Conv2D(4, 1, name=f"{name}_short")(y)
        y = layers.Conv2D(4, 3, padding="same", name=f"{name}_conv")(y)
        x = layers.Add()([short, y])
    x = layers.ReLU()(layers.BatchNormalization(name="end_bn")(x))
    assert list(map(sorted, weighted_layers(keras.Model(start, x)))) == [
        ["stem"],
        ["r1_bn", "r1_conv", "r1_short"],
        ["end_bn", "r2_bn", "r2_conv", "r2_short"],
    ]


def test_dense_block_and_transition():
    x = start = image()
    x = conv_relu(x, "stem")
    for name in ("d1", "d2"):
        y = layers.BatchNormalization(name=f"{name}_bn")(x)
        y = layers.Conv2D(2, 3, padding="same", name=name)(layers.ReLU()(y))
        x = layers.Concatenate()([x, y])
    x = layers.BatchNormalization(name="t_bn")(x)
    x = layers.Conv2D(4, 1, name="t")(layers.ReLU()(x))
    x = layers.AveragePooling2D(2)(x)
    y = layers.Conv2D(2, 3, padding="same", name="d3")(x)
    x = layers.Concatenate()([x, y])
    assert weighted_layers(keras.Model(start, x)) == [
        ["stem", "stem_bn"],
        ["d1_bn", "d1"],
        ["d2_bn", "d2"],
        ["t_bn", "t"],
        ["d3"],
    ]


def test_inception_module():
    x = start = image()
    x = conv_relu(x, "stem")
    for name in ("m1", "m2"):
        a = conv_relu(x, f"{name}_a", kernel=1)
        b = conv_relu(conv_relu(x, f"{name}_b"), f"{name}_c")
        x = layers.Concatenate()([a, b])
    model = keras.Model(start, x)
    names = [block.name for block in graph.blocks(model)]
    assert names == ["stem", "m1", "m2"]


def depthwise(x, name):
    x = layers.DepthwiseConv2D(3, padding="same", name=name)(x)
    return layers.ReLU()(layers.BatchNormalization(name=f"{name}_bn")(x))


def test_depthwise_separable_blocks():
    x = start = image()
    x = conv_relu(x, "stem")
    for index in (1, 2):
        x = depthwise(x, f"dw{index}")
        x = conv_relu(x, f"pw{index}", kernel=1)
    assert weighted_layers(keras.Model(start, x)) == [
        ["stem", "stem_bn"],
        ["dw1", "dw1_bn", "pw1", "pw1_bn"],
        ["dw2", "dw2_bn", "pw2", "pw2_bn"],
    ]


def squeeze_excite(x, name):
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(2, 1, activation="relu", name=f"{name}_reduce")(y)
    y = layers.Conv2D(8, 1, activation="sigmoid", name=f"{name}_expand")(y)
    return layers.Multiply()([x, y])


@pytest.mark.parametrize("gated", [False, True])
def test_inverted_residuals_with_and_without_skip(gated):
    def inverted_residual(x, name):
        y = conv_relu(x, f"{name}_expand", kernel=1, filters=8)
        y = depthwise(y, f"{name}_dw")
        if gated:
            y = squeeze_excite(y, f"{name}_se")
        return conv(y, f"{name}_project", kernel=1)

    x = start = image()
    x = conv_relu(x, "stem")
    x = inverted_residual(x, "b1")
    x = inverted_residual(x, "b2")
    x = layers.Add()([x, inverted_residual(x, "b3")])
    x = conv_relu(x, "end", kernel=1, filters=16)
    blocks = graph.blocks(keras.Model(start, x))
    assert [b.name for b in blocks] == ["stem", "b1", "b2", "b3", "end"]


def test_fused_inverted_residual():
    x = start = image()
    for name in ("b1", "b2"):
        x = conv_relu(x, f"{name}_expand", filters=16)
        x = conv(x, f"{name}_project", kernel=1)
    blocks = graph.blocks(keras.Model(start, x))
    assert [block.name for block in blocks] == ["b1", "b2"]


def test_activated_1x1_convolution_is_its_own_block():
    x = start = image()
    x = conv_relu(x, "c1", filters=8)
    x = conv_relu(x, "c2", kernel=1, filters=4)
    assert weighted_layers(keras.Model(start, x)) == [
        ["c1", "c1_bn"],
        ["c2", "c2_bn"],
    ]


def test_shared_layer_merges_what_lies_between():
    x = start = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    x = shared(layers.Dense(4, name="first")(x))
    x = shared(layers.Dense(4, name="between")(x))
    model = keras.Model(start, layers.Dense(2, name="last")(x))
    assert weighted_layers(model) == [
        ["first"],
        ["shared", "between"],
        ["last"],
    ]


def test_siamese_branches_are_one_block():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="e")])
    both = layers.Concatenate()([encoder(a), encoder(b)])
    model = keras.Model([a, b], layers.Dense(1, name="end")(both))
    assert weighted_layers(model) == [["e"], ["end"]]


def test_two_outputs():
    x = start = keras.Input((4,))
    x = layers.Dense(3, name="body")(x)
    ends = [layers.Dense(2, name="p")(x), layers.Dense(1, name="q")(x)]
    blocks = graph.blocks(keras.Model(start, ends))
    assert [block.name for block in blocks] == ["body", "q"]
    assert blocks[0].output.name == "body"
    assert blocks[1].output is None


def test_every_variable_is_in_one_block_and_seeds_are_too():
    model = keras.Sequential(
        [
            image(),
            layers.RandomFlip(),
            layers.Normalization(name="statistics"),
            layers.Conv2D(4, 3),
            layers.Dropout(0.5),
            layers.Conv2D(4, 3),
        ]
    )
    blocks = graph.blocks(model)
    owned = [
        id(v) for b in blocks for layer in b.layers for v in layer.variables
    ]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(v) for v in model.variables}
    assert len(blocks) == 2


def unnamed():
    x = start = image()
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3)(x)))
    y = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(2)(x))


def test_names_do_not_depend_on_what_was_built_before():
    first = [block.name for block in graph.blocks(unnamed())]
    assert first == ["conv_0", "residual_1", "dense_2"]
    assert [block.name for block in graph.blocks(unnamed())] == first


def test_same_explicit_start_twice_gives_two_names():
    x = start = image()
    for name in ("conv_dw_1", "conv_pw_1", "conv_dw_2", "conv_pw_2"):
        make = layers.DepthwiseConv2D if "dw" in name else layers.Conv2D
        x = make(
            **{"kernel_size": 1, "name": name}
            | ({"filters": 4} if "pw" in name else {})
        )(x)
    names = [block.name for block in graph.blocks(keras.Model(start, x))]
    assert names == ["conv_dw_1", "conv_dw_2"]


def test_every_block_ends_at_a_cut_point():
    model = unnamed()
    cuts = graph.cut_points(model)
    ends = [block.output for block in graph.blocks(model)]
    assert all(end in cuts for end in ends)
    assert ends[-1] == cuts[-1]
