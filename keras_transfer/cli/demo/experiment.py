"""The demo's stages, one after the other: measured and not scripted."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.cli.demo import digits, measures, story, ways
from keras_transfer.cli.demo.digits import Samples
from keras_transfer.cli.demo.read_back import served_scores
from keras_transfer.models import TransferModel
from keras_transfer.recipes import writers
from keras_transfer.recipes.head_stage import pooled_once
from keras_transfer.recipes.writers import Row
from keras_transfer.serving.saved_model import export_saved_model
from keras_transfer.storage import files

SHOTS = (5, 20)
SOURCE_COPIES = 10
NAMES = ["five", "six", "seven", "eight", "nine"]
LINEAR = "linear head on the source's features"
TUNED = "fine-tuned from the source"
SCRATCH = "the same net from scratch"


def run(
    folder: PathLike,
    num_seeds: int = 3,
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Runs all stages and writes their artefacts.

    Args:
        folder: where `source.keras`, `model.keras`, `saved_model/`,
            `results.json` and `accuracy.png` go.
        num_seeds: repetitions, each with other labelled samples and other
            initial weights.
        progress: called with one line before each stage.

    Returns:
        Dict with `source` (what it can do before and after), `rows` (one a
        way, number of labels and epoch: the test accuracies, their mean and
        standard deviation), `differences` (fine-tuned minus from scratch, in
        pairs, with its standard error), `matching` (what another architecture
        makes of the features of the fine-tuned model), `export`, `output`
        and `seconds`.

    Raises:
        ValueError: there is nothing to repeat.
    """
    if num_seeds < 1:
        raise ValueError(
            "The demo needs at least one repetition. Received: "
            f"num_seeds={num_seeds}."
        )
    started = time.perf_counter()
    folder = Path(folder)
    old = digits.digits(range(5), SOURCE_COPIES)
    new = digits.digits(range(5, 10))
    progress("Stage 1: training a source model on the digits 0 to 4 ...")
    source = ways.source_model(old["train"])
    files.save_model(source, folder / "source.keras")
    before = source.get_weights(), ways.accuracy(source, old["test"])
    start = ways.start_model(source)
    rows, models = _compare(start, new, range(num_seeds), progress)
    progress("Stage 3: another architecture learns the features ...")
    matching = _match(models[SHOTS[0]], new)
    model = models[SHOTS[-1]][0]
    progress("Serving: exporting, and reading the export back elsewhere ...")
    model.class_names = NAMES
    files.save_model(model, folder / "model.keras")
    result = {
        "source": _what_is_kept(source, before, model, old["test"]),
        "rows": rows,
        "matching": matching,
        "differences": measures.differences(rows, TUNED, SCRATCH),
        "export": _export(model, folder, new["test"][0]),
        "output": str(folder),
        "seconds": time.perf_counter() - started,
    }
    story.plot(rows, folder / "accuracy.png")
    writers.write_json(folder / "results.json", result)
    return result


def _compare(
    start: TransferModel,
    data: dict[str, Samples],
    seeds: Sequence[int],
    progress: Callable[[str], None],
) -> tuple[list[Row], dict[int, tuple[TransferModel, ...]]]:
    """Returns the rows of all ways, and the fine-tuned models by labels."""
    rows, all_models, test = [], {}, data["test"]
    for shots in SHOTS:
        progress(f"Target: {shots} labels a class of the digits 5 to 9 ...")
        few = {s: digits.few(data["train"], shots, s) for s in seeds}
        tuned = [ways.fine_tuned(start, few[s], test, s) for s in seeds]
        progress("        ... and the same net from scratch, to compare ...")
        scratch = [ways.from_scratch(few[s], test, s) for s in seeds]
        models, linear, curves = zip(*tuned, strict=True)
        rows += measures.rows(
            LINEAR, shots, ways.EPOCHS[-1:], [[value] for value in linear]
        )
        rows += measures.rows(TUNED, shots, ways.EPOCHS, curves)
        rows += measures.rows(SCRATCH, shots, ways.EPOCHS, scratch)
        all_models[shots] = models
    return rows, all_models


def _match(
    sources: Sequence[TransferModel], data: dict[str, Samples]
) -> dict[str, Any]:
    """Matches the features of each source, one a seed, on unlabelled digits."""
    shots, images = SHOTS[0], data["train"][0]
    found = [
        ways.matched(source, images, data["test"], s)
        for s, source in enumerate(sources)
    ]
    alone = []
    for s in range(len(sources)):
        few = digits.few(data["train"], shots, s)
        alone.append(ways.other_from_scratch(few, data["test"], s))
    return {
        "labels a class": shots,
        "matched": [accuracy for accuracy, _ in found],
        "labels alone": alone,
        "pairs": found[0][1],
    }


def _what_is_kept(
    source: keras.Model,
    before: tuple[list[np.ndarray], float],
    model: TransferModel,
    test: Samples,
) -> dict[str, Any]:
    """The source itself, and its own top on features that were fine-tuned."""
    weights, accuracy = before
    same = map(np.array_equal, weights, source.get_weights())
    kernel, bias = source.get_layer("classes").get_weights()
    features, _ = pooled_once(model, test, "given", verbose=0)
    scores = features @ kernel + bias
    return {
        "accuracy": accuracy,
        "unchanged": bool(all(same)),
        "accuracy on fine-tuned features": float(
            np.mean(scores.argmax(axis=-1) == test[1])
        ),
    }


def _export(
    model: TransferModel, folder: Path, images: np.ndarray
) -> dict[str, Any]:
    """Exports, and compares with what another process makes of the export."""
    path = export_saved_model(model, folder / "saved_model")
    images = images.astype("uint8")
    served = served_scores(path, images)
    expected = model.predict(images, verbose=0, batch_size=len(images))
    return {
        "path": str(path),
        "largest difference": float(np.abs(served - expected).max()),
    }
