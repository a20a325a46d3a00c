"""What a scheduler that copies the states of trials needs to know of a tuner."""

from __future__ import annotations

from kerastune_lite._src.algorithms.schedulers.scheduler import Scheduler
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.tuner.training import Training


def prepared_scheduler(
    scheduler: Scheduler, training: Training, max_trials: int | None, source: str
) -> Scheduler:
    """The scheduler, told which hyperparameters can change while a model is trained.

    Args:
        training: of the tuner, after it has read its space.
        max_trials: of the search.
        source: the user's own function that trains, if there is one.

    Raises:
        ValueError: states cannot be copied, or a hyperparameter that was named cannot change.
    """
    if not scheduler.copies_states:
        return scheduler
    scheduler.check_trials(max_trials)
    name = type(scheduler).__name__
    if training.in_run_trial or training.models.hypermodel is None:
        raise ValueError(
            f"{name} copies the states of trainings from trial to trial, so the tuner itself must "
            f"train. Received: {source}, which trains by itself. Pass build(hp) to the tuner (and "
            "override HyperModel.fit() if necessary), or take another scheduler, such as Hyperband."
        )
    return scheduler.changing(_changing(scheduler, training))


def _changing(scheduler: Scheduler, training: Training) -> list[str]:
    """The names of the hyperparameters that change.

    Raises:
        ValueError: there is none, or one that was named cannot change.
    """
    from kerastune_lite._src.keras.changeable import changeable

    # Not those that trials declared: when they are met depends on the trials so far.
    space, name = training.probed.space, type(scheduler).__name__
    named = getattr(scheduler, "hyperparameters", None)
    found = changeable(training.probe.build, space, named)
    if named is None:
        given = training.probed.given.names
        names = [each for each, can in found.items() if can or (can is None and each in given)]
        if not names:
            raise ValueError(
                f"{name} needs a hyperparameter that can change while a model is trained, such as "
                f"a learning rate. Received: {list(found) or 'none'}, each of which changes the "
                "network or the optimizer. Take another scheduler, such as Hyperband."
            )
        return names
    unknown = [each for each in named if found[each] is None and each not in space.names]
    if unknown and not overrides_fit(training.models.hypermodel):
        raise ValueError(
            f"{name}(hyperparameters=...) takes names of hyperparameters that build(hp) uses. "
            f"Received: {unknown}; there are {space.names}."
        )
    wrong = [each for each in named if found[each] is False]
    if wrong:
        raise ValueError(
            f"{name} changes hyperparameters while a model is trained, so they must leave the "
            f"network and the optimizer as they are. Received: {wrong}, with which build(hp) "
            "makes other ones. Leave them out: children inherit their values."
        )
    return list(named)
