"""Export for serving: raw images in, names out, without this package."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras

from keras_transfer.models import TransferModel
from keras_transfer.storage.replacing import replacing

_IN_ANOTHER_PROCESS = """
import sys
from keras_transfer import export_saved_model
from keras_transfer import load_model
model = load_model(sys.argv[1])
export_saved_model(model, sys.argv[2], class_names=model.class_names)
"""


def export_saved_model(model, path, class_names=None):
    """Writes a TensorFlow SavedModel that takes raw images.

    Its signature `serve` takes uint8 images `(batch, height, width, channels)`
    (or what the model takes, if that is no image) and gives a dict: for a
    softmax `scores (batch, classes)`, the winning `label (batch,)` as a string
    and its `score (batch,)`; for sigmoids `scores` and `labels` (the names of
    the columns); for a regression `values (batch, units)`. It loads with
    `tf.saved_model.load` where neither keras nor keras_transfer is installed.

    Under JAX and torch the model is handed to a TensorFlow process through a
    temporary `.keras` file, so TensorFlow has to be installed there too.

    Args:
        model: a `TransferModel`.
        path: the folder to write. One that exists is replaced, at the end.
        class_names: names of the classes; `None` takes `model.class_names`,
            or the numbers as strings.

    Returns:
        The path as a `pathlib.Path`.

    Raises:
        ValueError: the number of names is not the number of classes.
        OSError: the folder cannot be written.

    Example:

    ```python
    export_saved_model(model, "flowers", class_names=["daisy", "rose"])
    ```
    """
    names = _checked_names(model, class_names)
    path = Path(path)
    with replacing(path) as temporary:
        if keras.backend.backend() == "tensorflow":
            _write(model, temporary, names)
        else:
            _write_with_tensorflow(model, temporary, names)
    return path


def _checked_names(model, names):
    if not isinstance(model, TransferModel):
        raise ValueError(
            "export_saved_model writes the labels of a head into the export. "
            f"Received: a {type(model).__name__}. Expected a TransferModel; "
            "other models have `model.export(path)` of Keras."
        )
    num_outputs = model.output_shape[-1]
    names = list(names or model.class_names or map(str, range(num_outputs)))
    if len(names) != num_outputs:
        raise ValueError(
            "The class names do not fit the head. Received: "
            f"{len(names)} names for {num_outputs} outputs. Expected one name "
            "an output, in the order of the labels."
        )
    return names


def _write(model, path, names):
    import tensorflow as tf

    def serve(inputs):
        values = model(_as_floats(inputs), training=False)
        return _named_outputs(model, names, values)

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = keras.tree.map_structure(_spec, model.input)
    archive.add_endpoint("serve", tf.function(serve, [signature]))
    archive.write_out(str(path), verbose=False)


def _spec(tensor):
    import tensorflow as tf

    dtype = tf.uint8 if len(tensor.shape) == 4 else tensor.dtype
    return tf.TensorSpec(tensor.shape, dtype, name=tensor.name)


def _as_floats(inputs):
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda x: tf.cast(x, tf.float32) if x.dtype == tf.uint8 else x, inputs
    )


def _named_outputs(model, names, values):
    """Returns the model's output as the dict that is served."""
    import tensorflow as tf

    activation = getattr(model.head, "activation", None)
    if activation is not None and not isinstance(activation, str):
        activation = keras.activations.serialize(activation)

    if activation == "softmax":
        best = tf.argmax(values, axis=-1)
        return {
            "scores": values,
            "label": tf.gather(tf.constant(names), best),
            "score": tf.reduce_max(values, axis=-1),
        }
    if activation == "sigmoid":
        return {"scores": values, "labels": tf.constant(names)}
    return {"values": values}


def _write_with_tensorflow(model, path, names):
    """Exports through a process that runs Keras on TensorFlow."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        before, model.class_names = model.class_names, names
        try:
            model.save(file)
        finally:
            model.class_names = before
        outcome = subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(file), str(path)],
            env=os.environ | {"KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
        )
    if outcome.returncode:
        raise RuntimeError(
            "A SavedModel is written by TensorFlow, and the TensorFlow "
            f"process failed with: {outcome.stderr.strip()[-1500:]}. Install "
            "it with `pip install tensorflow`, or export elsewhere from the "
            ".keras file."
        )
