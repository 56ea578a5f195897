"""`keras-transfer assess DATA`: will it transfer, and what is in the data."""

from keras_transfer.cli import training
from keras_transfer.cli.command import progress, show
from keras_transfer.data.sources.loose_photos import loose_photos
from keras_transfer.recipes import run_folder
from keras_transfer.recipes.assessment import assess_transfer
from keras_transfer.storage.printing import verbosity


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
        verbose=verbosity("auto"),
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
