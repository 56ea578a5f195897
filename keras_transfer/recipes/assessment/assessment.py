"""`TransferAssessment`: what `assess_transfer` has found."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import writers
from keras_transfer.recipes.assessment import pictures, reading, report
from keras_transfer.storage.printing import brief, printable

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.gain import Gain
    from keras_transfer.recipes.assessment.similarity import Similarity
    from keras_transfer.recipes.assessment.stored_statistics import (
        StatisticsDistance,
    )
    from keras_transfer.transferability import LearningCurve


@dataclasses.dataclass
class TransferAssessment:
    """What one pass over the data says about a transfer.

    It prints as a table and sentences.

    Attributes:
        source: name of the source model.
        num_samples: samples by part, `{"train": ..., "test": ...}`.
        per_class: training samples of each class, by name.
        curve: the `LearningCurve` of a linear probe, or `None`.
        baselines: list of `Baseline`.
        gain: the `Gain` over the same net with random weights, or `None`.
        similarity: the `Similarity` of target and source samples, or `None`.
        shift: the same of labelled and unlabelled target samples.
        statistics: the `StatisticsDistance` of the target from the source's
            batch norm, where no samples of the source were given, or `None`.
        findings: list of `Finding`: what may be wrong with the data.
        notes: sentences on what was left out, or measured on a part.
        drawn: what `plot` needs of the samples, or `None`.
    """

    source: str
    num_samples: dict
    per_class: dict
    curve: LearningCurve | None = None
    baselines: list = dataclasses.field(default_factory=list)
    gain: Gain | None = None
    similarity: Similarity | None = None
    statistics: StatisticsDistance | None = None
    shift: Similarity | None = None
    findings: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    drawn: pictures.Drawn | None = dataclasses.field(default=None, repr=False)

    def __repr__(self) -> str:
        reached = [f"{b.name} {b.accuracy:.3f}" for b in self.baselines[-1:]]
        return brief(
            self,
            self.source,
            f"{sum(self.num_samples.values())} samples",
            *reached,
            f"{len(self.findings)} findings",
        )

    @property
    def summary(self) -> str:
        """One paragraph: source, number of samples, similarity, data."""
        return reading.summary(self)

    def found(self, kind: str) -> list:
        """Returns the `Finding`s of a kind.

        Args:
            kind: `"label"`, `"dark"` and so on, as in `Finding`.
        """
        return [each for each in self.findings if each.kind == kind]

    def to_json(self) -> dict:
        """Returns everything but pictures as what JSON can hold."""
        return report.as_json(self)

    def to_markdown(self) -> str:
        """Returns everything but pictures as Markdown."""
        return report.as_markdown(self)

    def plot(self, folder: PathLike) -> list:
        """Draws the learning curve, the map and the likely wrong labels.

        Args:
            folder: where to write `learning_curve.png`, `map.png` and
                `labels.png`.

        Returns:
            The names of what was written: a picture that has nothing to show
            is left out.
        """
        return pictures.plot(self, folder)

    def save(self, folder: PathLike, *, pictures: bool = True) -> list:
        """Writes `assessment.json`, `assessment.md` and the pictures.

        Args:
            folder: where to.
            pictures: whether to draw it too.

        Returns:
            The names of what was written.
        """
        folder = Path(folder)
        writers.write_json(folder / "assessment.json", self.to_json())
        writers.write_text(folder / "assessment.md", self.to_markdown())
        drawn = self.plot(folder) if pictures else []
        return ["assessment.json", "assessment.md", *drawn]

    def __str__(self) -> str:
        return printable(report.as_text(self))
