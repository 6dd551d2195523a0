"""Check before a model is built that its weights fit in memory."""

import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from training.errors import TrainingError
from training.fitting.loop_settings import Device

_COPIES = 6  # of each weight: the weight itself, its gradient, Adam's two moments, its average, and the best epoch's
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of a container, below /sys/fs/cgroup


def require_memory(build: Callable[[], nn.Module], device: Device) -> None:
    """Raise TrainingError if the weights of the model that `build` makes, and their copies, do not fit in memory."""
    try:
        with torch.device("meta"):  # shapes only
            needed: float = _COPIES * sum(weight.nbytes for weight in build().parameters())
    except RuntimeError:  # a size that is beyond 64 bits
        needed = math.inf
    there_is = torch.cuda.mem_get_info()[1] if device == "cuda" else _machine_memory()
    if needed > there_is:
        raise TrainingError(
            f"the model does not fit in memory: its weights take {_gib(needed)} in training, but there is only "
            f"{_gib(there_is)}: lower --embedding-size, --hidden-size (dnn), --experts (mmoe), or --levels, "
            "--scene-experts and --shared-experts (ple)"
        )


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error of Python, Arrow or torch means that memory has run out."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _machine_memory() -> int:
    """Return the bytes of memory that this machine has, or that this container may use."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or no number in it: no limit
            sizes.append(int(Path("/sys/fs/cgroup", name).read_text()))
    return min(sizes)


def _gib(size: float) -> str:
    return f"{size / 2**30:,.1f} GiB" if math.isfinite(size) else "more than can be counted"
