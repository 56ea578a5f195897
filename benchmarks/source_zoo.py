"""Ten source models for a ranking, good ones and bad ones, seeded."""

from pathlib import Path

import keras
from gradual_unfreezing import photos

layers = keras.layers

# Files of ImageNet weights in Keras' own model folder.
_MOBILENET_V2 = (
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
)
_MOBILENETS = {
    1.0: "mobilenet_1_0_224_tf_no_top.h5",
    0.5: "mobilenet_5_0_160_tf_no_top.h5",
    0.25: "mobilenet_2_5_128_tf_no_top.h5",
}
# Top-1 accuracy on ImageNet as published with the weights: keras.io, the
# table of research/slim/nets/mobilenet_v1.md (of the size in the file's name)
# and that of EfficientNet-Lite in tensorflow/tpu.
PRIOR = {
    "MobileNetV2": 0.713,
    "MobileNet 1.0": 0.704,
    "MobileNet 0.5": 0.591,
    "MobileNet 0.25": 0.415,
    "efficientnet_lite0": 0.751,
    "efficientnet_lite2": 0.776,
}
UNTRAINED = {
    "MobileNetV2 untrained": "MobileNetV2",
    "MobileNet 0.25 untrained": "MobileNet 0.25",
}


def mobilenet_v2(shape, folder=None):
    """MobileNetV2 without top; random weights without a folder."""
    return keras.applications.MobileNetV2(
        shape, include_top=False, weights=folder and folder / _MOBILENET_V2
    )


def mobilenet(shape, alpha, folder=None):
    """A MobileNet of a width; random weights without a folder."""
    return keras.applications.MobileNet(
        shape,
        alpha=alpha,
        include_top=False,
        weights=folder and folder / _MOBILENETS[alpha],
    )


class Zoo:
    """The models by name, each made anew whenever it is asked for.

    Args:
        size: side of the images.
        keras_models: folder of ImageNet weights.
        files: `.keras` files.
        own: by name, photo folders that small networks are trained on.
        folder: where those are kept.
    """

    def __init__(self, size, keras_models, files, own, folder):
        self.shape, self.keras_models = (size, size, 3), Path(keras_models)
        self.files = {Path(path).stem: Path(path) for path in files}
        self.own, self.folder = own, Path(folder)

    @property
    def names(self):
        mobilenets = [f"MobileNet {alpha}" for alpha in _MOBILENETS]
        return [
            "MobileNetV2",
            *mobilenets,
            *self.files,
            *UNTRAINED,
            *(f"small net of {name}" for name in self.own),
        ]

    def source(self, name):
        """What `TransferModel` takes for a name."""
        if name in self.files:
            return self.files[name]
        if name.startswith("small"):
            return self._trained(name.removeprefix("small net of "))
        keras.utils.set_random_seed(0)
        folder = None if name in UNTRAINED else self.keras_models
        name = UNTRAINED.get(name, name)
        if name == "MobileNetV2":
            return mobilenet_v2(self.shape, folder)
        return mobilenet(self.shape, float(name.split()[-1]), folder)

    def weights(self, name):
        """`weights` of `TransferModel` for a name."""
        return None if name in UNTRAINED else "imagenet"

    def prior(self):
        """The published accuracies of those that have one."""
        return {n: PRIOR[n] for n in self.names if n in PRIOR}

    def _trained(self, name):
        """The file of a small network trained on photos, for ten epochs."""
        path = self.folder / f"small_{name}.keras"
        if not path.exists():
            (x, y), _ = photos(self.own[name], self.shape[0])
            keras.utils.set_random_seed(0)
            model = _small_net(self.shape, int(y.max()) + 1)
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(x, y, batch_size=32, epochs=10, verbose=2)
            path.parent.mkdir(parents=True, exist_ok=True)
            model.save(path)
        return path


def _small_net(shape, num_classes):
    inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for filters in (16, 32, 64, 128):
        x = layers.Conv2D(
            filters, 3, strides=2, padding="same", use_bias=False
        )(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes, "softmax")(x))
