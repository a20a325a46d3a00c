import gc
from pathlib import Path

from kerastune_lite._src.util.scratch_folder import ScratchFolder


def test_it_goes_with_its_object():
    scratch = ScratchFolder()
    folder = Path(scratch.path)
    (folder / "file").write_text("text")
    del scratch
    gc.collect()
    assert not folder.exists()


def test_it_goes_when_it_is_asked_to():
    scratch = ScratchFolder()
    scratch.remove()
    assert not Path(scratch.path).exists()
    scratch.remove()
