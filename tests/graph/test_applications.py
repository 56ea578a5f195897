"""Blocks of every `keras.applications` model."""

import gc

import keras
import pytest
from cases import some_slow

from keras_transfer import graph

pytestmark = pytest.mark.any_backend

# Name: number of blocks, names of the first, second and last block.
EXPECTED = {
    "ConvNeXtBase": (
        40,
        "convnext_base_stem",
        "convnext_base_stage_0_block_0",
        "convnext_base_stage_3_block_2",
    ),
    "ConvNeXtLarge": (
        40,
        "convnext_large_stem",
        "convnext_large_stage_0_block_0",
        "convnext_large_stage_3_block_2",
    ),
    "ConvNeXtSmall": (
        40,
        "convnext_small_stem",
        "convnext_small_stage_0_block_0",
        "convnext_small_stage_3_block_2",
    ),
    "ConvNeXtTiny": (
        22,
        "convnext_tiny_stem",
        "convnext_tiny_stage_0_block_0",
        "convnext_tiny_stage_3_block_2",
    ),
    "ConvNeXtXLarge": (
        40,
        "convnext_xlarge_stem",
        "convnext_xlarge_stage_0_block_0",
        "convnext_xlarge_stage_3_block_2",
    ),
    "DenseNet121": (62, "conv1", "conv2_block1", "conv5_block16"),
    "DenseNet169": (86, "conv1", "conv2_block1", "conv5_block32"),
    "DenseNet201": (102, "conv1", "conv2_block1", "conv5_block32"),
    "EfficientNetB0": (18, "stem", "block1a", "top"),
    "EfficientNetB1": (25, "stem", "block1a", "top"),
    "EfficientNetB2": (25, "stem", "block1a", "top"),
    "EfficientNetB3": (28, "stem", "block1a", "top"),
    "EfficientNetB4": (34, "stem", "block1a", "top"),
    "EfficientNetB5": (41, "stem", "block1a", "top"),
    "EfficientNetB6": (47, "stem", "block1a", "top"),
    "EfficientNetB7": (57, "stem", "block1a", "top"),
    "EfficientNetV2B0": (23, "stem", "block1a_project", "top"),
    "EfficientNetV2B1": (29, "stem", "block1a_project", "top"),
    "EfficientNetV2B2": (30, "stem", "block1a_project", "top"),
    "EfficientNetV2B3": (34, "stem", "block1a_project", "top"),
    "EfficientNetV2L": (81, "stem", "block1a_project", "top"),
    "EfficientNetV2M": (59, "stem", "block1a_project", "top"),
    "EfficientNetV2S": (42, "stem", "block1a_project", "top"),
    "InceptionResNetV2": (49, "conv_0", "conv_1", "conv_7b"),
    "InceptionV3": (16, "conv_0", "conv_1", "mixed9_1"),
    "MobileNet": (14, "conv1", "conv_dw_1", "conv_dw_13"),
    "MobileNetV2": (19, "Conv1", "expanded_conv", "Conv_1"),
    "MobileNetV3Large": (17, "conv", "expanded_conv", "conv_1"),
    "MobileNetV3Small": (13, "conv", "expanded_conv", "conv_1"),
    "NASNetLarge": (4, "stem_conv1", "stem_bn1", "free_3"),
    "NASNetMobile": (4, "stem_conv1", "stem_bn1", "free_3"),
    "ResNet101": (34, "conv1", "conv2_block1", "conv5_block3"),
    "ResNet101V2": (34, "conv1_conv", "conv2_block1", "conv5_block3"),
    "ResNet152": (51, "conv1", "conv2_block1", "conv5_block3"),
    "ResNet152V2": (51, "conv1_conv", "conv2_block1", "conv5_block3"),
    "ResNet50": (17, "conv1", "conv2_block1", "conv5_block3"),
    "ResNet50V2": (17, "conv1_conv", "conv2_block1", "conv5_block3"),
    "VGG16": (13, "block1_conv1", "block1_conv2", "block5_conv3"),
    "VGG19": (16, "block1_conv1", "block1_conv2", "block5_conv4"),
    "Xception": (16, "block1_conv1", "block1_conv2", "block14_sepconv2"),
}
QUICK = (
    "ConvNeXtTiny",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50V2",
    "VGG16",
)
SMALLEST = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}


