"""The result of `source_retention`: tables, a text, a picture."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import plots
from keras_transfer.storage.printing import brief, printable
from keras_transfer.storage.tables import format_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class BlockRetention:
    """One block before and after fine-tuning.

    Attributes:
        name: of the block.
        cka: debiased linear CKA of its features; 1 if nothing has changed.
    """

    name: str
    cka: float


@dataclasses.dataclass(frozen=True)
class SourceRetention:
    """What a model still knows of its source's task.

    Attributes:
        blocks: a `BlockRetention` each, input first.
        num_samples: samples of the source that were looked at.
        before: for each sample, whether its class was named rightly before
            fine-tuning; `None` without labels.
        after: the same after it, with the same head.
        read_anew: the same after it, with a probe fitted anew.
        head: what that head was, in words.
    """

    blocks: list
    num_samples: int
    before: np.ndarray | None = dataclasses.field(repr=False)
    after: np.ndarray | None = dataclasses.field(repr=False)
    read_anew: np.ndarray | None = dataclasses.field(repr=False)
    head: str

    @property
    def accuracy(self) -> dict[str, float] | None:
        """Accuracies by name: `before`, `after`, `read_anew`; or `None`."""
        if self.before is None:
            return None
        return {
            "before": float(self.before.mean()),
            "after": float(self.after.mean()),
            "read_anew": float(self.read_anew.mean()),
        }

    @property
    def lost(self) -> tuple[float, float] | None:
        """`(fall of the accuracy, its standard error)`, in pairs; or `None`."""
        if self.before is None:
            return None
        differences = self.before.astype(float) - self.after
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        return float(differences.mean()), float(error)

    def __repr__(self) -> str:
        lost = "" if self.lost is None else f"accuracy lost {self.lost[0]:.3f}"
        return brief(
            self,
            f"{len(self.blocks)} blocks",
            f"CKA {self.blocks[-1].cka:.3f} at the last",
            lost,
        )

    def __str__(self) -> str:
        return printable(f"{self._sentence()}\n{format_table(*self._table())}")

    def _sentence(self) -> str:
        least = min(self.blocks, key=lambda block: block.cka)
        text = (
            f"on {self.num_samples} samples of the source: CKA of the "
            f"features before and after {self.blocks[-1].cka:.3f} at the last "
            f"block, lowest {least.cka:.3f} at {least.name}"
        )
        if self.before is None:
            return text
        found, (lost, error) = self.accuracy, self.lost
        return (
            f"{text}; accuracy with {self.head} {found['before']:.3f} before, "
            f"{found['after']:.3f} after (lost {lost:.3f} +/- {error:.3f}), "
            f"{found['read_anew']:.3f} with a probe fitted anew"
        )

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [[block.name, f"{block.cka:.3f}"] for block in self.blocks]
        return ["block", "CKA"], rows

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as a dict of numbers, for `json.dumps`."""
        lost = self.lost
        return {
            "num_samples": self.num_samples,
            "blocks": [dataclasses.asdict(block) for block in self.blocks],
            "head": self.head,
            "accuracy": self.accuracy,
            "lost": lost and {"value": lost[0], "standard_error": lost[1]},
        }

    def to_markdown(self) -> str:
        """Returns the sentence and the table by block, as Markdown."""
        columns, rows = self._table()
        lines = [columns, ["---"] * len(columns), *rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{self._sentence()}.\n\n{table}\n"

    def plot(self, path: PathLike | None = None) -> Figure:
        """Draws CKA by block.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        width = max(5, 0.4 * len(self.blocks))
        figure, (axes,) = plots.panels(1, 1, width, 3.6)
        axes.plot([block.cka for block in self.blocks], marker="o")
        axes.set_xticks(
            range(len(self.blocks)),
            [block.name for block in self.blocks],
            rotation=90,
        )
        axes.set(ylabel="CKA before and after", ylim=(None, 1.02))
        return plots.save_figure(figure, path)
