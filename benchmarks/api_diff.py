"""Compares KerasTuner's public names, and what they take, with those of kerastune_lite.

    python benchmarks/api_diff.py [--write docs/migrating.md]

Compared are the names of all public modules; of classes the methods, properties and attributes,
also those that only objects have; of what can be called each parameter's name, position and
default. The table in Markdown is printed, or written into a page between its two comments. The
exit status is 1 if something is missing that `EXPLAINED` does not explain.
"""

import argparse
import contextlib
import dataclasses
import enum
import fnmatch
import importlib
import inspect
import io
import pkgutil
import sys
import tempfile
from pathlib import Path

from quiet_keras import load_keras

_PROTOBUF = "absent: a message between KerasTuner's processes; `search(workers=...)` has its own"
_CHIEF = "absent: of KerasTuner's chief and workers; `search(workers=...)` instead"
_NOT_CHANGED = "absent: what a search has measured is not changed by hand"
_BAYESIAN = "`None`: learned from the trials; expected improvement unless `beta` is given"
EXPLAINED = {
    # By patterns of what is missing or differs, what the table says of it.
    "*.to_proto": _PROTOBUF,
    "*.from_proto": _PROTOBUF,
    "*Oracle.multi_worker": _CHIEF,
    "*Oracle.should_report": _CHIEF,
    "*Oracle.tuner_ids": _CHIEF,
    "*Oracle.verbose": "absent: it is an argument of `search()`, and is not kept",
    "a finished trial.*": f"{_NOT_CHANGED}; `engine.trial.Trial` has it",
    "trial.metrics.*from_config": _NOT_CHANGED,
    "trial.metrics.*register*": _NOT_CHANGED,
    "trial.metrics.*set_history": _NOT_CHANGED,
    "trial.metrics.*update": _NOT_CHANGED,
    "trial.metrics.get_history(name)[[]0].append": _NOT_CHANGED,
    "trial.metrics.get_history(name)[[]0].get_config": "absent: `dataclasses.asdict(...)`",
    "hp.space[[]1].conditions[[]0].from_config": "absent: `hp` is read with its conditions",
    "*Tuner(oracle=)": "first or by name; if it is first, all others are in KerasTuner's order",
    "*(logger=)": "taken; nothing is logged with it",
    "*(tuner_id=)": "taken, and not used; `search(workers=...)` instead",
    "HyperParameter(*": "abstract: use `Int`, `Float`, `Choice`, `Boolean`, `Fixed`",
    "HyperParameters.Choice(default=)": "the same; `None` is a default if it is a value",
    "Fixed(default=)": "absent: the value is the default",
    "TrialStatus(value=)": "an enum; its members equal KerasTuner's strings",
    "synchronized(*": "absent: not used in KerasTuner, either",
    "Bayesian*(alpha=)": _BAYESIAN,
    "Bayesian*(beta=)": _BAYESIAN,
    "*BayesianOptimizationOracle.gpr": "absent: a proposal is a function of the trials",
}
START, END = "<!-- benchmarks/api_diff.py: start -->", "<!-- benchmarks/api_diff.py: end -->"
NOTHING = inspect.Parameter.empty
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclasses.dataclass
class Pair:
    """An object of KerasTuner, and what has its names here.

    Args:
        names: of the object, below the package.
        theirs, ours: the objects; `ours` is None if there is none.
    """

    names: list
    theirs: object
    ours: object

    @property
    def name(self):
        return self.names[0].rpartition(".")[2]


@dataclasses.dataclass(frozen=True)
class Difference:
    """Something of KerasTuner that is not the same here.

    Args:
        what: for example "Oracle.save", "Tuner(logger=)" or "Oracle.end_trial(status=)".
        how: in words.
        missing: whether a script that uses it fails.
    """

    what: str
    how: str
    missing: bool

    @property
    def explanation(self):
        return next((p for p in EXPLAINED if fnmatch.fnmatchcase(self.what, p)), None)


# ---------------------------------------------------------------------- what there is


def modules():
    """KerasTuner's public modules, by their names below the package."""
    keras_tuner = importlib.import_module("keras_tuner")
    yield "", keras_tuner
    for each in pkgutil.walk_packages(keras_tuner.__path__, "keras_tuner."):
        below = each.name.removeprefix("keras_tuner.")
        if below.partition(".")[0] != "src":
            yield below, importlib.import_module(each.name)


def pairs():
    """Each public object once, base classes before those that are derived from them."""
    found = {}
    for module, theirs in modules():
        try:
            here = importlib.import_module(f"kerastune_lite.{module}".rstrip("."))
        except ModuleNotFoundError:
            here = None
        for name, value in vars(theirs).items():
            if not name.startswith("_") and not inspect.ismodule(value):
                ours = getattr(here, name, None)
                pair = found.setdefault((id(value), id(ours)), Pair([], value, ours))
                pair.names.append(f"{module}.{name}".lstrip("."))
    return sorted(found.values(), key=lambda pair: (depth(pair.theirs), pair.names))


