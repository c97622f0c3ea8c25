"""Garment scenes: what they hold, that a seed fixes them, and that jittered masks move by as much as they should."""

import numpy as np
import pytest
import torch

from labelbook import corrupt, data, scenes
from labelbook.scenes import GROUP_OF, GROUPS, garment_scenes, silhouette


@pytest.fixture(scope="module")
def drawn():
    return garment_scenes(24, 3)


def test_shapes_types_and_ranges(drawn):
    assert len(drawn) == 24
    assert (drawn.images.shape, drawn.images.dtype) == ((24, 3, 48, 48), torch.float32)
    assert 0 <= drawn.images.min() < drawn.images.max() <= 1
    for name in ("masks", "instances"):
        values = getattr(drawn, name)
        assert (values.shape, values.dtype) == ((24, 48, 48), torch.int64)
    assert (drawn.boxes.shape, drawn.boxes.dtype) == ((24, 3, 4), torch.float32)
    assert drawn.classes.shape == drawn.garments.shape == (24, 3)
    assert drawn.names == GROUPS
    assert int(drawn.masks.max()) <= 5
    assert int(drawn.instances.max()) == 3


def test_masks_boxes_and_classes_tell_the_same_story(drawn):
    for i in range(len(drawn)):
        for j in range(3):
            seen = drawn.instances[i] == j + 1
            group, garment = int(drawn.classes[i, j]), int(drawn.garments[i, j])
            if not seen.any():
                assert (group, garment) == (0, -1)
                assert drawn.boxes[i, j].tolist() == [0, 0, 0, 0]
                continue
            assert group == GROUP_OF[garment]
            assert set(drawn.masks[i][seen].tolist()) == {group}
            rows, columns = seen.nonzero(as_tuple=True)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert drawn.boxes[i, j].tolist() == [float(edge) for edge in box]
    assert torch.equal(drawn.masks > 0, drawn.instances > 0)


def test_a_seed_fixes_the_scenes_and_the_first_of_many_are_the_few(drawn):
    few = garment_scenes(5, 3)
    for name in ("images", "masks", "instances", "boxes", "classes", "garments"):
        assert torch.equal(getattr(few, name), getattr(drawn, name)[:5])
    assert torch.equal(drawn[:5].images, few.images)
    assert not torch.equal(garment_scenes(5, 4).masks, few.masks)
    assert not torch.equal(garment_scenes(5, 3, split="test").masks, few.masks)


def test_a_chunk_border_changes_nothing(drawn, monkeypatch):
    monkeypatch.setattr(scenes, "_CHUNK", 7)
    again = garment_scenes(24, 3)
    assert torch.equal(again.masks, drawn.masks)
    assert torch.allclose(again.images, drawn.images, atol=1e-6)


def test_the_numbers_of_seed_0_are_the_known_ones():
    first = garment_scenes(4, 0)
    assert first.garments.tolist() == [[9, 4, -1], [5, -1, -1], [1, 5, 3], [7, 5, 7]]
    assert first.masks.flatten().bincount(minlength=6).tolist() == pytest.approx([7835, 198, 296, 105, 782, 0], abs=4)
    assert first.images.mean().item() == pytest.approx(0.44486, abs=1e-4)


def test_splits_share_no_garment():
    train, validation = scenes.SPLITS["train"], scenes.SPLITS["validation"]
    assert train[0] == validation[0] == "train"
    assert set(range(20_000)[train[1]]).isdisjoint(range(20_000)[validation[1]])
    assert scenes.SPLITS["test"][0] == "test"


def test_sizes_and_counts_follow_the_arguments():
    drawn = garment_scenes(12, 0, size=32, objects=(2, 4), sides=(10, 12))
    assert drawn.images.shape == (12, 3, 32, 32)
    assert drawn.classes.shape == (12, 4)
    extent = (drawn.boxes[..., 2:] - drawn.boxes[..., :2]).amax(-1)
    assert extent.max() <= 14  # turned by up to 20 degrees, a garment's box grows a little
    one = garment_scenes(12, 0, objects=(1, 1))
    assert (one.classes > 0).all()
    assert (one.instances <= 1).all()


def test_groups_choose_what_is_drawn():
    bags = garment_scenes(8, 0, groups=(0, 0, 0, 0, 1))
    assert set(bags.masks.unique().tolist()) == {0, 5}
    usual = garment_scenes(200, 0, objects=(1, 1)).classes.flatten().bincount(minlength=6)[1:] / 200
    even = (
        garment_scenes(200, 0, objects=(1, 1), groups=(1, 1, 1, 1, 1)).classes.flatten().bincount(minlength=6)[1:] / 200
    )
    assert usual.tolist() == pytest.approx([0.4, 0.1, 0.1, 0.3, 0.1], abs=0.12)
    assert even.tolist() == pytest.approx([0.2] * 5, abs=0.1)


def test_dyes_tell_the_groups_apart():
    plain = {"noise": (0, 0), "backdrop": (0, 0), "tints": (0.5, 0.5), "objects": (1, 1)}
    top = garment_scenes(6, 0, dyed=1.0, groups=(1, 0, 0, 0, 0), **plain)
    trousers = garment_scenes(6, 0, dyed=1.0, groups=(0, 1, 0, 0, 0), **plain)
    red, blue = (torch.stack([s.images[:, c][s.masks > 0].mean() for c in range(3)]) for s in (top, trousers))
    assert red.argmax() == 0
    assert blue.argmax() == 2
    free = garment_scenes(6, 0, groups=(1, 0, 0, 0, 0), **plain)
    assert free.images.std(1)[free.masks > 0].max() < 0.02


