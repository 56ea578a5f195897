"""An assessment in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.assessment import TransferAssessment
    from keras_transfer.recipes.assessment.similarity import Similarity
    from keras_transfer.transferability.learning_curve import LearningCurve

# Samples of a class below which another draw may give another model.
_FEW = 10


def summary(found: TransferAssessment) -> str:
    """Returns one paragraph on an assessment.

    Args:
        found: the `TransferAssessment`.
    """
    sentences = [
        about_source(found),
        about_samples(found),
        about_similarity(found),
        about_data(found),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def about_source(found: TransferAssessment) -> str:
    """The first limit: the choice of the source model."""
    probe = next((b for b in found.baselines if b.name == "linear probe"), None)
    if probe is None:
        return ""
    text = (
        f"Source: a linear probe on {found.source} reaches "
        f"{probe.accuracy:.3f} ({probe.low:.3f} to {probe.high:.3f}); always "
        f"naming the most frequent class, {found.baselines[0].accuracy:.3f}."
    )
    if found.gain is None:
        return text
    gain = found.gain
    return (
        f"{text} That is {gain.gain:+.3f} +/- {gain.error:.3f} over the same "
        f"net with random weights: {gain.verdict}."
    )


def about_samples(found: TransferAssessment) -> str:
    """The second limit: the number of samples."""
    counts = list(found.per_class.values())
    total, least, most = sum(counts), min(counts), max(counts)
    each = f"{least}" if least == most else f"{least} to {most}"
    text = f"Samples: {total} labels, {each} a class"
    if least < _FEW:
        text += "; the smallest class has too few to judge it"
    if found.curve is None:
        return f"{text}; too few for a learning curve."
    return f"{text}; {about_curve(found.curve, total, len(counts))}."


def about_curve(curve: LearningCurve, total: int, num_classes: int) -> str:
    """How much more samples would bring a probe."""
    if total >= curve.furthest:
        return (
            f"the learning curve is of {curve.num_samples} of them, and cannot "
            "be read so far ahead"
        )
    needed = curve.samples_for(0.01, total)
    if needed is None:
        more = f"a probe gains less than +1 % up to {curve.furthest} labels"
    else:
        more = f"about {-(-needed // num_classes)} more a class for +1 %"
    ahead = min(2 * total, curve.furthest)
    low, high = curve.interval(ahead)
    return (
        f"{more}; by its curve a probe reaches {1 - curve.predict(total):.3f} "
        f"with {total} labels and {1 - curve.predict(ahead):.3f} "
        f"({1 - high:.3f} to {1 - low:.3f}) with {ahead}"
    )


def about_similarity(found: TransferAssessment) -> str:
    """The third limit: how alike source and target are."""
    text = ""
    if found.similarity is not None:
        text = f"Similarity: target and source {_compared(found.similarity)}."
    elif found.statistics is not None:
        text = (
            f"Similarity: target and source {found.statistics.reading} by the "
            f"source's batch-norm statistics ({found.statistics.distance:.3f} "
            "of the variance)."
        )
    elif found.gain is not None:
        text = "Similarity: no samples of the source were given."
    if found.shift is not None:
        text += (
            f" Labelled and unlabelled target samples {_compared(found.shift)}."
        )
    return text.strip()


def _compared(similarity: Similarity) -> str:
    return (
        f"{similarity.reading} (MMD p = {similarity.p_value:.3f}, Frechet "
        f"distance {similarity.frechet:.2f} of the target's variance)"
    )


def about_data(found: TransferAssessment) -> str:
    """What may be wrong with the data."""
    pairs = [f for f in found.findings if "duplicate" in f.kind]
    across = sum(pair.across for pair in pairs)
    kinds = ("dark", "blank", "tiny")
    pixels = sum(len(found.found(kind)) for kind in kinds)
    told = [
        _counted(len(pairs), "pair{} of nearly the same sample"),
        _counted(across, "pair{} of these in two parts of the data"),
        _counted(len(found.found("label")), "label{} that may be wrong"),
        _counted(
            len(found.found("unlike all others")), "sample{} unlike all others"
        ),
        _counted(pixels, "dark, blank or tiny photo{}"),
    ]
    told = [each for each in told if each]
    return f"Data: {', '.join(told) or 'nothing to look at'}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what.format('' if count == 1 else 's')}" if count else ""
