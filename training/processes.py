"""The processes that torchrun starts to train one model together; without torchrun there is one.

What all of them meet, one says: whoever leads, or for an error whoever meets it first.
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

T = TypeVar("T")

_PATIENCE = timedelta(days=1)  # the others wait while the leader reads and evaluates; torchrun ends them if it dies


@contextmanager
def joined() -> Iterator[None]:
    """Joins the processes that torchrun started, by gloo on CPUs and NCCL on GPUs, and leaves them at the end.

    Raises TrainingError where there are more of them than GPUs, LostProcessError where another has been ended.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(_own_gpu())
        backend = "cpu:gloo,cuda:nccl"
    store, rank, size = next(iter(dist.rendezvous("env://", timeout=_PATIENCE)))
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    try:
        yield
    except RuntimeError as error:
        # gloo's has no class of its own
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise LostProcessError(
            f"another process of this training was ended ({str(error).splitlines()[0]}): the same command goes on "
            "from the last checkpoint"
        ) from error
    dist.destroy_process_group()  # not after an error: the others may wait for this process, and torchrun ends them


def count() -> int:
    """How many train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This one's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether no other process has asked this before: who meets an error first says it, for all."""
    try:
        return not dist.is_initialized() or dist.distributed_c10d._get_default_store().add("said", 1) == 1
    except dist.DistError:  # torchrun itself is gone: nobody else may be left to say it
        return True


def is_leader() -> bool:
    """Whether this is the one that writes and speaks."""
    return rank() == 0


def from_leader(make: Callable[[], T]) -> T:
    """What `make` gives or raises in the leader, in all processes; the others do not call it."""
    if count() == 1:
        return make()
    made: list[Any] = [None, None]
    if is_leader():
        try:
            made[0] = make()
        except Exception as error:  # whatever it is, the others must not wait for ever
            made[1] = error
    dist.broadcast_object_list(made, src=0, device=torch.device("cpu"))
    if made[1] is not None:
        raise made[1]
    return made[0]


def averaged(values: Tensor) -> Tensor:
    """The mean over the processes."""
    if count() > 1:
        dist.all_reduce(values)
        values /= count()
    return values


def averaged_rows(gradient: Tensor) -> Tensor:
    """The mean over the processes of sparse gradients of one table, which NCCL cannot reduce: [V, D], coalesced."""
    if count() == 1:
        return gradient.coalesce()
    gradient = gradient.coalesce()
    indices, values = gradient.indices()[0], gradient.values()
    sizes = [torch.zeros(1, dtype=torch.int64, device=values.device) for _ in range(count())]
    dist.all_gather(sizes, sizes[0].new_tensor([len(indices)]))
    lengths = torch.cat(sizes).tolist()
    of_all = [_gathered(part, lengths) for part in (indices, values)]
    return torch.sparse_coo_tensor(of_all[0].unsqueeze(0), of_all[1] / count(), gradient.shape).coalesce()


def sharing_gradients(model: nn.Module, apart: set[int]) -> nn.Module:
    """The model with DDP around it, which averages all gradients but those of the parameters whose ids are apart."""
    if count() == 1:
        return model
    names = [name for name, parameter in model.named_parameters() if id(parameter) in apart]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
    return DistributedDataParallel(model, forward_sync_buffers=False)


def _own_gpu() -> int:
    number, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= there:
        raise TrainingError(
            f"torchrun started more processes here than there are GPUs: give it --nproc-per-node {there}, "
            "or set CUDA_VISIBLE_DEVICES to nothing to train on CPUs"
        )
    return number


def _gathered(own: Tensor, lengths: list[int]) -> Tensor:
    """All processes' rows, one process after another. Gathering takes equal shapes: shorter ones are filled up."""
    filled = own.new_zeros((max(lengths), *own.shape[1:]))
    filled[: len(own)] = own
    of_all = [torch.empty_like(filled) for _ in lengths]
    dist.all_gather(of_all, filled)
    return torch.cat([part[:length] for part, length in zip(of_all, lengths, strict=True)])
