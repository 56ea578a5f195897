"""Predictions in words: the numbers of a head with names of classes."""

_SHOWN = 3


def describe(model, values):
    """Turns one row of a model's output into names and scores.

    Args:
        model: a `TransferModel`.
        values: `(outputs,)`, its output for one sample.

    Returns:
        For a softmax `label`, `score` and `top`, the best three; for sigmoids
        `labels` (those above 0.5) and `top`; for a regression `values`, a
        number by name.
    """
    names = model.class_names or [str(i) for i in range(len(values))]
    activation = getattr(model.head, "activation", None)
    if activation not in ("softmax", "sigmoid"):
        return {"values": dict(zip(names, map(float, values), strict=True))}
    order = values.argsort()[::-1][:_SHOWN]
    top = [{"label": names[i], "score": float(values[i])} for i in order]
    if activation == "softmax":
        return {**top[0], "top": top}
    chosen = [n for n, v in zip(names, values, strict=True) if v > 0.5]
    return {"labels": chosen, "top": top}
