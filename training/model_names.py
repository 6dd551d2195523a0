"""The models' names, for whoever offers a choice of them without loading torch."""

BACKBONES = ("dnn", "mmoe", "ple")
_CONTENT = "_content"
MODEL_NAMES = (*BACKBONES, *(name + _CONTENT for name in BACKBONES))


def backbone_of(model: str) -> str:
    """The backbone of a model's name."""
    return model.removesuffix(_CONTENT)


def has_content(model: str) -> bool:
    """Whether a model sees texts."""
    return model.endswith(_CONTENT)
