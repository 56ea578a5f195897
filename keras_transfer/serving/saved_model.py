"""Export for serving: raw images in, names out, without this package."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import keras

from keras_transfer._private.types import Nested, PathLike, Tensor
from keras_transfer.models import TransferModel
from keras_transfer.serving.inputs import traced
from keras_transfer.serving.outputs import named_outputs
from keras_transfer.serving.predictions import (
    names_by_output,
    output_activations,
)
from keras_transfer.storage.replacing import replacing

_IN_ANOTHER_PROCESS = """
import sys
from keras_transfer import export_saved_model
from keras_transfer import load_model
model = load_model(sys.argv[1])
export_saved_model(model, sys.argv[2], class_names=model.class_names)
"""


def export_saved_model(
    model: TransferModel,
    path: PathLike,
    class_names: Iterable[str] | dict[str, Iterable[str] | None] | None = None,
) -> Path:
    """Writes a TensorFlow SavedModel that takes raw images.

    Its signature `serve` takes uint8 images `(batch, height, width, channels)`
    where the model takes pixels in 0..255, as far as its first layers and the
    data that it was trained on tell, and otherwise what the model itself
    takes. It gives a dict, each entry with the batch as its first axis:

    - a softmax: `scores (batch, classes)`, the winning `label (batch,)` as a
      string and its `score (batch,)`; the same for one sigmoid with two class
      names, the first of which is that of label 0;
    - sigmoids: `scores (batch, labels)`, and the names of these columns as
      `labels (batch, labels)`;
    - anything else: `values (batch, units)`, and `labels` if it has names.

    Of several outputs each has its own entries, such as `kind_label` for an
    output named `kind`. The folder loads with `tf.saved_model.load` where
    neither keras nor keras_transfer is installed; as a Python function
    `serve` takes float32 images too.

    Under JAX and torch the model is handed to a TensorFlow process through a
    temporary `.keras` file, so TensorFlow has to be installed there too.

    Args:
        model: a `TransferModel`.
        path: the folder to write. One that exists is replaced, at the end.
        class_names: names of the classes, or a dict of them by name of the
            output; `None` takes `model.class_names`, or the numbers as
            strings.

    Returns:
        The path as a `pathlib.Path`.

    Raises:
        ValueError: the names do not fit the outputs.
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


def _checked_names(
    model: TransferModel,
    names: Iterable[str] | dict[str, Iterable[str] | None] | None,
) -> dict[str, list[str] | None]:
    """Returns the class names of each output, by name of the output."""
    if not isinstance(model, TransferModel):
        raise ValueError(
            "export_saved_model writes the labels of a head into the export. "
            f"Received: a {type(model).__name__}. Expected a TransferModel; "
            "other models have `model.export(path)` of Keras."
        )
    return names_by_output(model, model.class_names if names is None else names)


def _write(
    model: TransferModel, path: Path, names: dict[str, list[str] | None]
) -> None:
    activations = output_activations(model)

    def serve(inputs: Nested) -> dict[str, Tensor]:
        values = model(inputs, training=False)
        return named_outputs(values, activations, names)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", traced(serve, model))
    archive.write_out(str(path), verbose=False)


def _write_with_tensorflow(
    model: TransferModel, path: Path, names: dict[str, list[str] | None]
) -> None:
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
