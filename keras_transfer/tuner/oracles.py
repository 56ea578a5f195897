"""KerasTuner's oracles, with files that survive a kill."""

import functools
from pathlib import Path

import keras_tuner

from keras_transfer.storage import files


class _Resumable:
    """Mixin of oracles: files are whole, and what has ended has ended."""

    def reload(self):
        super().reload()
        # In the order in which they began: the first of equal scores is best.
        self.trials = dict(sorted(self.trials.items()))
        # KerasTuner writes a trial's end while the trial still counts as
        # under way, and would run it once more.
        self._retry_queue = [
            trial_id
            for trial_id in self._retry_queue
            if trial_id not in self.end_order
        ]

    def save(self):
        with files.replacing(self._get_oracle_fname()) as temporary:
            # Past `Oracle.save`, which names the file itself.
            super(keras_tuner.Oracle, self).save(str(temporary))

    def _save_trial(self, trial):
        folder = Path(self._get_trial_dir(trial.trial_id))
        with files.replacing(folder / "trial.json") as temporary:
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

    def set_state(self, state):
        super().set_state(state)

        def order(one, other):
            return self._compare(
                one.hyperparameters.values, other.hyperparameters.values
            )

        before = None
        for trial in sorted(
            self.trials.values(), key=functools.cmp_to_key(order)
        ):
            self._ordered_ids.insert(trial.trial_id, before)
            self._populate_next.append(trial.trial_id)
            before = trial.trial_id


ORACLES = {
    "random": RandomSearchOracle,
    "bayesian": BayesianOptimizationOracle,
    "grid": GridSearchOracle,
}
