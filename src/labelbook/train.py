"""The loop around a training step: optimiser, schedule, moving average, and an early stop when the loss is not a number."""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

_STEP_LIMIT: int | None = None


@contextlib.contextmanager
def limited_steps(steps: int):
    """Cut every `fit` inside to `steps` steps (tests of a whole chapter on a pretend device use this)."""
    global _STEP_LIMIT
    before, _STEP_LIMIT = _STEP_LIMIT, steps
    try:
        yield
    finally:
        _STEP_LIMIT = before


class DivergedError(FloatingPointError):
    """The loss became NaN or infinite."""


def fit(
    run,
    model: nn.Module,
    step: Callable[..., Tensor],
    batches: Callable[[], Iterable],
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    schedule_every: str = "epoch",
    ema: Ema | None = None,
    each_epoch: Callable[[int], None] | None = None,
    method: str = "",
) -> None:
    """Train for `epochs` passes; `step(batch)` returns the loss, everything else happens here.

    Args:
        run: the chapter's `Run`: its device and precision, and the fingerprint of the first losses.
        batches: called once an epoch; what it yields is handed to `step`.
        schedule_every: "epoch" or "step".
        ema: updated after each step.
        each_epoch: called with the number of the epoch (from 0), the model in eval mode and without gradients.
        method: the name under which the first losses are kept.

    Raises:
        DivergedError: a loss is not finite; says at which step. Checked every 50 steps and at the end of an epoch, so
            that a GPU need not wait for the CPU each time.
    """
    if schedule_every not in ("epoch", "step"):
        raise ValueError(f"schedule_every is 'epoch' or 'step', not {schedule_every!r}")
    count, unchecked = 0, []
    for epoch in range(epochs):
        model.train()
        limit = None if _STEP_LIMIT is None else max(0, _STEP_LIMIT - count)
        for batch in itertools.islice(batches(), limit):
            optimizer.zero_grad(set_to_none=True)
            with run.autocast():
                loss = step(batch)
            loss.backward()
            optimizer.step()
            count += 1
            if schedule is not None and schedule_every == "step":
                schedule.step()
            if ema is not None:
                ema.update(model)
            run.trace(method or type(model).__name__, loss)
            unchecked.append(loss.detach())
            if len(unchecked) == 50:
                _check(unchecked, count, method)
        if unchecked:
            _check(unchecked, count, method)
        if schedule is not None and schedule_every == "epoch":
            schedule.step()
        if each_epoch is not None:
            model.eval()
            with torch.no_grad():
                each_epoch(epoch)
        if _STEP_LIMIT is not None and count >= _STEP_LIMIT:
            break
    model.eval()


def _check(losses: list[Tensor], count: int, method: str) -> None:
    """Raise at the first loss that is not finite, and empty the list."""
    finite = torch.isfinite(torch.stack(losses)).tolist()
    losses.clear()
    if not all(finite):
        step = count - len(finite) + finite.index(False) + 1
        raise DivergedError(
            f"{method or 'training'}: the loss of step {step} is not finite. "
            "Lower the learning rate, clip the gradient, or look at the inputs of that step."
        )


class Ema:
    """A moving average of a model's parameters, `average <- decay * average + (1 - decay) * model`; buffers are copied."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - self.decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)


def no_decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two parameter groups: matrices and kernels with weight decay, biases and normalisation without."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
