import contextlib
import os
import sqlite3
import stat

import pytest

import kerastune_lite as kt
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.parent import Parent
from kerastune_lite._src.core.trial import Execution, Outcome, TrialStatus
from kerastune_lite._src.store import schema
from kerastune_lite._src.store.sqlite import SQLiteStore
from kerastune_lite._src.util.errors import StoreError
from tests.store.conformance import StoreConformance, execution, started, trial


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.sqlite3"


@pytest.fixture
def store(path):
    store = SQLiteStore(path)
    yield store
    store.close()


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    def store(self, store):
        return store

    @pytest.fixture
    def reopen(self):
        opened = []

        def reopen(store):
            opened.append(SQLiteStore(store.path))
            return opened[-1]

        yield reopen
        for store in opened:
            store.close()


def test_write_ahead_log_and_header(store, path):
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert plain.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    plain.close()


def test_read_while_it_is_written(store, path):
    store.record([started(), ev.TrialStarted(trial())])
    reader = SQLiteStore(path, read_only=True)
    store.record([ev.TrialStarted(trial(1))])
    assert len(reader.load().trials) == 2
    with pytest.raises(StoreError, match="readonly"):
        reader.record([ev.TrialStarted(trial(2))])
    reader.close()


def test_all_or_nothing(store):
    unwritable = trial(1, values={"a": {1, 2}})
    with pytest.raises(TypeError):
        store.record([ev.TrialStarted(trial(0)), ev.TrialStarted(unwritable)])
    assert store.load().trials == ()
    store.record([ev.TrialStarted(trial(0))])
    assert len(store.load().trials) == 1


def test_missing_file(path):
    with pytest.raises(StoreError, match=r"no project here: .*study\.sqlite3"):
        SQLiteStore(path, read_only=True)
    assert not path.exists()


def many(store, count=300):
    store.record([started(), *(ev.TrialStarted(trial(n)) for n in range(count))])


@pytest.mark.parametrize("size", [0, 50, 4096, 9000])
def test_truncated_file(store, path, size):
    many(store)
    store.close()
    os.truncate(path, size)
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"study\.sqlite3.*(cut off|damaged)"):
            SQLiteStore(path, read_only)


def test_damaged_page(store, path):
    many(store)
    store.close()
    with open(path, "r+b") as file:
        file.seek(4096 * 5)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(StoreError, match=r"study\.sqlite3 is damaged: .*Page.*backup"):
        SQLiteStore(path)


def test_not_a_database(path):
    path.write_text("these are notes of mine\n" * 20)
    with pytest.raises(StoreError, match=r"study\.sqlite3 is not a project's database"):
        SQLiteStore(path)
    assert path.read_text().startswith("these are notes")


def test_database_of_another_program(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(StoreError, match="another program"):
        SQLiteStore(path)


def test_newer_schema(store, path):
    store._connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    store.close()
    # The header's copy is written when the log is merged into the file, as it is on close.
    with pytest.raises(StoreError, match=r"newer version.*pip install -U"):
        SQLiteStore(path)


def test_newer_schema_in_the_log_of_a_writer(store, path):
    store._connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="newer version"):
            SQLiteStore(path, read_only)


