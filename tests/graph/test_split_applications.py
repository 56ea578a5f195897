"""`split` on published architectures: the numbers of the whole model."""

import keras
import numpy as np
import pytest
from cases import some_slow

from keras_transfer import graph

QUICK = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "VGG16")
SPLIT = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "ResNet50": 32,
    "VGG16": 32,
    "Xception": 71,
}


@pytest.mark.parametrize("name", some_slow(SPLIT, QUICK))
def test_split_is_exact(name, rng):
    shape = (SPLIT[name], SPLIT[name], 3)
    model = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=shape
    )
    images = rng.uniform(0, 255, (2, *shape))
    images = keras.ops.convert_to_tensor(images.astype("float32"))
    expected = keras.ops.convert_to_numpy(model(images))
    cuts = graph.cut_points(model)
    for cut in (cuts[1], cuts[len(cuts) // 2], cuts[-2]):
        prefix, suffix = graph.split(model, cut)
        found = keras.ops.convert_to_numpy(suffix(prefix(images)))
        np.testing.assert_array_equal(found, expected)
