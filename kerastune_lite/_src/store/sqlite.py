"""The store: one SQLite database per project, readable by any tool while a search writes it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.former import Former
from kerastune_lite._src.core.goals import objective_from_json
from kerastune_lite._src.core.trial import Execution, Trial
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.store import schema
from kerastune_lite._src.store.rows import (
    execution_of,
    read_rounds,
    trial_of,
    write_execution,
    write_round,
)
from kerastune_lite._src.store.store import Epoch, Project, Session, Store
from kerastune_lite._src.store.text import dumped, numbers_of, values_dumped
from kerastune_lite._src.util.errors import StoreError
from kerastune_lite._src.util.whole_files import whole

_TRIAL_EVENTS = (ev.TrialStarted, ev.TrialPaused, ev.TrialResumed, ev.TrialEnded)

_CHECK_BYTES = 64 * 2**20
"""Databases of up to this size are checked for damage when they are opened (about 1 ms per MB)."""


class SQLiteStore(Store):
    """A project in the file `path`.

    Args:
        path: the database; its folder must exist.
        read_only: change nothing. Otherwise a missing file is created, and one of an earlier
            version is upgraded.

    Raises:
        StoreError: the file is missing (when reading), damaged, not a project's database, or
            written by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str], read_only: bool = False) -> None:
        self.path = Path(path)
        if not self.path.exists():
            if read_only:
                raise StoreError(f"There is no project here: {self.path} does not exist.")
            self._create()
        self._check_header()
        with self._translated("opened"):
            self._connection = self._connect(read_only)
            try:
                self._prepare(read_only)
            except BaseException:
                self._connection.close()
                raise

    # ------------------------------------------------------------------ opening

    def _create(self) -> None:
        """Create the file under another name and rename it, so that it is always complete."""
        name = f"{self.path.name}.{os.getpid()}.new"
        with self._translated("created"), whole(self.path, name) as scratch:
            scratch.unlink(missing_ok=True)
            with contextlib.closing(_connected(scratch)) as connection:
                connection.execute("PRAGMA journal_mode = DELETE")
                schema.migrate(connection)

    def _check_header(self) -> None:
        """Recognise a foreign or truncated file before SQLite touches it."""
        with self._translated("read"), open(self.path, "rb") as file:
            header = file.read(100)
        if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
            raise StoreError(
                f"{self.path} is not a project's database, or was cut off: it has "
                f"{self.path.stat().st_size} bytes. Restore it from a backup, move it away, "
                "or choose another project_name."
            )
        if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
            raise StoreError(
                f"{self.path} is an SQLite database of another program. "
                "Choose another directory or project_name."
            )

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        if not read_only:
            return _connected(self.path)
        uri = self.path.absolute().as_uri() + "?mode=ro"
        connection = _connected(uri)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # On a read-only file system SQLite cannot create the shared-memory file that WAL
            # needs; nobody can be writing there, so the file may be read without it.
            connection.close()
            connection = _connected(f"{uri}&immutable=1")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, read_only: bool) -> None:
        # Not from the header: what a process that died has changed may be in the log only.
        version = schema.version_of(self._connection)
        if version > schema.VERSION:
            raise StoreError(
                f"{self.path} was written by a newer version of kerastune_lite (schema {version}; "
                f"this one reads up to {schema.VERSION}). "
                "Upgrade with: pip install -U kerastune_lite"
            )
        self._check_contents()
        if not read_only:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            schema.migrate(self._connection)
        elif version < schema.VERSION:
            self._read_a_copy()
        (segments,) = self._connection.execute("SELECT max(id) FROM segments").fetchone()
        self._segments = segments or 0

    def _read_a_copy(self) -> None:
        """Upgrade a copy in memory instead of the file, which must not be changed."""
        with contextlib.closing(self._connection) as original:
            self._connection = _connected(":memory:")
            original.backup(self._connection)
        schema.migrate(self._connection)
        self._connection.execute("PRAGMA query_only = ON")

    def _check_contents(self) -> None:
        if self.path.stat().st_size <= _CHECK_BYTES:
            problems = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problems != "ok":
                raise sqlite3.DatabaseError(" ".join(problems.split()))

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn errors of SQLite and the system into one that names the file and what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"The project's database {self.path} cannot be {what}: {error}. What was recorded "
                "before is safe. Once this is fixed (free space? permissions?), run the script "
                "again: the search resumes."
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"The project's database {self.path} is damaged: {error}. Restore it from a "
                "backup, rescue what is readable with `sqlite3 FILE .recover`, or choose another "
                "project_name."
            ) from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be {what}: {error}.") from error

    # ------------------------------------------------------------------ writing

    def record(self, events: Iterable[ev.Event]) -> None:
        with self._translated("written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for event in events:
                    self._write(event)
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _write(self, event: ev.Event) -> None:
        execute = self._connection.execute
        if isinstance(event, ev.EpochEnded):
            execute(
                "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?)",
                (event.trial, event.execution, event.attempt, event.epoch, dumped(event.metrics)),
            )
        elif isinstance(event, ev.SegmentStarted):
            self._start_segment(event)
        elif isinstance(event, (ev.ExecutionEnded, ev.WeightsKept)):
            write_execution(self._connection, event.trial, event.execution)
        elif isinstance(event, _TRIAL_EVENTS):
            self._write_trial(event.trial)
            if isinstance(event, ev.TrialStarted) and event.queued is not None:
                place = (event.trial.number, event.queued)
                execute("UPDATE queue SET trial = ? WHERE position = ?", place)
        elif isinstance(event, ev.RoundEnded):
            write_round(self._connection, event.round)
        elif isinstance(event, ev.SpaceGrown):
            self._grow_space(event)
        elif isinstance(event, ev.Enqueued):
            row = (event.position, values_dumped(event.values))
            execute("INSERT OR IGNORE INTO queue VALUES (?, ?, NULL)", row)
        elif isinstance(event, ev.Remembered):
            self._write_facts(former=[each.to_json() for each in event.former])
        elif isinstance(event, ev.SearchStarted):
            self._start_search(event)
        elif isinstance(event, ev.SearchEnded):
            execute(
                "UPDATE sessions SET ended = ?, reason = ?, message = ? "
                "WHERE id = (SELECT max(id) FROM sessions)",
                (event.time, event.reason.name, event.message),
            )

    def _start_search(self, event: ev.SearchStarted) -> None:
        versions = event.settings.get("versions", {})
        settings = {key: value for key, value in event.settings.items() if key != "versions"}
        self._write_facts(name=event.project, settings=settings)
        self._connection.execute(
            "INSERT INTO sessions (started, versions) VALUES (?, ?)", (event.time, dumped(versions))
        )

    def _write_facts(self, **facts: Any) -> None:
        rows = [(key, dumped(value)) for key, value in facts.items()]
        self._connection.executemany("INSERT OR REPLACE INTO project VALUES (?, ?)", rows)

    def _grow_space(self, event: ev.SpaceGrown) -> None:
        for parameter in event.added:
            data = parameter.to_json()
            domain, conditions = (values_dumped(data[key]) for key in ("domain", "conditions"))
            # A known parameter whose domain was widened keeps its position.
            self._connection.execute(
                "INSERT INTO parameters (name, domain, conditions, first_trial) "
                "VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name, conditions) DO UPDATE SET domain = excluded.domain",
                (data["name"], domain, conditions, event.trial),
            )

    def _write_trial(self, trial: Trial) -> None:
        self._connection.execute(
            f"INSERT OR REPLACE INTO trials VALUES ({', '.join('?' * 16)})",
            (
                trial.number,
                values_dumped(trial.values),
                trial.status.value,
                trial.origin,
                trial.score,
                trial.loss,
                dumped(trial.metrics),
                trial.best_step,
                trial.message,
                trial.started,
                trial.finished,
                trial.bracket,
                trial.goal,
                trial.resumable,
                *((None, None) if trial.parent is None else dataclasses.astuple(trial.parent)),
            ),
        )

    def _start_segment(self, event: ev.SegmentStarted) -> None:
        self._segments += 1
        place = (event.trial, event.execution, event.attempt, event.start_epoch)
        self._connection.execute(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._segments, *place, event.end_epoch, event.time),
        )
        # A search that died may have left epochs of this segment.
        self._connection.execute(
            "DELETE FROM epochs WHERE trial = ? AND execution = ? AND attempt = ? AND epoch >= ?",
            place,
        )

    # ------------------------------------------------------------------ reading

    def load(self) -> Project:
        with self._translated("read"):
            rows = self._connection.execute
            facts = {key: json.loads(value) for key, value in rows("SELECT * FROM project")}
            latest = rows(
                "SELECT versions, started, ended, reason, message FROM sessions "
                "ORDER BY id DESC LIMIT 1"
            ).fetchone()
            space = Space(
                Parameter.from_json(
                    {
                        "name": name,
                        "domain": json.loads(domain),
                        "conditions": json.loads(conditions),
                    }
                )
                for name, domain, conditions in rows(
                    "SELECT name, domain, conditions FROM parameters ORDER BY position"
                )
            )
            queue = rows(
                'SELECT position, "values" FROM queue WHERE trial IS NULL ORDER BY position'
            )
            (enqueued,) = rows("SELECT coalesce(max(position) + 1, 0) FROM queue").fetchone()
            return Project(
                name=facts.get("name", self.path.parent.name),
                settings=facts.get("settings", {}),
                space=space,
                trials=tuple(map(_judge(facts.get("settings", {})), self._load_trials(space))),
                queue={position: json.loads(values) for position, values in queue},
                enqueued=enqueued,
                versions=json.loads(latest[0]) if latest else {},
                session=_session(*latest[1:]) if latest else None,
                former=tuple(map(Former.from_json, facts.get("former", []))),
                rounds=read_rounds(self._connection),
            )

    def _load_trials(self, space: Space) -> Iterator[Trial]:
        executions: dict[int, list[Execution]] = {}
        for row in self._connection.execute(
            "SELECT * FROM executions ORDER BY trial, execution, attempt"
        ):
            executions.setdefault(row[0], []).append(execution_of(row))
        for row in self._connection.execute("SELECT * FROM trials ORDER BY number"):
            yield trial_of(row, space, executions.get(row[0], ()))

    def epochs(self, trial: int) -> list[Epoch]:
        with self._translated("read"):
            rows = self._connection.execute(
                "SELECT execution, attempt, epoch, metrics FROM epochs WHERE trial = ? "
                "ORDER BY execution, attempt, epoch",
                (trial,),
            )
            return [Epoch(row[0], row[1], row[2], numbers_of(row[3])) for row in rows]

    def close(self) -> None:
        self._connection.close()


def _connected(database: Path | str) -> sqlite3.Connection:
    is_uri = str(database).startswith("file:")
    return sqlite3.connect(database, uri=is_uri, isolation_level=None, check_same_thread=False)


def _judge(settings: Mapping[str, Any]) -> Callable[[Trial], Trial]:
    """Returns trials with what follows from their metrics and the objective of the project."""
    objective = settings.get("objective")
    return (lambda trial: trial) if objective is None else objective_from_json(objective).judged


def _session(
    started: float, ended: float | None, reason: str | None, message: str | None
) -> Session:
    return Session(started, ended, None if reason is None else ev.StopReason[reason], message)
