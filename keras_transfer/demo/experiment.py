"""The demo: from digits 0 to 4 to digits 5 to 9, measured and not scripted."""

import time
from pathlib import Path

import keras
import numpy as np

from keras_transfer import files, report
from keras_transfer.demo import digits, story
from keras_transfer.demo.read_back import served_scores
from keras_transfer.export import export_saved_model
from keras_transfer.freezing import set_trainable_depth
from keras_transfer.layers import ClassificationHead
from keras_transfer.models import TransferModel
from keras_transfer.probe import solve_softmax

SHOTS = (5, 20)
# Test accuracy is read after these epochs, whatever it is there; the first
# and the last are in the table.
EPOCHS = (5, 10, 20, 40)
# The best of 1e-3, 3e-3 and 1e-2 for both sides, on samples that are neither
# trained on nor tested on.
RATE = 3e-3
SOURCE_EPOCHS, SOURCE_COPIES = 5, 10
NAMES = ["five", "six", "seven", "eight", "nine"]
LINEAR = "linear test of the source's features"
TUNED = "fine-tuned from the source"
SCRATCH = "the same net from scratch"


def run(folder, num_seeds=3, progress=print):
    """Runs all stages and writes their artefacts.

    Args:
        folder: where `source.keras`, `model.keras`, `saved_model/`,
            `results.json` and `accuracy.png` go.
        num_seeds: repetitions, each with other labelled samples and other
            initial weights, the same for both sides.
        progress: called with one line before each stage.

    Returns:
        Dict with `source` (what it can do before and after), `rows` (one a
        way, number of labels and epoch: the test accuracies, their mean and
        standard deviation), `differences` (fine-tuned minus from scratch, in
        pairs, with its standard error), `export`, `output` and `seconds`.
    """
    started = time.perf_counter()
    folder = Path(folder)
    old = digits.digits(range(5), SOURCE_COPIES)
    new = digits.digits(range(5, 10))
    progress("Stage 1: training a source model on the digits 0 to 4 ...")
    source = _source_model(old["train"])
    files.save_model(source, folder / "source.keras")
    before = {"weights": source.get_weights(), "accuracy": _test(source, old)}
    start = TransferModel(source, head=_head())
    rows, model = _compare(start, new, num_seeds, progress)
    progress("Serving: exporting, and reading the export back elsewhere ...")
    model.class_names = NAMES
    files.save_model(model, folder / "model.keras")
    result = {
        "source": _what_is_kept(source, before, model, old),
        "rows": rows,
        "differences": _differences(rows),
        "export": _export(model, folder, new["test"][0]),
        "output": str(folder),
        "seconds": time.perf_counter() - started,
    }
    story.plot(rows, folder / "accuracy.png")
    report.write_json(folder / "results.json", result)
    return result


def _compare(start, data, num_seeds, progress):
    """Returns the rows of all ways, and a fine-tuned model."""
    rows, model = [], None
    for shots in SHOTS:
        few = [
            digits.few(data["train"], shots, seed) for seed in range(num_seeds)
        ]
        progress(f"Stage 2: is there enough in it, for {shots} labels a class?")
        linear = [[_linear_test(start, x, data["test"])] for x in few]
        progress(
            f"Stage 4: fine-tuning on {shots} labels a class of 5 to 9 ..."
        )
        tuned = [
            _tune(start, few[s], data["test"], s) for s in range(num_seeds)
        ]
        progress("         ... and the same net from scratch, to compare ...")
        scratch = [_scratch(few[s], data["test"], s) for s in range(num_seeds)]
        rows += _rows(LINEAR, shots, EPOCHS[-1:], linear)
        rows += _rows(TUNED, shots, EPOCHS, [curve for _, curve in tuned])
        rows += _rows(SCRATCH, shots, EPOCHS, scratch)
        model = tuned[0][0]
    return rows, model


def _network():
    """A small network from `(16, 16, 1)` pixels in 0..255 to feature maps."""
    layers = keras.layers
    inputs = keras.Input((digits.SIZE, digits.SIZE, 1))
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for index, filters in enumerate((16, 32, 64)):
        if index:
            x = layers.MaxPooling2D(name=f"pool{index}")(x)
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"conv{index}"
        )(x)
    return keras.Model(inputs, x, name="digit_net")


