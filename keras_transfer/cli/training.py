"""Shared by the commands that train."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer.cli.command import (
    INTERRUPTED,
    chosen,
    progress,
    show,
)
from keras_transfer.data import load
from keras_transfer.data.class_weights import ClassWeight
from keras_transfer.data.texts import holds_texts
from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.models import TransferModel
from keras_transfer.recipes import (
    evaluation,
    run_folder,
    run_in_progress,
    writers,
)
from keras_transfer.recipes.assessment.unknown import (
    ENOUGH_FOR_THRESHOLD,
    UnknownDetector,
)
from keras_transfer.recipes.evaluation_text import evaluation_table
from keras_transfer.storage.files import load_model

if TYPE_CHECKING:
    from keras_transfer.data import Dataset
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.recipes.best_weights import TwoStageResult
    from keras_transfer.recipes.run_in_progress import RunInProgress


def named_or_read(name: str) -> str | keras.Model:
    """The model in a `.keras` file; any other source stays a name."""
    if not name.endswith(".keras"):
        return name
    return load_model(name, compile=False)


def load_data(
    arguments: Namespace, backbone: str | keras.Model, **changed: Any
) -> Dataset:
    """Reads the data that a command was given, and says what they are.

    Args:
        arguments: the parsed arguments.
        backbone: what `named_or_read` returns.
        **changed: arguments of `data.load` that take others' place.
    """
    keras.utils.set_random_seed(arguments.seed)
    progress(f"Reading {arguments.data} ...")
    size = arguments.image_size
    options = {
        "image_size": _own_size(backbone) if size is None else size,
        "shots_per_class": arguments.shots,
        "batch_size": arguments.batch_size or 32,
    } | chosen(arguments, "validation_split", "data_dir", "seed", "task")
    loaded = load(arguments.data, **options | changed)
    if holds_texts(loaded.train.read(np.arange(1))[0]):
        raise ValueError(
            f"The command line knows photos. Received: texts in "
            f"'{arguments.data}'. In Python: data = "
            "keras_transfer.data.load(...), and keras_transfer.fine_tune("
            "TransferModel('hub:PRESET', ...), data)."
        )
    arguments.skipped = loaded.skipped
    progress(repr(loaded))
    return loaded


def _own_size(backbone: str | keras.Model) -> tuple[int, int] | None:
    """The image size of a model in a file, `None` where any will do."""
    if isinstance(backbone, str):
        return None
    shape = backbone.input_shape
    is_image = isinstance(shape, tuple) and len(shape) == 4
    return shape[1:3] if is_image and None not in shape[1:3] else None


def model_for(
    arguments: Namespace, backbone: str | keras.Model, data: Dataset
) -> TransferModel:
    """Returns a model of a backbone with the head that the labels call for."""
    model = TransferModel(
        backbone,
        head=_head(arguments, data),
        input_shape=input_shape_of(data),
        weights=weights_of(arguments),
        augmentation=arguments.augmentation,
        levels=_levels(arguments.levels),
    )
    model.class_names = list(data.class_names or data.target_names)
    return model


def _levels(text: str) -> str | int:
    """`levels` of `TransferModel` for --levels."""
    return int(text) if text.isdecimal() else text


def input_shape_of(data: Dataset) -> tuple[int, ...]:
    """The shape of one image."""
    return tuple(data.train[0][0].shape[1:])


def weights_of(arguments: Namespace) -> str | None:
    """Returns the `weights` of `TransferModel` for --weights."""
    return None if arguments.weights == "none" else arguments.weights


def _head(
    arguments: Namespace, data: Dataset
) -> ClassificationHead | RegressionHead:
    options = {
        "hidden_units": hidden_units(arguments.head),
        "dropout": arguments.dropout,
        "name": "head",
    }
    if data.task == "regression":
        return RegressionHead(len(data.target_names), **options)
    activation = "sigmoid" if data.task == "multi_label" else "softmax"
    return ClassificationHead(
        len(data.class_names), activation=activation, **options
    )


def hidden_units(text: str) -> tuple[int, ...]:
    """Returns `"256,128"` as `(256, 128)`.

    Raises:
        ValueError: it is no list of whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            "--head takes the widths of the hidden layers. Received: "
            f"'{text}'. Expected whole numbers with commas, as in 256,128."
        ) from None


