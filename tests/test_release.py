"""What is released says the same everywhere, and runs what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import acache

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets() -> set[str]:
    [listed] = re.findall(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)
    return set(listed.split())


def test_the_version_is_that_of_the_citation() -> None:
    assert f"\nversion: {acache.__version__}\n" in read("CITATION.cff")
    assert re.fullmatch(r"\d+\.\d+\.\d+", acache.__version__)


def test_the_version_is_in_the_changelog_or_unreleased() -> None:
    versions = re.findall(r"^## \[(.*?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1:2] in ([], [acache.__version__])


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(acache.__file__).parent / "py.typed").exists()


def test_extras_are_described() -> None:
    [table] = re.findall(
        r"\[project.optional-dependencies\]\n(.*?)\n\[", read("pyproject.toml"), re.S
    )
    extras = re.findall(r"^(\w+) = \[", table, re.MULTILINE)
    assert len(extras) > 3
    for extra in extras:
        assert f"[{extra}]" in read("README.md") + read("CONTRIBUTING.md"), extra


def test_targets_are_described() -> None:
    described = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
    assert described == targets()
    for target in targets() - {"help"}:
        assert f"    make {target} " in read("CONTRIBUTING.md"), target


def test_workflows_run_targets_and_tests_that_exist() -> None:
    text = read(".github/workflows/ci.yml")
    run = set(re.findall(r"run: make (\w+)", text))
    assert {"lint", "test", "site", "dist"} <= run <= targets()
    files = [name for listed in re.findall(r'TESTS="(.*)"', text) for name in listed.split()]
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_every_python_that_is_promised_is_tried() -> None:
    promised = set(re.findall(r"Python :: (3\.\d+)", read("pyproject.toml")))
    assert set(re.findall(r'"(3\.\d+)"', read(".github/workflows/ci.yml"))) == promised


@pytest.mark.parametrize(
    ("name", "page", "folder"),
    [("stats", "README.md", "docs/"), ("bench", "docs/measuring.md", "")],
)
def test_pictures_are_shown_with_a_text_instead(name: str, page: str, folder: str) -> None:
    [text] = re.findall(rf"!\[(.*?)\]\({folder}pictures/{name}\.svg\)", read(page))
    assert f"acache {name}" in text
    drawn = read(f"docs/pictures/{name}.svg").replace("&#160;", " ")
    assert f"acache {name}" in drawn
    assert "/tmp" not in drawn
