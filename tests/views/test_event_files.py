from hypothesis import given
from hypothesis import strategies as st

# ---------------------------------------------------------------------- frames


@given(st.binary(max_size=3000))
def test_the_checksum_is_tensorboards(data):
    from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

    from kerastune_lite._src.views.tensorboard.event_files import masked_crc32c

    assert masked_crc32c(data) == pywrap_tensorflow.masked_crc32c(data)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_records_end_where_a_file_is_damaged(written, data):
    from kerastune_lite._src.views.tensorboard.event_files import frame, records

    content = b"".join(map(frame, written))
    assert list(records(content)) == written
    cut = data.draw(st.integers(0, len(content) - 1))
    intact = list(records(content[:cut]))
    assert intact == written[: len(intact)]
    assert len(intact) < len(written)
    flipped = content[:cut] + bytes([content[cut] ^ 0x55]) + content[cut + 1 :]
    found = list(records(flipped))
    assert found == written[: len(found)]
    assert len(found) < len(written)
