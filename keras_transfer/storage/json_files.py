"""JSON that people may have edited, or a disk may have damaged."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from keras_transfer._private.types import Json, PathLike


def read_json(
    path: PathLike, schema: dict[str, Any] | None = None, remedy: str = ""
) -> Json:
    """Reads a JSON file and says clearly what is wrong with it.

    Args:
        path: the file.
        schema: the JSON Schema that it follows; `None` takes an object.
        remedy: a sentence that says what to do if it does not.

    Returns:
        What it holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or of another form; names the file, the key
            and what was expected.

    Reference:
        JSON Schema, draft 2020-12.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"'{path}' is not JSON, or is damaged: {error}. {remedy}".rstrip()
        ) from error
    check_json(content, f"'{path}'", schema, remedy)
    return content


def check_json(
    content: Json,
    name: str,
    schema: dict[str, Any] | None = None,
    remedy: str = "",
) -> None:
    """Checks what came out of JSON.

    Args:
        content: the value.
        name: what to call it.
        schema: as in `read_json`.
        remedy: as in `read_json`.

    Raises:
        ValueError: it is of another form.
    """
    checker = jsonschema.Draft202012Validator(schema or {"type": "object"})
    error = jsonschema.exceptions.best_match(checker.iter_errors(content))
    if error is None:
        return
    key = error.json_path.removeprefix("$").removeprefix(".")
    where = f"{name}, key '{key}'" if key else name
    message = error.message
    if len(message) > 300:
        message = f"{message[:300]} ..."
    raise ValueError(f"{where}: {message}. {remedy}".rstrip())
