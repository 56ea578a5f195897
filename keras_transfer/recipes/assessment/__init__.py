"""Stage 2: will it transfer, what will it reach, and what was forgotten."""
