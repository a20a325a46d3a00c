"""Events of the `_search` run that are not scalars: texts, pictures, the layout of charts.

Like `event_files`, this imports tensorboard's protobufs, so it is imported when it is needed.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.image import metadata as images
from tensorboard.plugins.text import metadata as texts

from kerastune_lite._src.views.tensorboard.names import PLUGIN, SHARES, by_trial_tags, fan_tags

if TYPE_CHECKING:
    from PIL.Image import Image

    from kerastune_lite._src.core.objective import Objective


def start_event(now: float) -> bytes:
    """An event that makes TensorBoard forget what it has read of the run."""
    log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    return event_pb2.Event(wall_time=now, step=0, session_log=log).SerializeToString()


def text_event(tag: str, markdown: str, step: int, now: float) -> bytes:
    """An event for the Text page."""
    metadata = texts.create_summary_metadata(display_name=None, description=None)
    return _strings_event(tag, [markdown.encode()], metadata, step, now, scalar=True)


def image_event(tag: str, image: Image, description: str, step: int, now: float) -> bytes:
    """An event for the Images page; the description, in Markdown, is shown beside the picture."""
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    width, height = (str(size).encode() for size in image.size)
    metadata = images.create_summary_metadata(display_name=None, description=description)
    return _strings_event(tag, [width, height, buffer.getvalue()], metadata, step, now)


def shares_event(shares: Mapping[str, float], step: int, now: float) -> bytes:
    """An event that no page shows: numbers by name, as JSON."""
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=PLUGIN),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    )
    return _strings_event(SHARES, [json.dumps(shares).encode()], metadata, step, now, scalar=True)


def layout_event(objective: Objective, has_curves: bool, now: float) -> bytes:
    """An event that defines the charts of the Custom Scalars page.

    Args:
        has_curves: whether there are quantiles of learning curves.
    """
    category = layout_pb2.Category(title="Search")
    if has_curves:
        metric = objective.guide.name
        lower, middle, upper = fan_tags(metric)
        chart = category.chart.add(title=f"{metric} by epoch: 10 %, median, 90 % of the trials")
        chart.margin.series.add(lower=lower, value=middle, upper=upper)
    chart = category.chart.add(title=f"{objective.name} by trial, and the best so far")
    # The page treats tags as regular expressions.
    chart.multiline.tag.extend(f"^{re.escape(tag)}$" for tag in by_trial_tags(objective.name))
    layout = layout_pb2.Layout(category=[category])
    metadata = custom_scalars.create_summary_metadata()
    tag = custom_scalars.CONFIG_SUMMARY_TAG
    return _strings_event(tag, [layout.SerializeToString()], metadata, 0, now, scalar=True)


def _strings_event(
    tag: str,
    strings: Sequence[bytes],
    metadata: summary_pb2.SummaryMetadata,
    step: int,
    now: float,
    scalar: bool = False,
) -> bytes:
    """An event with a tensor of strings: a vector, or a scalar."""
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=strings)
    tensor.tensor_shape.SetInParent()
    if not scalar:
        tensor.tensor_shape.dim.add(size=len(strings))
    event = event_pb2.Event(wall_time=now, step=step)
    event.summary.value.add(tag=tag, metadata=metadata, tensor=tensor)
    return event.SerializeToString()
