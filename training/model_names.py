"""The names of the models. This module does not load torch, so that forms and command lines start fast."""

from training.errors import TrainingError

LR, GBDT = "lr", "gbdt"
BACKBONES = ("dnn", "mmoe", "ple")
_ATTENDING = {"din": "dnn", "mmoe_din": "mmoe"}  # models that attend to the user's history, and their backbones
_TEXT, _CONTENT = "_text", "_content"
MODEL_NAMES = (
    *(LR, GBDT, *BACKBONES),
    *(name + _TEXT for name in BACKBONES),
    *(name + _CONTENT for name in BACKBONES),
    *_ATTENDING,
    *(name + _TEXT for name in _ATTENDING),
)


def backbone_of(model: str) -> str:
    """Return the name of a model's backbone: mmoe for mmoe_content and for mmoe_din_text."""
    name = _without_texts(model)
    return _ATTENDING.get(name, name)


def reads_texts(model: str) -> bool:
    """Return whether a model reads the texts of a row."""
    return model.endswith((_TEXT, _CONTENT))


def reads_history(model: str) -> bool:
    """Return whether a model attends to the last impressions of the row's user."""
    return _without_texts(model) in _ATTENDING


def has_content(model: str) -> bool:
    """Return whether a model has a content tower."""
    return model.endswith(_CONTENT)


def require_known(model: str) -> None:
    """Raise TrainingError if there is no model of this name."""
    if model not in MODEL_NAMES:
        raise TrainingError(f"there is no model {model!r}: choose one of {', '.join(MODEL_NAMES)}")


def _without_texts(model: str) -> str:
    return model.removesuffix(_CONTENT).removesuffix(_TEXT)