def depth(value):
    return len(value.__mro__) if inspect.isclass(value) else 0


def examples(package, folder):
    """An object of each class of which one can be made, by the names of the classes.

    `Tuner` is made with all its arguments by position, as KerasTuner orders them.
    """
    root = importlib.import_module(package)
    types = importlib.import_module(f"{package}.engine.hyperparameters")
    oracles = importlib.import_module(f"{package}.oracles")

    def by_itself(kind):
        class Parabola(kind):
            def run_trial(self, trial, **fit_arguments):
                return trial.hyperparameters.Float("x", 0.0, 1.0, step=0.25) ** 2

        return Parabola

    made = {}
    for name in ("RandomSearch", "BayesianOptimization", "GridSearch", "Hyperband"):
        made[f"{name}Oracle"] = getattr(oracles, f"{name}Oracle")("val_loss")
        limit = {"max_epochs": 2} if name == "Hyperband" else {"max_trials": 1}
        kind, project = by_itself(getattr(root, name)), f"{package}_{name}"
        made[name] = kind(seed=1, directory=folder, project_name=project, **limit)
    oracle = oracles.RandomSearchOracle(max_trials=1, seed=1)
    first = (oracle, None, None, None, None, None, None)
    tuner = by_itself(root.Tuner)(*first, folder, f"{package}_Tuner", None, "tuner0", True, 1)
    tuner.search(verbose=0)
    trial = tuner.oracle.get_best_trials()[0]
    hp = root.HyperParameters()
    hp.Choice("c", ["a", "b"])
    with hp.conditional_scope("c", ["a"]):
        hp.Int("n", 1, 3)
    made |= {
        "BaseTuner": tuner,
        "Boolean": types.Boolean("b"),
        "Choice": types.Choice("c", ["a", "b"]),
        "Fixed": types.Fixed("f", 1),
        "Float": types.Float("x", 0.0, 1.0),
        "HyperModel": root.HyperModel("name"),
        "HyperParameter": types.Choice("c", ["a", "b"]),
        "HyperParameters": hp,
        "Int": types.Int("n", 1, 3),
        "Objective": root.Objective("val_loss", "min"),
        "Oracle": tuner.oracle,
        "Trial": trial,
        "Tuner": tuner,
        "a finished trial": trial,
        "trial.metrics": trial.metrics,
        "trial.metrics.get_history(name)[0]": trial.metrics.get_history("default_objective")[0],
        "trial.metrics.metrics[name]": trial.metrics.metrics["default_objective"],
        "hp.space[1].conditions[0]": hp.space[1].conditions[0],
    }
    return made


# ---------------------------------------------------------------------- differences


def of_pair(pair, made, known):
    """The differences between two classes or functions.

    Args:
        made: two examples.
        known: our class by KerasTuner's, of the classes that were compared before.
    """
    kind, ours = pair.theirs, pair.ours
    if not inspect.isclass(kind) or not issubclass(kind, (BaseException, enum.Enum)):
        yield from of_calls(pair.name, constructor(kind), constructor(ours))
    if inspect.isclass(kind):
        for name in members(kind, made[0]):
            if not inherited(name, kind, ours, known):
                yield from of_member(pair.name, name, (kind, ours), made)


def members(kind, example):
    """The public names of a class and of its object that KerasTuner itself defines."""
    own = (each for each in kind.__mro__ if each.__module__.startswith("keras_tuner"))
    names = {name for each in own for name in vars(each)} | getattr(example, "__dict__", {}).keys()
    return sorted(name for name in names if not name.startswith("_"))


def inherited(name, kind, ours, known):
    """Whether both have a member from base classes that were compared before."""
    for base in kind.__mro__[1:]:
        if hasattr(base, name) and base in known and issubclass(ours, known[base]):
            both = static(ours, name) is static(known[base], name)
            return both and name not in vars(kind)
    return False


def static(kind, name):
    return inspect.getattr_static(kind, name, None)


def of_member(owner, name, kinds, made):
    theirs, ours = (static(kind, name) for kind in kinds)
    what = f"{owner}.{name}"
    of_python = inspect.isroutine(ours) and not hasattr(ours, "__module__")  # dict.update
    if of_python or (ours is None and not hasattr(made[1], name)):
        yield Difference(what, "missing", True)
    elif is_method(theirs) != is_method(ours):
        how = "a method" if is_method(ours) else "an attribute"
        yield Difference(what, how, True)
    elif is_method(theirs):
        yield from of_calls(what, *(parameters(kind, name) for kind in kinds))


def is_method(member):
    return callable(member) or isinstance(member, (classmethod, staticmethod))