def build(name):
    size = SMALLEST.get(name, 32)
    return getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(size, size, 3)
    )


@pytest.fixture(autouse=True)
def _without_random_numbers(monkeypatch):
    """The structure is what counts; drawing the weights takes a third."""
    for drawn in ("VarianceScaling", "TruncatedNormal"):
        monkeypatch.setattr(
            getattr(keras.initializers, drawn),
            "__call__",
            lambda self, shape, dtype=None, **_: keras.ops.zeros(shape, dtype),
        )


@pytest.fixture(autouse=True)
def _free_memory():
    yield
    keras.backend.clear_session()
    gc.collect()


def test_all_constructors_are_listed():
    found = {name for name in dir(keras.applications) if name[0].isupper()}
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", some_slow(EXPECTED, QUICK))
def test_blocks(name):
    model = build(name)
    blocks = graph.blocks(model)
    names = [block.name for block in blocks]
    assert (len(blocks), names[0], names[1], names[-1]) == EXPECTED[name]
    assert 4 <= len(blocks) <= 110
    assert len(set(names)) == len(names)
    assert [block.index for block in blocks] == list(range(len(blocks)))

    cuts = graph.cut_points(model)
    assert all(block.output in cuts for block in blocks)
    owned = [
        id(v) for b in blocks for layer in b.layers for v in layer.variables
    ]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(v) for v in model.variables}
    assert sum(b.num_params for b in blocks) == model.count_params()


@pytest.mark.parametrize("name", ["MobileNetV3Small", "MobileNet"])
def test_names_of_a_second_build_are_the_same(name):
    first, second = build(name), build(name)
    names = [block.name for block in graph.blocks(first)]
    assert [block.name for block in graph.blocks(second)] == names


@pytest.mark.parametrize(
    "name, size, feature",
    [
        # At 32 px one position is left of the feature map.
        ("VGG16", 32, "block5_pool"),
        ("VGG16", 64, "block5_pool"),
        ("MobileNet", 32, "conv_pw_13_relu"),
        ("MobileNetV2", 64, "out_relu"),
        ("ResNet50V2", 32, "post_relu"),
    ],
)
def test_top_cut_by_name(name, size, feature):
    model = getattr(keras.applications, name)(
        weights=None, classes=7, input_shape=(size, size, 3)
    )
    assert graph.top_cut(model).name == feature


# One of each constructor that writes a top of its own.
TOPS = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "VGG19",
    "Xception",
)
QUICK_TOPS = ("ConvNeXtTiny", "MobileNetV3Small")


@pytest.mark.parametrize("name", some_slow(TOPS, QUICK_TOPS))
def test_top_cut(name):
    constructor = getattr(keras.applications, name)
    size = max(SMALLEST.get(name, 64), 64)
    if name == "NASNetMobile":
        size = 224
    shape = (size, size, 3)
    model = constructor(weights=None, classes=7, input_shape=shape)
    cut = graph.top_cut(model)
    assert len(cut.shape) == 4
    prefix, _ = graph.split(model, cut)
    assert {layer.name for layer in model.layers[-2:]}.isdisjoint(
        layer.name for layer in prefix.layers
    )


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV3Small",
        pytest.param("ConvNeXtTiny", marks=pytest.mark.slow),
        pytest.param("InceptionResNetV2", marks=pytest.mark.slow),
    ],
)
def test_top_cut_leaves_the_network_without_top(name):
    model, bare = (
        getattr(keras.applications, name)(
            weights=None, include_top=include_top, input_shape=(96, 96, 3)
        )
        for include_top in (True, False)
    )
    assert graph.top_cut(model).shape == bare.output.shape
    assert graph.top_cut(bare) is None
    assert graph.top_cut(build(name)) is None


def test_pooled_features_have_no_top():
    model = keras.applications.MobileNet(
        weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3)
    )
    assert graph.top_cut(model) is None


def test_the_table_for_people_says_the_same_numbers():
    from keras_transfer.backbones.applications import APPLICATIONS

    said = {name: a.num_blocks for name, a in APPLICATIONS.items()}
    assert said == {name: row[0] for name, row in EXPECTED.items()}
