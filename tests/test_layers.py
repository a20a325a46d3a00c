"""The arrows of docs/architecture.md: imports point one way only."""

import ast
import functools
import graphlib
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kerastune_lite

PACKAGE = Path(kerastune_lite.__file__).parent
PRIVATE = PACKAGE / "_src"
ROOT = Path(__file__).parents[1]
FACADES = [
    "__init__",
    "applications",
    "callbacks",
    "engine.__init__",
    "engine.base_tuner",
    "engine.hypermodel",
    "engine.hyperparameters",
    "engine.metrics_tracking",
    "engine.multi_execution_tuner",
    "engine.objective",
    "engine.oracle",
    "engine.trial",
    "engine.tuner",
    "errors",
    "hyperparameters",
    "objectives",
    "oracles",
    "schedulers",
    "sklearn",
    "prior",
    "stopping",
    "tuners",
]

# From the bottom up. A module may import from its own room and from rooms in rows further down;
# rooms of one row do not know one another.
ROWS = [
    {"util"},
    {"space"},
    {"core"},
    {"algorithms", "analysis"},
    {"store", "views"},
    {"search"},
    {"keras"},
    {"sklearn"},
    {"compat_kerastuner"},
    {"tuner"},
    {"automl"},
    {"cli"},
]
RANK = {room: rank for rank, rooms in enumerate(ROWS) for room in rooms}


def modules():
    return sorted(PRIVATE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PRIVATE).parts[0]


@functools.cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """The modules that a file imports, and the names that it takes from some as if they were."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path):
    """Those that are files of the package."""
    for name in imports(path):
        parts = name.split(".")
        file = PACKAGE.parent.joinpath(*parts).with_suffix(".py")
        if parts[0] == "kerastune_lite" and file.is_file():
            yield file


def facade(name):
    return importlib.import_module(f"kerastune_lite.{name}".removesuffix(".__init__"))


def public_modules():
    """The names of all modules beside the private ones, as in `FACADES`."""
    for path in PACKAGE.rglob("*.py"):
        if PRIVATE not in path.parents:
            yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def public_places(path):
    """The façade and the name of each class and function of a file that is marked `@public`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for mark in getattr(node, "decorator_list", ()):
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "public":
                yield ast.literal_eval(mark.args[0]), node.name


