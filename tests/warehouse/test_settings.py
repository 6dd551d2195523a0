"""Settings come from the environment, and values that are not allowed are refused."""

import pytest

from warehouse.settings import REPOSITORY, Settings, read_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(variable(name), raising=False)


def variable(field: str) -> str:
    return "MLFLOW_TRACKING_URI" if field == "tracking_uri" else f"ANTM2C_{field.upper()}"


def test_the_defaults_are_the_documented_ones() -> None:
    assert read_settings() == Settings(
        warehouse=f"file://{REPOSITORY}/var/warehouse",
        dataset="demo",
        artifacts=f"{REPOSITORY}/var/artifacts",
        scenes=None,
        code_revision="",
        tracking_uri=f"sqlite:///{REPOSITORY}/var/mlflow/mlflow.db",
        lineage=False,
        retrain_on_warning=False,
        train_runtime="python",
        trainer_image="antm2c-trainer",
        trainer_gpus="0",
        trainer_network="bridge",
        serving_token="",
        serving_store="",
    )


def test_runs_are_tracked_beside_the_artifacts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_ARTIFACTS", "/data/artifacts")
    assert read_settings().tracking_uri == "sqlite:////data/mlflow/mlflow.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("warehouse", "hdfs://namenode:9000/data/antm2c"),
        ("dataset", "10m"),
        ("artifacts", "/artifacts"),
        ("code_revision", "abc123"),
        ("tracking_uri", "https://mlflow.example.org"),
        ("train_runtime", "docker"),
        ("trainer_image", "registry.example.org/trainer:2"),
        ("trainer_gpus", "all"),
        ("trainer_gpus", "2"),
        ("trainer_network", "host"),
    ],
)
def test_a_variable_sets_its_field(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(variable(name), value)
    assert getattr(read_settings(), name) == value


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_an_empty_variable_leaves_the_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    expected = read_settings()
    monkeypatch.setenv(variable(name), "")
    assert read_settings() == expected


def test_a_repository_folder_with_a_space_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.settings.REPOSITORY", REPOSITORY / "我的 文件")
    assert read_settings().warehouse == f"file://{REPOSITORY}/我的 文件/var/warehouse"


@pytest.mark.parametrize("value", ["0", "-1", "five", "1.5", " 5", "1001", "7000000000", "７"])
def test_scenes_other_than_a_number_from_1_to_1000_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ANTM2C_SCENES", value)
    with pytest.raises(ValueError, match=r"ANTM2C_SCENES is .* set it to a whole number from 1 to 1000"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ANTM2C_RETRAIN_ON_WARNING", "yes", "true or false"),
        ("ANTM2C_TRAIN_RUNTIME", "Docker", "python or docker"),
        ("ANTM2C_TRAIN_RUNTIME", "kubernetes", "python or docker"),
        ("ANTM2C_TRAINER_GPUS", "-1", "all or a number"),
        ("ANTM2C_TRAINER_GPUS", "one", "all or a number"),
    ],
)
def test_a_value_that_is_not_one_of_those_allowed_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} is '{value}'; set it to {wanted}"):
        read_settings()