def class_weight(text: str | None) -> ClassWeight | None:
    """Returns `"a=2,b=1"` as `{"a": 2.0, "b": 1.0}`; "balanced" stays.

    Raises:
        ValueError: it is neither.
    """
    if text is None or text == "balanced":
        return text
    try:
        pairs = [part.rsplit("=", 1) for part in text.split(",")]
        return {name.strip(): float(weight) for name, weight in pairs}
    except ValueError:
        raise ValueError(
            f"--class-weights takes weights by class. Received: '{text}'. "
            "Expected balanced, or names with numbers as in cat=2,dog=1."
        ) from None


def begun(arguments: Namespace) -> AbstractContextManager[RunInProgress]:
    """Holds --output for the run of a command, as `run_in_progress.begun`."""
    return run_in_progress.begun(
        arguments.output,
        overwrite=arguments.overwrite,
        resume=arguments.resume,
    )


def finish(
    arguments: Namespace,
    model: TransferModel,
    data: Dataset,
    result: TwoStageResult,
    repeatable: Iterable[str],
    run: RunInProgress,
    *,
    told: Iterable[str] = (),
    resume: str | None = None,
    unknown: bool = True,
) -> int:
    """Evaluates a model and writes its run; returns the exit code.

    Args:
        arguments: the parsed arguments.
        model: the trained `TransferModel`.
        data: what `load` returns.
        result: what the recipe returned.
        repeatable: names of the arguments that `config.json` keeps.
        run: the `RunInProgress`.
        told: lines to print before everything else.
        resume: the command that goes on with an interrupted run.
        unknown: whether the run keeps an `UnknownDetector`.
    """
    progress("Evaluating and writing ...")
    metrics: dict[str, Any] = {
        name: evaluation.evaluate(model, part)
        for name, part in _held_out(data).items()
    }
    kept = ("best", "stages", "interrupted", "choices", "warnings")
    metrics |= {name: getattr(result, name) for name in kept}
    gap = evaluation.gap_warning(metrics)
    if gap:
        metrics["warnings"] = [*metrics["warnings"], gap]
    detector = _detector(arguments, model, data) if unknown else None
    if detector:
        metrics["unknown"] = detector.to_json()
    metrics["skipped"] = data.skipped
    config = chosen(arguments, *repeatable)
    config["num_samples"] = data.num_samples
    config["input_shape"] = list(model.input_shape[1:])
    run.release()
    written = run_folder.write(
        arguments.output, model, result, metrics, config, run.splits, detector
    )
    if not result.interrupted:
        run.end()
    told = [*told, str(detector)] if detector else told
    text = "\n".join(
        [*told, _text(arguments, metrics, result, written, resume)]
    )
    show(arguments, metrics | {"output": arguments.output}, text)
    return INTERRUPTED if result.interrupted else 0


def _held_out(data: Dataset) -> dict[str, SeededBatches]:
    """The parts that were not trained on, by name."""
    parts = data.parts()
    return {name: parts[name] for name in parts if name != "train"}


def _detector(
    arguments: Namespace, model: TransferModel, data: Dataset
) -> UnknownDetector | None:
    """What tells photos that are like none of the training data.

    The threshold comes from what is held out; the test part serves where
    nothing else does, since no label of it is looked at.
    """
    enough = {
        name: part
        for name, part in _held_out(data).items()
        if part.num_samples >= ENOUGH_FOR_THRESHOLD
    }
    name, held_out = next(iter(enough.items()), ("", None))
    try:
        return UnknownDetector.fit(
            model,
            data.train,
            validation=held_out,
            validation_name=name,
            seed=arguments.seed,
            verbose=0,
        )
    except ValueError as error:
        # Nothing of a training may be lost to what stands beside it.
        progress(f"No unknown score is kept: {error}")
        return None


def _text(
    arguments: Namespace,
    metrics: dict[str, Any],
    result: TwoStageResult,
    written: list[str],
    resume: str | None,
) -> str:
    lines = [writers.stage_table(result.stages)]
    lines += [
        evaluation_table(metrics[name], name)
        for name in ("validation", "test")
        if name in metrics
    ]
    lines += [f"Note: {sentence}" for sentence in metrics["warnings"]]
    lines.append(f"{arguments.output}: {', '.join(written)}")
    if result.interrupted:
        lines.append("Interrupted: this is the best epoch so far.")
        if resume:
            lines.append(f"To go on from it: {resume}")
    else:
        lines.append(f"Next: keras-transfer predict {arguments.output} PHOTO")
    return "\n".join(lines)
