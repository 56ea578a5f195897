"""`keras-transfer assess DATA`: will it transfer, and what is in the data."""

from keras_transfer.cli import training
from keras_transfer.cli.command import progress, show
from keras_transfer.data.sources.loose_photos import loose_photos
from keras_transfer.recipes import run_folder
from keras_transfer.recipes.assessment import assess_transfer

SUMMARY = "say before training whether a source fits your data, and check them"
EXAMPLES = """  keras-transfer assess photos/ --backbone MobileNetV2
  keras-transfer assess photos/ --source source_photos/ --output assessment/
  keras-transfer assess photos/ --backbone own.keras --json"""

# The model's head is never trained: any that fits the classes will do.
DEFAULTS = {"head": "", "dropout": 0.0}


def add_options(add):
    """Adds the options of the command."""
    add("data")
    add("--backbone", str, "NAME", "keras.applications name or .keras file",
        "MobileNetV2")  # fmt: skip
    add("--weights")
    _add_data_options(add)


def _add_data_options(add):
    add("--image-size", int, "PX",
        "side of the images [of a .keras backbone its own, else 224; "
        "8 for digits]")  # fmt: skip
    add("--source", str, "DATA2",
        "folder of photos of the kind that the source was trained on "
        "[none]")  # fmt: skip
    add("--unlabelled", str, "DIR",
        "folder of your photos without labels [none]")  # fmt: skip
    add("--output", str, "DIR",
        "folder for assessment.json, assessment.md and pictures "
        "[none]")  # fmt: skip
    add("--batch-size")
    add("--data-dir")
    add("--task")
    add("--shots")
    add("--seed")


def run(arguments):
    """Assesses, prints, and writes what --output asks for."""
    if arguments.output:
        run_folder.check_writable(arguments.output)
    # Photos without parts have none held out: the probe is judged in folds.
    arguments.validation_split = 0.0
    backbone = training.named_or_read(arguments.backbone)
    data = training.load_data(arguments, backbone, test_split=0.0)
    _check_classes(data)
    source, unlabelled = (
        _others(place, arguments, data)
        for place in (arguments.source, arguments.unlabelled)
    )
    model = training.model_for(arguments, backbone, data)
    found = assess_transfer(
        model,
        data,
        source=source,
        unlabelled=unlabelled,
        seed=arguments.seed,
        verbose=training.verbosity(),
    )
    text = str(found)
    if arguments.output:
        written = found.save(arguments.output)
        text += f"\n{arguments.output}: {', '.join(written)}"
    show(arguments, found.to_json(), text)
    return 0


def _check_classes(data):
    if data.task != "classification":
        raise ValueError(
            "assess is for classes, of which each photo has one. Received: "
            f"data for {data.task}. Train with `keras-transfer fit` and judge "
            "by validation."
        )


def _others(place, arguments, data):
    """Photos of a folder without their labels, or `None`."""
    if place is None:
        return None
    progress(f"Reading {place} ...")
    height, width, channels = training.input_shape_of(data)
    return loose_photos(
        place,
        image_size=(height, width),
        channels=channels,
        seed=arguments.seed,
    )
