"""The device of a training: CPU or GPU, and precision, compilation and memory on it."""

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
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # see mallopt(3)
_SHARE_OF_FREE = 0.5  # of a GPU's free memory for rows: the other half is for the model, the optimizer and the batches


def resolve_device(name: str) -> Device:
    """Return the device to use; auto is a GPU if torch finds one. Raises TrainingError for cuda without a GPU."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise TrainingError(
            f"--device cuda needs a GPU, but torch {torch.__version__} finds none: install a build of torch for CUDA "
            "and NVIDIA's driver, or use --device cpu"
        )
    return "cuda" if available and name != "cpu" else "cpu"


def on_device(rows: Rows, device: Device) -> Rows:
    """Copy all rows to the GPU if it has enough memory. Otherwise return them unchanged; batches are copied later."""
    if device == "cpu" or rows.bytes > _SHARE_OF_FREE * torch.cuda.mem_get_info()[0]:
        return rows
    return rows.to(device)


def compiled(model: nn.Module) -> nn.Module:
    """Compile a model with torch.compile. It shares its weights. Raises TrainingError if there is no C++ compiler."""
    if not any(map(shutil.which, [os.environ.get("CXX", "g++"), "clang++"])):
        raise TrainingError("--compile needs a C++ compiler, and neither g++ nor clang++ is on PATH: install one")
    return cast(nn.Module, torch.compile(model))


def training_precision(device: Device) -> AbstractContextManager:
    """Return a context in which a GPU computes matrix products in bfloat16. Weights and the loss stay float32."""
    return torch.autocast(device, dtype=torch.bfloat16) if device == "cuda" else nullcontext()


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Treat numbers below 1e-38 as 0: weights without gradients decay to such numbers, and arithmetic on them is slow.

    Enter this before torch starts its threads, because they inherit the setting from the thread that starts them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_freed_memory() -> None:
    """With glibc, keep the memory that a training step frees, so that the next step can reuse it.

    Otherwise every step gets new memory from the system, which takes a fifth of its time. Blocks larger than 32 MB
    still go back to the system.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, 2**25)
        library.mallopt(_TRIM_THRESHOLD, 2**30)


def forked_random_state(device: Device) -> AbstractContextManager:
    """Return a context at whose end torch's random generators are as they were before."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else [])
