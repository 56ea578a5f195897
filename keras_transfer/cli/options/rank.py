"""The options of `keras-transfer rank`."""

SUMMARY = "rank source models for your data, before anything is trained"
EXAMPLES = """  keras-transfer rank photos/
  keras-transfer rank photos/ --backbone MobileNetV2,ResNet50,own.keras
  keras-transfer rank photos/ --image-size 160 --shots 100 --output ranking/
  keras-transfer rank photos/ --fine-tune --json"""

# Nothing is held out: a probe is judged by cross-validation.
DEFAULTS = {"validation_split": 0.0}
# One of each family of `keras.applications` that has a model below 8 million
# parameters with published ImageNet weights for any image size.
SMALL = (
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "EfficientNetV2B0",
    "DenseNet121",
)  # fmt: skip


def add_options(add):
    """Adds the options of the command."""
    add("data")
    add("--backbone", metavar="A,B,...", default="",
        text="keras.applications names, hub: presets and .keras files, with "
        f"commas [{','.join(SMALL)}]")  # fmt: skip
    add("--fine-tune", bool, None,
        "fine-tune the best prior and the best probe too, and judge both on "
        "held-out photos")  # fmt: skip
    add("--output", default="",
        text="folder for table, JSON, Markdown and picture "
        "[none]")  # fmt: skip
    add("--image-size", text="side of the images [224; 8 for digits]")
    add("--weights")
    add("--shots", text="rank on N samples a class only")
    add("--data-dir")
    add("--task")
    add("--batch-size", text="images a step [32]")
    add("--seed")
