"""KerasTuner's oracles, with files that survive a kill."""

from __future__ import annotations

import json
from typing import Any

import keras_tuner

from keras_transfer._private import keras_tuner as private
from keras_transfer._private.types import Trial
from keras_transfer.recipes import writers
from keras_transfer.storage.replacing import replacing
from keras_transfer.tuner.settings import FINE_TUNE


def number_of(trial_id: str) -> int:
    """Returns the number of a trial from 1; KerasTuner's ids begin with 0."""
    return int(trial_id) + 1


class _Resumable(private.SavesTrials, keras_tuner.Oracle):
    """Mixin of oracles: files are whole, and what has ended has ended."""

    trials: dict[str, Trial]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Begins with `fine_tune`'s own choice, and goes on as KerasTuner."""
        if self.start_order:
            return self.drawn(trial_id)
        space = self.get_space()
        values = {h.name: h.default for h in space.space if space.is_active(h)}
        return {"status": "RUNNING", "values": {"recipe": FINE_TUNE} | values}

    def drawn(self, trial_id: str) -> dict[str, Any]:
        """What KerasTuner's oracle draws, as `populate_space`."""
        return super().populate_space(trial_id)

    def reload(self) -> None:
        super().reload()
        # In the order in which they began: the first of equal scores is best.
        self.trials = dict(sorted(self.trials.items()))
        # KerasTuner writes a trial's end while the trial still counts as
        # under way, and would run it once more.
        private.drop_retries(self, self.end_order)

    def save(self) -> None:
        state = json.dumps(self.get_state())
        writers.write_text(private.oracle_file(self), state)

    def trial_folder(self, trial_id: str) -> str:
        return f"trial_{number_of(trial_id)}"

    def save_trial(self, trial: Trial) -> None:
        with replacing(private.trial_file(self, trial)) as temporary:
            trial.save(str(temporary))


class RandomSearchOracle(_Resumable, keras_tuner.oracles.RandomSearchOracle):
    """Draws at random."""


class BayesianOptimizationOracle(
    _Resumable, keras_tuner.oracles.BayesianOptimizationOracle
):
    """Follows a Gaussian process over the trials so far."""


class GridSearchOracle(_Resumable, keras_tuner.oracles.GridSearchOracle):
    """Tries all combinations, and knows after a restart which are left.

    KerasTuner's own forgets it (keras-tuner #1055) and ends.
    """

    def drawn(self, trial_id: str) -> dict[str, Any]:
        with private.without_first_trial(self):
            return super().drawn(trial_id)

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        private.restore_grid(self, outside=self.start_order[:1])


ORACLES = {
    "random": RandomSearchOracle,
    "bayesian": BayesianOptimizationOracle,
    "grid": GridSearchOracle,
}
