"""A `BackboneRanking` as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from keras_transfer.storage.tables import format_table

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.backbone_ranking import (
        BackboneRanking,
        RankedBackbone,
    )

# Of an error, in the table; the JSON has all of it.
_LONGEST = 60


def as_text(ranking: BackboneRanking, *, for_file: bool = False) -> str:
    """Returns the table with what to do, for people."""
    lines = [
        format_table(_columns(ranking), _rows(ranking), for_file=for_file),
        f"Probe: {ranking.score_name} of a linear head on samples it has not "
        f"seen, {ranking.num_samples} in all. Behind: points below the best "
        "on the same samples.",
        *_advice(ranking),
    ]
    return "\n".join(lines)


def as_markdown(ranking: BackboneRanking) -> str:
    """Returns the table with what to do, in Markdown."""

    def line(values: Iterable) -> str:
        cells = [str(value).replace("|", "\\|") for value in values]
        return f"| {' | '.join(cells)} |"

    columns = _columns(ranking)
    lines = [line(columns), line("---" for _ in columns)]
    lines += [line(row) for row in _rows(ranking)]
    return "\n".join([*lines, "", *_advice(ranking)])


def _advice(ranking: BackboneRanking) -> list[str]:
    names, best = ranking.to_finetune, ranking.best()
    if any(row.fine_tuned is not None for row in ranking.rows):
        return [f"Best after fine-tuning, on held-out samples: {best}."]
    if len(names) == 1:
        return [f"Best: {best}. Fine-tune it."]
    return [
        f"Best: {best}. Fine-tune these two and let validation decide: "
        f"{names[0]} (best prior), {names[1]} (best probe)."
    ]


def _columns(ranking: BackboneRanking) -> list[str]:
    columns = [
        "backbone", "prior", "probe", "95 %", "behind", "LogME",
        "s / 1,000", "M parameters", "samples",
    ]  # fmt: skip
    return [*columns, *_tuned_column(ranking), "note"]


def _tuned_column(ranking: BackboneRanking) -> list[str]:
    is_tuned = any(row.fine_tuned is not None for row in ranking.rows)
    return ["fine-tuned"] if is_tuned else []


def _rows(ranking: BackboneRanking) -> list[list]:
    has_tuned = bool(_tuned_column(ranking))
    return [
        [
            row.name,
            _number(row.prior, ".3f"),
            _number(row.probe, ".3f"),
            "-" if row.low is None else f"{row.low:.3f} .. {row.high:.3f}",
            _number(row.behind, ".1f"),
            _number(row.log_me, ".3f"),
            _number(row.seconds_per_1000, ".1f"),
            _number(row.num_params and row.num_params / 1e6, ".2f"),
            row.num_samples or "-",
            *([_number(row.fine_tuned, ".3f")] if has_tuned else []),
            _note(row),
        ]
        for row in ranking.rows
    ]


def _note(row: RankedBackbone) -> str:
    if row.error is None:
        return row.note
    text = " ".join(row.error.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
