"""How often published ImageNet weights of `keras.applications` are right.

Top-1 accuracy on the validation photos of ImageNet, at the size the weights
were trained at. Where the figures are from:

- the table "Available models" on https://keras.io/api/applications, for all
  but the two below;
- MobileNetV3: the table in the docstring of
  `keras/src/applications/mobilenet_v3.py` (Keras 3.15).

ConvNeXt is left out: no copy of the table with its rows could be checked.
"""

import keras

from keras_transfer._private.types import PathLike

# What Keras' names stand for with `weights="imagenet"`, and nothing else.
IMAGENET_ACCURACY = {
    "DenseNet121": 0.750,
    "DenseNet169": 0.762,
    "DenseNet201": 0.773,
    "EfficientNetB0": 0.771,
    "EfficientNetB1": 0.791,
    "EfficientNetB2": 0.801,
    "EfficientNetB3": 0.816,
    "EfficientNetB4": 0.829,
    "EfficientNetB5": 0.836,
    "EfficientNetB6": 0.840,
    "EfficientNetB7": 0.843,
    "EfficientNetV2B0": 0.787,
    "EfficientNetV2B1": 0.798,
    "EfficientNetV2B2": 0.805,
    "EfficientNetV2B3": 0.820,
    "EfficientNetV2L": 0.857,
    "EfficientNetV2M": 0.853,
    "EfficientNetV2S": 0.839,
    "InceptionResNetV2": 0.803,
    "InceptionV3": 0.779,
    "MobileNet": 0.704,
    "MobileNetV2": 0.713,
    "MobileNetV3Large": 0.756,
    "MobileNetV3Small": 0.681,
    "NASNetLarge": 0.825,
    "NASNetMobile": 0.744,
    "ResNet101": 0.764,
    "ResNet101V2": 0.772,
    "ResNet152": 0.766,
    "ResNet152V2": 0.780,
    "ResNet50": 0.749,
    "ResNet50V2": 0.760,
    "VGG16": 0.713,
    "VGG19": 0.713,
    "Xception": 0.790,
}


def imagenet_accuracy(
    backbone: PathLike | keras.Model, weights: PathLike | None = "imagenet"
) -> float | None:
    """Returns the published top-1 accuracy of a backbone, from 0 to 1.

    Args:
        backbone: as in `resolve_backbone`.
        weights: as in `resolve_backbone`.

    Returns:
        `None` for anything but a name with the ImageNet weights, and where no
        figure is known: a file of one's own may hold any weights.

    Examples:
        >>> imagenet_accuracy("ResNet50")
        0.749
    """
    if weights != "imagenet" or not isinstance(backbone, str):
        return None
    return IMAGENET_ACCURACY.get(backbone)
