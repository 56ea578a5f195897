"""What would make a cached training differ from an uncached one."""

from keras_transfer import _private


def reasons_not_to_cache(boundary, *, views=1):
    """Returns the reasons why a prefix cannot be run once, as sentences.

    Args:
        boundary: a `Boundary`.
        views: how many versions of each sample are kept. With more than one,
            what is random below the cut is drawn that many times.

    Returns:
        A list of sentences, empty if there is nothing in the way.
    """
    found = []
    for layer in _private.leaf_layers(boundary.prefix):
        if layer.trainable_variables:
            found.append(f"layer '{layer.name}' below the boundary trains")
        if layer.activity_regularizer is not None:
            found.append(
                f"layer '{layer.name}' below the boundary has an activity "
                "regularizer"
            )
        draws = _private.draws_random_numbers(layer)
        if views == 1 and draws and not _private.runs_in_inference(layer):
            found.append(
                f"layer '{layer.name}' below the boundary draws random "
                "numbers in each epoch (views=K keeps K versions)"
            )
    return found
