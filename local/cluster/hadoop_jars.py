"""Get the jars that a NameNode and a DataNode (Hadoop 2.7) need, from the source package of an old pyspark."""

import os
import re
import subprocess
import tarfile
import tempfile
import venv
from pathlib import Path

from local.errors import StartError

_SOURCE = "pyspark==2.4.8 --hash=sha256:3a19b71b8dc8dd91ebc943604a05e1ab01bce052456d42937035632d852d78dc"
_BUILD = ("setuptools==84.2.1", "wheel==0.48.0")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "antm2c" / "hadoop-2.7.3"
_WANTED = re.compile(
    r".*/deps/jars/("
    r"hadoop-(hdfs|common|auth|annotations)-2|guava-14|protobuf-java-2|netty-all-4|netty-3|jetty(-util)?-6|"
    r"javax\.(servlet-api-3|ws\.rs-api-2)|jackson-(core|mapper)-asl|log4j-1|slf4j-(api|log4j12)-1|"
    r"commons-(cli|codec|collections|configuration|io|lang|logging|net)-\d|htrace-core-3|http(core|client)-4|xmlenc-0|"
    r"xercesImpl-2|jaxb-api-2|activation-1|leveldbjni-all|jsr305|zookeeper-3|curator-(client|framework)-2)"
)


def hadoop_jars() -> Path:
    """Return the folder with the jars. They are downloaded (200 MB) the first time. Raises StartError if that fails."""
    if not _CACHE.exists():
        _CACHE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE.parent) as folder:
            jars = Path(folder) / "jars"
            try:
                _unpack(_download(Path(folder)), jars)
            except subprocess.CalledProcessError as error:
                raise StartError(f"the jars of HDFS could not be downloaded: {error.stderr.strip()}") from error
            try:
                jars.rename(_CACHE)
            except OSError:
                if not _CACHE.exists():  # if it exists, another process was faster
                    raise
    return _CACHE


def _download(folder: Path) -> Path:
    # In a virtual environment, because the package's setup fails if pypandoc is installed. The package is only built.
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    _run(python, "install", *_BUILD)
    wanted = folder / "requirements.txt"
    wanted.write_text(_SOURCE)
    _run(
        python,
        *("download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"),
        *("--requirement", wanted, "--dest", folder),
    )
    return next(folder.glob("pyspark-*.tar.gz"))


def _run(python: Path, *arguments: str | Path) -> None:
    subprocess.run([python, "-m", "pip", "--quiet", *arguments], check=True, capture_output=True, text=True)


def _unpack(package: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(package) as archive:
        for member in archive:
            if _WANTED.match(member.name):
                member.name = Path(member.name).name
                archive.extract(member, folder, filter="data")
