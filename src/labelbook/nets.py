"""The few small networks that several chapters share."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them: `mlp(64, 256, 10)` maps [B,64] to logits [B,10]."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        layers += ([nn.ReLU()] if i else []) + [nn.Linear(fan_in, fan_out)]
    return nn.Sequential(*layers)


class SmallCNN(nn.Module):
    """Three strided convolutions with batch norm, global average pooling and a linear head.

    Maps images [B,C,H,W] to logits [B,num_classes]; `features` stops before the head, at [B, 4 * width].
    """

    def __init__(self, in_channels: int, num_classes: int, width: int = 16):
        super().__init__()
        self.body = nn.Sequential(
            *self._stage(in_channels, width), *self._stage(width, 2 * width), *self._stage(2 * width, 4 * width)
        )
        self.head = nn.Linear(4 * width, num_classes)

    @staticmethod
    def _stage(fan_in: int, fan_out: int) -> list[nn.Module]:
        return [nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU()]

    def features(self, images: Tensor) -> Tensor:
        return self.body(images).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


class SmallUNet(nn.Module):
    """A U-Net of two levels: images [B,C,H,W] to a logit per class and pixel [B,K,H,W]; H and W divisible by 4."""

    def __init__(self, in_channels: int, num_classes: int, width: int = 8):
        super().__init__()
        self.down1 = self._block(in_channels, width)
        self.down2 = self._block(width, 2 * width)
        self.bottom = self._block(2 * width, 4 * width)
        self.up2 = self._block(6 * width, 2 * width)
        self.up1 = self._block(3 * width, width)
        self.head = nn.Conv2d(width, num_classes, 1)

    @staticmethod
    def _block(fan_in: int, fan_out: int) -> nn.Sequential:
        def layer(a: int) -> list[nn.Module]:
            return [nn.Conv2d(a, fan_out, 3, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU()]

        return nn.Sequential(*layer(fan_in), *layer(fan_out))

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features at the bottom [B, 4*width, H/4, W/4] and before the head [B, width, H, W]."""
        pool, up = nn.functional.max_pool2d, nn.functional.interpolate
        first = self.down1(images)
        second = self.down2(pool(first, 2))
        bottom = self.bottom(pool(second, 2))
        x = self.up2(torch.cat([up(bottom, scale_factor=2.0), second], 1))
        return bottom, self.up1(torch.cat([up(x, scale_factor=2.0), first], 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images)[1])
