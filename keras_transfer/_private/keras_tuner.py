"""Private names of KerasTuner. Imports it, so only those who need it may."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keras_transfer._private.types import Trial

if TYPE_CHECKING:
    import keras_tuner


class SavesTrials:
    """Mixin of oracles that write the files of trials with `save_trial`.

    Uses `Oracle._save_trial` and `Oracle._get_trial_dir`.
    """

    def save_trial(self, trial: Trial) -> None:
        """Writes `trial_file(oracle, trial)`."""
        raise NotImplementedError

    def trial_folder(self, trial_id: str) -> str:
        """Returns the name of the folder of a trial."""
        return f"trial_{trial_id}"

    def _save_trial(self, trial: Trial) -> None:
        self.save_trial(trial)

    def _get_trial_dir(self, trial_id: str) -> str:
        project = self._project_dir  # type: ignore[attr-defined]
        folder = Path(project) / self.trial_folder(trial_id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)


def oracle_file(oracle: keras_tuner.Oracle) -> Path:
    """Returns the file that an oracle's state is read from again.

    Uses `Oracle._get_oracle_fname`.
    """
    return Path(oracle._get_oracle_fname())


def trial_file(oracle: keras_tuner.Oracle, trial: Trial) -> Path:
    """Returns the file that a trial is read from again, its folder made.

    Uses `Oracle._get_trial_dir`.
    """
    return Path(oracle._get_trial_dir(trial.trial_id)) / "trial.json"


def tuner_file(tuner: keras_tuner.Tuner) -> Path:
    """Returns the file whose presence means that a search goes on.

    Uses `BaseTuner._get_tuner_fname`.
    """
    return Path(tuner._get_tuner_fname())


def drop_retries(oracle: keras_tuner.Oracle, trial_ids: Container[str]) -> None:
    """Takes trials out of those that an oracle runs again next.

    Uses `Oracle._retry_queue`.
    """
    oracle._retry_queue = [
        trial_id
        for trial_id in oracle._retry_queue
        if trial_id not in trial_ids
    ]


def restore_grid(
    oracle: keras_tuner.oracles.GridSearch, outside: Container[str] = ()
) -> None:
    """Tells a grid's oracle which of its combinations have been tried.

    Uses `GridSearchOracle._compare`, `_ordered_ids` and `_populate_next`.

    Args:
        oracle: the oracle.
        outside: ids of trials that are none of the combinations.
    """

    def order(one: Trial, other: Trial) -> int:
        return oracle._compare(
            one.hyperparameters.values, other.hyperparameters.values
        )

    tried = [t for t in oracle.trials.values() if t.trial_id not in outside]
    before = None
    for trial in sorted(tried, key=functools.cmp_to_key(order)):
        oracle._ordered_ids.insert(trial.trial_id, before)
        oracle._populate_next.append(trial.trial_id)
        before = trial.trial_id


@contextlib.contextmanager
def without_first_trial(
    oracle: keras_tuner.oracles.GridSearch,
) -> Iterator[None]:
    """Lets a grid begin with its first combination after another trial.

    Uses `GridSearchOracle._populate_next`.

    Args:
        oracle: an oracle that has begun one trial at least.
    """
    begun = oracle.start_order
    first, *oracle.start_order = begun
    oracle._populate_next = [i for i in oracle._populate_next if i != first]
    try:
        yield
    finally:
        oracle.start_order = begun
