"""`keras-transfer match SOURCE TARGET DATA`: features first, then labels."""

import sys

EXAMPLES = """  keras-transfer match run/ MobileNetV3Small photos/ --shots 20
  keras-transfer match VGG16 ResNet50 photos/ --output resnet_run/
  keras-transfer match big.keras small.keras photos/ --weights none"""

_REPEATABLE = (
    "source", "target", "data", "data_dir", "shots", "validation_split",
    "image_size", "batch_size", "weights", "head", "dropout", "epochs",
    "learning_rate", "distance", "seed",
)  # fmt: skip


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands,
        "match",
        run,
        "train a target model to have a source's features, then on the labels",
        EXAMPLES,
    )
    add = parser.add_argument
    add("source", metavar="SOURCE",
        help="what to learn from: keras.applications name, .keras file or "
        "folder of a run")  # fmt: skip
    add("target", metavar="TARGET",
        help="what to train: keras.applications name or .keras "
        "file")  # fmt: skip
    add("data", metavar="DATA",
        help='folder of photos, "digits" or "tfds:NAME"')  # fmt: skip
    add("--output", default="matched_run", metavar="DIR",
        help="folder to write [%(default)s]")  # fmt: skip
    add("--shots", type=int, metavar="N",
        help="use the labels of N samples a class only; features are matched "
        "on all")  # fmt: skip
    add("--weights", default="imagenet", metavar="W",
        help='of the target: "imagenet", "none" or a file '
        "[%(default)s]")  # fmt: skip
    add("--epochs", type=int, default=5, metavar="N",
        help="epochs of matching [%(default)s]")  # fmt: skip
    add("--learning-rate", type=float, default=1e-3, metavar="R",
        help="peak rate of matching [%(default)s]")  # fmt: skip
    add("--distance", default="mse", metavar="NAME",
        help="distance between features [%(default)s]")  # fmt: skip
    add("--head", default="", metavar="UNITS",
        help='hidden layers of the head, as in "256" [none]')  # fmt: skip
    add("--dropout", type=float, default=0.0, metavar="P",
        help="dropout in the head [%(default)s]")  # fmt: skip
    add("--data-dir", metavar="DIR", help="where TFDS keeps its data")
    add("--validation-split", type=float, default=0.1, metavar="P",
        help="part of the training data held out [%(default)s]")  # fmt: skip
    add("--image-size", type=int, metavar="PX",
        help="side of the images [of a .keras target its own, else "
        "224]")  # fmt: skip
    add("--batch-size", type=int, default=32, metavar="N",
        help="images a step [%(default)s]")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N",
        help="seed of splits, order and weights [%(default)s]")  # fmt: skip


def run(arguments):
    """Matches, trains, evaluates and writes the run."""
    from keras_transfer.cli.training import (
        finish,
        load,
        model_for,
        named_or_read,
    )
    from keras_transfer.recipes import match, run_folder

    run_folder.check_writable(arguments.output)
    backbone = named_or_read(arguments.target)
    labelled = arguments.shots
    arguments.shots = None
    data = load(arguments, backbone)
    arguments.shots = labelled
    target = model_for(arguments, backbone, data)
    train, unlabelled = _labelled_part(arguments, data)
    result = match(
        target,
        _source(arguments.source),
        train,
        unlabelled,
        data.validation,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        loss=arguments.distance,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        verbose="auto" if sys.stdout.isatty() else 2,
    )
    pairs = str(result.pairs)
    return finish(arguments, target, data, result, _REPEATABLE, told=[pairs])


def _source(name):
    """The model of a run or of a file; any other source stays a name."""
    from pathlib import Path

    from keras_transfer.cli.training import named_or_read
    from keras_transfer.recipes import run_folder

    if Path(name).is_dir():
        return run_folder.read(name).model
    return named_or_read(name)


def _labelled_part(arguments, data):
    """The samples whose labels count, and the others."""
    import numpy as np

    from keras_transfer.data.sampling import few_shot
    from keras_transfer.data.views import SubsetBatches

    if arguments.shots is None:
        return data.train, None
    labels = data.train.read_labels()
    chosen = few_shot(labels, arguments.shots, arguments.seed)
    rest = np.setdiff1d(np.arange(len(labels)), chosen)
    if not len(rest):
        return data.train, None
    return SubsetBatches(data.train, chosen), SubsetBatches(data.train, rest)
