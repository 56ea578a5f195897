"""`BackboneRanking`: what `rank_backbones` has found, to print and to keep."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import writers
from keras_transfer.recipes.assessment import ranking_plot, ranking_table
from keras_transfer.storage.printing import brief, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_transfer.models import TransferModel


@dataclasses.dataclass
class RankedBackbone:
    """One candidate in a `BackboneRanking`.

    Attributes:
        name: its name.
        prior: published accuracy on ImageNet from 0 to 1, or `None`.
        probe: score of a linear head on samples it has not seen.
        low: lower end of the 95 % interval of `probe`.
        high: upper end.
        behind: how far `probe` is below the best one, in points (hundredths),
            on the same samples in the same folds.
        is_noise: whether chance alone makes such a difference; not of one
            that was dropped, which was behind the best of its round by more.
        log_me: LogME of the features; compares candidates of as many samples.
        seconds_per_1000: seconds of the feature pass over 1,000 samples.
        num_params: parameters of the backbone.
        num_samples: samples it was compared on.
        fine_tuned: score after fine-tuning, on held-out samples, or `None`.
        note: what there is to say.
        error: why it could not be used, or `None`.
    """

    name: str
    prior: float | None = None
    probe: float | None = None
    low: float | None = None
    high: float | None = None
    behind: float | None = None
    is_noise: bool | None = None
    log_me: float | None = None
    seconds_per_1000: float | None = None
    num_params: int | None = None
    num_samples: int = 0
    fine_tuned: float | None = None
    note: str = ""
    error: str | None = None

    def __repr__(self) -> str:
        probe = "" if self.probe is None else f"probe {self.probe:.3f}"
        return brief(self, self.name, probe, self.error)


@dataclasses.dataclass
class BackboneRanking:
    """Candidates by how well they suit the data, the best first.

    Attributes:
        rows: one `RankedBackbone` for each; those that saw most samples first,
            then by their probe; failed ones last.
        score_name: what `probe` measures.
        num_samples: samples there were.
        seconds: what the ranking took, without fine-tuning.
        model: the best fine-tuned `TransferModel`, or `None`.
    """

    rows: list
    score_name: str = "accuracy"
    num_samples: int = 0
    seconds: float = 0.0
    model: TransferModel | None = None

    def __repr__(self) -> str:
        first = self.rows[0] if self.rows else None
        best = first if first and first.probe is not None else None
        return brief(
            self,
            best and f"best {best.name} ({self.score_name} {best.probe:.3f})",
            f"of {len(self.rows)}",
        )

    def __getitem__(self, name: str) -> RankedBackbone:
        """Returns the row of a candidate."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(
            f"There is no candidate {name!r}. Expected one of "
            f"{', '.join(row.name for row in self.rows)}."
        )

    @property
    def best_probe(self) -> str:
        """The name of the candidate with the best probe."""
        return self.rows[0].name

    @property
    def best_prior(self) -> str | None:
        """The name of the usable candidate with the best prior."""
        known = [r for r in self.rows if r.prior is not None and not r.error]
        # On a tie the one that is ahead by its probe.
        return max(known, key=lambda row: row.prior).name if known else None

    @property
    def to_finetune(self) -> list:
        """The names to fine-tune: best prior and best probe, or the one."""
        both = [self.best_prior, self.best_probe]
        return [name for name in dict.fromkeys(both) if name is not None]

    def best(self) -> str:
        """Returns the name of the candidate to take.

        After fine-tuning the one with the best held-out score. Before that
        the one with the best prior if its probe is within noise of the best
        one, and else the one with the best probe.
        """
        tuned = [row for row in self.rows if row.fine_tuned is not None]
        if tuned:
            return max(tuned, key=lambda row: row.fine_tuned).name
        prior = self.best_prior
        return prior if prior and self[prior].is_noise else self.best_probe

    def __str__(self) -> str:
        return printable(ranking_table.as_text(self))

    def as_dict(self) -> dict:
        """Returns everything but the model, as JSON can hold it."""
        return {
            "best": self.best(),
            "to_finetune": self.to_finetune,
            "score": self.score_name,
            "num_samples": self.num_samples,
            "seconds": self.seconds,
            "candidates": [dataclasses.asdict(row) for row in self.rows],
        }

    def to_json(self) -> str:
        """Returns everything but the model as JSON."""
        return json.dumps(self.as_dict(), indent=2)

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        return ranking_table.as_markdown(self)

    def plot(self, path: PathLike | None = None) -> Figure:
        """Draws the probes with their intervals, and the seconds they take.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        return ranking_plot.plot_ranking(path, self)

    def write(self, folder: PathLike) -> list[str]:
        """Writes table, JSON, Markdown and picture, as `ranking.*`.

        Args:
            folder: where to; it is made if it is not there.

        Returns:
            The names of the files.
        """
        folder = Path(folder)
        text = ranking_table.as_text(self, for_file=True)
        writers.write_text(folder / "ranking.txt", f"{text}\n")
        writers.write_json(folder / "ranking.json", self.as_dict())
        writers.write_text(folder / "ranking.md", f"{self.to_markdown()}\n")
        self.plot(folder / "ranking.png")
        return [f"ranking.{end}" for end in ("json", "md", "png", "txt")]
