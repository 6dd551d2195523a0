"""How a model is run while it trains: on the CPU, or on a GPU in bfloat16 where that is safe; compiled if asked for."""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast, get_args

import torch
from torch import nn

from training.data.rows import Rows
from training.errors import TrainingError
from training.fitting.loop_settings import Device

DEVICES: tuple[str, ...] = ("auto", *get_args(Device))
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's names for them: see mallopt(3)
_SHARE_OF_FREE = 0.5  # of a GPU's free memory: the other half is the model's, the optimizer's and the batches'


def resolve_device(name: str) -> Device:
    """auto takes the GPU where torch sees one. Raises TrainingError where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise TrainingError(
            f"--device cuda: torch {torch.__version__} sees no GPU here; "
            "install a build of torch for CUDA and NVIDIA's driver, or take --device cpu"
        )
    return "cuda" if there and name != "cpu" else "cpu"


def on_device(rows: Rows, device: Device) -> Rows:
    """The rows on the GPU where they fit beside the rest, else as they are: batches are then copied one by one."""
    if device == "cpu" or rows.bytes > _SHARE_OF_FREE * torch.cuda.mem_get_info()[0]:
        return rows
    return rows.to(device)


def compiled(model: nn.Module) -> nn.Module:
    """The model through torch.compile, with the same weights. Raises TrainingError where nothing can be compiled."""
    if not any(map(shutil.which, [os.environ.get("CXX", "g++"), "clang++"])):
        raise TrainingError("--compile needs a C++ compiler, and neither g++ nor clang++ is on PATH: install one")
    return cast(nn.Module, torch.compile(model))


def training_precision(device: Device) -> AbstractContextManager:
    """On a GPU products in bfloat16; weights, sums and the loss stay float32."""
    return torch.autocast(device, dtype=torch.bfloat16) if device == "cuda" else nullcontext()


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 count as 0: weights and moments that nothing moves fade to such, which slow products down.

    To be entered before torch starts its threads, which take this over from the one that starts them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_freed_memory() -> None:
    """Where C's library is glibc, what a step frees stays the process's, for the next step to take.

    Else every step gets its hidden units from the system and touches each page of them anew, a fifth of its time. What
    is larger than the hidden units of a batch, a whole window say, goes back as ever.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, 2**25)
        library.mallopt(_TRIM_THRESHOLD, 2**30)


def forked_random_state(device: Device) -> AbstractContextManager:
    """What is drawn inside leaves the caller's generators as they were."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else [])
