"""Write a run's model in a form that needs neither torch nor this repository."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

from training.checksums import write_checksums
from training.data.feature_space import META_FILE, VOCABULARY_FOLDER, FeatureSpace
from training.errors import TrainingError
from training.model_names import GBDT, reads_history
from training.models.click_model import ClickModel
from training.models.onnx_file import write_onnx
from training.runs.model_file import load_model
from training.runs.stored_run import load_config
from training.runs.writing import write_json
from training.scoring.exported_files import CODE_FOLDER, DESCRIPTION_FILE, NETWORK_FILE, TREES_FILE
from training.text.lsa import NAME as LSA
from training.text.text_space import ENCODER_FOLDER, saved_encoder, saved_shape
from training.text.whitening import WHITENING_FILES
from training.unfinished_name import unfinished_name
from warehouse.settings import REPOSITORY
from warehouse.tables import SCENES

# The code that scores: training.scoring.scorer and all that it imports.
_CODE = {
    "training": ("__init__", "checksums", "errors"),
    "training/data": (
        *("__init__", "arrow_columns", "feature_space", "id_positions", "impression_sequences", "input_shape"),
        *("list_vocabulary", "numeric_features", "text_columns", "value_index", "vocabulary"),
    ),
    "training/text": ("__init__", "lsa", "ngrams", "sentence_encoder", "text_space", "whitening"),
    "training/scoring": ("__init__", "exported_files", "network", "pyfunc", "remembered_texts", "scorer", "trees"),
    "warehouse": ("__init__", "errors", "tables"),
}

# Instead of the module that looks up the scenes of a dataset.
_SCENES = '''"""The scenes of the run that was exported."""

RAW_FOLDER = "raw"
SCENES = range({})
'''


def export_run(folder: Path, name: str, target: Path) -> None:
    """Write a new folder with the model of a run, the code that scores with it, and the list of packages it needs.

    name: that of the run. The folder appears only when it is complete. Raises TrainingError.
    """
    if target.exists():
        raise TrainingError(f"{target} exists already: give another folder as --to, or remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_name(target)
    try:
        write_exported_model(folder, name, unfinished)
        copy_code(unfinished / CODE_FOLDER)
        (unfinished / "requirements.txt").write_text("\n".join(required_packages(unfinished)) + "\n", encoding="utf-8")
        write_checksums(unfinished)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_exported_model(folder: Path, name: str, target: Path) -> None:
    """Write the files that `training.scoring.scorer.Scorer` reads to a new folder. Raises TrainingError."""
    config, space = load_config(folder), FeatureSpace.load(folder)
    reads_texts = config.text_settings is not None
    text_shape = saved_shape(folder) if reads_texts else None
    model = load_model(folder, config, space.input_shape, text_shape)
    target.mkdir()
    if isinstance(model, ClickModel):
        write_onnx(model, space.input_shape, text_shape, target / NETWORK_FILE)
    else:
        shutil.copyfile(folder / TREES_FILE, target / TREES_FILE)
    shutil.copyfile(folder / META_FILE, target / META_FILE)
    shutil.copytree(folder / VOCABULARY_FOLDER, target / VOCABULARY_FOLDER)
    if reads_texts:
        shutil.copytree(folder / ENCODER_FOLDER, target / ENCODER_FOLDER)
        for file in WHITENING_FILES:
            shutil.copyfile(folder / file, target / file)
    about = {"run": name, "model": config.model, "dataset": config.dataset, "as_of": config.as_of}
    reads = {"reads_texts": reads_texts, "reads_history": reads_history(config.model)}
    write_json(target / DESCRIPTION_FILE, {**about, **reads})


def copy_code(target: Path) -> None:
    """Copy the code that scores to a new folder, as the packages training and warehouse."""
    for package, modules in _CODE.items():
        (target / package).mkdir(parents=True)
        for module in modules:
            shutil.copyfile(REPOSITORY / package / f"{module}.py", target / package / f"{module}.py")
    (target / "warehouse" / "scenes.py").write_text(_SCENES.format(len(SCENES)), encoding="utf-8")


def required_packages(exported: Path) -> list[str]:
    """Return the packages that the code needs to score with an exported model, with the versions installed here."""
    description = json.loads((exported / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    names = ["numpy", "pyarrow", "lightgbm" if description["model"] == GBDT else "onnxruntime"]
    if description["reads_texts"] and saved_encoder(exported) != LSA:
        names.append("sentence-transformers")
    return [f"{name}=={version(name)}" for name in names]
