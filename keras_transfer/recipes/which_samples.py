"""Which samples a run is measured on, and which of them it has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.joining import together
from keras_transfer.data.sample_digests import sample_digests, sample_names
from keras_transfer.data.views import SubsetBatches

if TYPE_CHECKING:
    from keras_transfer.data.dataset import Dataset
    from keras_transfer.recipes.run_splits import RunSplits


class ChosenSamples:
    """The samples of a `Dataset` to measure a run on.

    Of a data set that the run knows: those it held out as test samples; or of
    another of its parts; or all. Of one that it has never seen: all, or one of
    the parts that the data set has itself.

    Args:
        data: a `Dataset` from which nothing was held out.
        splits: the `RunSplits` of the run.
        split: `"test"`, `"validation"`, `"train"`, `"all"`, or `None` for
            what fits.

    Attributes:
        batches: the samples, unshuffled.
        names: their files or numbers.
        was_seen: for each whether the run was trained on it.
        about: a sentence about what they are.

    Raises:
        ValueError: there are none of that kind.
    """

    def __init__(
        self, data: Dataset, splits: RunSplits, split: str | None = None
    ):
        self.data, self.splits = data, splits
        parts = data.parts()
        whole = together(list(parts.values()))
        self._digests = np.array(sample_digests(whole), object)
        self._part_of = np.repeat(
            list(parts), [part.num_samples for part in parts.values()]
        )
        rows, self.about = self._rows(split)
        self.batches = SubsetBatches(whole, rows)
        names = sample_names(whole)
        self.names = [names[row] for row in rows]
        self.was_seen = np.array(
            [splits.has("train", d) for d in self._digests[rows]], bool
        )

    @property
    def seen_in_words(self) -> str:
        """How many of them the run was trained on."""
        if not len(self.splits):
            return (
                "Which of them it was trained on is not known: the run has no "
                "splits.csv."
            )
        count = int(self.was_seen.sum())
        return f"{count} of them were seen in training."

    def _rows(self, split: str | None) -> tuple[np.ndarray, str]:
        everything = np.arange(len(self._digests))
        knows = any(map(self.splits.knows, self._digests))
        if split == "all" or (split is None and not knows):
            return everything, f"all {len(everything)} samples"
        if knows:
            return self._rows_of_run(split or "test", split is None)
        rows = np.flatnonzero(self._part_of == split)
        if not len(rows):
            raise ValueError(
                f"--split {split} does not fit these data, which the run does "
                "not know and which are divided into: "
                f"{', '.join(dict.fromkeys(self._part_of))}. Choose one of "
                "these, or all."
            )
        return rows, f"the {len(rows)} {split} samples of these data"

    def _rows_of_run(
        self, split: str, may_be_new: bool
    ) -> tuple[np.ndarray, str]:
        kept = self.splits.counts[split]
        rows = self._where(lambda digest: self.splits.has(split, digest))
        if len(rows):
            some = f"{len(rows)} of " if len(rows) < kept else ""
            count = max(kept, len(rows))
            return rows, f"{some}the {count} {split} samples of the run"
        rows = self._where(lambda digest: not self.splits.knows(digest))
        if may_be_new and len(rows):
            return rows, f"the {len(rows)} samples that the run does not know"
        raise ValueError(
            f"The run has {kept} {split} samples, and none of them is among "
            f"these {len(self._digests)}, which it was trained or validated "
            "on. Measure it on other samples, or choose --split all to "
            "measure it on what it has seen."
        )

    def _where(self, is_one: Callable[[str], bool]) -> np.ndarray:
        found = [bool(is_one(digest)) for digest in self._digests]
        return np.flatnonzero(found)
