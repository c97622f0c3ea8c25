"""Exaggerated rounding: products err by no more than asked for, nothing else changes, and what holds still is counted."""

import pytest
import torch

from labelbook.rounding import Jitter, steady_steps


def outputs(amount):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    images = torch.rand(2, 1, 6, 6, generator=generator, requires_grad=True)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(48, 2))
    if not amount:
        logits = net(images)
        (gradient,) = torch.autograd.grad(logits.sum(), images)
        return logits, gradient, torch.rand(3), torch.rand(3, generator=generator)
    with Jitter(amount):
        logits = net(images)
        (gradient,) = torch.autograd.grad(logits.sum(), images)
        return logits, gradient, torch.rand(3), torch.rand(3, generator=generator)


def test_products_err_forwards_and_backwards_and_draws_stay():
    exact, jittered = outputs(0), outputs(1e-3)
    for before, after in zip(exact[:2], jittered[:2], strict=True):
        assert not torch.equal(before, after)
        assert (before - after).abs().max() < 5e-3 * before.abs().max()
    for before, after in zip(exact[2:], jittered[2:], strict=True):
        assert torch.equal(before, after)


def test_sums_and_functions_of_numbers_are_left_alone():
    values = torch.linspace(-1, 1, 50)
    with Jitter(0.1):
        assert torch.equal(values.exp().sum() + values.cumsum(0), values.exp().sum() + values.cumsum(0))
        assert not torch.equal(values @ torch.ones(50), values @ torch.ones(50))


@pytest.mark.parametrize(
    ("jittered", "count"),
    [([2.0, 1.0, 0.5], 3), ([2.0001, 1.0, 0.5], 3), ([2.0, 1.001, 0.5], 1), ([2.1, 1.0, 0.5], 0), ([], None)],
)
def test_losses_are_steady_up_to_the_first_that_moves(jittered, count):
    losses = [2.0, 1.0, 0.5]
    if count is None:
        with pytest.raises(ValueError, match="shorter"):
            steady_steps(losses, jittered)
    else:
        assert steady_steps(losses, jittered) == count
