"""Rounding, exaggerated: which numbers of a run does the arithmetic of the machine decide?

Processors add in different orders, so that the same product of matrices differs in its last digits. Training may enlarge
such a difference until the losses of two machines have nothing in common: within 20 steps it can grow from one part in ten
million to one in ten. `Jitter` gives every product an error larger than any processor's. What hardly moves under it is
the same on every machine, and may be compared between them.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode

AMOUNT = 1e-5  # a hundred times the rounding of float32
MOVED = 1e-4  # a tenth of the tolerance to which the first losses are compared between machines

_aten = torch.ops.aten
PRODUCTS = {
    _aten.mm.default, _aten.addmm.default, _aten.bmm.default, _aten.baddbmm.default, _aten.mv.default, _aten.dot.default,
    _aten.convolution.default, _aten.convolution_backward.default,
}  # fmt: skip


class Jitter(TorchDispatchMode):
    """Inside, every entry of a product (forwards and backwards) is multiplied by 1 + `amount` * u, u uniform in [-1, 1]."""

    def __init__(self, amount: float):
        super().__init__()
        self.amount, self.generators = amount, {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func not in PRODUCTS:
            return result
        if isinstance(result, tuple):
            return tuple(None if r is None else self._jittered(r) for r in result)
        return self._jittered(result)

    def _jittered(self, values: torch.Tensor) -> torch.Tensor:
        # A generator of its own: the chapter must draw the same numbers as without.
        generator = self.generators.setdefault(values.device, torch.Generator(values.device))
        noise = torch.empty_like(values).uniform_(-1, 1, generator=generator)
        return values * (1 + self.amount * noise)


def steady_steps(losses: list[float], jittered: list[float]) -> int:
    """How many of the first losses moved by less than `MOVED`, relative to their size, under `Jitter`."""
    for step, (loss, other) in enumerate(zip(losses, jittered, strict=True)):
        if abs(loss - other) > MOVED * abs(loss):
            return step
    return len(losses)
