"""Docstrings of public classes and functions are complete, and their examples run."""

import dataclasses
import doctest
import enum
import importlib
import inspect
import re

import pytest

import kerastune_lite as kt

FACADES = [
    "kerastune_lite",
    "kerastune_lite.applications",
    *(f"kerastune_lite.engine.{n}" for n in ("metrics_tracking", "trial", "tuner")),
    "kerastune_lite.engine.hyperparameters",
    *(f"kerastune_lite.{name}" for name in ("errors", "hyperparameters", "oracles", "schedulers")),
    "kerastune_lite.objectives",
    "kerastune_lite.sklearn",
    "kerastune_lite.callbacks",
    "kerastune_lite.stopping",
]

PUBLIC = {
    f"{facade}.{name}": getattr(module, name)
    for facade in FACADES
    for module in [importlib.import_module(facade)]
    for name in module.__all__
    if inspect.isclass(getattr(module, name)) or inspect.isroutine(getattr(module, name))
}


def each_public(wanted=lambda value: True):
    """Run a test for every public class and function that is wanted."""
    chosen = {name: value for name, value in PUBLIC.items() if wanted(value)}
    return pytest.mark.parametrize("value", chosen.values(), ids=list(chosen))


def is_error(value):
    return inspect.isclass(value) and issubclass(value, BaseException)


def is_enum(value):
    return inspect.isclass(value) and issubclass(value, enum.Enum)


def methods_of(kind):
    """The public methods that a class defines or inherits from a class of ours."""
    return {
        name: method
        for name, method in inspect.getmembers(kind, inspect.isroutine)
        if not name.startswith("_")
        and (getattr(method, "__module__", None) or "").startswith("kerastune_lite")
    }


def parameters_of(value):
    """The names of the parameters that a caller can give."""
    if inspect.isclass(value) and value.__init__ is object.__init__:
        return []
    names = inspect.signature(value).parameters
    return [name for name in names if name not in ("self", "args", "kwargs")]


def section(text, title):
    """The indented lines below a heading."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)*)", text + "\n", re.MULTILINE)
    return found[1] if found else ""


def documented_parameters(value):
    text = inspect.getdoc(value)
    listed = section(text, "Args")
    if dataclasses.is_dataclass(value):
        listed += section(text, "Attributes")
    if inherited := re.search(r"arguments\s+are those of `(\w+)`", text):
        return own_parameters(listed) | documented_parameters(getattr(kt, inherited[1]))
    return own_parameters(listed)


def own_parameters(listed):
    heads = re.findall(r"^    ([\w, *]+):", listed, re.MULTILINE)
    return {name.strip("* ") for head in heads for name in head.split(",")}


@each_public()
def test_a_summary_sentence(value):
    assert value.__doc__, "it has no docstring"
    summary = inspect.getdoc(value).split("\n\n")[0]
    assert re.fullmatch(r"[A-Z`].*[.]", summary, re.DOTALL), summary
    assert summary.count("\n") < 2, summary


@each_public(lambda value: not is_error(value) and not is_enum(value))
def test_parameters_are_described(value):
    assert set(parameters_of(value)) <= documented_parameters(value)


@each_public(lambda value: inspect.isclass(value) and methods_of(value))
def test_methods_are_described(value):
    for name, method in methods_of(value).items():
        text = inspect.getdoc(method)
        assert text, f"{name} has no docstring"
        summary = text.split("\n\n")[0]
        assert re.fullmatch(r"[A-Z`].*[.]", summary, re.DOTALL), f"{name}: {summary}"
        missing = {
            each
            for each in parameters_of(method)
            if each not in documented_parameters(method) and f"`{each}" not in text
        }
        assert not missing, f"{name} does not describe {missing}"


@pytest.fixture(scope="module")
def known():
    """What examples use without saying so: `build`, `x` and `y` as in that of `RandomSearch`."""
    example = doctest.DocTestFinder(recurse=False).find(kt.RandomSearch)[0]
    names = {}
    for statement in example.examples:
        if "tuner" not in statement.source:
            exec(statement.source, names)
    return names


@each_public()
def test_examples_run(value, known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder(recurse=False).find(value, "example")
    assert any(test.examples for test in tests), "it has no example"
    if inspect.isclass(value):
        for name, method in methods_of(value).items():
            tests += doctest.DocTestFinder(recurse=False).find(method, name)
    for test in tests:
        said = []
        # The examples of its methods use `hp` as in `build(hp)`.
        test.globs = {**known, "hp": kt.HyperParameters()}
        result = doctest.DocTestRunner().run(test, out=said.append)
        assert not result.failed, "".join(said)
