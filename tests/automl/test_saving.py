import json
import zipfile

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.automl.inputs import ArrayEncoder
from kerastune_lite._src.automl.saving import _encoder, _state

pytestmark = pytest.mark.usefixtures("small_networks")

X = np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture(scope="module")
def file(tmp_path_factory, small_networks):
    path = tmp_path_factory.mktemp("files") / "net.zip"
    net = kt.AutoRegressor(time_limit=None, max_trials=1, epochs=1, random_state=0)
    net.fit(X, X[:, 0]).save(path)
    return path


def changed(file, path, **changes):
    """A copy of the file with other entries."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.partition(".")[0], old.read(name)))
    return path


def test_the_file_holds_no_pickle(file):
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["automl.json", "encoder.skops", "model.keras"]
        assert json.loads(archive.read("automl.json"))["class"] == "AutoRegressor"


def test_what_would_need_code_is_refused(file, tmp_path):
    import skops.io

    class Evil:
        pass

    Evil.__module__ = "os"
    harmful = changed(file, tmp_path / "evil.zip", encoder=skops.io.dumps({"one_hot": Evil()}))
    with pytest.raises(ValueError, match="runs no code of a file"):
        kt.AutoRegressor.load(harmful)


@pytest.mark.parametrize("name", ["text", 3, ("film", "text"), None])
def test_the_name_of_a_column_of_texts_is_kept(name):
    encoder = ArrayEncoder("text", (), name)
    state, fitted = _state(encoder)
    assert _encoder(json.loads(json.dumps(state)), fitted) == encoder


def test_a_newer_version_and_other_files_are_refused(file, tmp_path):
    head = {"format": "kerastune_lite automl", "version": 2}
    newer = changed(file, tmp_path / "newer.zip", automl=json.dumps(head))
    with pytest.raises(ValueError, match="pip install -U kerastune_lite"):
        kt.AutoRegressor.load(newer)
    (tmp_path / "other.zip").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="something else, or damaged"):
        kt.AutoRegressor.load(tmp_path / "other.zip")


def test_a_file_that_cannot_be_written_leaves_the_earlier_one(file, tmp_path):
    net = kt.AutoRegressor.load(file)
    with pytest.raises(OSError, match="No such file"):
        net.save(tmp_path / "nowhere" / "net.zip")
