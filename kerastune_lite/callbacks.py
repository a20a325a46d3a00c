"""Loggers for services that track experiments, for `search(callbacks=[...])`."""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.views.loggers.mlflow_logger import MLflowLogger
    from kerastune_lite._src.views.loggers.wandb_logger import WandbLogger

__all__ = ["MLflowLogger", "WandbLogger"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "MLflowLogger": "_src.views.loggers.mlflow_logger",
        "WandbLogger": "_src.views.loggers.wandb_logger",
    },
)
