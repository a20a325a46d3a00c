"""What happened: every trial, execution, segment and epoch, on disk the moment it is known."""

from kerastune_lite.store.base import Epoch, Project, Session, Store
from kerastune_lite.store.checkpoints import Checkpoints, best_execution
from kerastune_lite.store.project_folder import DATABASE, ProjectFolder, projects_below
from kerastune_lite.store.sqlite import SQLiteStore

__all__ = [
    "DATABASE",
    "Checkpoints",
    "Epoch",
    "Project",
    "ProjectFolder",
    "SQLiteStore",
    "Session",
    "Store",
    "best_execution",
    "projects_below",
]
