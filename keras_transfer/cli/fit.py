"""`keras-transfer fit DATA`: from a folder of photos to a served model."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_transfer import recipes, tuner
from keras_transfer._private.types import PathLike
from keras_transfer.cli import rank, training
from keras_transfer.cli.command import chosen, progress
from keras_transfer.data.sources.loose_photos import loose_photos
from keras_transfer.recipes import (
    config_schema,
    label_counts,
    run_folder,
    run_in_progress,
)
from keras_transfer.recipes.assessment.before_training import (
    assess_before_training,
)
from keras_transfer.storage.json_files import read_json
from keras_transfer.storage.printing import verbosity
from keras_transfer.training import distribution
from keras_transfer.tuner import trial_model
from keras_transfer.tuner.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from keras_transfer.data import Dataset, PhotoBatches
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.best_weights import TwoStageResult
    from keras_transfer.recipes.run_in_progress import RunInProgress

_HELD_OUT = 0.1
# Options of both recipes, with a value of the recipe's own for `None`.
_OF_TRAINING = (
    "epochs", "blocks", "learning_rate", "layer_decay", "gradual", "l2sp",
    "optimizer", "weight_decay", "head_epochs", "head_learning_rate",
)  # fmt: skip
_OF_FINE_TUNE = ("effort", "mixing", "max_minutes", "batch_size")
# Whatever determines a run, apart from the data themselves.
REPEATABLE = (
    "data", "data_dir", "task", "shots", "validation_split", "image_size",
    "batch_size", "backbone", "weights", "head", "dropout", "levels",
    "augmentation", "loss", "recipe", "class_weights", *_OF_TRAINING,
    "effort", "mixing", "unlabelled", "max_minutes", "hyperparameters",
    "objective", "no_unknown", "seed", "strategy",
)  # fmt: skip


def config_of(arguments: Namespace) -> PathLike | None:
    """The file whose options hold where the command line gives none."""
    if arguments.config is None and arguments.resume:
        found = run_in_progress.config_to_resume(arguments.output)
        return found if found.is_file() else None
    return arguments.config


def read_config(path: PathLike) -> dict[str, Any]:
    """Returns the options that a `config.json` holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not one that `fit` has written.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file '{path}'. Expected the config.json of an "
            "earlier run."
        )
    content = read_json(
        path, config_schema.OPTIONS,
        "Expected the config.json of a run or a best_recipe.json; mend it.",
    )  # fmt: skip
    return {k: content[k] for k in REPEATABLE if k in content}


def run(arguments: Namespace) -> int:
    """Trains, evaluates and writes the run."""
    if not arguments.resume:
        _check_data(arguments)
        _check_recipe(arguments)
    if arguments.levels is None:
        # Blocks are better fine-tuned from the last one alone.
        arguments.levels = "auto" if arguments.effort == "quick" else "last"
    with training.begun(arguments) as run:
        return _run(arguments, run)


def _check_data(arguments: Namespace) -> None:
    if not arguments.data:
        raise ValueError(
            "fit needs data. Expected a folder of photos, 'digits' or "
            "'tfds:NAME', or --config with the config.json of an earlier run."
        )


def _check_recipe(arguments: Namespace) -> None:
    given = {
        "effort": arguments.effort != "normal",
        "unlabelled": arguments.unlabelled is not None,
        "mixing": arguments.mixing is not None,
    }
    for name, is_given in given.items():
        if is_given and arguments.recipe != "auto":
            raise ValueError(
                f"--{name} belongs to the recipe 'auto'. Received: --{name} "
                f"{getattr(arguments, name)} --recipe {arguments.recipe}. "
                "Leave one of them out."
            )


def _run(arguments: Namespace, run: RunInProgress) -> int:
    _check_data(arguments)
    backbone = training.named_or_read(arguments.backbone)
    strategy = distribution.strategy(arguments.strategy)
    data = _loaded(arguments, backbone)
    if arguments.backbone == rank.AUTO:
        backbone = arguments.backbone = rank.best_of_small(arguments, data)
    run.describe(chosen(arguments, *REPEATABLE), data)
    with strategy.scope():
        if run.trains_further:
            model = _of_run(arguments, data)
        else:
            model = _new(arguments, backbone, data)
        distribution.prepare(model, strategy)
        progress(
            f"{arguments.backbone}: {len(model.blocks)} blocks, "
            f"{model.count_params():,} parameters"
        )
        run.reserve(model)
        result = _train(arguments, model, data, run)
    if not result.history:
        raise KeyboardInterrupt
    return training.finish(
        arguments, model, data, result, REPEATABLE, run,
        resume=f"keras-transfer fit --output {arguments.output} --resume",
        unknown=not arguments.no_unknown,
    )  # fmt: skip


