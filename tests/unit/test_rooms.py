"""The small rooms: batches, corruption, networks, metrics, training, and a run's own doings."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from labelbook import batches, corrupt, metrics, nets, plots, resources, results, run, train


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------------------------------------------------- batches


def test_an_epoch_visits_everything_once():
    seen = torch.cat(list(batches.minibatches(103, 10, generator())))
    assert seen.sort().values.tolist() == list(range(103))
    assert [len(b) for b in batches.minibatches(25, 10, generator(), drop_last=True)] == [10, 10]
    assert torch.cat(list(batches.minibatches(5, 2, generator(), shuffle=False))).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="n=0"):
        next(batches.minibatches(0, 10, generator()))


def test_flips_mirror_some_images_and_leave_the_others():
    images = torch.arange(64 * 2 * 3 * 4.0).view(64, 2, 3, 4)
    flipped = batches.random_flip(images, generator())
    same = [torch.equal(a, b) for a, b in zip(images, flipped, strict=True)]
    mirrored = [torch.equal(a.flip(-1), b) for a, b in zip(images, flipped, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 16 < sum(same) < 48


def test_shifts_move_whole_images_by_whole_pixels():
    images = torch.rand(32, 3, 6, 5, generator=generator())
    shifted = batches.random_shift(images, 2, generator())
    padded = torch.nn.functional.pad(images, (2,) * 4)
    rows, columns = torch.randint(0, 5, (2, 32), generator=generator()).tolist()
    for image, big, y, x in zip(shifted, padded, rows, columns, strict=True):
        assert torch.equal(image, big[:, y : y + 6, x : x + 5])
    assert shifted.is_contiguous()
    assert not torch.equal(images, shifted)
    assert torch.equal(images, batches.random_shift(images, 0, generator()))


# ------------------------------------------------------------------------------------------------------- corruption


def test_symmetric_noise_has_its_rate_and_spreads_evenly():
    labels = torch.arange(10).repeat_interleave(2000)
    noisy = corrupt.symmetric_noise(labels, 0.4, 10, generator())
    assert (noisy != labels).float().mean().item() == pytest.approx(0.4, abs=0.015)
    wrong = noisy[(noisy != labels) & (labels == 3)].bincount(minlength=10)
    assert wrong[3] == 0
    assert wrong[[0, 1, 2, 4, 5, 6, 7, 8, 9]].min() > 50
    official = corrupt.symmetric_noise(labels, 0.4, 10, generator(), include_true=True)
    assert (official != labels).float().mean().item() == pytest.approx(0.36, abs=0.015)


def test_pair_noise_touches_only_the_named_classes():
    labels = torch.arange(4).repeat_interleave(1000)
    noisy = corrupt.pair_noise(labels, 0.3, {0: 2, 3: 1}, 4, generator())
    assert torch.equal(noisy[1000:3000], labels[1000:3000])
    assert set(noisy[:1000].tolist()) == {0, 2}
    assert (noisy[3000:] == 1).float().mean().item() == pytest.approx(0.3, abs=0.05)


def test_instance_noise_has_its_rate_and_calls_alike_what_looks_alike():
    kinds = torch.randn(4, 2, 8, generator=generator())  # two looks of each of four classes
    labels, look = torch.randint(4, (8000,), generator=generator()), torch.arange(8000) % 2
    features = 1000 * kinds[labels, look]
    for rate in (0.1, 0.4, 0.9):
        noisy = corrupt.instance_noise(features, labels, rate, 4, generator())
        assert (noisy != labels).float().mean().item() == pytest.approx(rate, abs=0.02)
    names = {(c, k): noisy[(labels == c) & (look == k) & (noisy != labels)] for c in range(4) for k in range(2)}
    commonest = {key: found.bincount(minlength=4).argmax().item() for key, found in names.items()}
    assert all((found == commonest[key]).float().mean() > 0.95 for key, found in names.items())
    assert any(commonest[c, 0] != commonest[c, 1] for c in range(4)), "the class alone decides"
    assert torch.equal(corrupt.instance_noise(features, labels, 0.0, 4, generator()), labels)


def test_no_noise_changes_nothing_and_bad_rates_are_refused():
    labels = torch.arange(10)
    assert torch.equal(corrupt.symmetric_noise(labels, 0.0, 10, generator()), labels)
    for call in (
        lambda: corrupt.symmetric_noise(labels, 1.5, 10, generator()),
        lambda: corrupt.pair_noise(labels, -0.1, {0: 1}, 10, generator()),
        lambda: corrupt.instance_noise(labels[:, None].float(), labels, 1.1, 10, generator()),
    ):
        with pytest.raises(ValueError, match="share from 0 to 1"):
            call()
    with pytest.raises(ValueError, match="one example of features a label"):
        corrupt.instance_noise(torch.zeros(9, 2), labels, 0.2, 10, generator())
    with pytest.raises(ValueError, match="sum to 1"):
        corrupt.transition_noise(labels, torch.ones(10, 10), generator())


# ----------------------------------------------------------------------------------------------- networks and metrics


def test_networks_have_the_promised_shapes():
    assert nets.mlp(64, 32, 10)(torch.rand(5, 64)).shape == (5, 10)
    cnn = nets.SmallCNN(3, 7, width=4)
    assert cnn(torch.rand(2, 3, 28, 28)).shape == (2, 7)
    assert cnn.features(torch.rand(2, 3, 28, 28)).shape == (2, 16)
    unet = nets.SmallUNet(3, 6, width=4)
    assert unet(torch.rand(2, 3, 48, 40)).shape == (2, 6, 48, 40)
    bottom, last = unet.features(torch.rand(2, 3, 48, 40))
    assert (bottom.shape, last.shape) == ((2, 16, 12, 10), (2, 4, 48, 40))


def test_predict_works_in_batches_and_puts_the_mode_back():
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    inputs = torch.rand(25, 4)
    torch.testing.assert_close(metrics.predict(model, inputs, batch_size=10), model.eval()(inputs))
    model.train()
    metrics.predict(model, inputs)
    assert model.training


def test_confusion_and_dice():
    labels = torch.tensor([[0, 0, 1], [1, 2, 2]])
    predicted = torch.tensor([[0, 1, 1], [1, 2, 0]])
    confusion = metrics.confusion_matrix(predicted, labels, 4)
    assert confusion.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    found = metrics.dice(confusion)
    assert found[:3].tolist() == pytest.approx([0.5, 0.8, 2 / 3])
    assert torch.isnan(found[3])
    assert metrics.accuracy(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])) == 0.5


# --------------------------------------------------------------------------------------------------------- training


@pytest.fixture
def a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELBOOK_RESULTS", str(tmp_path))
    return run.start("nacl", "smoke")


def regression(a_run, *, lr=0.1, epochs=3, **options):
    """Fit y = 2x with one weight; gives the model."""
    a_run.seed(0)
    model = torch.nn.Linear(1, 1)
    x = torch.linspace(-1, 1, 64)[:, None]
    draws = a_run.generator(0)

    def step(index):
        return ((model(x[index]) - 2 * x[index]) ** 2).mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    schedule = options.pop("schedule", lambda o: None)(optimizer)
    train.fit(
        a_run, model, step, lambda: batches.minibatches(64, 8, draws),
        optimizer=optimizer, epochs=epochs, schedule=schedule, method="line", **options,
    )  # fmt: skip
    return model


def test_fit_learns_and_leaves_a_fingerprint(a_run):
    seen = []
    model = regression(a_run, epochs=30, each_epoch=seen.append)
    assert model.weight.item() == pytest.approx(2, abs=0.05)
    assert not model.training
    assert seen == list(range(30))
    losses = a_run.record()["fingerprint"]["line"]
    assert len(losses) == 20
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_fingerprint(a_run):
    regression(a_run)
    first = a_run.record()["fingerprint"]
    a_run._traces.clear()
    regression(a_run)
    assert a_run.record()["fingerprint"] == first


def test_nan_in_a_loss_stops_early_and_says_at_which_step(a_run):
    with pytest.raises(train.DivergedError, match=r"line: the loss of step \d+ is not finite. Lower the learning rate"):
        regression(a_run, lr=1e30, epochs=100)


def test_schedules_run_by_epoch_or_by_step(a_run):
    for every, count in (("epoch", 3), ("step", 24)):
        steps = []
        regression(
            a_run,
            schedule=lambda o, s=steps: torch.optim.lr_scheduler.LambdaLR(o, lambda i: s.append(i) or 1.0),
            schedule_every=every,
        )
        assert max(steps) == count
    with pytest.raises(ValueError, match="schedule_every"):
        regression(a_run, schedule_every="year")


def test_limited_steps_cut_every_loop(a_run):
    epochs = []
    with train.limited_steps(2):
        regression(a_run, epochs=50, each_epoch=epochs.append)
    assert len(a_run.record()["fingerprint"]["line"]) == 2
    assert epochs == [0]


def test_ema_follows_parameters_and_copies_buffers():
    model = torch.nn.BatchNorm1d(2)
    average = train.Ema(model, decay=0.9)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.running_mean.fill_(5.0)
    average.update(model)
    assert average.model.weight.tolist() == pytest.approx([1.1, 1.1])
    assert average.model.running_mean.tolist() == [5.0, 5.0]
    assert not any(p.requires_grad for p in average.model.parameters())


def test_biases_and_norms_are_not_decayed():
    groups = train.no_decay_groups(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)), 0.1)
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.1), (3, 0.0)]


# ------------------------------------------------------------------------------------------------------------- runs


def test_unknown_profile_chapter_and_source(a_run):
    with pytest.raises(run.ProfileError, match="choose one of smoke, book, gpu"):
        run.start("nacl", "huge")
    with pytest.raises(KeyError, match="there is no chapter 'none-such'"):
        run.start("none-such", "smoke")
    a_run.source = "moon"
    with pytest.raises(ValueError, match="choose one of embedded, web"):
        a_run.data(embedded=lambda: 1, web=lambda: 2)


def test_gpu_without_a_gpu(monkeypatch):
    monkeypatch.setattr(run, "choose_device", lambda: torch.device("cpu"))
    with pytest.raises(run.ProfileError, match=r"needs a CUDA GPU.*Use profile 'book'"):
        run.start("nacl", "gpu")


def test_a_source_that_cannot_be_had_falls_back_with_a_plain_sentence(a_run, capsys):
    def missing():
        raise resources.DataError("No network.")

    a_run.source = "web"
    assert a_run.data(embedded=lambda: "small", web=missing) == "small"
    assert a_run.source == "embedded"
    assert "cannot be had here: No network. Using the embedded data instead." in capsys.readouterr().out
    with pytest.raises(resources.DataError):
        a_run.data(embedded=missing)


def test_pick_takes_this_profiles_size(a_run):
    assert a_run.pick(smoke=1, book=2, gpu=3) == 1


def test_seeds_repeat(a_run):
    def draw(seed):
        made = a_run.seed(seed)
        return torch.rand(3).tolist(), torch.rand(3, generator=made).tolist()

    assert draw(1) == draw(1) != draw(2)


def test_a_record_round_trips_and_other_sources_are_found(a_run, tmp_path, capsys):
    for seed, value in enumerate((0.5, float("nan"))):
        a_run.scores.add(method="new", seed=seed, metric="accuracy", value=value)
    a_run.claim("tried", differences=[0.1], at_least=0.05)
    a_run.claim("tried", differences=[0.2], at_least=0.05)  # the cell was run twice
    path = a_run.save()
    assert path == tmp_path / "smoke" / "nacl.json"
    record = results.read_record(path)
    assert [row["value"] for row in record["scores"]] == [0.5, None]
    assert [c["conditions"][0]["differences"] for c in record["claims"]] == [[0.2]]
    assert record["threads"] == 1
    assert record["peak_memory_mib"] > 50

    a_run.source = "camvid"
    assert a_run.save().name == "nacl.camvid.json"
    assert [r["source"] for r in a_run.other_records()] == ["embedded"]
    assert "Record saved" in capsys.readouterr().out


def test_a_results_folder_that_cannot_be_written_to_loses_nothing(a_run, tmp_path, monkeypatch, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("LABELBOOK_RESULTS", str(blocked))
    path = a_run.save()
    assert results.read_record(path)["slug"] == "nacl"
    assert f"It is kept in {path}" in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------- movable figures


def frames(n):
    figures = {}
    for i in range(n):
        figures[f"<{i}>"], axis = plots.plt.subplots(figsize=(2, 1))
        axis.plot([0, i])
    return figures


def test_a_movable_figure_carries_its_frames_and_a_still_picture():
    figure = plots.Movable(frames(3), name="step & more", alt="a line that grows steeper step by step", start=1)
    shown = figure._repr_mimebundle_()
    assert shown["image/png"] in shown["text/html"]
    assert shown["text/html"].count("data:image/png") == 4  # three frames, and the one that stands without a script
    assert 'alt="a line that' in shown["text/html"]
    assert "step &amp; more" in shown["text/html"]
    assert "<0>" not in shown["text/html"]
    assert not plots.plt.get_fignums()
    assert 'src="http' not in shown["text/html"]


def test_a_movable_figure_keeps_the_colour_of_one_thin_bar():
    figures = {}
    for name in "ab":
        figures[name], (axis, bars) = plots.plt.subplots(1, 2, figsize=(8, 3.3))
        dots = torch.rand(3, 300, generator=generator())
        axis.scatter(*dots[:2], c=dots[2], cmap="viridis", vmax=1.2, s=10)
        bars.bar([60, 150, 340], [1, 0.3, 0.1], width=4, color=["#482878", "#26828e", "#fde725"])
        bars.axvline(200, color=plots.COLOURS[3], linestyle="--")
    picture, _ = plots.Movable(figures, name="step", alt="one thin yellow bar among others").pictures
    pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(picture)).convert("RGB"))).int()[:, 400:]
    off = (pixels - torch.tensor([0xFD, 0xE7, 0x25])).abs().amax(2)
    assert (off < 20).sum() > 20


@pytest.mark.parametrize(
    ("n", "start", "alt", "message"),
    [(1, 0, "one two three four five", "2 to 24"), (2, 2, "one two three four five", "no frame 2"), (2, 0, "x", "alt")],
)
def test_a_movable_figure_says_what_is_wrong(n, start, alt, message):
    with pytest.raises(ValueError, match=message):
        plots.Movable(frames(n), name="step", alt=alt, start=start)
    plots.plt.close("all")
