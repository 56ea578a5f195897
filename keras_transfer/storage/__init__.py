"""Whole files, digests, checkpoints on disk, memory, and tables of text."""