@pytest.fixture
def first_version(path):
    """A project as the first version of the schema has it, with one execution."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(schema.MIGRATIONS[0])
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            'INSERT INTO trials (number, "values", status, origin, score, loss) '
            "VALUES (0, '{\"units\": 3}', 'COMPLETED', 'oracle', 0.5, -0.5)"
        )
        connection.execute(
            "INSERT INTO executions VALUES "
            "(0, 0, 1, 'COMPLETED', 0.5, -0.5, '{}', 3, 5, 0.25, NULL, 'a.weights.h5', NULL)"
        )
    return path


def version_on_disk(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return schema.version_of(connection)


def test_the_first_version_is_brought_forward(first_version):
    store = SQLiteStore(first_version)
    (found,) = store.load().trials
    expected = Execution(0, Outcome.COMPLETED, 1, 0.5, -0.5, {}, 3, 5, 0.25, None, "a.weights.h5")
    assert found.executions == (expected,)
    assert found.path is None
    store.record([ev.ExecutionEnded(0, execution(1, path="own trace", path_reason="a GRU"))])
    store.close()
    reopened = SQLiteStore(first_version)
    (found,) = reopened.load().trials
    assert found.path == "own trace"
    assert found.executions[1].path_reason == "a GRU"
    reopened.close()
    assert version_on_disk(first_version) == schema.VERSION


def test_the_first_version_can_be_read_as_it_lies(first_version):
    before = first_version.read_bytes()
    reader = SQLiteStore(first_version, read_only=True)
    (found,) = reader.load().trials
    assert (found.values, found.path) == ({"units": 3}, None)
    assert found.executions[0].weights == "a.weights.h5"
    assert reader.epochs(0) == []
    with pytest.raises(StoreError, match="readonly"):
        reader.record([ev.TrialStarted(trial(1))])
    reader.close()
    reader.close()
    assert first_version.read_bytes() == before
    assert version_on_disk(first_version) == 1


def test_the_first_version_is_read_while_its_search_runs(first_version):
    with contextlib.closing(sqlite3.connect(first_version, isolation_level=None)) as writer:
        writer.execute("UPDATE trials SET score = 0.75")
        project = kt.open_project(first_version)
        assert [t.score for t in project.trials] == [0.75]
        writer.execute("UPDATE trials SET score = 0.875")
        project.refresh()
        assert [t.score for t in project.trials] == [0.875]
        assert project.history(0) == []


def test_a_project_from_before_there_were_parents_is_brought_forward(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("".join(schema.MIGRATIONS[:4]))
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 4")
        connection.execute(
            'INSERT INTO trials (number, "values", status, origin, score, loss, bracket, goal) '
            "VALUES (0, '{\"units\": 3}', 'COMPLETED', 'oracle', 0.5, -0.5, 1, 9)"
        )
    with contextlib.closing(SQLiteStore(path)) as store:
        (found,) = store.load().trials
        assert (found.bracket, found.goal, found.parent) == (1, 9, None)
        store.record([ev.TrialStarted(trial(1, parent=Parent(0, 9)))])
    with contextlib.closing(SQLiteStore(path)) as store:
        assert store.load().trials[1].parent == Parent(0, 9)
    assert version_on_disk(path) == schema.VERSION


def test_older_schema_is_brought_forward(path, monkeypatch):
    SQLiteStore(path).close()
    later = (*schema.MIGRATIONS, "ALTER TABLE trials ADD COLUMN path TEXT;")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "VERSION", len(later))
    store = SQLiteStore(path)
    columns = [row[1] for row in store._connection.execute("PRAGMA table_info(trials)")]
    assert "path" in columns
    store.close()


def test_full_disk(store, path):
    many(store, 10)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    def fill():
        for number in range(10, 10_000):
            store.record([ev.TrialStarted(trial(number, values={"a": "x" * 500}))])

    with pytest.raises(StoreError, match=r"study\.sqlite3 cannot be written: .*full.*safe"):
        fill()
    store._connection.execute("PRAGMA max_page_count = 1000000")
    kept = store.load().trials
    assert 10 <= len(kept) < 10_000
    store.record([ev.TrialStarted(trial(len(kept)))])
    store.close()
    reopened = SQLiteStore(path)
    assert len(reopened.load().trials) == len(kept) + 1
    reopened.close()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(store, path):
    store.record([started(), ev.TrialStarted(trial())])
    store.close()
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        reader = SQLiteStore(path, read_only=True)
        assert len(reader.load().trials) == 1
        reader.close()
    finally:
        path.parent.chmod(stat.S_IRWXU)


def test_interrupted_creation_leaves_no_half_file(path, monkeypatch):
    def die(connection):
        raise KeyboardInterrupt

    monkeypatch.setattr(schema, "migrate", die)
    with pytest.raises(KeyboardInterrupt):
        SQLiteStore(path)
    assert not path.exists()
    monkeypatch.undo()
    SQLiteStore(path).close()


def test_nothing_in_it_is_pickle(store, path):
    store.record([started(), ev.TrialStarted(trial(status=TrialStatus.RUNNING))])
    for table in ("project", "trials", "parameters", "executions", "epochs"):
        for row in store._connection.execute(f"SELECT * FROM {table}"):
            assert not any(isinstance(cell, bytes) for cell in row)
