"""The first stage of `fine_tune`: the head alone, on frozen features."""

import keras
import numpy as np

from keras_transfer.data.horizontal_flips import WithFlips, folds_with_flips
from keras_transfer.recipes.heads import as_solved, pooled_once, put, solve_head
from keras_transfer.recipes.training import compile_like
from keras_transfer.training.freezing import freeze
from keras_transfer.transferability.linear_probe import around, solve

RATES = (3e-4, 1e-3, 3e-3)
EPOCHS = 20
PATIENCE = 3
# How much higher the loss with mirrored copies may be. With 20 samples a class
# it is less on photos in most draws, and copies help; on digits, which they
# harm, it is far more (benchmarks/mirrored_copies.py).
TOLERANCE = 0.02


class HeadStage:
    """Solves or trains the head, and does so again on all samples.

    Args:
        runner: the `StageRunner`.
        plan: the `Plan`.
        choices: the `Choices` that take note.
        seed: seed of the folds.
    """

    def __init__(self, runner, plan, choices, seed):
        self.runner, self.plan, self.seed = runner, plan, seed
        self.model, self.choices = runner.model, choices
        self._parts = []
        self._mirrored = False

    def run(self):
        """Leaves the best head in the model, and its row with `best`."""
        freeze(self.model)
        if self.plan.kind is None:
            self._train()
        else:
            self._solve()
        self.runner.best.restore()

    def again(self):
        """Fits the head to all samples, as it was fitted to a part."""
        freeze(self.model)
        row = self._chosen
        if self.plan.kind is None:
            self._fit(row["rate"], row["epoch"])
            return
        if self._mirrored:
            together = self._solvable(WithFlips(self.runner.train))
        else:
            together = [
                np.concatenate(pair) for pair in zip(*self._parts, strict=True)
            ]
        probe = solve(
            self.plan.kind, together, None, self.model.head.num_outputs,
            strengths=(row["strength"],),
        )  # fmt: skip
        put(self.model, probe)

    def _solve(self):
        runner, kind = self.runner, self.plan.kind
        if self.plan.hold_out:
            # One pass for both parts, and for all samples in the end.
            self._features(runner.train.batches, "training")
        both = None
        if self.plan.mirror is not False and not runner.limit.is_over:
            # In one go: each start of the frozen part costs seconds.
            both = self._solvable(WithFlips(runner.train))
            train = [part[: len(part) // 2] for part in both]
        else:
            train = self._solvable(runner.train)
        validation = self._solvable(runner.validation, "validation")
        self._parts = [p for p in (train, validation) if p is not None]
        folds = None
        if self.plan.use_folds:
            folds = folds_for(train[1], kind, self.seed)
        solve_head(self.model, train, validation, runner.best, folds=folds)
        if both is not None:
            self._try_mirrored(both, validation, folds)
        self._chosen = runner.best.row

    def _try_mirrored(self, both, validation, folds):
        """Solves the head on mirrored copies too, and keeps it if that pays."""
        best, before = self.runner.best, self.runner.best.row
        kept = best.weights
        solve_head(
            self.model,
            both,
            validation,
            best,
            folds=folds_with_flips(folds, len(both[1]) // 2),
            strengths=around(before["strength"]),
            mirrored=True,
        )
        old, new = before["val_loss"], best.row["val_loss"]
        self._mirrored = self.choices.take(
            "mirrored copies",
            self.plan.mirror,
            new <= (1 + TOLERANCE) * old,
            f"validation loss {new:.4f} after {old:.4f} without",
        )
        if not self._mirrored:
            best.row, best.weights = before, kept

    def _solvable(self, data, name="training"):
        """Features and labels as `probe.solve` takes them."""
        if data is None:
            return None
        return as_solved(self.plan.kind, self._features(data, name))

    def _features(self, part, name):
        # What fine-tuning starts from is on the way to the head's features.
        through = self.plan.blocks if self.plan.epochs else None
        if through is not None and self.runner.cache_at(through) is None:
            through = None
        if self.plan.views:
            through = None
        return pooled_once(
            self.model, part, name, self.runner.verbose,
            cache=self.runner.cache, through=through,
        )  # fmt: skip

    def _train(self):
        start = self.model.head.get_weights()
        self._chosen = None
        for rate in RATES:
            if self._chosen is not None and self.runner.limit.is_over:
                break
            self.model.head.set_weights(start)
            self.runner.best.about = {"rate": rate}
            self._fit(rate, EPOCHS)
            self._chosen = self.runner.best.row
        self.runner.best.about = {}

    def _fit(self, rate, epochs):
        compile_like(self.model, self.model, keras.optimizers.Adam(rate))
        self.runner.fit(epochs, PATIENCE, depth=0)


def folds_for(labels, kind, seed):
    """Pairs of rows to fit and rows to validate, class by class."""
    from sklearn.model_selection import KFold, StratifiedKFold

    labels = np.asarray(labels)
    if kind == "softmax":
        smallest = int(np.unique(labels, return_counts=True)[1].min())
        if smallest > 1:
            folds = StratifiedKFold(
                min(5, smallest), shuffle=True, random_state=seed
            )
            return list(folds.split(labels, labels))
    # A class of one sample is in one fold alone, whatever is done.
    folds = KFold(min(5, len(labels)), shuffle=True, random_state=seed)
    return list(folds.split(labels))
