"""The options of `keras-transfer match`."""

from collections.abc import Callable

SUMMARY = "train a target model to have a source's features, then on the labels"
EXAMPLES = """  keras-transfer match run/ MobileNetV3Small photos/ --shots 20
  keras-transfer match VGG16 ResNet50 photos/ --output resnet_run/
  keras-transfer match big.keras small.keras photos/ --weights none"""

# An option of `fit` alone.
DEFAULTS = {"augmentation": None, "levels": "last"}


def add_options(add: Callable[..., None]) -> None:
    """Adds the options of the command."""
    add("source", str, "SOURCE",
        "what to learn from: keras.applications name, .keras file or folder "
        "of a run")  # fmt: skip
    add("target", str, "TARGET",
        "what to train: keras.applications name or .keras file")  # fmt: skip
    add("data")
    add("--output", default="matched_run")
    add("--overwrite")
    add("--resume")
    add("--shots",
        text="use the labels of N samples a class only; features are matched "
        "on all")  # fmt: skip
    add("--weights", text='of the target: "imagenet", "none" or a file')
    add("--epochs", text="epochs of matching", default=5)
    add("--learning-rate", text="peak rate of matching", default=1e-3)
    add("--distance", str, "NAME", "distance between features", "mse")
    add("--head")
    add("--dropout")
    add("--data-dir")
    add("--task")
    add("--validation-split")
    add("--image-size")
    add("--batch-size")
    add("--seed")
