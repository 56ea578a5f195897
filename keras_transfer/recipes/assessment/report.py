"""An assessment as text, Markdown and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from keras_transfer.storage.tables import format_table

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.assessment import TransferAssessment
    from keras_transfer.recipes.assessment.data_check import Finding
    from keras_transfer.recipes.assessment.similarity import Similarity
    from keras_transfer.recipes.assessment.stored_statistics import (
        StatisticsDistance,
    )

# Findings of a kind that people are shown; JSON has all of them.
_SHOWN, _SHOWN_IN_MARKDOWN = 5, 50
# Multiples of the labels there are at which the curve is told.
_MULTIPLES = (1, 2, 4)


def as_text(found: TransferAssessment) -> str:
    """Returns a table, sentences, and the first findings of each kind."""
    lines = [format_table(["baseline", "accuracy", "95 %"], _baselines(found))]
    if found.curve is not None:
        columns = ["labels", "probe expected", "90 %"]
        lines.append(format_table(columns, _curve(found)))
    for kind, each in _by_kind(found).items():
        title = f"{kind}: {len(each)}"
        lines.append(
            format_table(["samples", "labels", "value"],
                         _findings(each[:_SHOWN]), title)
        )  # fmt: skip
    lines += _sentences(found)
    return "\n".join(lines)


def as_markdown(found: TransferAssessment) -> str:
    """Returns the same as Markdown, with more findings."""
    lines = [f"# Assessment of {found.source}", "", *_sentences(found), ""]
    lines += _markdown(["baseline", "accuracy", "95 %"], _baselines(found))
    if found.curve is not None:
        lines += _markdown(["labels", "probe expected", "90 %"], _curve(found))
    lines += _markdown(["class", "labels"], list(found.per_class.items()))
    for kind, each in _by_kind(found).items():
        shown = each[:_SHOWN_IN_MARKDOWN]
        lines += [f"## {kind}: {len(each)}, first {len(shown)}", ""]
        lines += _markdown(["samples", "labels", "value"], _findings(shown))
    return "\n".join(lines)


def as_json(found: TransferAssessment) -> dict[str, Any]:
    """Returns what JSON can hold."""
    gain, curve = found.gain, found.curve
    return {
        "source": found.source,
        "num_samples": dict(found.num_samples),
        "per_class": dict(found.per_class),
        "baselines": [dataclasses.asdict(b) for b in found.baselines],
        "gain": gain and dataclasses.asdict(gain) | {"verdict": gain.verdict},
        "learning_curve": curve and _curve_as_json(found),
        "similarity": _similarity_as_json(found.similarity),
        "statistics": _similarity_as_json(found.statistics),
        "shift": _similarity_as_json(found.shift),
        "findings": [dataclasses.asdict(each) for each in found.findings],
        "notes": list(found.notes),
        "summary": found.summary,
    }


def _curve_as_json(found: TransferAssessment) -> dict[str, Any]:
    curve, total = found.curve, sum(found.per_class.values())
    expected = []
    for n in _ahead(found):
        low, high = curve.interval(n)
        error = float(curve.predict(n))
        expected.append({"labels": n, "error": error, "low": low, "high": high})
    return {
        "asymptote": curve.asymptote,
        "factor": curve.factor,
        "power": curve.power,
        "sizes": curve.sizes.tolist(),
        "errors": curve.errors.tolist(),
        "furthest": curve.furthest,
        "more_for_one_point": curve.samples_for(0.01, total),
        "expected": expected,
    }


def _similarity_as_json(
    similarity: Similarity | StatisticsDistance | None,
) -> dict[str, Any] | None:
    if similarity is None:
        return None
    return dataclasses.asdict(similarity) | {"reading": similarity.reading}


def _ahead(found: TransferAssessment) -> list[int]:
    total = sum(found.per_class.values())
    wanted = [multiple * total for multiple in _MULTIPLES]
    return [n for n in wanted if n <= found.curve.furthest]


def _sentences(found: TransferAssessment) -> list[str]:
    return [found.summary, *(f"Note: {note}" for note in found.notes)]


def _baselines(found: TransferAssessment) -> list[list]:
    return [
        [b.name, f"{b.accuracy:.3f}", f"{b.low:.3f} to {b.high:.3f}"]
        for b in found.baselines
    ]


def _curve(found: TransferAssessment) -> list[list]:
    rows = []
    for n in _ahead(found):
        low, high = found.curve.interval(n)
        reached = f"{1 - found.curve.predict(n):.3f}"
        rows.append([n, reached, f"{1 - high:.3f} to {1 - low:.3f}"])
    return rows


def _by_kind(found: TransferAssessment) -> dict[str, list[Finding]]:
    kinds = dict.fromkeys(each.kind for each in found.findings)
    return {kind: found.found(kind) for kind in kinds}


def _findings(each: Iterable[Finding]) -> list[list[str]]:
    rows = []
    for one in each:
        across = " (across parts)" if one.across else ""
        rows.append(
            [" = ".join(one.samples) + across, one.detail, f"{one.value:.3g}"]
        )
    return rows


def _markdown(columns: list[str], rows: Iterable) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    # A bar in a cell would begin another one.
    cells = [[str(x).replace("|", "/") for x in line] for line in lines]
    return [*(f"| {' | '.join(line)} |" for line in cells), ""]
