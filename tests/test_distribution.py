"""What is published: the wheel, the source archive and what they say of themselves.

`make dist` also installs the wheel in a new environment.
"""

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import kerastune_lite

pytest.importorskip("hatchling")
pytest.importorskip("hatch_fancy_pypi_readme")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerastune_lite"
VERSION = kerastune_lite.__version__
INFO = f"kerastune_lite-{VERSION}.dist-info"

FOLDERS = {".ci", "benchmarks", "docs", "examples", "kerastune_lite", "notebooks", "tests"}
FILES = {
    *(f"{n}.md" for n in ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "README", "SECURITY")),
    *("CITATION.cff", "LICENSE", "Makefile", "pyproject.toml"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source archive, and the wheel that is made from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    _build(ROOT, folder, "sdist")
    archive = folder / f"kerastune_lite-{VERSION}.tar.gz"
    with tarfile.open(archive) as files:
        files.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    _build(folder / f"kerastune_lite-{VERSION}", folder, "wheel")
    return archive, folder / f"kerastune_lite-{VERSION}-py3-none-any.whl"


def _build(source, target, kind):
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


@pytest.fixture(scope="module")
def metadata(built):
    with zipfile.ZipFile(built[1]) as wheel:
        return email.message_from_string(wheel.read(f"{INFO}/METADATA").decode())


def test_the_wheel_has_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[1]) as wheel:
        found = set(wheel.namelist())
        (command,) = re.findall("(.+) = .+:main", wheel.read(f"{INFO}/entry_points.txt").decode())
    assert command == "kerastune"
    sources = {p.relative_to(ROOT).as_posix() for p in PACKAGE.rglob("*") if p.suffix == ".py"}
    expected = sources | {"kerastune_lite/py.typed"}
    assert {name for name in found if not name.startswith(INFO)} == expected
    own = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    assert found - expected == {f"{INFO}/{name}" for name in own}


def test_the_source_archive_has_what_a_contributor_needs_and_nothing_else(built):
    with tarfile.open(built[0]) as archive:
        names = [Path(each.name).relative_to(f"kerastune_lite-{VERSION}") for each in archive]
    folders = {path.parts[0] for path in names if len(path.parts) > 1}
    assert folders == FOLDERS
    files = {path.name for path in names if len(path.parts) == 1}
    assert files >= FILES
    assert files <= {*FILES, "PKG-INFO", ".gitignore"}
    scratch = {
        "__pycache__",
        ".ipynb_checkpoints",
        "jupyter_execute",
        "runs",
        "dist",
        "screenshots",
    }
    assert not [path for path in names if scratch & {*path.parts}]
    results = (".pyc", ".log", ".sqlite3", ".h5", ".keras", ".zip", ".html")
    made = [path for path in names if Path("docs/site") not in path.parents]
    assert not [path for path in made if path.suffix in results]


def test_what_it_says_of_itself(metadata):
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == "<3.14,>=3.10"
    kinds = metadata.get_all("Classifier")
    assert not [each for each in kinds if each.startswith("License")], "PEP 639 has an expression"
    versions = [each.removeprefix("Programming Language :: Python :: 3.") for each in kinds]
    assert [each for each in versions if each.isdecimal()] == ["10", "11", "12", "13"]
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Source", "Changelog", "Issues"} == {*urls}


def test_who_cites_it_names_this_version(metadata):
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {VERSION}\n" in citation
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL"))
    assert f"repository-code: {urls['Source']}\n" in citation
    assert f"url: {urls['Documentation']}\n" in citation


def test_classifiers_are_known(metadata):
    known = pytest.importorskip("trove_classifiers").classifiers
    assert {*metadata.get_all("Classifier")} <= known


def test_the_page_links_to_what_is_there(metadata):
    page = metadata.get_payload()
    links = re.findall(r"\]\(([^)\s]+)", page)
    assert not [link for link in links if not re.match("https?://|#", link)], "relative links"
    repository = dict(each.split(", ") for each in metadata.get_all("Project-URL"))["Source"]
    own = [link.partition("/main/")[2] for link in links if link.startswith(repository)]
    assert len(own) > 10
    missing = [path for path in own if not (ROOT / path.partition("#")[0]).exists()]
    assert not missing