def _loaded(arguments: Namespace, backbone: str | keras.Model) -> Dataset:
    """Reads the data; of few labels nothing is held out unless asked for."""
    if arguments.validation_split is None:
        arguments.validation_split = 0.0
        data = training.load_data(arguments, backbone)
        if arguments.recipe == "auto" and _has_few_labels(data):
            return data
        arguments.validation_split = _HELD_OUT
    return training.load_data(arguments, backbone)


def _has_few_labels(data: Dataset) -> bool:
    # Other labels than classes are judged on what is held out.
    classes = len(data.class_names or ())
    is_few = data.num_samples["train"] < label_counts.FEW * classes
    return data.task == "classification" and is_few


def _of_run(arguments: Namespace, data: Dataset) -> TransferModel:
    """The model of the whole run in --output."""
    model, _ = run_folder.read(arguments.output)
    run_folder.check_names(model, data)
    return model


def _new(
    arguments: Namespace, backbone: str | keras.Model, data: Dataset
) -> TransferModel:
    if arguments.recipe == "searched":
        return _as_searched(arguments, backbone, data)
    model = training.model_for(arguments, backbone, data)
    if arguments.loss:
        metrics = ["accuracy"] if data.task == "classification" else None
        model.compile("auto", loss=arguments.loss, metrics=metrics)
    return model


def _as_searched(
    arguments: Namespace, backbone: str | keras.Model, data: Dataset
) -> TransferModel:
    model = trial_model.build(
        _settings(arguments),
        backbone,
        len(data.class_names),
        input_shape=training.input_shape_of(data),
        weights=training.weights_of(arguments),
        seed=arguments.seed,
    )
    model.class_names = list(data.class_names)
    return model


def _settings(arguments: Namespace) -> Settings:
    found = arguments.hyperparameters
    if not found:
        raise ValueError(
            "The recipe 'searched' needs the hyperparameters of a search. "
            f"Received: {arguments.hyperparameters!r}. Expected --config with "
            "the best_recipe.json of `keras-transfer tune`."
        )
    return Settings(**found)


def _train(
    arguments: Namespace,
    model: TransferModel,
    data: Dataset,
    run: RunInProgress,
) -> TwoStageResult:
    options = {
        "seed": arguments.seed,
        "verbose": verbosity("auto"),
        "class_weight": training.class_weight(arguments.class_weights),
    }
    is_new = not run.trains_further
    if arguments.recipe == "searched" and is_new:
        return tuner.repeat_trial(
            model,
            _settings(arguments),
            data,
            **chosen(arguments, "epochs", "head_epochs", "objective"),
            **options,
        )
    options["checkpoint"] = run.checkpoints
    options |= _given(arguments)
    if arguments.recipe == "auto" and is_new:
        return recipes.fine_tune(
            model,
            data,
            **chosen(arguments, *_OF_FINE_TUNE),
            unlabelled=_unlabelled(arguments, data),
            on_features=None if arguments.no_assess else _assessed(arguments),
            **options,
        )
    if not is_new:
        options["head_epochs"] = 0
    return recipes.two_stage(model, data, **options)


def _unlabelled(arguments: Namespace, data: Dataset) -> PhotoBatches | None:
    if arguments.unlabelled is None:
        return None
    height, width, channels = training.input_shape_of(data)
    return loose_photos(
        arguments.unlabelled, image_size=(height, width), channels=channels,
        seed=arguments.seed,
    )  # fmt: skip


def _given(arguments: Namespace) -> dict[str, Any]:
    """The options of training that have no automatic value now."""
    found = chosen(arguments, *_OF_TRAINING)
    return {name: value for name, value in found.items() if value is not None}


def _assessed(arguments: Namespace) -> Callable[..., None]:
    """A function that tells about the data before the head is solved."""

    def assess(
        model: TransferModel,
        train: SeededBatches,
        features: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        try:
            found = assess_before_training(
                model, train, features, labels, seed=arguments.seed
            )
            found.save(arguments.output, pictures=False)
        except Exception as error:
            # What is told about data must not keep anybody from training.
            progress(f"Assessment of the data left out: {error}")
            return
        progress(f"{found.summary}\n")

    return assess
