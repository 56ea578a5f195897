"""Model files: written whole, read so that errors are clear."""

    renew_low_rank_factors(model)
    return model
