"""What a script does that behaves otherwise here.

`FINDERS` is the list: each finder gets every node of a script and yields sentences. A new string,
package or metric is one line in a table; anything else is one more finder. `FINDERS_ANYWHERE` also
look at files that do not import KerasTuner, such as those that start its workers.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from kerastune_lite._src.compat_kerastuner import overrides
from kerastune_lite._src.compat_kerastuner.migrating.names import (
    MODULES,
    ORACLES,
    ROOTS,
    TUNERS,
    advice,
    below_root,
)
from kerastune_lite._src.compat_kerastuner.migrating.script import (
    Place,
    Script,
    argument,
    objective_of,
)

_VARIABLE = re.compile(r"KERASTUNER_(TUNER_ID|ORACLE_IP|ORACLE_PORT)")
_WORKERS = (
    "An error: there are no chief and workers here. Remove the variable and call "
    'search(workers=2), or with runner="ray" on a cluster.'
)
_KERAS_2 = "Keras 2 does not work here. Use Keras 3."
_FILES = (
    "KerasTuner's file does not exist here. Use kt.open_project(directory), or write KerasTuner's "
    "files with: kerastune export DIR --keras-tuner FOLDER."
)
STRINGS: Mapping[str, str] = {
    # Regular expressions for whole strings, or for what follows the last slash.
    r"oracle\.json|trial\.json|tuner\d+\.json|build_config\.json|trial_\*?": _FILES,
    r"checkpoint\.weights\.h5": _FILES,
    r"TF_USE_LEGACY_KERAS": _KERAS_2,
}
_AUTOKERAS = "Not supported: AutoKeras needs KerasTuner itself. Keep KerasTuner for this script."
PACKAGES: Mapping[str, str] = {
    "tf_keras": _KERAS_2,
    "tensorflow.keras": "tf.keras works if it is Keras 3, as from TensorFlow 2.16 on.",
}
MAXIMISED = frozenset(
    # Metrics that KerasTuner minimises, and that Keras says are to be maximised.
    (
        "binary_io_u",
        "concordance_correlation",
        "cosine_similarity",
        "f1_score",
        "pearson_correlation",
        "r2_score",
    )
)
WITHOUT_DIRECTION: Mapping[str, str] = {
    # Metrics of which Keras does not say it, and what KerasTuner does with them.
    **dict.fromkeys(("true_negatives", "true_positives"), "max"),
    **dict.fromkeys(
        (
            "binary_focal_crossentropy",
            "categorical_focal_crossentropy",
            "categorical_generalized_cross_entropy",
            "ce",
            "circle",
            "crossentropy",
            "ctc",
            "dice",
            "false_negatives",
            "false_positives",
            "huber",
            "log_cosh",
            "mean",
            "sum",
            "tversky",
        ),
        "min",
    ),
}
KEPT = 10
"""How many trials keep their weights unless the tuner is told otherwise."""
_FOLDERS = ("directory", "log_dir", "name", "project_name")


@dataclasses.dataclass(frozen=True)
class _Case:
    """A node in its script."""

    script: Script
    place: Place
    node: ast.AST

    @cached_property
    def call(self) -> ast.Call | None:
        """The node, if it is a call."""
        return self.node if isinstance(self.node, ast.Call) else None

    @cached_property
    def made(self) -> str | None:
        """The class of KerasTuner of which the node makes an object."""
        return self.script.constructed(self.node)


def differences(script: Script) -> Iterator[tuple[Place, str]]:
    """Sentences, each with a line that it is about."""
    uses = any(below_root(name) is not None for name in script.names.values())
    finders = (*FINDERS_ANYWHERE, *FINDERS) if uses else FINDERS_ANYWHERE
    for place, node in script.nodes:
        case = _Case(script, place, node)
        for finder in finders:
            yield from ((place, sentence) for sentence in finder(case))
    for part in script.parts:
        for place, _, line in part.command_lines():
            if _VARIABLE.search(line):
                yield place, _WORKERS


def _strings(case: _Case) -> Iterator[str]:
    """Names of variables and files of KerasTuner, also at the end of a path."""
    if isinstance(case.node, ast.Constant) and isinstance(case.node.value, str):
        last = re.split(r"[/\\]", case.node.value)[-1]
        for pattern, sentence in STRINGS.items():
            if re.fullmatch(pattern, last) and last not in _own_files(case.script):
                yield sentence


def _own_files(script: Script) -> set[str]:
    """The names of files that the script itself gives its models."""
    writers = ("ModelCheckpoint", "save", "save_weights")
    return {
        each.value.rpartition("/")[2]
        for _, node in script.nodes
        if isinstance(node, ast.Call) and _called(node) in writers
        for each in [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def _workers(case: _Case) -> Iterator[str]:
    """The variables that make a process a chief or a worker."""
    if isinstance(case.node, ast.Constant) and _VARIABLE.fullmatch(str(case.node.value)):
        yield _WORKERS


def _named_in_strings(case: _Case) -> Iterator[str]:
    """The module named in strings, for importlib or mock; folders may have any name."""
    node = case.node
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return
    around = case.script.parents.get(node)
    is_folder = isinstance(around, ast.keyword) and around.arg in _FOLDERS
    is_folder |= isinstance(around, ast.Call) and _called(around) in ("join", "Path", "makedirs")
    if is_folder or isinstance(around, (ast.Expr, ast.JoinedStr)):
        return
    if re.fullmatch(rf"({'|'.join(ROOTS)})(\.\w+)*", node.value):
        yield f'"{node.value}" is not changed. If it names the module, write "kerastune_lite".'
    elif re.fullmatch(r"keras-tuner([\s=~!<>\[].*)?|.*\binstall .*keras[-_]?tuner.*", node.value):
        yield "This string is not changed. The package to install is kerastune_lite."


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _autokeras(case: _Case) -> Iterator[str]:
    """Imports of AutoKeras."""
    if any(name.partition(".")[0] == "autokeras" for name in _imported(case.node)):
        yield _AUTOKERAS


def _imported(node: ast.AST) -> list[str]:
    """The dotted names that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _packages(case: _Case) -> Iterator[str]:
    """Imports of other packages, and `tf.keras`."""
    names = _imported(case.node)
    if isinstance(case.node, ast.Attribute) and case.node.attr == "keras":
        names = [case.script.full_name(case.node) or ""]
    for package, sentence in PACKAGES.items():
        if any(name == package or name.startswith(f"{package}.") for name in names):
            yield sentence


