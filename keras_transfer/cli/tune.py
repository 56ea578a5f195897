"""`keras-transfer tune DATA`: a search over hyperparameters."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from keras_transfer import tuner
from keras_transfer.cli import training
from keras_transfer.cli.command import chosen, split_names
from keras_transfer.recipes import run_in_progress, writers
from keras_transfer.training import distribution
from keras_transfer.tuner import search_space
from keras_transfer.tuner.objectives import default_objective

if TYPE_CHECKING:
    from keras_transfer.data import Dataset
    from keras_transfer.recipes.run_in_progress import RunInProgress

# What `fit --config` needs to train the best trial once more.
_RECIPE = (
    "data", "data_dir", "task", "shots", "validation_split", "image_size",
    "batch_size", "backbone", "weights", "recipe", "hyperparameters",
    "epochs", "head_epochs", "objective", "class_weights", "seed", "strategy",
)  # fmt: skip


def run(arguments: Namespace) -> int:
    """Searches, evaluates the best model and writes the run."""
    folder = Path(arguments.output)
    is_search = (folder / "search").is_dir()
    with run_in_progress.begun(
        folder, overwrite=arguments.overwrite or is_search
    ) as run:
        return _run(arguments, folder, run)


def _run(arguments: Namespace, folder: Path, run: RunInProgress) -> int:
    names = list(dict.fromkeys(split_names(arguments.backbone)))
    backbones = [training.named_or_read(name) for name in names]
    strategy = distribution.strategy(arguments.strategy)
    # Each trial picks its own; this is for reading.
    arguments.batch_size = 32
    data = training.load_data(arguments, backbones[0] if backbones else "")
    run.describe(chosen(arguments, "data"), data)
    hypermodel = _hypermodel(
        arguments, backbones, data, folder / "features", strategy
    )
    class_weight = training.class_weight(arguments.class_weights)
    arguments.objective = arguments.objective or default_objective(class_weight)
    result = tuner.search(
        hypermodel,
        data,
        directory=folder / "search",
        class_weight=class_weight,
        **chosen(
            arguments, "trials", "epochs", "tuner", "objective",
            "keep_checkpoints", "overwrite", "tensorboard", "seed",
        ),
    )  # fmt: skip
    if result.model is None:
        raise KeyboardInterrupt
    if not result.interrupted:
        shutil.rmtree(folder / "features", ignore_errors=True)
    result.model.class_names = list(data.class_names)
    found = result.recipe["hyperparameters"]
    place = list(hypermodel.backbones).index(found["backbone"])
    vars(arguments).update(
        recipe="searched",
        hyperparameters=found,
        backbone=names[place],
        head_epochs=result.recipe["head_epochs"],
    )
    _write(folder, arguments, result)
    return training.finish(
        arguments, result.model, data, result, _RECIPE, run,
        told=[result.table(), result.verdict()], resume="the same command",
    )  # fmt: skip


def _hypermodel(
    arguments: Namespace,
    backbones: Iterable[str | keras.Model],
    data: Dataset,
    features: Path,
    strategy: distribution.Strategy,
) -> tuner.TransferHyperModel:
    if data.task != "classification":
        raise ValueError(
            f"tune searches classifiers with one label a sample. Received: "
            f"{data.task} data. Use `keras-transfer fit`."
        )
    return tuner.TransferHyperModel(
        len(data.class_names),
        training.input_shape_of(data),
        backbones,
        search_space.space_for(arguments.space, data.train.num_samples),
        weights=training.weights_of(arguments),
        feature_cache=str(features),
        head_epochs=arguments.head_epochs,
        strategy=strategy,
        seed=arguments.seed,
    )


def _write(
    folder: Path, arguments: Namespace, result: tuner.SearchResult
) -> None:
    recipe = chosen(arguments, *_RECIPE)
    writers.write_json(folder / "best_recipe.json", recipe)
    rows = [row | row["hyperparameters"] for row in result.trials]
    for row in rows:
        del row["hyperparameters"]
    writers.write_rows(folder / "trials.csv", rows)
    result.plot(folder / "trials.png")
