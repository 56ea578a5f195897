"""The rows of a ranking in their order, each beside the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_transfer.recipes.assessment.backbone_ranking import (
    BackboneRanking,
    RankedBackbone,
)
from keras_transfer.transferability.paired_difference import (
    interval_of,
    paired_difference,
)

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.contender import Contender
    from keras_transfer.recipes.assessment.race import Race


def ranking_of(race: Race) -> BackboneRanking:
    """Returns the `BackboneRanking` of a race that has run.

    Args:
        race: the `Race`; at least one of its contenders has not failed.
    """
    usable = [c for c in race.contenders if c.error is None]
    usable.sort(key=_standing, reverse=True)
    failed = [c for c in race.contenders if c.error is not None]
    best, targets = usable[0], race.targets
    rows = [_row(c, best, targets.are_shares) for c in usable]
    rows += [
        RankedBackbone(c.name, c.prior, num_params=c.num_params, error=c.error)
        for c in failed
    ]
    ranking = BackboneRanking(
        rows, targets.score_name, targets.num_samples, race.seconds
    )
    for row in rows[: len(usable)]:
        row.note = _note(row, ranking)
    return ranking


def _standing(contender: Contender) -> tuple[int, float]:
    size = max(contender.scores)
    return size, contender.scores[size].mean()


def _row(
    contender: Contender, best: Contender, are_shares: bool
) -> RankedBackbone:
    size = max(contender.scores)
    scores = contender.scores[size]
    difference = paired_difference(
        best.scores[size], scores, are_shares=are_shares
    )
    low, high = interval_of(scores, are_shares=are_shares)
    return RankedBackbone(
        contender.name,
        contender.prior,
        float(scores.mean()),
        low,
        high,
        100 * difference.mean,
        difference.is_noise and contender.left_after is None,
        contender.log_me,
        contender.seconds_per_1000,
        contender.num_params,
        size,
    )


def _note(row: RankedBackbone, ranking: BackboneRanking) -> str:
    found = []
    if row.name == ranking.best_prior:
        found.append("best prior")
    if row.name == ranking.best_probe:
        found.append("best probe")
    elif row.is_noise:
        found.append("within noise")
    if row.num_samples < ranking.num_samples:
        found.append(f"dropped after {row.num_samples}")
    return ", ".join(found)
