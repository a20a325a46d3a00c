"""The tables of a project's database, and how older ones are upgraded."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x6B746C31
"""Marks the file as ours in SQLite's header (the letters "ktl1")."""

# Each entry upgrades a database from version i to i + 1. A released entry is never edited: a change
# of the schema is a new entry.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE project (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL                 -- JSON
    ) WITHOUT ROWID;
    CREATE TABLE sessions (                 -- one row per call of search()
        id INTEGER PRIMARY KEY,
        started REAL NOT NULL,              -- seconds since 1970, as all times here
        ended REAL,
        reason TEXT,
        message TEXT,
        versions TEXT NOT NULL              -- JSON: package -> version
    );
    CREATE TABLE parameters (
        position INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        domain TEXT NOT NULL,               -- JSON
        conditions TEXT NOT NULL,           -- JSON
        first_trial INTEGER,                -- NULL: read off the builder
        UNIQUE (name, conditions)
    );
    CREATE TABLE queue (
        position INTEGER PRIMARY KEY,
        "values" TEXT NOT NULL,             -- JSON
        trial INTEGER                       -- NULL until started
    );
    CREATE TABLE trials (
        number INTEGER PRIMARY KEY,
        "values" TEXT NOT NULL,             -- JSON, in the order in which they were asked for
        status TEXT NOT NULL,
        origin TEXT NOT NULL,
        score REAL,                         -- in the objective's own direction
        loss REAL,                          -- smaller is better
        metrics TEXT NOT NULL DEFAULT '{}', -- JSON
        best_step INTEGER,                  -- epoch, counted from 0
        message TEXT,
        started REAL,
        finished REAL
    );
    CREATE TABLE executions (
        trial INTEGER NOT NULL,
        execution INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        score REAL,
        loss REAL,
        metrics TEXT NOT NULL,              -- JSON
        best_epoch INTEGER,                 -- counted from 0
        epochs INTEGER NOT NULL,
        seconds REAL NOT NULL,
        message TEXT,
        weights TEXT,                       -- file, relative to the project's folder
        build_config TEXT,                  -- JSON
        PRIMARY KEY (trial, execution, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE segments (
        id INTEGER PRIMARY KEY,
        trial INTEGER NOT NULL,
        execution INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        start_epoch INTEGER NOT NULL,
        end_epoch INTEGER,
        started REAL NOT NULL
    );
    CREATE TABLE epochs (
        trial INTEGER NOT NULL,
        execution INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        epoch INTEGER NOT NULL,             -- counted from 0
        metrics TEXT NOT NULL,              -- JSON
        PRIMARY KEY (trial, execution, attempt, epoch)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE executions ADD COLUMN path TEXT;        -- how it was trained; NULL: not known
    ALTER TABLE executions ADD COLUMN path_reason TEXT; -- why on no faster path
    """,
    """
    ALTER TABLE executions ADD COLUMN state TEXT;       -- file to go on from, relative
    ALTER TABLE executions ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0; -- by a callback
    ALTER TABLE trials ADD COLUMN bracket INTEGER;      -- the scheduler's
    ALTER TABLE trials ADD COLUMN goal INTEGER;         -- epochs to train for; NULL: open
    ALTER TABLE trials ADD COLUMN goes_on INTEGER NOT NULL DEFAULT 0; -- whether after that, too
    """,
    """
    ALTER TABLE executions ADD COLUMN log TEXT;         -- file with what it printed, relative
    """,
    """
    ALTER TABLE trials ADD COLUMN parent INTEGER;       -- from whose state it was trained on
    ALTER TABLE trials ADD COLUMN parent_epoch INTEGER; -- and for how long that was trained
    """,
    """
    CREATE TABLE rounds (                   -- trainings of the race after the search
        trial INTEGER NOT NULL,
        round INTEGER NOT NULL,
        goal INTEGER,                       -- of the trial then
        seed INTEGER NOT NULL,
        place REAL,                         -- where validation samples begin; NULL: as always
        share REAL,                         -- how many they are, as a part of all
        outcome TEXT NOT NULL,
        score REAL,
        metrics TEXT NOT NULL,              -- JSON
        epochs INTEGER NOT NULL,
        seconds REAL NOT NULL,
        message TEXT,
        PRIMARY KEY (trial, round)
    ) WITHOUT ROWID;
    """,
)

VERSION = len(MIGRATIONS)
"""The schema version that this library writes."""


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of the database."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection) -> None:
    """Upgrade the database, which must not be newer, to `VERSION` in one transaction."""
    version = version_of(connection)
    if version == VERSION:
        return
    steps = "".join(MIGRATIONS[version:])
    connection.executescript(
        f"BEGIN IMMEDIATE;{steps};PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION};COMMIT;"
    )
