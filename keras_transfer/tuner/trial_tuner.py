"""A KerasTuner tuner that reports each trial and keeps few checkpoints."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import keras
import keras_tuner

from keras_transfer._private.keras_tuner import tuner_file
from keras_transfer._private.types import Trial
from keras_transfer.recipes import writers
from keras_transfer.recipes.writers import Row
from keras_transfer.storage.json_files import read_json
from keras_transfer.storage.replacing import replacing
from keras_transfer.tuner import search_folder
from keras_transfer.tuner.oracles import number_of
from keras_transfer.tuner.settings import FINE_TUNE

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel

_OF_FINE_TUNE = ("recipe", "backbone")
_HISTORY = "history.json"
_ABOUT_A_TRIAL = {
    "type": "object",
    "properties": {
        "seconds": {"type": "number"},
        "epochs": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["seconds"],
}
_CHECKPOINT = "checkpoint.weights.h5"


class TrialTuner(keras_tuner.Tuner):
    """Runs the trials of a search.

    Args:
        *args: as in `keras_tuner.Tuner`.
        keep_checkpoints: how many trials keep their weights, the best ones.
        show: called with one line for each trial.
        **options: as in `keras_tuner.Tuner`.
    """

    def __init__(
        self,
        *args: Any,
        keep_checkpoints: int,
        show: Callable[[str], None],
        **options: Any,
    ):
        super().__init__(*args, **options)
        self.keep_checkpoints, self.show = keep_checkpoints, show

    def get_trial_dir(self, trial_id: str) -> str:
        """Returns the folder of a trial, which has its number."""
        name = self.oracle.trial_folder(trial_id)
        return str(Path(self.project_dir) / name)

    def save(self) -> None:
        """Writes the tuner's own file, whole or not at all."""
        writers.write_text(tuner_file(self), json.dumps(self.get_state()))

    def run_trial(
        self, trial: Trial, *args: Any, **options: Any
    ) -> list[keras.callbacks.History]:
        """Trains one trial; its epochs are written beside its weights."""
        started = time.perf_counter()
        histories = super().run_trial(trial, *args, **options)
        about = {
            "seconds": time.perf_counter() - started,
            "epochs": _rows(histories[0]),
        }
        writers.write_json(self._file(trial, _HISTORY), about)
        return histories

    def on_trial_end(self, trial: Trial) -> None:
        """Writes the search down, drops checkpoints, and reports."""
        super().on_trial_end(trial)
        trial = self.oracle.get_trial(trial.trial_id)
        self._drop_checkpoints()
        _drop_optimizer(self._file(trial, _CHECKPOINT))
        self.show(self._line(trial))

    def load_model(self, trial: Trial) -> TransferModel:
        """Returns the model of a trial, with the weights of its best epoch."""
        with warnings.catch_warnings():
            # Its state is not kept, and `fit` begins with a fresh one.
            warnings.filterwarnings("ignore", ".*loading for optimizer")
            return super().load_model(trial)

    def kept(self) -> str:
        """Returns what weights are kept, as a sentence."""
        files = {
            number_of(trial.trial_id): self._file(trial, _CHECKPOINT)
            for trial in self.oracle.trials.values()
        }
        files = {n: path for n, path in files.items() if path.is_file()}
        size = sum(path.stat().st_size for path in files.values())
        numbers = ", ".join(map(str, sorted(files)))
        plural = "s" if len(files) > 1 else ""
        return (
            f"'{self.project_dir}' keeps the weights of trial{plural} "
            f"{numbers} ({size / 1e6:.1f} MB); keep_checkpoints=N "
            "(--keep-checkpoints) keeps those of more."
        )

    def rows(self) -> list[Row]:
        """One dict for each trial that has ended: what it was and reached."""
        return [
            self._row(trial)
            for trial in self.oracle.trials.values()
            if trial.trial_id in self.oracle.end_order
        ]

    def epochs_of(self, trial_id: str) -> list[Row]:
        """The epochs of a trial, one dict each."""
        return self._about(self.oracle.get_trial(trial_id)).get("epochs", [])

    def _row(self, trial: Trial) -> Row:
        completed = trial.status == "COMPLETED"
        return {
            "trial": number_of(trial.trial_id),
            "status": trial.status,
            "score": trial.score if completed else None,
            "best_epoch": trial.best_step + 1 if completed else None,
            "seconds": self._about(trial).get("seconds"),
            "epochs": len(self._about(trial).get("epochs", [])),
            "hyperparameters": _chosen(trial.hyperparameters.values),
            "reason": "" if completed else _reason_of(trial),
        }

    def _line(self, trial: Trial) -> str:
        row = self._row(trial)
        values = ", ".join(
            f"{name} {format_value(value)}"
            for name, value in row["hyperparameters"].items()
        )
        if row["score"] is None:
            outcome = f"failed: {row['reason']}"
        else:
            best = self.oracle.get_best_trials()[0].score
            outcome = (
                f"{self.oracle.objective.name} {row['score']:.4f} "
                f"(best {best:.4f}), {row['seconds']:.1f} s"
            )
        number = f"{row['trial']}/{self.oracle.max_trials}"
        return f"trial {number}: {outcome}; {values}"

    def _drop_checkpoints(self) -> None:
        best = self.oracle.get_best_trials(self.keep_checkpoints)
        kept = {each.trial_id for each in best if each.status == "COMPLETED"}
        for trial in self.oracle.trials.values():
            if trial.trial_id not in kept:
                self._file(trial, _CHECKPOINT).unlink(missing_ok=True)

    def _about(self, trial: Trial) -> dict[str, Any]:
        path = self._file(trial, _HISTORY)
        if not path.is_file():
            return {}
        return read_json(path, _ABOUT_A_TRIAL, search_folder.BEGIN_ANEW)

    def _file(self, trial: Trial, name: str) -> Path:
        return Path(self.get_trial_dir(trial.trial_id)) / name


def _drop_optimizer(path: Path) -> None:
    """Removes the optimizer's state, larger than the weights, from a file."""
    if not path.is_file():
        return
    with (
        replacing(path) as temporary,
        h5py.File(path) as old,
        h5py.File(temporary, "w") as new,
    ):
        new.attrs.update(old.attrs)
        for name in set(old) - {"optimizer"}:
            old.copy(name, new)


def _chosen(values: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters of a trial; `fine_tune` has chosen all others."""
    if values.get("recipe") == FINE_TUNE:
        return {name: values[name] for name in _OF_FINE_TUNE if name in values}
    return dict(values)


def _reason_of(trial: Trial) -> str:
    """Why a trial failed, in one line."""
    message = trial.message or "its score is not a number"
    return message.strip().splitlines()[-1]


def format_value(value: object) -> str:
    """A hyperparameter, short enough for a table."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _rows(history: keras.callbacks.History) -> list[Row]:
    """One dict an epoch: its stage and what it has logged."""
    logged = history.history
    rows = zip(*logged.values(), strict=True)
    return [
        {"stage": stage}
        | {
            name: float(value)
            for name, value in zip(logged, row, strict=True)
            if not math.isnan(value)
        }
        for stage, row in zip(history.stages, rows, strict=True)
    ]
