"""Whole stages in one call."""

import dataclasses
import time

import keras

from keras_transfer import feature_cache
from keras_transfer.batches import ArrayBatches
from keras_transfer.freezing import set_trainable_depth
from keras_transfer.layers import (
    ClassificationHead,
    RegressionHead,
)
from keras_transfer.memory import available_bytes
from keras_transfer.probe import solve_softmax


@dataclasses.dataclass
class TwoStageResult:
    """What `two_stage` did.

    Attributes:
        history: one dict an epoch: `stage`, `epoch`, `seconds` and what Keras
            logs (`loss`, `accuracy`, `val_loss`, ...).
        stages: one dict a stage: `stage`, `epochs`, `seconds` and the best
            `val_loss`.
        best: the row of `history` whose weights the model has now.
        interrupted: whether Ctrl-C ended the training early.
    """

    history: list = dataclasses.field(default_factory=list)
    stages: list = dataclasses.field(default_factory=list)
    best: dict = dataclasses.field(default_factory=dict)
    interrupted: bool = False


def two_stage(
    model,
    data,
    *,
    head_epochs=30,
    epochs=3,
    blocks=None,
    head_rate=1e-3,
    fine_tune_rate=3e-5,
    seed=0,
    callbacks=(),
    verbose="auto",
):
    """Trains the head, then the top blocks at a low rate; keeps the best.

    The head is trained first, because the gradients of a random head would
    spoil the features below it. While everything below the head is frozen and
    nothing is augmented, its features are computed once, in inference mode,
    not once an epoch; a linear softmax head on them is then solved by logistic
    regression (without the head's dropout), with the strength of its L2
    penalty picked on validation.
    Whatever the second stage does, the model ends with the weights of the
    epoch that was best on validation (lowest `val_loss`, or `loss` without
    validation data).

    Args:
        model: a `TransferModel`; a compiled one keeps its loss and metrics,
            another one is compiled with `"auto"`.
        data: what `keras_transfer.data.load` returns, or any object with
            `.train` and `.validation` (may be `None`) that `fit` takes.
        head_epochs: most epochs for a head that is trained, not solved; it
            stops early when validation does not improve for 5. 0 leaves the
            head as it is, for a model that has been trained before.
        epochs: epochs for the second stage; 0 trains the head alone.
        blocks: how many blocks the second stage trains; `None` is the top
            third.
        head_rate: learning rate of Adam for the head.
        fine_tune_rate: learning rate of Adam for the second stage.
        seed: seed of the sample order.
        callbacks: callbacks for both stages.
        verbose: as in `keras.Model.fit`.

    Returns:
        A `TwoStageResult`. Ctrl-C does not raise: it ends the training, and
        `result.interrupted` says so.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=5)
    result = two_stage(model, data.load("photos"), epochs=3)
    ```
    """
    if not getattr(model, "compiled", False):
        model.compile("auto")
    best = _BestWeights(model)
    result = TwoStageResult()
    common = {"callbacks": list(callbacks), "verbose": verbose}
    try:
        if head_epochs:
            with _stage("head", result, best):
                _train_head(
                    model, data, head_epochs, head_rate, best, seed, common
                )
        else:
            with _stage("start", result, best):
                best.take_present(data)
        if epochs:
            share = max(1, len(model.blocks) // 3)
            best.restore()
            with _stage("fine-tune", result, best):
                set_trainable_depth(model, share if blocks is None else blocks)
                _compile(model, model, fine_tune_rate)
                _fit(model, data, epochs, best, seed, common)
    except KeyboardInterrupt:
        result.interrupted = True
    best.restore()
    result.best = best.row
    return result


def _compile(model, like, rate):
    """Compiles with the loss and metrics of `like`, and Adam at `rate`."""
    kept = keras.saving.deserialize_keras_object(like.get_compile_config())
    model.compile(**kept | {"optimizer": keras.optimizers.Adam(rate)})


def _fit(model, data, epochs, best, seed, common):
    model.fit(
        data.train,
        validation_data=data.validation,
        epochs=epochs,
        seed=seed,
        feature_cache=_cache_for(model, data),
        callbacks=[best, *common["callbacks"]],
        verbose=common["verbose"],
    )


def _train_head(model, data, epochs, rate, best, seed, common):
    patience = keras.callbacks.EarlyStopping(best.monitor(data), patience=5)
    common = common | {"callbacks": [patience, *common["callbacks"]]}
    if not _features_stand_still(model):
        _compile(model, model, rate)
        return _fit(model, data, epochs, best, seed, common)
    show = common["verbose"]
    train = _once(model, data.train, "training", show)
    validation = data.validation
    if validation is not None:
        validation = _once(model, validation, "validation", show)
    if _is_linear_softmax(model):
        return _solve_head(model, train, validation, best)
    head_alone = _head_alone(model, train[0].shape[1:])
    _compile(head_alone, model, rate)
    head_alone.fit(
        ArrayBatches(*train, seed=seed),
        validation_data=validation,
        epochs=epochs,
        shuffle=False,
        callbacks=[best, *common["callbacks"]],
        verbose=common["verbose"],
    )


def _is_linear_softmax(model):
    softmax = getattr(model.head, "activation", None) == "softmax"
    sparse = model.loss == "sparse_categorical_crossentropy"
    return softmax and sparse and not model.head.hidden_units


def _solve_head(model, train, validation, best):
    """Puts the solved logistic regression into the head."""
    started = time.perf_counter()
    probe = solve_softmax(train, validation, model.head.num_outputs)
    model.head.set_weights([probe.kernel, probe.bias])
    seconds = (time.perf_counter() - started) / len(probe.rows)
    best.take(probe.rows, probe.best, seconds)


def _features_stand_still(model):
    ours = isinstance(model.head, (ClassificationHead, RegressionHead))
    return ours and model.augmentation is None and model.trainable_depth == 0


def _once(model, batches, name, verbose):
    """Runs the frozen part over a data set once; returns `(x, y[, w])`."""
    found = feature_cache.features(model, batches, name=name, verbose=verbose)
    return (found.take(found.rows), *found.rest)


def _head_alone(model, shape):
    """The model's own head, weights shared, on vectors that are ready."""
    inputs = keras.Input(shape, name="features")
    return keras.Model(inputs, model.head(inputs))


def _cache_for(model, data):
    """`"memory"` where what is frozen can run once and fits, else `None`."""
    needed = feature_cache.bytes_to_cache(model, data.train.num_samples)
    available = available_bytes()
    fits = available is None or (needed or 0) <= available / 8
    return "memory" if needed is not None and fits else None


class _BestWeights(keras.callbacks.Callback):
    """Remembers the whole model at its best epoch, across stages."""

    def __init__(self, whole):
        super().__init__()
        self.whole = whole
        self.weights = None
        self.row = {}
        self.rows = []
        self.stage = ""

    @staticmethod
    def monitor(data):
        return "loss" if data.validation is None else "val_loss"

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "stage": self.stage,
            "epoch": epoch + 1,
            "seconds": time.perf_counter() - self._started,
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        self.rows.append(row)
        value = row.get("val_loss", row["loss"])
        if not self.row or value < self.row.get("val_loss", self.row["loss"]):
            self.row = row
            self.weights = self.whole.get_weights()

    def take(self, rows, chosen, seconds):
        """Takes the rows of a stage that was solved, not trained."""
        rows = [
            {"stage": self.stage, "epoch": i + 1, "seconds": seconds, **row}
            for i, row in enumerate(rows)
        ]
        self.rows += rows
        self.row = next(r for r in rows if chosen.items() <= r.items())
        self.weights = self.whole.get_weights()

    def take_present(self, data):
        """Takes the model as it is as the one to beat."""
        prefix, part = ("val_", data.validation)
        if part is None:
            prefix, part = ("", data.train)
        logs = self.whole.evaluate(part, verbose=0, return_dict=True)
        row = {f"{prefix}{k}": float(v) for k, v in logs.items()}
        row.setdefault("loss", row.get("val_loss"))
        self.take([row], row, 0.0)

    def restore(self):
        if self.weights is not None:
            self.whole.set_weights(self.weights)


class _stage:  # noqa: N801 (reads as a statement)
    """Times a stage and writes its line, also when it is interrupted."""

    def __init__(self, name, result, best):
        self.name, self.result, self.best = name, result, best

    def __enter__(self):
        self.best.stage = self.name
        self.started = time.perf_counter()

    def __exit__(self, *exception):
        rows = [r for r in self.best.rows if r["stage"] == self.name]
        losses = [row.get("val_loss", row["loss"]) for row in rows]
        self.result.history = list(self.best.rows)
        self.result.stages.append(
            {
                "stage": self.name,
                "epochs": len(rows),
                "seconds": time.perf_counter() - self.started,
                "val_loss": min(losses, default=None),
            }
        )
