"""The workflows of GitHub, as far as a text says: pinned actions, few rights, versions, an end."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="the source archive has none")


def jobs(path):
    """The text of each job by its name."""
    _, _, below = path.read_text(encoding="utf-8").partition("\njobs:\n")
    parts = re.split(r"^  ([a-z]+):\n", below, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_few(path):
    text = path.read_text(encoding="utf-8")
    assert "\npermissions: {}\n" in text
    assert "\nconcurrency:\n" in text
    used = re.findall(r"uses: (.+)", text)
    assert used
    for each in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "secrets." not in text
    for name, job in jobs(path).items():
        assert "    timeout-minutes: " in job, name
        assert "    permissions:" in job, name


def test_all_use_the_same_versions_of_actions():
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    used = {each for text in texts for each in re.findall(r"uses: (\S+)", text)}
    assert len(used) == len({each.partition("@")[0] for each in used})


def test_every_python_and_system_that_is_promised_is_tested():
    promised = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    versions = re.findall(r"Python :: (3\.\d+)", promised)
    found = jobs(FOLDER / "tests.yml")
    (tested,) = re.findall(r"python: \[(.+)\]", found["linux"])
    assert re.findall(r'"(.+?)"', tested) == versions
    (others,) = re.findall(r"python: \[(.+)\]", found["others"])
    assert {*re.findall(r'"(.+?)"', others)} == {versions[0], versions[-1]}
    for system, runner in (("MacOS", "macos"), ("Microsoft :: Windows", "windows")):
        assert f"Operating System :: {system}" in promised
        assert f"{runner}-latest" in found["others"]
    assert "make test-oldest" in found["oldest"]
    assert "needs: [lint, linux, oldest, others]" in found["passed"]


def test_what_is_made_is_in_the_makefile():
    targets = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)}
    for path in WORKFLOWS:
        made = {*re.findall(r"run: make ([a-z-]+)", path.read_text(encoding="utf-8"))}
        assert made - {"docs"} <= targets, path.name