def _names(case: _Case) -> Iterator[str]:
    """Attributes of KerasTuner's modules that are not public."""
    if not isinstance(case.node, ast.Attribute):
        return
    base = below_root(case.script.full_name(case.node.value) or "")
    if base is not None and case.node.attr not in MODULES.get(base, case.node.attr):
        below = f"{base}.{case.node.attr}".lstrip(".")
        yield f"{ast.unparse(case.node)} has no counterpart here. {advice(below)}"


def _methods(case: _Case) -> Iterator[str]:
    """Methods of tuners that KerasTuner does not document."""
    if (
        not isinstance(case.node, ast.ClassDef)
        or case.script.classes.get(case.node.name) not in TUNERS
    ):
        return
    for method in case.node.body:
        name = method.name if isinstance(method, ast.FunctionDef) else ""
        if name in overrides.REPLACED:
            yield (
                f"An error: {case.node.name} overrides {name}(), which is never called here. "
                f"Instead, {overrides.REPLACED[name]}."
            )
        elif name in overrides.NEVER_CALLED:
            yield (
                f"{case.node.name}.{name}() is never called here, because the project on disk is "
                "always up to date. Remove it, or call it yourself."
            )


def _attributes(case: _Case) -> Iterator[str]:
    """`tuner.directory = ...`: read only by the constructor."""
    if not isinstance(case.node, ast.Attribute) or not isinstance(case.node.ctx, ast.Store):
        return
    owner = case.node.value
    if isinstance(owner, ast.Attribute) and owner.attr == "oracle":
        owner = owner.value
    if case.node.attr in overrides.SET_AT_CONSTRUCTION and (
        kind := case.script.tuner(owner, case.place)
    ):
        yield (
            f"An error: {ast.unparse(case.node)} cannot be set later. Pass it: "
            f"{kind}(..., {case.node.attr}=...)."
        )


