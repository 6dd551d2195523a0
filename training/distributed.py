"""Train one model in several processes, started by torchrun. Without torchrun there is a single process.

Only the leader (rank 0) prints. An error is printed by the first process that meets it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.errors import LostProcessError, TrainingError
from warehouse.errors import first_line

T = TypeVar("T")

_TIMEOUT = timedelta(days=1)  # the others wait while the leader reads and evaluates; torchrun ends them if it dies


@contextmanager
def joined() -> Iterator[None]:
    """Connect the processes that torchrun started, with gloo on CPUs and NCCL on GPUs, and disconnect them at the end.

    Raises TrainingError if there are more processes than GPUs, and LostProcessError if another process has ended.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(_own_gpu())
        backend = "cpu:gloo,cuda:nccl"
    store, rank, size = next(iter(dist.rendezvous("env://", timeout=_TIMEOUT)))
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)
    try:
        yield
    except RuntimeError as error:
        # gloo raises plain RuntimeErrors
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise LostProcessError(
            f"another process of this training has ended ({first_line(error)}): run the same command again, "
            "and it resumes from the last checkpoint"
        ) from error
    dist.destroy_process_group()  # not after an error: the others may be waiting for this one, and torchrun ends them


def count() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Return whether this process is the first one to call this function. It prints an error for all of them."""
    try:
        return not dist.is_initialized() or dist.distributed_c10d._get_default_store().add("said", 1) == 1
    except dist.DistError:  # torchrun itself has ended: there may be no other process left to print it
        return True


def is_leader() -> bool:
    """Return whether this is the process that writes files and prints output."""
    return rank() == 0


def from_leader(make: Callable[[], T]) -> T:
    """Call `make` in the leader only. All processes get its result, or raise its error."""
    if count() == 1:
        return make()
    outcome: list[Any] = [None, None]  # result, error
    if is_leader():
        try:
            outcome[0] = make()
        except Exception as error:  # of any kind: the others must not wait for ever
            outcome[1] = error
    dist.broadcast_object_list(outcome, src=0, device=torch.device("cpu"))
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def averaged(values: Tensor) -> Tensor:
    """Return the mean of `values` over all processes. Overwrites `values`."""
    if count() > 1:
        dist.all_reduce(values)
        values /= count()
    return values


def averaged_rows(gradient: Tensor) -> Tensor:
    """Return the mean of an embedding's sparse gradient [V, D] over all processes, which NCCL itself cannot compute."""
    if count() == 1:
        return gradient.coalesce()
    gradient = gradient.coalesce()
    indices, values = gradient.indices()[0], gradient.values()
    sizes = [torch.zeros(1, dtype=torch.int64, device=values.device) for _ in range(count())]
    dist.all_gather(sizes, sizes[0].new_tensor([len(indices)]))
    lengths = torch.cat(sizes).tolist()
    all_indices, all_values = (_gathered(part, lengths) for part in (indices, values))
    return torch.sparse_coo_tensor(all_indices.unsqueeze(0), all_values / count(), gradient.shape).coalesce()


def sharing_gradients(model: nn.Module, excluded: set[int]) -> nn.Module:
    """Wrap a model in DDP, which averages the gradients. excluded: the id() of parameters that DDP is to skip."""
    if count() == 1:
        return model
    names = [name for name, parameter in model.named_parameters() if id(parameter) in excluded]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
    return DistributedDataParallel(model, forward_sync_buffers=False)


def _own_gpu() -> int:
    number, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= gpus:
        raise TrainingError(
            f"torchrun started more processes on this machine than it has GPUs: pass --nproc-per-node {gpus}, "
            "or set CUDA_VISIBLE_DEVICES to an empty value to train on CPUs"
        )
    return number


def _gathered(own: Tensor, lengths: list[int]) -> Tensor:
    """Gather the rows of all processes, in order of rank. Parts are padded, because all_gather needs equal shapes."""
    padded = own.new_zeros((max(lengths), *own.shape[1:]))
    padded[: len(own)] = own
    gathered = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(gathered, padded)
    return torch.cat([part[:length] for part, length in zip(gathered, lengths, strict=True)])
