"""The best epoch over all stages of a recipe, and what each stage took."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator

import keras

from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.writers import Row
from keras_transfer.storage.printing import brief


@dataclasses.dataclass
class TwoStageResult:
    """The result of a recipe.

    Attributes:
        history: one dict an epoch (or strength tried): `stage`, `epoch`,
            `seconds` and what Keras logs (`loss`, `accuracy`, `val_loss`, ...).
        stages: one dict a stage: `stage`, `epochs`, `seconds`, and of its best
            row `val_loss` and the metrics.
        best: the row of `history` whose weights the model has now.
        interrupted: whether Ctrl-C ended the training early.
        choices: one dict a choice: `choice`, `value`, `reason`.
        warnings: sentences that the user should read.
        recall: with class weights, the recall of each class on validation
            data, by name; empty without such data.
    """

    history: list = dataclasses.field(default_factory=list)
    stages: list = dataclasses.field(default_factory=list)
    best: dict = dataclasses.field(default_factory=dict)
    interrupted: bool = False
    choices: list = dataclasses.field(default_factory=list)
    warnings: list = dataclasses.field(default_factory=list)
    recall: dict = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        reached = [
            f"{name} {self.best[name]:.4f}"
            for name in ("val_loss", "loss", "val_accuracy", "accuracy")
            if name in self.best
        ]
        stages = dict.fromkeys(row["stage"] for row in self.stages)
        return brief(
            self,
            *reached,
            f"stages: {', '.join(stages)}" if stages else "",
            "interrupted" if self.interrupted else "",
        )


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

    def __init__(self, whole: keras.Model) -> None:
        super().__init__()
        self.whole = whole
        self.weights = None
        self.row = {}
        self.rows = []
        self.stage = ""
        self.about = {}

    @property
    def rows_of_stage(self) -> list[Row]:
        """The rows of the stage that is under way."""
        return [row for row in self.rows if row["stage"] == self.stage]

    @rows_of_stage.setter
    def rows_of_stage(self, rows: list[Row]) -> None:
        others = [row for row in self.rows if row["stage"] != self.stage]
        self.rows[:] = [*others, *rows]

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
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

    def is_better(self, row: Row) -> bool:
        """Whether a row is better than the best so far."""
        return loss_of(row) < loss_of(self.row)

    def add_solved(self, rows: list[Row], chosen: Row, seconds: float) -> None:
        """Adds the rows of a stage that was solved, not trained."""
        rows = [
            {"stage": self.stage, "epoch": i + 1, "seconds": seconds, **row}
            for i, row in enumerate(rows)
        ]
        self.rows += rows
        self.row = next(r for r in rows if chosen.items() <= r.items())
        self.weights = self.whole.get_weights()

    def add_present(
        self, train: SeededBatches, validation: SeededBatches | None
    ) -> None:
        """Adds the model as it is, as the one to beat."""
        if validation is None:
            row = metrics_of(self.whole, train)
        else:
            row = metrics_of(self.whole, validation, "val_")
        self.add_solved([row], row, 0.0)

    def beside(self) -> BestWeights:
        """Another one that writes to the same rows and has its own best."""
        other = BestWeights(self.whole)
        other.rows, other.stage = self.rows, self.stage
        return other

    def restore(self) -> None:
        """Gives the model the weights of the best epoch."""
        if self.weights is not None:
            self.whole.set_weights(self.weights)


def early_stopping(
    validation: SeededBatches | None, patience: int
) -> keras.callbacks.EarlyStopping:
    """Ends a training whose loss has not improved for `patience` epochs."""
    monitor = "loss" if validation is None else "val_loss"
    return keras.callbacks.EarlyStopping(monitor, patience=patience)


def loss_of(row: Row) -> float:
    """Returns the loss that rows of a history are compared by."""
    return row["val_loss"] if "val_loss" in row else row["loss"]


@contextlib.contextmanager
def stage(
    name: str, result: TwoStageResult, best: BestWeights
) -> Iterator[None]:
    """Times a stage and writes its line, also when it is interrupted.

    Args:
        name: its name.
        result: the `TwoStageResult` to write to.
        best: the `BestWeights` of the recipe.
    """
    best.stage = name
    started = time.perf_counter()
    try:
        yield
    finally:
        rows = best.rows_of_stage
        row = min(rows, key=loss_of, default={})
        measured = {k: x for k, x in row.items() if k.startswith("val_")}
        result.history += rows
        result.stages.append(
            {
                "stage": name,
                "epochs": len(rows),
                "seconds": time.perf_counter() - started,
                "val_loss": loss_of(row) if row else None,
                **measured,
            }
        )