def test_the_rooms_are_few_and_all_have_a_place():
    rooms = {path.name for path in PRIVATE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert rooms == set(RANK)
    assert len(rooms) <= 14
    loose = {path.name for path in PRIVATE.glob("*.py")}
    assert loose == {"__init__.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PRIVATE)))
def test_imports_point_down(path):
    assert "kerastune_lite" not in imports(path), f"{path} imports the whole package"
    for other in own_imports(path):
        assert PRIVATE in other.parents, f"{path} imports the public module {other.stem}"
        below = RANK[room_of(other)] < RANK[room_of(path)]
        assert below or room_of(other) == room_of(path), f"{path} imports {other}"


def test_no_imports_go_in_a_circle():
    graph = {path: set(own_imports(path)) for path in modules()}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_files_are_short():
    long = {p: n for p in modules() if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert not long


class TestBoundary:
    """Public names are handed on by a few modules, which define nothing."""

    @pytest.mark.parametrize("name", FACADES)
    def test_public_modules_hold_imports_alone(self, name):
        path = PACKAGE.joinpath(*name.split(".")).with_suffix(".py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstring, *others = tree.body
        assert isinstance(docstring, ast.Expr)
        for node in others:
            if isinstance(node, ast.If):
                assert ast.unparse(node.test) == "TYPE_CHECKING"
                assert all(isinstance(each, ast.ImportFrom) for each in node.body)
            elif isinstance(node, ast.Assign):
                (target,) = node.targets
                assert ast.unparse(target) in ("__all__", "(__getattr__, __dir__)")
            else:
                assert isinstance(node, ast.ImportFrom)

    def test_there_are_no_other_public_modules(self):
        assert {*public_modules()} == {*FACADES, "__main__"}

    @pytest.mark.parametrize("folder", ["benchmarks", "docs", "examples", "notebooks"])
    def test_nothing_outside_looks_inside(self, folder):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".ipynb"):
                assert "kerastune_lite._src" not in path.read_text(encoding="utf-8"), path
        assert "kerastune_lite._src" not in (ROOT / "README.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", FACADES)
    def test_what_is_public_says_where_it_is_found(self, name):
        module = facade(name)
        for each in module.__all__:
            value = getattr(module, each)
            if inspect.isclass(value) or inspect.isfunction(value):
                home = importlib.import_module(value.__module__)
                assert home in map(facade, FACADES), f"{each} says that it is of {home.__name__}"
                assert getattr(home, value.__name__) is value

    def test_what_says_that_it_is_public_is_found_there_and_defined_once(self):
        places = [place for path in modules() for place in public_places(path)]
        assert len(places) == len(set(places))
        for home, name in places:
            assert name in importlib.import_module(home).__all__, f"{home} has no {name}"

    def test_the_version_is_written_once(self):
        assert kerastune_lite.__version__ == importlib.metadata.version("kerastune_lite")


def in_fresh_process(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_package_alone_loads_next_to_nothing():
    loaded = in_fresh_process("import sys, kerastune_lite; print(*sorted(sys.modules))").split()
    for heavy in ("tensorflow", "keras", "numpy", "rich", "sqlite3", "tensorboard"):
        assert heavy not in loaded


def test_data_and_decisions_load_no_tensorflow():
    names = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in modules()
        if RANK.get(room_of(path), 9) <= RANK["analysis"] and path.stem != "study"
    ]
    imports = "; ".join(f"import {name}" for name in names)
    loaded = in_fresh_process(f"import sys; {imports}; print(*sorted(sys.modules))").split()
    for heavy in ("tensorflow", "keras", "sqlite3", "rich"):
        assert heavy not in loaded


def test_tuning_a_function_loads_no_tensorflow(tmp_path):
    code = f"""
import sys
import kerastune_lite as kt
class Tuner(kt.RandomSearch):
    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", -1, 1) ** 2
Tuner(max_trials=3, directory={str(tmp_path)!r}).search(verbose=0)
print(*sorted(sys.modules))
"""
    loaded = in_fresh_process(code).split()
    assert "tensorflow" not in loaded
    assert "keras" not in loaded


def test_only_the_keras_room_imports_keras():
    for path in modules():
        if {name.split(".")[0] for name in imports(path)} & {"keras", "tensorflow"}:
            assert room_of(path) == "keras", path


def test_only_two_rooms_and_the_importances_import_scikit_learn():
    for path in modules():
        if {name.split(".")[0] for name in imports(path)} & {"sklearn", "scikeras", "joblib"}:
            assert room_of(path) in ("sklearn", "automl") or path.name == "importances.py", path


FOREIGN_MODULE = re.compile(
    r"(?!kerastune_lite\.)(keras\.src|tensorflow\.python|\w+(\.\w+)*\._[a-z])[\w.]*\b(?!\.)"
)
GETTERS = ("delattr", "getattr", "hasattr", "setattr")
COMPAT = ["keras/compat/", "sklearn/compat.py", "sklearn/from_scikeras.py"]
ALLOWED = {
    "argparse._SubParsersAction": "the type has no public name",
    "os._exit": "it is documented",
    "parser._actions": "argparse's, for which shtab needs them as well",
}


def is_private(name):
    return re.match(r"_[a-zA-Z]", name) is not None


def own_attributes():
    """The names of attributes that a class of the package gives its objects."""
    for node in (each for path in modules() for each in ast.walk(parsed(path))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if getattr(node.value, "id", None) in ("self", "cls"):
                yield node.attr
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                targets = getattr(each, "targets", [getattr(each, "target", each)])
                yield from (
                    getattr(target, "id", getattr(target, "name", "")) for target in targets
                )


def foreign_names(tree, own):
    """The private names of other libraries in a module, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            home = getattr(node, "module", None) or ""
            names = [f"{home}.{alias.name}".lstrip(".") for alias in node.names]
            found = [name for name in names if FOREIGN_MODULE.match(name)]
        elif isinstance(node, ast.Attribute):
            foreign = node.attr == "src" or (is_private(node.attr) and node.attr not in own)
            found = [ast.unparse(node)] if foreign else []
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in GETTERS:
            name = getattr(node.args[1], "value", None)
            found = [name] if isinstance(name, str) and is_private(name) and name not in own else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = [node.value] if FOREIGN_MODULE.fullmatch(node.value) else []
        else:
            found = []
        yield from ((node.lineno, name) for name in found if name not in ALLOWED)


def test_private_names_of_others_are_in_compat():
    own, found = {*own_attributes()}, []
    for path in modules():
        where = path.relative_to(PRIVATE).as_posix()
        if not where.startswith(tuple(COMPAT)):
            names = foreign_names(parsed(path), own)
            found += [f"{path}:{line}: {name}" for line, name in names]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "import keras.src.backend",
        "from keras.src import backend",
        "from tensorflow.python.eager import context",
        "from sklearn.utils.validation import _num_samples",
        "from sklearn.utils._tags import Tags",
        "import scikeras._utils as utils",
        "keras.src.ops",
        "model._run(1)",
        "getattr(model, '_run', None)",
        "hasattr(model.layer, '_run')",
        "importlib.import_module('keras.src.backend')",
        "sys.modules['tensorflow.python.framework.ops']",
    ],
)
def test_private_names_of_others_are_found(code):
    assert [line for line, _ in foreign_names(ast.parse(f"\n{code}"), {"_own"})] == [2]


@pytest.mark.parametrize(
    "code",
    [
        "import keras",
        "from kerastune_lite._src.keras import loading",
        "self._own = other._own",
        "getattr(other, '_own')",
        "super().__init__(_value)",
        "base.startswith('tensorflow.python.keras.')",
        "f'{name}_loss'",
    ],
)
def test_own_names_are_none_of_others(code):
    assert not [*foreign_names(ast.parse(code), {"_own"})]


def test_the_sklearn_side_loads_nothing_before_a_name_is_used():
    code = "import sys, kerastune_lite.sklearn as side; print(*sorted(sys.modules))"
    loaded = in_fresh_process(code).split()
    for heavy in ("tensorflow", "keras", "sklearn", "scikeras"):
        assert heavy not in loaded


def test_public_names_are_all_there():
    for name in kerastune_lite.__all__:
        assert getattr(kerastune_lite, name) is not None
    assert set(kerastune_lite.__all__) <= set(dir(kerastune_lite))
    with pytest.raises(AttributeError, match=r"no 'Randomsearch'\. It offers: .*RandomSearch"):
        _ = kerastune_lite.Randomsearch