def test_silhouettes_are_whole():
    picture = np.zeros((9, 9), np.uint8)
    picture[1:6, 1:6] = 200
    picture[3, 3] = 0  # a hole
    picture[8, 8] = 200  # a crumb
    outline = silhouette(picture)
    assert outline.sum() == 25
    assert outline[3, 3]
    assert not outline[8, 8]
    with pytest.raises(ValueError, match="empty"):
        silhouette(np.zeros((9, 9), np.uint8))


def test_no_garment_is_empty():
    for split in ("train", "test"):
        assert (data.fashion_mnist(split).images.flatten(1).amax(1) > 25.5).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n counts"),
        ({"seed": -1}, "seed"),
        ({"split": "val"}, "train, validation, test"),
        ({"size": 8}, "16 to 400"),
        ({"objects": (3, 1)}, "objects"),
        ({"objects": (0, 1)}, "objects"),
        ({"sides": (2, 20)}, "sides"),
        ({"sides": (10, 60)}, "sides"),
        ({"groups": (1, 1)}, "five weights"),
        ({"groups": (0, 0, 0, 0, 0)}, "five weights"),
        ({"dyed": 1.5}, "dyed"),
        ({"opacity": (0.5, 1.2)}, "opacity"),
        ({"noise": (0.1, 0.0)}, "noise"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        garment_scenes(**{"n": 2, "seed": 0, **arguments})


# ------------------------------------------------------------------------------------------------------ jittered masks


def square(side=12, low=4, high=8):
    mask = torch.zeros(1, side, side, dtype=torch.int64)
    mask[:, low:high, low:high] = 2
    return mask


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_object_grows_or_shrinks_by_a_whole_rim():
    areas = {int((corrupt.jitter_masks(square(), 1, generator(seed)) == 2).sum()) for seed in range(20)}
    assert areas == {4, 16 + 16}  # 4 by 4: the inner 2 by 2, or a row added on each side


def test_shifts_are_uniform_and_never_zero():
    masks = square(16, 4, 12).expand(400, -1, -1)
    areas = (corrupt.jitter_masks(masks, 2, generator()) == 2).sum((1, 2))
    counts = {int(area): int(count) for area, count in zip(*areas.unique(return_counts=True), strict=True)}
    assert sorted(counts) == [16, 36, 96, 132]  # 8 by 8 after -2, -1, +1, +2 steps (corners grow as a diamond)
    assert min(counts.values()) > 60


def test_zero_pixels_change_nothing_and_the_input_is_left_alone():
    masks = square()
    before = masks.clone()
    same = corrupt.jitter_masks(masks, 0, generator())
    assert torch.equal(same, masks)
    assert same is not masks
    corrupt.jitter_masks(masks, 2, generator())
    assert torch.equal(masks, before)


def test_the_edge_of_the_picture_is_no_border():
    masks = torch.full((1, 6, 6), 3)
    assert torch.equal(corrupt.jitter_masks(masks, 2, generator()), masks)


def test_touching_objects_leave_no_gap():
    masks = torch.zeros(1, 8, 16, dtype=torch.int64)
    masks[:, :, :8], masks[:, :, 8:] = 1, 2
    for seed in range(8):
        moved = corrupt.jitter_masks(masks, 2, generator(seed))
        assert set(moved.unique().tolist()) == {1, 2}
        assert (moved.diff(dim=2) >= 0).all()


def test_objects_of_one_class_move_each_on_their_own():
    masks = torch.zeros(60, 10, 20, dtype=torch.int64)
    objects = masks.clone()
    masks[:, 3:7, 3:7], masks[:, 3:7, 13:17] = 4, 4
    objects[:, 3:7, 3:7], objects[:, 3:7, 13:17] = 1, 2
    moved = corrupt.jitter_masks(masks, 1, generator(), objects=objects)
    left, right = (moved[..., :10] > 0).sum((1, 2)) > 16, (moved[..., 10:] > 0).sum((1, 2)) > 16
    assert (left != right).any()
    assert (left == right).any()
    together = corrupt.jitter_masks(masks, 1, generator())
    assert torch.equal((together[..., :10] > 0).sum((1, 2)), (together[..., 10:] > 0).sum((1, 2)))


def test_without_a_background_every_class_is_an_object():
    masks = torch.zeros(20, 8, 8, dtype=torch.int64)
    masks[:, :, 4:] = 1
    sizes = (corrupt.jitter_masks(masks, 1, generator(), background=None) == 0).sum((1, 2))
    assert set(sizes.tolist()) <= {16, 24, 32, 40, 48}
    assert len(set(sizes.tolist())) > 1


def test_jitter_is_drawn_anew_with_each_seed_and_again_with_the_same(drawn):
    once, again = (corrupt.jitter_masks(drawn.masks, 2, generator(1), objects=drawn.instances) for _ in range(2))
    assert torch.equal(once, again)
    other = corrupt.jitter_masks(drawn.masks, 2, generator(2), objects=drawn.instances)
    assert not torch.equal(once, other)
    changed = (once != drawn.masks).float().mean()
    assert 0.01 < changed < 0.25


@pytest.mark.parametrize(
    "arguments",
    [
        {"masks": torch.zeros(2, 4, 4, dtype=torch.int64), "pixels": -1},
        {"masks": torch.zeros(4, 4, dtype=torch.int64), "pixels": 1},
        {
            "masks": torch.zeros(2, 4, 4, dtype=torch.int64),
            "pixels": 1,
            "objects": torch.zeros(1, 4, 4, dtype=torch.int64),
        },
    ],
)
def test_bad_masks_are_named(arguments):
    with pytest.raises(ValueError, match="jitter needs"):
        corrupt.jitter_masks(generator=generator(), **arguments)
