"""The best epoch over all stages of a recipe, and what each stage took."""

import dataclasses
import time

import keras


@dataclasses.dataclass
class TwoStageResult:
    """What a recipe did.

    Attributes:
        history: one dict an epoch (or strength tried): `stage`, `epoch`,
            `seconds` and what Keras logs (`loss`, `accuracy`, `val_loss`, ...).
        stages: one dict a stage: `stage`, `epochs`, `seconds`, and of its best
            row `val_loss` and the metrics.
        best: the row of `history` whose weights the model has now.
        interrupted: whether Ctrl-C ended the training early.
        choices: one dict a choice: `choice`, `value`, `reason`.
        warnings: sentences that the user should read.
    """

    history: list = dataclasses.field(default_factory=list)
    stages: list = dataclasses.field(default_factory=list)
    best: dict = dataclasses.field(default_factory=dict)
    interrupted: bool = False
    choices: list = dataclasses.field(default_factory=list)
    warnings: list = dataclasses.field(default_factory=list)


class BestWeights(keras.callbacks.Callback):
    """Remembers the whole model at its best epoch, across stages.

    The best is the lowest `val_loss`, or `loss` without validation data.

    Args:
        whole: the model whose weights are kept; what is trained may be a part
            of it.

    Attributes:
        weights: the weights of the best epoch; `None` before the first.
        row: its row.
        rows: all rows so far.
        stage: name of the stage that is under way.
        about: what else the rows of a training say, such as its rate.
    """

    # With a `TransferCheckpoint` a run that goes on knows them again.
    remembered = ("rows_of_stage", "row", "weights")

    def __init__(self, whole):
        super().__init__()
        self.whole = whole
        self.weights = None
        self.row = {}
        self.rows = []
        self.stage = ""
        self.about = {}

    @property
    def rows_of_stage(self):
        """The rows of the stage that is under way."""
        return [row for row in self.rows if row["stage"] == self.stage]

    @rows_of_stage.setter
    def rows_of_stage(self, rows):
        others = [row for row in self.rows if row["stage"] != self.stage]
        self.rows[:] = [*others, *rows]

    @staticmethod
    def monitor(validation):
        """The name of what is compared."""
        return "loss" if validation is None else "val_loss"

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "stage": self.stage,
            "epoch": epoch + 1,
            "seconds": time.perf_counter() - self._started,
            **self.about,
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        self.rows.append(row)
        if not self.row or self.is_better(row):
            self.row = row
            self.weights = self.whole.get_weights()

    def is_better(self, row):
        """Whether a row is better than the best so far."""
        return compared(row) < compared(self.row)

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
        if data.validation is None:
            row = reached(self.whole, data.train)
        else:
            row = reached(self.whole, data.validation, "val_")
        self.take([row], row, 0.0)

    def beside(self):
        """Another one that writes to the same rows and has its own best."""
        other = BestWeights(self.whole)
        other.rows, other.stage = self.rows, self.stage
        return other

    def restore(self):
        """Gives the model the weights of the best epoch."""
        if self.weights is not None:
            self.whole.set_weights(self.weights)


def reached(model, data, prefix=""):
    """What a model reaches on data, as in a row of a history."""
    logs = model.evaluate(data, verbose=0, return_dict=True)
    return {f"{prefix}{name}": float(x) for name, x in logs.items()}


def compared(row):
    """What the rows of a history are compared by."""
    return row["val_loss"] if "val_loss" in row else row["loss"]


class Stage:
    """Times a stage and writes its line, also when it is interrupted.

    Args:
        name: its name.
        result: the `TwoStageResult` to write to.
        best: the `BestWeights` of the recipe.
    """

    def __init__(self, name, result, best):
        self.name, self.result, self.best = name, result, best

    def __enter__(self):
        self.best.stage = self.name
        self.started = time.perf_counter()

    def __exit__(self, *exception):
        rows = self.best.rows_of_stage
        best = min(rows, key=compared, default=None)
        self.result.history = list(self.best.rows)
        self.result.stages.append(
            {
                "stage": self.name,
                "epochs": len(rows),
                "seconds": time.perf_counter() - self.started,
                "val_loss": None if best is None else compared(best),
                **_metrics_of(best or {}),
            }
        )


def _metrics_of(row):
    return {
        name: value
        for name, value in row.items()
        if name.startswith("val_") and name != "val_loss"
    }
