"""The options of `keras-transfer assess`."""

from collections.abc import Callable

SUMMARY = "say before training whether a source fits your data, and check them"
EXAMPLES = """  keras-transfer assess photos/ --backbone MobileNetV2
  keras-transfer assess photos/ --source source_photos/ --output assessment/
  keras-transfer assess photos/ --backbone own.keras --json"""

# The model's head is never trained: any that fits the classes will do.
DEFAULTS = {"head": "", "dropout": 0.0, "augmentation": None, "levels": "last"}


def add_options(add: Callable[..., None]) -> None:
    """Adds the options of the command."""
    add("data")
    add("--backbone")
    add("--weights")
    add("--image-size")
    add("--source", str, "DATA2",
        "folder of photos of the kind that the source was trained on "
        "[none]")  # fmt: skip
    add("--unlabelled", str, "DIR",
        "folder of your photos without labels [none]")  # fmt: skip
    add("--output",
        text="folder for assessment.json, assessment.md and pictures "
        "[none]")  # fmt: skip
    add("--batch-size")
    add("--data-dir")
    add("--task")
    add("--shots")
    add("--seed")
