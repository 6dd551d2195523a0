"""Dockerfiles and docker-compose.yml, without a daemon."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from orchestration.pools import PARALLELISM
from tests.docker.compose import compose, needs_compose, new_env_file
from warehouse.settings import REPOSITORY

DOCKERFILES = sorted(REPOSITORY.glob("docker/*/Dockerfile"))
COMPOSE_FILE = (REPOSITORY / "docker-compose.yml").read_text()
PINNED = dict(re.findall(r"^(\S+)==(\S+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE))
REQUIRED = set(re.findall(r"^([\w-]+)==", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE))
BASED_ON = {"airflow": ("spark", "airflow"), "trainer": ("trainer",)}
COME_ALONG = {"docker", "fastapi", "pandas", "starlette"}  # Airflow, its provider for Docker and MLflow need these
ALL_PROFILES = ("--profile", "celery", "--profile", "serving", "--profile", "trainer")
each_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)


@pytest.fixture(scope="module")
def package_of() -> Mapping[str, list[str]]:
    return packages_distributions()


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return new_env_file(tmp_path / ".env", {})


@pytest.fixture
def services(env_file: Path) -> dict[str, Any]:
    return json.loads(compose(*ALL_PROFILES, "config", "--format", "json", env_file=env_file).stdout)["services"]


def test_the_compose_file_follows_the_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    subprocess.run([*checker, REPOSITORY / "docker-compose.yml"], check=True)


@needs_compose
def test_every_reference_in_the_compose_file_can_be_resolved(env_file: Path) -> None:
    compose(*ALL_PROFILES, "config", "--quiet", env_file=env_file)


@each_dockerfile
def test_dockerfiles_pass_hadolint(path: Path) -> None:
    subprocess.run([Path(sys.executable).with_name("hadolint"), path], cwd=REPOSITORY, check=True)


@each_dockerfile
def test_dockerfiles_need_no_frontend_image(path: Path) -> None:
    assert "syntax=" not in path.read_text()


@each_dockerfile
def test_everything_that_pip_installs_is_pinned(path: Path) -> None:
    commands = re.findall(r"pip install (.*)", path.read_text().replace("\\\n", " "))
    for command in commands:
        assert command.startswith("--no-cache-dir --constraint constraints.txt ")
        assert set(command.split()[3:]) <= set(PINNED)
    assert commands or path.parent.name == "hadoop"


@pytest.mark.parametrize(
    ("image", "folders"),
    [
        ("airflow", ["dags", "orchestration", "plugins", "sample_logs", "spark_jobs", "warehouse"]),
        ("trainer", ["training", "warehouse"]),
    ],
)
def test_an_image_has_the_packages_that_its_code_imports(
    image: str, folders: list[str], package_of: Mapping[str, list[str]]
) -> None:
    """Some are imported only when they are needed, so an image may seem to work without them."""
    text = "".join((REPOSITORY / "docker" / name / "Dockerfile").read_text() for name in BASED_ON[image])
    installed = set(re.findall(r"[\w-]+", " ".join(re.findall(r"pip install (.*)", text.replace("\\\n", " ")))))
    modules = {name for folder in folders for name in imported(REPOSITORY / folder)}
    packages = {package for module in modules for package in package_of.get(module, [])}
    assert packages & REQUIRED <= installed | COME_ALONG


def imported(folder: Path) -> Iterator[str]:
    """Yield the first part of the name of each module that a file in the folder imports, wherever in the file."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]


def test_driver_executors_and_trainer_use_the_projects_python() -> None:
    bases = {path.parent.name: re.search(r"^FROM (\S+)", path.read_text(), re.MULTILINE)[1] for path in DOCKERFILES}
    assert bases["spark"] == bases["trainer"]
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases["spark"])
    assert bases["airflow"] == f"antm2c-spark:{PINNED['pyspark']}"
    assert "openjdk-17" in (REPOSITORY / "docker/spark/Dockerfile").read_text()


@each_dockerfile
def test_no_image_runs_as_root(path: Path) -> None:
    assert re.findall(r"^USER (\w+)$", path.read_text(), re.MULTILINE)[-1] != "root"


@needs_compose
def test_every_image_has_a_tag_that_says_its_version(services: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in services.items() if name not in ("serving", "trainer")}
    assert all(re.search(r":\d+\.\d+", image) for image in images.values()), images
    assert images["airflow-scheduler"] == f"antm2c-airflow:{PINNED['apache-airflow']}"
    assert services["serving"]["image"] == services["trainer"]["image"] == "antm2c-trainer"
    assert images["spark-worker"] == f"antm2c-spark:{PINNED['pyspark']}"


@needs_compose
def test_every_running_service_has_a_health_check(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["trainer"]


@needs_compose
def test_only_the_proxy_sees_the_socket_and_only_services_that_run_tasks_see_the_proxy(
    services: dict[str, Any],
) -> None:
    seen = {name for name, service in services.items() if "docker.sock" in json.dumps(service.get("volumes", []))}
    assert seen == {"socket-proxy"}
    near = {name for name, service in services.items() if "socket" in (service.get("networks") or {})}
    assert near == {"socket-proxy", "airflow-scheduler", "airflow-worker"}
    assert list(services["socket-proxy"]["networks"]) == ["socket"]


@needs_compose
def test_ports_are_published_to_this_machine_only(services: dict[str, Any]) -> None:
    assert {port["host_ip"] for service in services.values() for port in service.get("ports", [])} == {"127.0.0.1"}


@needs_compose
def test_nothing_starts_with_a_default_password(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    refused = compose(*ALL_PROFILES, "config", "--quiet", env_file=empty, check=False)
    assert refused.returncode != 0
    assert "make .env" in refused.stderr
    assert not re.findall(r"\$\{\w*(?:PASSWORD|SECRET|KEY|TOKEN)\w*:?-[^}]", COMPOSE_FILE)


def test_the_pool_is_made_before_airflow_answers_and_parallelism_exceeds_its_slots() -> None:
    lines = (REPOSITORY / "docker/airflow/api_server.sh").read_text().splitlines()
    assert lines[-3:] == ["airflow db migrate", "python -m orchestration.pools", "exec airflow api-server"]
    [parallelism] = re.findall(r"AIRFLOW_PARALLELISM:-(\d+)", COMPOSE_FILE)
    assert int(parallelism) == PARALLELISM


def test_secrets_are_new_each_time_and_git_ignores_them(tmp_path: Path) -> None:
    first, second = (parsed(new_env_file(tmp_path / name, {})) for name in ("first", "second"))
    secrets = [name for name in first if re.search(r"PASSWORD|SECRET|KEY|TOKEN", name)]
    assert len(secrets) == 7
    values = [written[name] for written in (first, second) for name in secrets]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 40 for value in values)
    assert first["USER_ID"] != "0"
    subprocess.run(["git", "check-ignore", "--quiet", "--no-index", ".env"], cwd=REPOSITORY, check=True)


def test_every_required_variable_of_the_compose_file_is_written(tmp_path: Path) -> None:
    required = set(re.findall(r"\$\{(\w+):\?make \.env\}", COMPOSE_FILE))
    assert required == set(parsed(new_env_file(tmp_path / ".env", {})))


def test_the_path_of_the_checkout_may_contain_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "my work"
    folder.mkdir()
    (folder / ".env").write_text(subprocess.check_output([REPOSITORY / "docker/env.sh"], cwd=folder, text=True))
    source = ["bash", "-c", '. ./.env; printf %s "$ANTM2C_DATA"']
    assert subprocess.check_output(source, cwd=folder, text=True) == f"{folder}/var/compose"


def parsed(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())
