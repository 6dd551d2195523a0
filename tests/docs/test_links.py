"""The documentation leads somewhere: its links, headings, commands, paths and pictures exist."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from warehouse.settings import REPOSITORY

DOCS = REPOSITORY / "docs"
GUIDES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
PAGES = [*GUIDES, REPOSITORY / "CHANGELOG.md"]  # the changelog also names commands and files of the past
LONGEST_README = 150  # lines
INSTALLED = ("pip", "pytest", "venv")  # modules that `python -m` runs and that are not of this repository

FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FOLDERS = "|".join(re.escape(path.name) for path in REPOSITORY.iterdir() if path.is_dir() and path.name != "var")
PATH = re.compile(rf"(?:{FOLDERS})/[\w./-]*")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_guide = pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", text_of(page))


def code_of(page: Path) -> str:
    """The page's code blocks and the code within its sentences, a line each."""
    return "\n".join([*FENCE.findall(text_of(page)), *SPAN.findall(prose_of(page))])


def links_of(page: Path) -> list[str]:
    found = LINK.findall(SPAN.sub("", prose_of(page)))
    return [unquote(link) for link in found if "://" not in link and not link.startswith("mailto:")]


def anchors_of(page: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, hyphens for blanks, no punctuation, a number for a repetition."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in HEADING.findall(prose_of(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def missing_modules(code: str) -> list[str]:
    named = re.findall(r"(?:python|torchrun[^\n]*) -m ([\w.]+)", code)
    own = [name for name in named if name.split(".")[0] not in INSTALLED]
    places = {name: REPOSITORY / name.rstrip(".").replace(".", "/") for name in own}
    return [n for n, p in places.items() if not p.with_suffix(".py").is_file() and not (p / "__main__.py").is_file()]


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    dead = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w.-]+):", text_of(REPOSITORY / "Makefile"), re.MULTILINE))
    named = re.findall(r"(?:^|[\s;&])make ([a-z][\w-]*)", code_of(page), re.MULTILINE)
    assert [name for name in named if name not in targets] == []


@each_guide
def test_every_module_that_python_is_told_to_run_exists(page: Path) -> None:
    assert missing_modules(code_of(page)) == []


@each_guide
def test_every_path_of_the_repository_that_is_named_exists(page: Path) -> None:
    named = [span for span in SPAN.findall(prose_of(page)) if PATH.fullmatch(span)]
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {(page.parent / link).resolve() for page in GUIDES for link in links_of(page)}
    assert [picture.name for picture in DOCS.glob("*.png") if picture not in shown] == []


def test_the_index_lists_every_page() -> None:
    listed = links_of(DOCS / "README.md")
    assert [page.name for page in DOCS.glob("*.md") if page.name not in (*listed, "README.md")] == []


def test_the_readme_is_short() -> None:
    assert len(text_of(REPOSITORY / "README.md").splitlines()) <= LONGEST_README


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("python -m training train", []),
        ("python -m spark_jobs.jvm.class_archive", []),
        ("python -m pytest -m long", []),
        ("torchrun --nproc-per-node 2 -m training train", []),
        ("python -m dags.common.pools", ["dags.common.pools"]),
    ],
)
def test_a_module_that_was_moved_is_noticed(code: str, missing: list[str]) -> None:
    assert missing_modules(code) == missing