def _head():
    return ClassificationHead(5, pooling="max", name="head")


def _source_model(data):
    keras.utils.set_random_seed(0)
    body = _network()
    x = keras.layers.GlobalMaxPooling2D(name="pooling")(body.output)
    outputs = keras.layers.Dense(5, activation="softmax", name="classes")(x)
    source = keras.Model(body.input, outputs, name="digit_source")
    _compile(source, 1e-3)
    source.fit(*data, epochs=SOURCE_EPOCHS, batch_size=32, verbose=0)
    return source


def _linear_test(start, few, test):
    """Test accuracy of a logistic regression on the frozen features."""
    probe = solve_softmax((_features(start, few[0]), few[1]), None, 5)
    scores = _features(start, test[0]) @ probe.kernel + probe.bias
    return float(np.mean(scores.argmax(axis=-1) == test[1]))


def _features(model, images):
    features = model.backbone.predict(images, verbose=0, batch_size=512)
    return features.max(axis=(1, 2))


def _tune(start, few, test, seed):
    keras.utils.set_random_seed(seed)
    backbone = keras.models.clone_model(start.backbone)
    backbone.set_weights(start.backbone.get_weights())
    model = TransferModel(backbone, head=_head())
    # So few steps of so small a net: a head trained first gains nothing here.
    set_trainable_depth(model, len(model.blocks))
    return model, _train(model, few, test, seed)


def _scratch(few, test, seed):
    keras.utils.set_random_seed(seed)
    model = TransferModel(_network(), head=_head(), weights=None)
    return _train(model, few, test, seed)


def _train(model, few, test, seed):
    """Trains; returns the test accuracy after each of `EPOCHS`."""
    _compile(model, RATE)
    history = model.fit(
        *few,
        batch_size=16,
        epochs=EPOCHS[-1],
        validation_data=test,
        validation_freq=list(EPOCHS),
        validation_batch_size=512,
        seed=seed,
        verbose=0,
    )
    return [float(value) for value in history.history["val_accuracy"]]


def _compile(model, rate):
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )


def _test(model, data):
    images, labels = data["test"]
    predicted = model.predict(images, verbose=0, batch_size=512)
    return float(np.mean(predicted.argmax(axis=-1) == labels))


def _what_is_kept(source, before, model, data):
    """The source itself, and its own top on features that were fine-tuned."""
    images, labels = data["test"]
    same = map(np.array_equal, before["weights"], source.get_weights())
    kernel, bias = source.get_layer("classes").get_weights()
    scores = _features(model, images) @ kernel + bias
    return {
        "accuracy": before["accuracy"],
        "unchanged": bool(all(same)),
        "accuracy on fine-tuned features": float(
            np.mean(scores.argmax(axis=-1) == labels)
        ),
    }


def _rows(way, shots, epochs, curves):
    values = np.asarray(curves)
    return [
        {
            "way": way,
            "shots": shots,
            "epochs": epoch,
            "mean": float(column.mean()),
            "spread": float(column.std(ddof=1)) if len(column) > 1 else None,
            "accuracies": column.tolist(),
        }
        for epoch, column in zip(epochs, values.T, strict=True)
    ]


def _differences(rows):
    """Fine-tuned minus from scratch, seed by seed."""
    by_key = {(r["way"], r["shots"], r["epochs"]): r for r in rows}
    found = []
    for way, shots, epochs in by_key:
        if way == TUNED:
            pair = [by_key[w, shots, epochs] for w in (TUNED, SCRATCH)]
            tuned, scratch = (np.array(r["accuracies"]) for r in pair)
            gap = tuned - scratch
            error = gap.std(ddof=1) / len(gap) ** 0.5 if len(gap) > 1 else None
            found.append(
                {
                    "shots": shots,
                    "epochs": epochs,
                    "mean": float(gap.mean()),
                    "standard error": None if error is None else float(error),
                }
            )
    return found


def _export(model, folder, images):
    """Exports, and compares with what another process makes of the export."""
    path = export_saved_model(model, folder / "saved_model")
    images = images.astype("uint8")
    served = served_scores(path, images)
    expected = model.predict(images, verbose=0, batch_size=len(images))
    return {
        "path": str(path),
        "largest difference": float(np.abs(served - expected).max()),
    }
