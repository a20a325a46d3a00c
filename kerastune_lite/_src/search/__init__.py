"""The search loop: propose, train, record, decide.

    loop.py        submits segments to the runner, and records their reports
    planner.py     which trials start or are resumed, within the limits
    segments.py    what is left to train of a trial: executions, epochs, states, seeds
    seeds.py       what the random points of a trial follow from
    recorder.py    sends events to the store first, then to the views
    failures.py    failed and rejected trials, and when to give up
    limits.py interrupts.py hooks.py    when a search ends; Ctrl-C; what subclasses override
    settings.py    what may change when a project is reopened
    results.py open_project.py    reading a project, from the tuner or from another process
    execution/     where and how a segment is run

A segment, not a trial, is the unit of work: train this execution of this trial from this epoch to
that one, with this seed. At the end of a rung a trial is PAUSED: it has a score and a file with the
state of its training. Both are recorded in one transaction, so that no crash can lose the rung.

Ctrl-C raises `KeyboardInterrupt` only in training, never in a write.
"""
