"""The project's images, built on a base image that is made from this machine, in a daemon that the tests start."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cluster.hadoop_jars import hadoop_jars
from local.errors import StartError
from tests.docker.compose import CI, compose, new_env_file
from tests.docker.daemon import docker, docker_daemon
from tests.docker.stand_ins.base import stage
from warehouse.settings import REPOSITORY

_COMPOSE_FILE = (REPOSITORY / "docker-compose.yml").read_text()
_STAND_INS = Path(__file__).parent / "stand_ins"


@dataclass(frozen=True)
class Docker:
    """The daemon at `address`, with the project's images. `folder` has the same path in containers and outside."""

    address: str
    folder: Path
    env_file: Path

    def compose(self, *words: str, **options) -> subprocess.CompletedProcess[str]:
        return compose(*words, env_file=self.env_file, env={**os.environ, "DOCKER_HOST": self.address}, **options)


@pytest.fixture(scope="session")
def images() -> Iterator[Docker]:
    """The images, built as `make images` does."""
    with tempfile.TemporaryDirectory(prefix="antm2c-", ignore_cleanup_errors=True) as made:
        folder = Path(made).resolve()
        folder.chmod(0o755)
        try:
            with docker_daemon(folder) as address:
                yield _built(address, folder)
        except StartError as error:
            if CI:
                pytest.fail(str(error))
            pytest.skip(str(error))


def _built(address: str, folder: Path) -> Docker:
    data = folder / "shared"
    changes = {"ANTM2C_DATA": str(data), "DOCKER_SOCKET": f"{folder}/docker.sock"}
    changes["DOCKER_SOCKET_GROUP"] = str((folder / "docker.sock").stat().st_gid)
    built = Docker(address, data, new_env_file(folder / ".env", changes))
    _import_base(address, folder / "base")
    for name in ("postgres", "haproxy"):
        image = re.search(rf"image: ({name}:\S+)", _COMPOSE_FILE)[1]
        docker(address, "build", "--tag", image, _STAND_INS / name)
    hadoop = Path(shutil.copytree(_STAND_INS / "hadoop", folder / "hadoop"))
    shutil.copytree(hadoop_jars(), hadoop / "jars")
    docker(address, "build", "--tag", _base_of("hadoop"), hadoop)
    data.mkdir()
    user = re.findall(r"^USER_ID=(\d+)$", built.env_file.read_text(), re.MULTILINE)[-1]
    os.chown(data, int(user), int(user))
    built.compose("build", "spark-master")
    built.compose("build", "namenode", "airflow-api-server", "trainer")
    return built


def _import_base(address: str, root: Path) -> None:
    """Make the base image, under the name from which the Dockerfiles start."""
    packing = stage(root)
    environment = ("LD_LIBRARY_PATH=/usr/local/lib", "PIP_DISABLE_PIP_VERSION_CHECK=1")
    changes = [word for variable in environment for word in ("--change", f"ENV {variable}")]
    with subprocess.Popen(packing, stdout=subprocess.PIPE) as packed:
        docker(address, "import", *changes, "-", _base_of("spark"), stdin=packed.stdout)


def _base_of(name: str) -> str:
    return re.search(r"^FROM (\S+)", (REPOSITORY / "docker" / name / "Dockerfile").read_text(), re.MULTILINE)[1]
