"""The models' names, for code that offers a choice of them without loading torch."""

BACKBONES = ("dnn", "mmoe", "ple")
_CONTENT = "_content"
MODEL_NAMES = (*BACKBONES, *(name + _CONTENT for name in BACKBONES))


def backbone_of(model: str) -> str:
    """Return the name of a model's backbone."""
    return model.removesuffix(_CONTENT)


def has_content(model: str) -> bool:
    """Return whether a model reads texts."""
    return model.endswith(_CONTENT)
