"""`rank_backbones`: which source model suits the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data import look
from keras_transfer.recipes.assessment.backbone_ranking import BackboneRanking
from keras_transfer.recipes.assessment.candidates import (
    Candidates,
    named_candidates,
)
from keras_transfer.recipes.assessment.contender import Contender
from keras_transfer.recipes.assessment.race import Race
from keras_transfer.recipes.assessment.ranking_rows import ranking_of
from keras_transfer.recipes.assessment.targets import targets_of
from keras_transfer.recipes.data_parts import HELD_OUT, parts
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.fine_tuning import fine_tune as run_fine_tune
from keras_transfer.storage.printing import show, silent_at_verbose_0
from keras_transfer.training.schedules import whole_number

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.assessment.targets import Targets


@silent_at_verbose_0
def rank_backbones(
    candidates: Candidates,
    data: Data,
    *,
    validation: Data = None,
    weights: PathLike | Mapping[str, PathLike | None] | None = "imagenet",
    prior: Mapping[str, float] | None = None,
    task: str = "auto",
    fine_tune: bool = False,
    cache: FeatureCache | PathLike = "memory",
    seed: int = 0,
    folds: int = 5,
    verbose: Verbose = 1,
) -> BackboneRanking:
    """Ranks source models for labelled data, in about a pass of each over it.

    1. Features of every candidate on a quarter of the samples, a linear head
       on them, its score on what each fold leaves out. With few samples, or
       two candidates, all samples at once.
    2. Who is in the lower half, and behind the best by more than chance on
       the same samples, is dropped. The best prior stays whatever its score.
    3. The same on half of the samples, then on all; what is computed is kept,
       so no sample runs through a network twice.

    Published accuracy on ImageNet ranks sources as well as any score of
    features does, and both err in other cases. So fine-tune the best of each,
    `ranking.to_finetune`, or let `fine_tune=True` do it.

    Use it to choose among sources that are there. It says nothing on how far
    fine-tuning gets, and undervalues sources that were regularised hard.

    Args:
        candidates: what `TransferModel` takes as backbone, several of them:
            names, `.keras` files, `hub:` presets, models; or a dict with a
            name of your own for each.
        data: labelled samples, as `fine_tune` takes them: what `data.load`
            returns, arrays `(x, y)`, or a data set that `fit` takes. All
            candidates get them as they are; images keep their size.
        validation: the same, for `fine_tune`; by default that of `data.load`,
            or a fifth that is held out from the ranking.
        weights: as in `TransferModel`; or a dict by name.
        prior: accuracies from 0 to 1 by name, for candidates without a
            published one; it goes before that one.
        task: `"classification"`, `"multi_label"`, `"regression"`, or `"auto"`
            as the labels look.
        fine_tune: whether the best prior and the best probe are fine-tuned
            and judged on held-out samples. `ranking.model` is the better one.
        cache: `"memory"`, a folder or a `FeatureCache`, for features.
        seed: seed of samples, folds and fine-tuning.
        folds: parts that are left out in turn, at least 2.
        verbose: 0 prints nothing.

    Returns:
        A `BackboneRanking`: printed, a table; `.best()`, `.to_finetune`,
        `.to_json()`, `.to_markdown()`, `.plot(path)`.

    Raises:
        ValueError: two candidates of one name, samples that cannot be ranked
            on, or no candidate that can be used. One that fails among others
            is a row with its error.

    Example:

    ```python
    ranking = rank_backbones(["MobileNetV2", "own.keras"], data.load("photos"))
    print(ranking)
    model = TransferModel(ranking.best(), head=5)
    ```

    Reference:
        Renggli et al. 2022, Which Model to Transfer? Finding the Needle in
        the Growing Haystack; Renggli et al. 2022, SHiFT (successive halving).
    """
    _check_whole("folds", folds, 2)
    _check_whole("seed", seed, 0)
    named = named_candidates(candidates, weights, prior)
    task = getattr(data, "task", "auto") if task == "auto" else task
    train, validation = parts(data, validation, seed=seed)
    if fine_tune and validation is None:
        train, validation = parts(train, None, held_out=HELD_OUT, seed=seed)
    targets = targets_of(train.read_labels(), task)
    contenders = [Contender(candidate, targets) for candidate in named]
    race = Race(
        contenders, targets, train,
        folds=folds, seed=seed, cache=cache, verbose=verbose,
    )  # fmt: skip
    race.run()
    ranking = ranking_of(race)
    if fine_tune:
        _fine_tune(ranking, race, validation)
    return ranking


def _check_whole(name: str, value: object, least: int) -> None:
    number = whole_number(value)
    if number is None or number < least:
        raise ValueError(
            f"`{name}` is a whole number of at least {least}. Received: "
            f"{name}={value!r}."
        )


def _fine_tune(
    ranking: BackboneRanking, race: Race, validation: SeededBatches
) -> None:
    """Fine-tunes the best prior and the best probe; keeps the better."""
    by_name = {c.name: c for c in race.contenders}
    for name in ranking.to_finetune:
        if race.verbose:
            show(f"Fine-tuning {name}.")
        model = by_name[name].new_model(race.data)
        race.targets.compile(model)
        with look.done():
            run_fine_tune(
                model,
                race.data,
                validation=validation,
                seed=race.seed,
                verbose=race.verbose,
            )
            row = ranking[name]
            row.fine_tuned = _held_out_score(model, validation, race.targets)
        if ranking.best() == name:
            ranking.model = model


def _held_out_score(
    model: TransferModel, validation: SeededBatches, targets: Targets
) -> float:
    if targets.kind == "linear":
        from sklearn.metrics import r2_score

        predicted = model.predict(validation, verbose=0)
        labels = validation.read_labels().reshape(predicted.shape)
        return float(r2_score(labels, predicted))
    name = "binary_accuracy" if targets.kind == "sigmoid" else "accuracy"
    return metrics_of(model, validation)[name]
