"""Make and find the class archive: a file of loaded classes that the JVM maps into memory instead of reading jars.

`python -m spark_jobs.jvm.class_archive` makes the file if it does not exist. It is valid for one version of Java and of
Spark's jars. Without it, stages give the same results, but start more slowly.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from warehouse.settings import REPOSITORY

CLASS_DATA = REPOSITORY / "var" / "class_data"
CONF = REPOSITORY / "conf"
# A run of seconds never earns back the time of the optimizing compiler. With one compiler, the JVM by default reserves
# only a fifth of the space for code, and a longer run would keep clearing it.
ONE_COMPILER = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m")
_LOG_SETTINGS = CONF / "log4j2.properties"
_SETTINGS = CONF / "spark-defaults.conf"
JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
# These would change which classes are loaded, or add folders to the class path, where only empty ones are allowed.
_NOT_INHERITED = ("ANTM2C_", "SPARK_", "HADOOP_CONF_DIR", "YARN_CONF_DIR", *JAVA_VARIABLES)
_ABANDONED_AFTER_SECONDS = 3600
_SHOWN_LOG_CHARACTERS = 2000


def empty_folder(class_data: Path = CLASS_DATA) -> Path:
    """Return the folder for SPARK_CONF_DIR. It must be empty: it is on the class path of the archive."""
    return class_data / "empty"


def settings_arguments() -> list[str]:
    """Return the spark-submit arguments that load spark-defaults.conf, which is not in the empty SPARK_CONF_DIR."""
    return ["--properties-file", str(_SETTINGS)] if _SETTINGS.is_file() else []


def log_option() -> str:
    """Return the JVM option that loads log4j2.properties, which is not in the empty SPARK_CONF_DIR."""
    return f"-Dlog4j2.configurationFile={_LOG_SETTINGS.as_uri()}"


def archive_options(archive: Path) -> list[str]:
    """Return the JVM options that use the archive. The JVM silently ignores an archive that does not fit."""
    return [
        f"-XX:SharedArchiveFile={archive}",
        "-XX:+UnlockDiagnosticVMOptions",
        "-XX:+VerifySharedSpaces",
        "-Xlog:cds*=off",
    ]


def archive_key(spark_home: Path, environment: Mapping[str, str], class_data: Path = CLASS_DATA) -> str:
    """Return a hash of the Java version, Spark's jars and this checkout, for the archive's name. Raises OSError."""
    jars = sorted((jar.name, jar.stat().st_size, int(jar.stat().st_mtime)) for jar in (spark_home / "jars").iterdir())
    facts = repr((_java_version(environment), str(spark_home), jars, str(class_data)))
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def find_archive(key: str, class_data: Path = CLASS_DATA) -> Path | None:
    """Return the archive with this key, or None. Its size must be the one in its name: truncated ones crash the JVM."""
    if not empty_folder(class_data).is_dir():
        return None
    archives = (path for path in class_data.glob(f"{key}-*.jsa") if path.is_file())
    return next((path for path in archives if path.stem == f"{key}-{path.stat().st_size}"), None)


def _java_version(environment: Mapping[str, str]) -> str:
    """Return the version text of the Java that spark-class will use. Raises OSError."""
    home = environment.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java", path=environment.get("PATH")) or "java")
    release = java.resolve().parent.parent / "release"
    if release.is_file():
        return release.read_text()
    return subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr


def spark_home() -> Path:
    """Return the folder of the installed pyspark. Raises OSError if there is none."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home).resolve()
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise FileNotFoundError("pyspark is not installed")
    return Path(found.origin).resolve().parent


def make(key: str, home: Path, class_data: Path = CLASS_DATA) -> Path:
    """Run all stages once and save the classes that they load. Raises OSError or CalledProcessError."""
    empty_folder(class_data).mkdir(parents=True, exist_ok=True)
    _remove(folder for folder in class_data.glob("making-*") if _is_abandoned(folder))
    with tempfile.TemporaryDirectory(prefix="making-", dir=class_data) as making:
        new = Path(making) / "new.jsa"
        options = [f"-XX:ArchiveClassesAtExit={new}", *ONE_COMPILER, log_option(), "-Xlog:cds*=off"]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)},
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(REPOSITORY),
            "SPARK_CONF_DIR": str(empty_folder(class_data)),
            "SPARK_HOME": str(home),
            "SPARK_SUBMIT_OPTS": shlex.join(options),
        }
        script = Path(__file__).with_name("typical_run.py")
        submit = [str(home / "bin" / "spark-submit"), "--master", "local[2]", *settings_arguments()]
        command = [*submit, str(script), f"file://{making}/warehouse"]
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        archive = class_data / f"{key}-{new.stat().st_size}.jsa"
        new.rename(archive)
    _remove(other for other in class_data.glob("*.jsa") if other != archive)
    return archive


def _is_abandoned(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_SECONDS


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def main() -> None:
    """Run the command line. If the archive cannot be made, print an error and exit with status 1."""
    argparse.ArgumentParser(prog="python -m spark_jobs.jvm.class_archive", description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # sys.exit ends the JVM too
    try:
        home = spark_home()
        key = archive_key(home, os.environ)
        if find_archive(key):
            return
        print("Making a class archive, so that Spark starts in half the time: about a minute, 180 MB", flush=True)
        started = time.monotonic()
        archive = make(key, home)
    except (OSError, subprocess.CalledProcessError) as error:
        log = getattr(error, "stderr", None) or ""
        sys.stderr.write(log[-_SHOWN_LOG_CHARACTERS:])
        sys.exit(f"error: the class archive cannot be made: {error}; Spark works without it, but starts more slowly")
    megabytes = archive.stat().st_size / 1e6
    print(f"{archive}: {megabytes:.0f} MB in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
