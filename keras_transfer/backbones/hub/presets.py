"""What stands behind `hub:PRESET`, with errors that come at once."""

import difflib
import socket
import urllib.error
import urllib.request
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

import keras

_HUGGING_FACE = "hf://"
_CONFIG = "config.json"


def load_preset(
    preset: str, with_weights: bool = True
) -> tuple[keras.Model, keras.layers.Layer | None]:
    """Loads a KerasHub preset.

    Args:
        preset: A built-in name, a handle such as `hf://user/model`, or the
            path of a folder that `backbone.save_to_preset` wrote.
        with_weights: Whether its weights are loaded.

    Returns:
        `(backbone, converter)`; the converter is an `ImageConverter`, or
        `None` where there is none.

    Raises:
        ImportError: If keras-hub is not installed.
        FileNotFoundError: If the preset cannot be had.
        ValueError: For an unknown name, or a folder that cannot be read.
    """
    hub = keras_hub()
    preset = _existing(preset, hub.models.Backbone.presets)
    try:
        backbone = hub.models.Backbone.from_preset(
            preset, load_weights=with_weights
        )
        return backbone, _image_converter(hub, preset, backbone)
    except ImportError:
        raise
    except Exception as error:
        # Each of the services that presets come from has errors of its own.
        if Path(preset).is_dir():
            raise ValueError(
                f"The preset folder {preset!r} cannot be read: "
                f"{type(error).__name__}: {error}\nWrite it again with "
                "`backbone.save_to_preset(folder)`."
            ) from error
        raise FileNotFoundError(_unreachable(preset, error)) from error


def keras_hub() -> ModuleType:
    """Returns the module `keras_hub`, or says how to install it."""
    try:
        import keras_hub as hub
    except ImportError as error:
        raise ImportError(
            "A `hub:` source needs KerasHub, which could not be imported: "
            f"{error}. Install it with `pip install 'keras-transfer[hub]'`."
        ) from error
    return hub


def _existing(preset: str, built_in: Collection[str]) -> str:
    """The preset's name or folder, if there can be such a preset."""
    if preset in built_in:
        return preset
    if preset.startswith(_HUGGING_FACE):
        return _hugging_face_preset(preset)
    if "://" in preset:
        return preset
    folder = Path(preset).expanduser()
    if (folder / _CONFIG).is_file():
        return str(folder)
    if folder.is_dir():
        raise ValueError(
            f"The folder {preset!r} is no KerasHub preset: it has no "
            f"{_CONFIG!r}. `backbone.save_to_preset(folder)` writes one."
        )
    near = difflib.get_close_matches(preset, built_in, n=3)
    raise ValueError(
        f"There is no KerasHub preset and no folder {preset!r} (looked in "
        f"{str(Path.cwd())!r}). Nearest presets: {near}. Expected 'hub:' and "
        "a built-in name (`keras_hub.models.Backbone.presets` lists them), a "
        "handle such as 'hf://user/model', or the path of a folder that "
        "`backbone.save_to_preset(folder)` wrote."
    )


def _hugging_face_preset(preset: str) -> str:
    """The handle if the service answers, else its folder in the cache.

    Without a network the client would try again for half a minute.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    address = constants.ENDPOINT
    error = _connection_error(address)
    if error is None:
        return preset
    repository = preset.removeprefix(_HUGGING_FACE)
    cached = try_to_load_from_cache(repository, _CONFIG)
    if not isinstance(cached, str):
        raise FileNotFoundError(_unreachable(preset, f"{address}: {error}"))
    return str(Path(cached).parent)


def _connection_error(address: str, timeout: float = 5) -> OSError | None:
    """Why a server cannot be reached, or `None` if it answers anything."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=timeout).close()
    except urllib.error.HTTPError:
        return None
    except urllib.error.URLError as error:
        lost = (socket.gaierror, ConnectionError, TimeoutError)
        return error if isinstance(error.reason, lost) else None
    except TimeoutError as error:
        return error
    return None


def _unreachable(preset: str, error: Exception | str) -> str:
    return (
        f"The KerasHub preset {preset!r} could not be had: {error}\n"
        "Ways out: go online (and log in, if it is a gated model); save it "
        "where there is a network with `keras_hub.models.Backbone."
        f"from_preset({preset!r}).save_to_preset(folder)`, copy the folder "
        "here and pass 'hub:/path/to/folder'; or pass a backbone of your own."
    )


def _image_converter(
    hub: ModuleType, preset: str, backbone: keras.Model
) -> keras.layers.Layer | None:
    if not any(len(x.shape) == 4 for x in backbone.inputs):
        return None
    if (
        Path(preset).is_dir()
        and not Path(preset, "image_converter.json").is_file()
    ):
        return None
    return hub.layers.ImageConverter.from_preset(preset)
