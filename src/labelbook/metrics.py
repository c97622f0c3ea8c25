"""Metrics that several chapters share, on the device and in batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def predict(model: nn.Module, inputs: Tensor, batch_size: int = 1000) -> Tensor:
    """Outputs of `model` in eval mode for inputs [N,...], batch by batch; the model's mode is put back afterwards."""
    training = model.training
    model.eval()
    outputs = torch.cat([model(batch) for batch in inputs.split(batch_size)])
    model.train(training)
    return outputs


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of rows of logits [N,C] whose largest entry is the label [N]; in [0, 1]."""
    return (logits.argmax(1) == labels).float().mean().item()


def confusion_matrix(predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Counts [C,C] of (true class, predicted class) over integer tensors of the same shape."""
    flat = labels.reshape(-1) * num_classes + predicted.reshape(-1)
    return torch.bincount(flat, minlength=num_classes**2).view(num_classes, num_classes)


def dice(confusion: Tensor) -> Tensor:
    """Dice score of each class, 2 TP / (2 TP + FP + FN), from a confusion matrix [C,C]; NaN where a class never occurs."""
    hit = confusion.diagonal().double()
    return 2 * hit / (confusion.sum(0) + confusion.sum(1))
