"""Brain signals: three small recordings of real people, one label a trial (BCI Competitions II and IV, UCI)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources

_SETS = {  # name: (channels, samples per second, classes, origin)
    "fingers": (
        "F3 F1 Fz F2 F4 FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 O1 O2",
        100, ("left", "right"), "FingerMovements, EEG, BCI Competition II, set IV"),
    "eyes": (
        "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4",
        128, ("open", "shut"), "EyesOpenShut, EEG, UCI EEG Eye State"),
    "directions": (
        "M1 M2 M3 M4 M5 M6 M7 M8 M9 M10",
        100, ("right", "forward", "left", "backward"), "HandMovementDirection, MEG, BCI Competition IV, set 3"),
}  # fmt: skip


@dataclass(frozen=True)
class Signals:
    """Trials of several channels: `signals` float32 [N,T,C], `labels` int64 [N], and `test` bool [N], the official test part.

    `names` are the classes, `channels` the electrodes in order, `rate` the samples per second, `origin` one line.
    """

    signals: Tensor
    labels: Tensor
    test: Tensor
    names: tuple[str, ...]
    channels: tuple[str, ...]
    rate: int
    origin: str

    def __len__(self):
        return len(self.labels)


def eeg(name: str, *, device="cpu") -> Signals:
    """One of three sets, in raw units and the original order: the official training part first, then the test part.

    Args:
        name: "fingers" (416 trials of 28 electrodes, which hand presses a key next), "eyes" (98 seconds of one person
            with a headset of 14 electrodes, eyes open or shut; values lie around 4,300) or "directions" (234 trials of
            10 MEG sensors, two people, the hand moves in one of four directions, which go round in a circle).

    Raises:
        DataError: the embedded file is missing or damaged; says which and what to do.
        ValueError: unknown name.
    """
    if name not in _SETS:
        raise ValueError(f"there is no set {name!r}; choose one of {', '.join(_SETS)}")
    channels, rate, names, origin = _SETS[name]
    with np.load(resources.verified(f"data/eeg/{name}.npz"), allow_pickle=False) as archive:
        signals = archive["signals"] * archive["scale"] + archive["offset"]
        labels, test = archive["labels"].astype(np.int64), archive["test"]
    return Signals(
        torch.from_numpy(signals.astype(np.float32)).to(device),
        torch.from_numpy(labels).to(device),
        torch.from_numpy(test).to(device),
        names,
        tuple(channels.split()),
        rate,
        origin,
    )
