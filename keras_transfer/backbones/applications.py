"""What the package knows about the 40 models of `keras.applications`.

Keras says none of it through its API: which preprocessing a constructor
expects, its smallest and its own image size, and how its models are told from
others.
"""

import dataclasses
import difflib
from collections.abc import Callable

import keras

from keras_transfer._private.types import Shape
from keras_transfer.layers import ImageNetPreprocessing


@dataclasses.dataclass(frozen=True)
class Application:
    """One constructor of `keras.applications`.

    Attributes:
        name: Name of the constructor.
        preprocessing: Mode of `ImageNetPreprocessing` that turns 0..255 into
            what `constructor()` takes; `"none"` where it normalises inside.
        bare_preprocessing: The same for a model that was built with
            `include_preprocessing=False`: a mode, or the `(scale, offset)` of
            a `Rescaling`.
        min_size: Smallest height and width without top, in pixels.
        default_size: Height and width the published weights were trained at.
        default_name: Start of the name that Keras gives to the model.
        num_weights: Number of weight arrays without top.
        num_params: Number of parameters without top, for three channels.
        num_blocks: Number of blocks that it is frozen in.
    """

    name: str
    preprocessing: str
    bare_preprocessing: str | tuple[float, float]
    min_size: int
    default_size: int
    default_name: str
    num_weights: int
    num_params: int
    num_blocks: int

    @property
    def constructor(self) -> Callable:
        """The function of `keras.applications`."""
        return getattr(keras.applications, self.name)

    def full_input_shape(self, input_shape: Shape | None = None) -> tuple:
        """Shape of one image: the one given, or the default."""
        if input_shape is not None:
            return tuple(input_shape)
        size = self.default_size
        if keras.config.image_data_format() == "channels_first":
            return (3, size, size)
        return (size, size, 3)

    def check_input_shape(self, input_shape: Shape) -> None:
        """Raises a ValueError if an image of this shape is not usable."""
        shape = tuple(input_shape)
        order = keras.config.image_data_format()
        axis = 0 if order == "channels_first" else 2
        if len(shape) != 3 or not _is_count(shape[axis]):
            raise ValueError(
                f"{self.name} takes images of shape (height, width, channels)"
                f" in the order {order!r}, with a known number of channels. "
                f"Received: input_shape={shape}."
            )
        sizes = [size for size in shape[:axis] + shape[axis + 1 :] if size]
        if any(size < self.min_size for size in sizes):
            raise ValueError(
                f"{self.name} needs images of at least {self.min_size} x "
                f"{self.min_size} pixels. Received: input_shape={shape} in "
                f"the order {order!r}. Resize the images, or take a model "
                "with a smaller minimum (`list_backbones()` has them)."
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _family(
    preprocessing: str,
    *rows: tuple[str, int, str, int, int, int],
    bare: str | tuple[float, float] | None = None,
    min_size: int = 32,
) -> dict[str, Application]:
    return {
        name: Application(
            name,
            preprocessing,
            bare or preprocessing,
            min_size,
            *row,  # type: ignore[arg-type]
        )
        for name, *row in rows
    }


# Constructor, default size, model name, weight arrays, parameters, blocks.
APPLICATIONS = {
    **_family(
        "none",
        ("ConvNeXtTiny", 224, "convnext_tiny", 180, 27_820_128, 22),
        ("ConvNeXtSmall", 224, "convnext_small", 342, 49_454_688, 40),
        ("ConvNeXtBase", 224, "convnext_base", 342, 87_566_464, 40),
        ("ConvNeXtLarge", 224, "convnext_large", 342, 196_230_336, 40),
        ("ConvNeXtXLarge", 224, "convnext_xlarge", 342, 348_147_968, 40),
        ("EfficientNetV2B0", 224, "efficientnetv2-b0", 359, 5_919_312, 23),
        ("EfficientNetV2B1", 240, "efficientnetv2-b1", 441, 6_931_124, 29),
        ("EfficientNetV2B2", 260, "efficientnetv2-b2", 460, 8_769_374, 30),
        ("EfficientNetV2B3", 300, "efficientnetv2-b3", 536, 12_930_622, 34),
        bare="torch",
    ),
    **_family(
        "torch",
        ("DenseNet121", 224, "densenet121", 604, 7_037_504, 62),
        ("DenseNet169", 224, "densenet169", 844, 12_642_880, 86),
        ("DenseNet201", 224, "densenet201", 1004, 18_321_984, 102),
    ),
    **_family(
        "none",
        ("EfficientNetB0", 224, "efficientnetb0", 312, 4_049_571, 18),
        ("EfficientNetB1", 240, "efficientnetb1", 440, 6_575_239, 25),
        ("EfficientNetB2", 260, "efficientnetb2", 440, 7_768_569, 25),
        ("EfficientNetB3", 300, "efficientnetb3", 497, 10_783_535, 28),
        ("EfficientNetB4", 380, "efficientnetb4", 611, 17_673_823, 34),
        ("EfficientNetB5", 456, "efficientnetb5", 739, 28_513_527, 41),
        ("EfficientNetB6", 528, "efficientnetb6", 853, 40_960_143, 47),
        ("EfficientNetB7", 600, "efficientnetb7", 1038, 64_097_687, 57),
    ),
    **_family(
        "none",
        ("EfficientNetV2S", 384, "efficientnetv2-s", 670, 20_331_360, 42),
        ("EfficientNetV2M", 480, "efficientnetv2-m", 961, 53_150_388, 59),
        ("EfficientNetV2L", 480, "efficientnetv2-l", 1329, 117_746_848, 81),
        bare=(1 / 128, -1.0),
    ),
    **_family(
        "tf",
        ("InceptionV3", 299, "inception_v3", 376, 21_802_784, 16),
        ("InceptionResNetV2", 299, "inception_resnet_v2", 896, 54_336_736, 49),
        min_size=75,
    ),
    **_family(
        "tf",
        ("MobileNet", 224, "mobilenet_", 135, 3_228_864, 14),
        ("MobileNetV2", 224, "mobilenetv2_", 260, 2_257_984, 19),
        ("NASNetMobile", 224, "nasnet_mobile", 1124, 4_269_716, 4),
        ("NASNetLarge", 331, "nasnet_large", 1544, 84_916_818, 4),
        ("ResNet50V2", 224, "resnet50v2", 270, 23_564_800, 17),
        ("ResNet101V2", 224, "resnet101v2", 542, 42_626_560, 34),
        ("ResNet152V2", 224, "resnet152v2", 814, 58_331_648, 51),
    ),
    **_family(
        "none",
        ("MobileNetV3Small", 224, "MobileNetV3Small", 206, 939_120, 13),
        ("MobileNetV3Large", 224, "MobileNetV3Large", 262, 2_996_352, 17),
        bare="tf",
    ),
    **_family(
        "caffe",
        ("ResNet50", 224, "resnet50", 318, 23_587_712, 17),
        ("ResNet101", 224, "resnet101", 624, 42_658_176, 34),
        ("ResNet152", 224, "resnet152", 930, 58_370_944, 51),
        ("VGG16", 224, "vgg16", 26, 14_714_688, 13),
        ("VGG19", 224, "vgg19", 32, 20_024_384, 16),
    ),
    **_family(
        "tf",
        ("Xception", 299, "xception", 234, 20_861_480, 16),
        min_size=71,
    ),
}


def find_application(name: str) -> Application:
    """The row of a constructor's name.

    Raises:
        ValueError: For an unknown name, with the nearest ones.
    """
    if name in APPLICATIONS:
        return APPLICATIONS[name]
    by_lower_case = {known.lower(): known for known in APPLICATIONS}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=3)
    near = [by_lower_case[match] for match in near] or sorted(APPLICATIONS)
    raise ValueError(
        f"Unknown backbone. Received: {name!r}. Expected the name of a model "
        "in keras.applications, a path to a .keras file or a model. Nearest "
        f"names: {', '.join(near)}."
    )


def recognize_application(model: keras.Model) -> Application | None:
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


def _has_weights_of(row: Application, model: keras.Model) -> bool:
    missing = row.num_weights - len(model.weights)
    if row.name.startswith("MobileNet"):
        return missing == 0
    missing_params = row.num_params - model.count_params()
    # Cut below its top, ConvNeXt lacks the last normalisation, which is built
    # another way there.
    last = 2 * model.output.shape[-1] if missing == 2 else 0
    return missing in (0, 2) and missing_params == last


def preprocessing_of(
    row: Application, model: keras.Model
) -> str | keras.layers.Layer:
    """What turns 0..255 into the input of a recognised model.

    Args:
        row: What `recognize_application(model)` returned.
        model: The model; whether it normalises inside is read off its layers.

    Returns:
        A mode of `ImageNetPreprocessing`, or a layer.
    """
    normalizing = (
        keras.layers.Normalization,
        keras.layers.Rescaling,
        ImageNetPreprocessing,
    )
    if any(isinstance(layer, normalizing) for layer in model.layers):
        return "none"
    if isinstance(row.bare_preprocessing, str):
        return row.bare_preprocessing
    return keras.layers.Rescaling(*row.bare_preprocessing)