def parameters(kind, name):
    """The parameters of a method, without the object or class."""
    method = getattr(kind, name)
    if inspect.isfunction(method):
        # KerasTuner's decorator does not keep the signature.
        method = inspect.getclosurevars(method).nonlocals.get("func", method)
    found = list(inspect.signature(method).parameters.values())
    is_bound = isinstance(static(kind, name), (classmethod, staticmethod))
    return found if is_bound else found[1:]


def constructor(value):
    """The parameters of a class or function; those of a base behind `**kwargs` by name only."""
    if not inspect.isclass(value):
        return list(inspect.signature(value).parameters.values())
    found = {}
    for kind in value.__mro__:
        method = vars(kind).get("__new__") or vars(kind).get("__init__")
        if method is None or kind is object:
            continue
        own = list(inspect.signature(method).parameters.values())[1:]
        for each in own:
            if each.kind not in VARIABLE:
                by_name = each.replace(kind=each.KEYWORD_ONLY) if found else each
                new = by_name if kind is value or found else each
                found.setdefault(each.name, new)
        if not any(each.kind is each.VAR_KEYWORD for each in own):
            break
    return list(found.values())


def of_calls(what, theirs, ours):
    """What a call with KerasTuner's arguments meets here."""
    places = {each.name: place for place, each in enumerate(ours)}
    kinds = {each.kind for each in ours}
    for place, each in enumerate(theirs):
        if each.kind in VARIABLE:
            if each.kind not in kinds:
                yield Difference(f"{what}({each})", "missing", True)
        elif each.name in places:
            own = ours[places[each.name]]
            yield from of_parameter(f"{what}({each.name}=)", each, own, place, places[each.name])
        elif each.VAR_KEYWORD not in kinds:
            yield Difference(f"{what}({each.name}=)", "missing", True)
    known = {each.name for each in theirs}
    for each in ours:
        if each.name not in known and each.default is NOTHING and each.kind not in VARIABLE:
            yield Difference(f"{what}({each.name}=)", "needed", True)


def of_parameter(what, theirs, ours, place, here):
    if theirs.kind is not theirs.KEYWORD_ONLY:
        if ours.kind is ours.KEYWORD_ONLY:
            yield Difference(what, "by name only", True)
        elif place != here:
            yield Difference(what, f"argument {here + 1}, not {place + 1}", True)
    if theirs.default is not NOTHING and ours.default is NOTHING:
        yield Difference(what, "needed", True)
    elif theirs.default is not NOTHING and theirs.default != ours.default:
        yield Difference(what, f"default `{ours.default!r}`, not `{theirs.default!r}`", False)


def all_differences():
    """Pairs with their differences; and the same of objects that scripts come across."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        made = [examples(package, folder) for package in ("keras_tuner", "kerastune_lite")]
    known = {}
    for pair in pairs():
        if pair.ours is None:
            yield pair, [Difference(pair.names[0], "missing", True)]
            continue
        both = [each.pop(pair.name, None) for each in made]
        yield pair, list(of_pair(pair, both, known)) if callable(pair.theirs) else []
        known[pair.theirs] = pair.ours
    for name in made[0]:
        theirs, ours = (each[name] for each in made)
        kinds = type(theirs), type(ours)
        found = (
            of_member(name, each, kinds, (theirs, ours)) for each in members(*kinds[:1], theirs)
        )
        yield Pair([name], kinds[0], kinds[1]), [each for those in found for each in those]


# ---------------------------------------------------------------------- the table


def table(compared):
    """The lines of the table, what is missing, and the patterns that explain nothing."""
    rows, missing, unused = [], [], set(EXPLAINED)
    for pair, found in compared:
        names = ", ".join(f"`{name}`" for name in pair.names)
        if pair.ours is not None:
            rows.append((names, "the same" if not found else "the same but for:"))
        for each in found:
            reason = each.explanation
            unused.discard(reason)
            if reason is None and each.missing:
                missing.append(each)
            rows.append((f"`{each.what}`", EXPLAINED.get(reason, each.how)))
    first = "Missing: " + ", ".join(f"`{each.what}` ({each.how})" for each in missing)
    lines = [first if missing else "None missing.", "", "| KerasTuner 1.4.8 | here |", "|---|---|"]
    return [*lines, *(f"| {name} | {here} |" for name, here in rows)], missing, unused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the table in this page")
    arguments = parser.parse_args()
    load_keras()
    lines, missing, unused = table(all_differences())
    text = "\n".join(lines)
    if arguments.write:
        before, _, rest = arguments.write.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        page = f"{before}{START}\n{text}\n{END}{after}"
        arguments.write.write_text(page, encoding="utf-8")
    else:
        print(text)
    for pattern in sorted(unused):
        print(f"EXPLAINED has {pattern!r}, which explains nothing.", file=sys.stderr)
    return 1 if missing or unused else 0


if __name__ == "__main__":
    sys.exit(main())
