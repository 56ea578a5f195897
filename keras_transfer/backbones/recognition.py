"""Tells whether a model is one of `keras.applications`, and what it takes."""

import keras

from keras_transfer.backbones.applications import APPLICATIONS, Application


def recognize_application(model) -> Application | None:
    """The architecture of a model without top, if it is one of these.

    It has to have both the name that Keras gives and the weights. A model of
    the MobileNet families may have another width.
    """
    rows = [
        row
        for row in APPLICATIONS.values()
        if model.name.startswith(row.default_name)
    ]
    # "resnet50v2" starts with "resnet50" too.
    row = max(rows, key=lambda row: len(row.default_name), default=None)
    return row if row is not None and _has_weights_of(row, model) else None


def _has_weights_of(row, model):
    missing = row.num_weights - len(model.weights)
    if row.name.startswith("MobileNet"):
        return missing == 0
    missing_params = row.num_params - model.count_params()
    # Cut below its top, ConvNeXt lacks the last normalisation, which is built
    # another way there.
    last = 2 * model.output.shape[-1] if missing == 2 else 0
    return missing in (0, 2) and missing_params == last


def preprocessing_of(row: Application, model) -> str | keras.layers.Layer:
    """What turns 0..255 into the input of a recognised model.

    Args:
        row: What `recognize_application(model)` returned.
        model: The model; whether it normalises inside is read off its layers.

    Returns:
        A mode of `ImageNetPreprocessing`, or a layer.
    """
    normalizing = (keras.layers.Normalization, keras.layers.Rescaling)
    if any(isinstance(layer, normalizing) for layer in model.layers):
        return "none"
    if isinstance(row.bare_preprocessing, str):
        return row.bare_preprocessing
    return keras.layers.Rescaling(*row.bare_preprocessing)
