"""`keras-transfer match SOURCE TARGET DATA`: features first, then labels."""

from pathlib import Path

import numpy as np

from keras_transfer import recipes
from keras_transfer.cli import training
from keras_transfer.cli.command import chosen
from keras_transfer.data.sampling import few_shot
from keras_transfer.data.unlabelled import without_labels
from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes import run_folder
from keras_transfer.storage.printing import verbosity

_REPEATABLE = (
    "source", "target", "data", "data_dir", "task", "shots", "validation_split",
    "image_size", "batch_size", "weights", "head", "dropout", "epochs",
    "learning_rate", "distance", "seed",
)  # fmt: skip


def run(arguments):
    """Matches, trains, evaluates and writes the run."""
    with training.begun(arguments) as run:
        return _run(arguments, run)


def _run(arguments, run):
    if arguments.resume and not run.goes_on:
        raise ValueError(
            f"The run in '{arguments.output}' is whole: there is nothing to "
            "go on with. Replace it by --overwrite, or train it further by "
            "`keras-transfer fit --resume`."
        )
    backbone = training.named_or_read(arguments.target)
    # Features are matched on all samples: the labels are taken out later.
    data = training.load_data(arguments, backbone, shots_per_class=None)
    run.describe(chosen(arguments, *_REPEATABLE), data)
    target = training.model_for(arguments, backbone, data)
    train, unlabelled = _labelled_part(arguments, data)
    run.reserve(target)
    result = recipes.match(
        source=_source(arguments.source),
        target=target,
        train=train,
        unlabelled=unlabelled,
        validation=data.validation,
        loss=arguments.distance,
        checkpoint=run.checkpoints,
        verbose=verbosity("auto"),
        **chosen(arguments, "epochs", "learning_rate", "batch_size", "seed"),
    )
    told = [str(result.pairs)] if result.pairs else []
    return training.finish(
        arguments, target, data, result, _REPEATABLE, run, told=told,
        resume="the same command with --resume",
    )  # fmt: skip


def _source(name):
    """The model of a run or of a file; any other source stays a name."""
    if Path(name).is_dir():
        return run_folder.read(name)[0]
    return training.named_or_read(name)


def _labelled_part(arguments, data):
    """The samples whose labels count, and the others."""
    if arguments.shots is None:
        return data.train, None
    labels = data.train.read_labels()
    drawn = few_shot(labels, arguments.shots, arguments.seed)
    rest = np.setdiff1d(np.arange(len(labels)), drawn)
    if not len(rest):
        return data.train, None
    unlabelled = without_labels(SubsetBatches(data.train, rest))
    return SubsetBatches(data.train, drawn), unlabelled