def _epochs(case: _Case) -> Iterator[str]:
    """`search(epochs=...)` of a Hyperband tuner."""
    call = case.call
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr != "search":
        return
    if argument(call, "epochs") and case.script.tuner(call.func.value, case.place) == "Hyperband":
        yield "epochs= is ignored, as in KerasTuner: Hyperband decides, up to max_epochs=."


def _objectives(case: _Case) -> Iterator[str]:
    """Metrics whose direction KerasTuner guesses."""
    if case.call is None or case.made is None:
        return
    given = objective_of(case.call, case.made)
    several = given.elts if isinstance(given, ast.List) else [given]
    for each in several:
        metric = each.value if isinstance(each, ast.Constant) else None
        if not isinstance(metric, str):
            continue
        name = metric.removeprefix("val_")
        plain = name.removeprefix("weighted_")
        if name in MAXIMISED:
            yield f'"{metric}" is maximised here; KerasTuner minimises it.'
        elif plain in WITHOUT_DIRECTION or plain != name:
            direction = WITHOUT_DIRECTION.get(plain)
            written = f'"{direction}"' if direction else '"min" or "max"'
            yield (
                f'The direction of "{metric}" must be given here: kt.Objective("{metric}", '
                f"{written})."
            )


def _noise(case: _Case) -> Iterator[str]:
    """`alpha` and `beta` of the Bayesian search."""
    bayesian = ("BayesianOptimization", "BayesianOptimizationOracle")
    if case.call is not None and case.made in bayesian:
        given = [name for name in ("alpha", "beta") if argument(case.call, name)]
        if given:
            names = " and ".join(f"{name}=" for name in given)
            yield (
                f"{names} {'are' if given[1:] else 'is'} used as in KerasTuner. Without alpha= and "
                "beta= the noise is learned here, and expected improvement decides."
            )


def _last_value(case: _Case) -> Iterator[str]:
    """`hp.Float(..., step=...)`, where KerasTuner's rounding loses `max_value`."""
    call = case.call
    if call is None or getattr(call.func, "attr", None) != "Float" or argument(call, "sampling", 4):
        return
    given = [
        argument(call, name, i) for i, name in enumerate(("min_value", "max_value", "step"), 1)
    ]
    low, high, step = (_number(each) for each in given)
    if low is None or high is None or not step:
        return
    steps = (high - low) / step
    if abs(steps - round(steps)) < 1e-6 and (high - low) // step < round(steps):
        yield f"Float includes max_value={high:g} here; KerasTuner loses it by rounding."


def _weights(case: _Case) -> Iterator[str]:
    """`get_best_models(...)` of more trials than keep their weights."""
    if case.call is not None and _called(case.call) == "get_best_models":
        wanted = _number(argument(case.call, "num_models", 0))
        if wanted is not None and wanted > KEPT:
            yield (
                f"An error: only the best {KEPT} trials keep their weights. Pass "
                f"keep_checkpoints={wanted:g} to the tuner."
            )


def _number(node: ast.expr | None) -> float | None:
    try:
        value = None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) else None


Finder = Callable[[_Case], Iterator[str]]
FINDERS_ANYWHERE: tuple[Finder, ...] = (_autokeras, _named_in_strings, _workers)
FINDERS: tuple[Finder, ...] = (
    _attributes,
    _epochs,
    _last_value,
    _methods,
    _names,
    _noise,
    _objectives,
    _packages,
    _strings,
    _weights,
)


def has_seed(script: Script) -> bool:
    """Whether a search has a seed."""
    return any(
        isinstance(node, ast.Call)
        and script.constructed(node) in TUNERS | ORACLES
        and argument(node, "seed") is not None
        for _, node in script.nodes
    )
