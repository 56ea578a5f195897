"""Whole files, digests, checkpoints on disk, memory, printing and tables."""

from keras_transfer.storage.files import load_model

__all__ = ["load_model"]
