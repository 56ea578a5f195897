"""The demo: from digits 0 to 4 to digits 5 to 9, measured and not scripted."""

import time
from pathlib import Path

import keras
import numpy as np

from keras_transfer import export, files, report
from keras_transfer.freezing import set_trainable_depth
from keras_transfer.models import TransferModel
from keras_transfer.sampling import few_shot
from keras_transfer.tables import format_table

SHOTS = (5, 20)
SOURCE_EPOCHS = 12
HEAD_EPOCHS = 25
EPOCHS = 25
SCRATCH_EPOCHS = 60
NAMES = ["five", "six", "seven", "eight", "nine"]


def run(folder, num_seeds=3, progress=print):
    """Runs all stages and writes their artefacts.

    Args:
        folder: where `results.json`, `model.keras`, `saved_model/` and
            `accuracy.png` go.
        num_seeds: repetitions of each row, with other labelled samples and
            other initial weights.
        progress: called with one line before each stage.

    Returns:
        Dict with `source` (accuracies on both tasks), `rows` (one a way and
        number of labels: mean and standard deviation of the test accuracy),
        `export` and `seconds`.
    """
    started = time.perf_counter()
    folder = Path(folder)
    source_data, target_data = _digits(range(5)), _digits(range(5, 10))
    progress("Stage 1: training a source model on digits 0 to 4 ...")
    source = _source_model(source_data)
    before = _accuracy(source, source_data["test"])
    rows, model = [], None
    for shots in SHOTS:
        progress(
            f"Stage 4: fine-tuning on {shots} labels a class of 5 to 9 ..."
        )
        tuned = [_tune(source, target_data, shots, s) for s in range(num_seeds)]
        scratch = [
            _from_scratch(target_data, shots, s) for s in range(num_seeds)
        ]
        model = tuned[0][0]
        rows += [
            _row("head alone, source frozen", shots, [t[1] for t in tuned]),
            _row("fine-tuned from the source", shots, [t[2] for t in tuned]),
            _row("the same net from scratch", shots, scratch),
        ]
    progress("Serving: writing a SavedModel and reading it back ...")
    model.class_names = NAMES
    files.save_model(model, folder / "model.keras")
    result = {
        "source": {
            "accuracy on 0 to 4": before,
            "the same after all": _accuracy(source, source_data["test"]),
        },
        "rows": rows,
        "export": _export(model, folder, target_data["test"][0]),
        "output": str(folder),
        "seconds": time.perf_counter() - started,
    }
    _plot(rows, folder / "accuracy.png")
    report.write_json(folder / "results.json", result)
    return result


def text(result):
    """The demo's result as text for people."""
    rows = [
        [r["way"], r["shots"], f"{r['mean']:.3f} +- {r['spread']:.3f}"]
        for r in result["rows"]
    ]
    source = result["source"]
    columns = ["way", "labels a class", "test accuracy (mean +- sd)"]
    lines = [
        f"Source model on held-out digits 0 to 4: "
        f"{source['accuracy on 0 to 4']:.3f} before, "
        f"{source['the same after all']:.3f} after the transfer.",
        format_table(columns, rows, "Target: digits 5 to 9"),
        f"SavedModel read back, largest difference of a score: "
        f"{result['export']['largest difference']:.1e}",
        f"{result['output']}: accuracy.png, model.keras, results.json, "
        f"saved_model ({result['seconds']:.0f} s)",
        "Next, on your own photos (one folder a class):",
        "  keras-transfer fit PHOTOS --backbone MobileNetV2",
    ]
    return "\n".join(lines)


def _digits(classes):
    """Digits of some classes: 0..255, labels from 0, a third for testing."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) * (255 / 16)).astype("float32")
    keep = np.isin(labels, list(classes))
    images, labels = images[keep], labels[keep] - classes[0]
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = images[order], labels[order]
    cut = len(labels) // 3
    return {
        "train": (images[cut:], labels[cut:]),
        "test": (images[:cut], labels[:cut]),
    }


def _network():
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for index, (filters, pool) in enumerate([(24, 2), (48, 2), (96, 1)]):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"conv{index}"
        )(x)
        if pool > 1:
            x = layers.MaxPooling2D(pool, name=f"pool{index}")(x)
    return keras.Model(inputs, x, name="digit_net")


def _source_model(data):
    keras.utils.set_random_seed(0)
    body = _network()
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(body.output)
    outputs = keras.layers.Dense(5, activation="softmax", name="classes")(x)
    source = keras.Model(body.input, outputs, name="digit_source")
    _compile(source, 2e-3)
    source.fit(*data["train"], epochs=SOURCE_EPOCHS, batch_size=32, verbose=0)
    return source


def _tune(source, data, shots, seed):
    """Returns the model and its accuracy with the head alone and tuned."""
    keras.utils.set_random_seed(seed)
    x, y = _few(data, shots, seed)
    backbone = keras.models.clone_model(source)
    backbone.set_weights(source.get_weights())
    model = TransferModel(backbone, head=5, output_layer="conv2")
    _compile(model, 1e-2)
    fit = {"batch_size": 16, "verbose": 0, "seed": seed}
    model.fit(x, y, epochs=HEAD_EPOCHS, **fit)
    head_alone = _accuracy(model, data["test"])
    set_trainable_depth(model, len(model.blocks))
    model.optimizer.learning_rate = 1e-3
    model.fit(
        x, y, initial_epoch=HEAD_EPOCHS, epochs=HEAD_EPOCHS + EPOCHS, **fit
    )
    return model, head_alone, _accuracy(model, data["test"])


def _from_scratch(data, shots, seed):
    keras.utils.set_random_seed(seed)
    x, y = _few(data, shots, seed)
    model = TransferModel(_network(), head=5, weights=None)
    _compile(model, 3e-3)
    model.fit(x, y, batch_size=16, epochs=SCRATCH_EPOCHS, verbose=0, seed=seed)
    return _accuracy(model, data["test"])


def _compile(model, rate):
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def _few(data, shots, seed):
    x, y = data["train"]
    chosen = few_shot(y, shots, seed)
    return x[chosen], y[chosen]


def _accuracy(model, data):
    predicted = model.predict(data[0], verbose=0, batch_size=256).argmax(-1)
    return float(np.mean(predicted == data[1]))


def _row(way, shots, accuracies):
    return {
        "way": way,
        "shots": shots,
        "mean": float(np.mean(accuracies)),
        "spread": float(np.std(accuracies)),
        "accuracies": list(accuracies),
    }


def _export(model, folder, images):
    import tensorflow as tf

    path = export.export_saved_model(model, folder / "saved_model")
    images = images.astype("uint8")
    archive = tf.saved_model.load(str(path))
    served = archive.serve(tf.constant(images))["scores"].numpy()
    expected = model.predict(images, verbose=0, batch_size=len(images))
    return {
        "path": str(path),
        "largest difference": float(np.abs(served - expected).max()),
    }


def _plot(rows, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    names = [f"{row['way']}\n{row['shots']} labels a class" for row in rows]
    axes.barh(
        names,
        [row["mean"] for row in rows],
        xerr=[row["spread"] for row in rows],
        color=[f"C{i % 3}" for i in range(len(rows))],
    )
    axes.invert_yaxis()
    axes.tick_params(labelsize=7)
    axes.set(xlabel="accuracy on held-out digits 5 to 9", xlim=(0, 1))
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
