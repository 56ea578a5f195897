"""KerasTuner: the hypermodel, one trial, and whole searches."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_transfer.tuner.hyper_model import TransferHyperModel
    from keras_transfer.tuner.repeated_trial import repeat_trial
    from keras_transfer.tuner.search_result import SearchResult
    from keras_transfer.tuner.searching import search

__all__ = ["SearchResult", "TransferHyperModel", "repeat_trial", "search"]

# A trial is repeated where KerasTuner is not installed: it is loaded late.
_LAZY = {
    "SearchResult": "search_result",
    "TransferHyperModel": "hyper_model",
    "repeat_trial": "repeated_trial",
    "search": "searching",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
