"""Whole files, digests, checkpoints on disk, memory, printing and tables."""
