"""Whiten many random embeddings and print the cost. Run as its own process, so that its peak memory can be measured."""

import json
import time

import numpy as np

from benchmarks.peers.task import peak_bytes
from training.text.text_space import whitened_table
from training.text.whitening import MOST_DIMENSIONS, fit_whitening

TEXTS, DIMENSIONS = 1_000_000, 768
_BLOCK = 50_000


def main() -> None:
    """Print the CPU seconds of fitting and applying the whitening, and the peak memory, embeddings included."""
    rng = np.random.default_rng(7)
    embeddings = np.empty((TEXTS, DIMENSIONS), dtype=np.float32)
    for start in range(0, TEXTS, _BLOCK):
        rng.standard_normal(out=embeddings[start : start + _BLOCK], dtype=np.float32)
    started = time.process_time()
    whitening = fit_whitening(embeddings, MOST_DIMENSIONS)
    fitted = time.process_time()
    whitened_table(whitening, embeddings)
    ended = time.process_time()
    print(json.dumps({"fit_cpu_s": fitted - started, "apply_cpu_s": ended - fitted, "peak_gb": peak_bytes() / 1e9}))


if __name__ == "__main__":
    main()
