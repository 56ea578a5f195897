"""Parts of samples to fit on, and what they leave out."""

from typing import TypeAlias

import numpy as np

# For each fold the rows to fit and the rows to validate.
Folds: TypeAlias = list[tuple[np.ndarray, np.ndarray]]


def folds_for(labels: np.ndarray, kind: str, seed: int, most: int = 5) -> Folds:
    """Pairs of rows to fit and rows to validate, class by class.

    Args:
        labels: of all samples.
        kind: as in `fit_linear_probe`.
        seed: seed of what is in which fold.
        most: most folds; fewer where a class has fewer samples.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter, possible = KFold, len(labels)
    if kind == "softmax":
        smallest = int(np.unique(labels, return_counts=True)[1].min())
        # A class of one sample is in one fold alone, whatever is done.
        if smallest > 1:
            splitter, possible = StratifiedKFold, smallest
    folds = splitter(min(most, possible), shuffle=True, random_state=seed)
    return list(folds.split(labels, labels))
