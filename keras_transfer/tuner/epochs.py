"""How many epochs of a trial are for the head, and how many for the blocks."""

# Of the epochs, those that train a head that is not solved.
_HEAD_SHARE = 0.6


def divided(settings, total, head_epochs, *, goes_on=False):
    """Returns `(epochs of the head, epochs of fine-tuning)`.

    A head that is solved takes none. One that is trained takes three fifths,
    and leaves one at least to the blocks, so that short trainings tell apart
    how they are fine-tuned. A trial that goes on has a head.

    Args:
        settings: the `Settings`.
        total: epochs of the trial, or `None` for `fine_tune`'s own.
        head_epochs: most epochs of a head that is trained, or `None`.
        goes_on: whether the trial goes on from an earlier one.

    Examples:
        >>> divided(Settings("MobileNetV2"), 5, None)
        (None, 5)
        >>> divided(Settings("MobileNetV2", hidden_units=64), 5, None)
        (3, 2)
    """
    if not settings.has_trained_head or total is None:
        return head_epochs, total
    if not settings.trains_blocks:
        return total, 0
    if goes_on:
        return 0, total
    if head_epochs is None:
        head_epochs = round(_HEAD_SHARE * total)
    head_epochs = min(max(1, head_epochs), max(1, total - 1))
    return head_epochs, total - head_epochs
