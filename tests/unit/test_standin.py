"""The pretend accelerator computes what the CPU computes, and crashes where CUDA crashes."""

from __future__ import annotations

import copy
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from standin import DEVICE, pretend_accelerator
from torch import nn
from torch.nn.utils import rnn
from torchvision import ops
from torchvision.models.detection import FasterRCNN, faster_rcnn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.transforms import v2

plt.switch_backend("Agg")
CPU = torch.device("cpu")


@pytest.fixture
def accelerator():
    with pretend_accelerator() as device:
        yield device


def tensors_in(thing) -> list[torch.Tensor]:
    """The tensors in nested lists, tuples, dictionaries and modules (parameters, their gradients and buffers)."""
    if isinstance(thing, torch.Tensor):
        return [thing]
    if isinstance(thing, nn.Module):
        parameters = list(thing.parameters())
        return [*parameters, *(p.grad for p in parameters if p.grad is not None), *thing.buffers()]
    items = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else []
    return [tensor for item in items for tensor in tensors_in(item)]


def assert_same_on_both(work) -> None:
    """`work(device)` gives the same numbers on the CPU and on the pretend accelerator, and leaves them there."""
    torch.manual_seed(0)
    expected = tensors_in(work(CPU))
    with pretend_accelerator():
        torch.manual_seed(0)
        found = tensors_in(work(DEVICE))
        assert expected
        assert [tensor.device for tensor in found] == [DEVICE] * len(expected)
        assert [tensor.shape for tensor in found] == [tensor.shape for tensor in expected]
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a.cpu().to_dense(), b.to_dense())


# ------------------------------------------------------------------------------------------------- tensors by themselves


def test_tensors_are_made_on_the_device(accelerator):
    reference = torch.zeros(2, 3)
    made = [
        torch.randn(2, 3, device=DEVICE),
        torch.randn(2, 3, device="lazy"),
        torch.tensor([[1.0, 2.0]], device=DEVICE),
        torch.as_tensor(np.ones(3), device=DEVICE),
        torch.empty_like(reference, device=DEVICE),
        torch.rand_like(reference.to(DEVICE)),
        reference.to(DEVICE).new_tensor([1, 2]),
        reference.new_zeros(3, device=DEVICE),
        torch.eye(3).to(DEVICE, torch.float64, non_blocking=True),
        torch.eye(3).to(torch.zeros(1, device=DEVICE)),
        torch.randperm(4, device=DEVICE),
        nn.Linear(2, 3, device=DEVICE).weight,
        torch.nn.init.kaiming_normal_(torch.empty(3, 3, device=DEVICE)),
    ]
    with DEVICE:
        made += [torch.zeros(2), torch.tensor([1]), nn.Linear(2, 2).weight]
    for tensor in made:
        assert tensor.device == DEVICE
        assert not tensor.is_cuda


def test_values_come_out(accelerator):
    x = torch.tensor([1.5, -2.0], device=DEVICE, requires_grad=True)
    total = x.sum()
    assert x.tolist() == [1.5, -2.0]
    assert (total.item(), float(total.detach()), int(total.detach()), bool(total < 0)) == (-0.5, -0.5, 0, True)
    assert f"{total:.2f} {total.detach():+.1f}" == "-0.50 -0.5"
    assert "device='lazy:0'" in repr(x)
    assert "device='lazy:0'" in f"{x}"
    assert "requires_grad=True" in str(nn.Parameter(torch.ones(2, device=DEVICE)))
    for plain in (x.cpu(), x.to("cpu"), x.to(torch.zeros(1))):
        assert type(plain) is torch.Tensor
        assert plain.device == CPU
    assert x.detach().cpu().numpy().tolist() == x.numpy(force=True).tolist() == [1.5, -2.0]
    assert [value.item() for value in x] == [1.5, -2.0]
    assert ["a", "b", "c"][torch.tensor(2, device=DEVICE)] == "c"


def test_views_share_their_numbers(accelerator):
    x = torch.zeros(2, 3, device=DEVICE)
    x[0].add_(1)
    x.view(-1)[1:5:2] = 7
    x.detach()[1, 2] = 9
    x.T.mul_(2)
    assert x.tolist() == [[2, 14, 2], [14, 0, 18]]
    copied = x.cpu()
    copied.zero_()
    assert x[0, 0].item() == 2
    assert x.to(DEVICE) is x
    assert x.contiguous() is x
    assert x.add_(1) is x


def test_gradients_through_a_view_changed_in_place(accelerator):
    w = torch.ones(4, device=DEVICE, requires_grad=True)
    y = w * 1
    y[:2].mul_(3)
    y.sum().backward()
    assert w.grad.device == DEVICE
    assert w.grad.tolist() == [3, 3, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose_(0, 1),
        lambda x: x.t_(),
        lambda x: x.swapaxes_(0, 1),
        lambda x: x.unsqueeze_(1),
        lambda x: x.unsqueeze_(0).squeeze_(),
        lambda x: x.unsqueeze_(0).squeeze_(0),
        lambda x: x.resize_(1, 4),
        lambda x: x.resize_(4, 3).zero_(),
        lambda x: x.resize_as_(torch.zeros(3, 1, device=x.device)),
        lambda x: x.as_strided_((2,), (2,)),
        lambda x: x.set_(torch.ones(5, dtype=torch.long, device=x.device)),
        lambda x: x.detach_(),
    ],
)
def test_shapes_change_in_place(accelerator, change):
    plain = torch.tensor([[0, 1, 2], [3, 4, 5]])
    x = plain.to(DEVICE)
    assert change(x) is x
    change(plain)
    assert (x.shape, x.stride()) == (plain.shape, plain.stride())
    assert (x + 1).tolist() == (plain + 1).tolist()


def test_data_can_be_read_and_replaced(accelerator):
    p = nn.Parameter(torch.zeros(2, device=DEVICE))
    p.data.add_(1)
    assert p.tolist() == [1, 1]
    p.data = torch.full((3,), 5.0, device=DEVICE)
    (p * p).sum().backward()
    assert p.grad.tolist() == [10, 10, 10]
    assert isinstance(p, nn.Parameter)


# ------------------------------------------------------------------------------------------ the same numbers as the CPU

BOXES = [[0.0, 0.0, 8.0, 8.0], [1.0, 1.0, 8.0, 8.0], [4.0, 4.0, 15.0, 15.0]]
LABELS = [0, 2, 1, 2]

OPERATIONS = {
    "arithmetic": lambda x: 2 * x @ x.T / (1 + x.exp().mean()) - x.std(),
    "comparison": lambda x: torch.where(x > 0, x, x.abs()).clamp(max=1.0),
    "reductions": lambda x: [*x.max(1), x.argmax(1), x.logsumexp(0), x.norm(), x.cumsum(1)],
    "topk and sort": lambda x: [*x.topk(2), *x.sort(dim=0, descending=True), x.argsort(), *x.kthvalue(2)],
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "stack and split": lambda x: [torch.cat([x, x]), torch.stack(list(x)), *x.chunk(2)],
    "masks": lambda x: [x[x > 0], x.nonzero(), x.masked_fill(x > 0, 3.0), torch.where(x > 0)[1]],
    "unique": lambda x: torch.unique(torch.tensor(LABELS, device=x.device), return_counts=True, return_inverse=True),
    "bincount": lambda x: torch.bincount(torch.tensor(LABELS, device=x.device), minlength=4),
    "one_hot": lambda x: F.one_hot(torch.tensor(LABELS, device=x.device), 3),
    "multinomial": lambda x: torch.multinomial(x.softmax(1), 2),
    "randperm": lambda x: torch.randperm(9, generator=torch.Generator(x.device).manual_seed(3), device=x.device),
    "gather": lambda x: x.gather(1, torch.tensor(LABELS, device=x.device)[:, None]),
    "scatter_add_": lambda x: torch.zeros_like(x).scatter_add_(1, torch.tensor([LABELS], device=x.device).T, x),
    "index_add_": lambda x: torch.zeros(3, 3, device=x.device).index_add_(0, torch.tensor(LABELS, device=x.device), x),
    "index_select": lambda x: x.index_select(0, torch.tensor([3, 0], device=x.device)),
    "index assignment": lambda x: x.clone().index_put_((torch.tensor([1, 2], device=x.device),), x[:2]),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.tensor(LABELS, device=x.device), label_smoothing=0.1),
    "losses": lambda x: [
        F.mse_loss(x, x + 1),
        F.kl_div(x.log_softmax(1), x.softmax(1), reduction="sum"),
        F.huber_loss(x, 2 * x),
    ],
    "conv2d": lambda x: F.conv2d(x.view(1, 1, 4, 3), torch.ones(2, 1, 3, 3, device=x.device), padding=1),
    "interpolate": lambda x: F.interpolate(x.view(1, 1, 4, 3), scale_factor=2, mode="bilinear"),
    "grid_sample": lambda x: F.grid_sample(
        x.view(1, 1, 4, 3),
        F.affine_grid(torch.eye(2, 3, device=x.device)[None], (1, 1, 5, 5), align_corners=False),
        align_corners=False,
    ),
    "dropout": lambda x: F.dropout(x, 0.5),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]),
    "fft": lambda x: [torch.fft.rfft(x).abs(), torch.fft.fft(x).conj().real, torch.fft.fft(x).conj().imag],
    "svd": lambda x: torch.linalg.svd(x).S,
    "sparse": lambda x: [torch.sparse.mm((x > 0).float().to_sparse(), x.T), x.to_sparse().coalesce().indices()],
    "distributions": lambda x: [
        torch.distributions.Beta(x.exp(), x.exp()).sample(),
        torch.distributions.Categorical(logits=x).sample(),
    ],
    "transforms": lambda x: v2.Compose([v2.RandomHorizontalFlip(), v2.RandomAffine(10), v2.GaussianBlur(3)])(
        x.view(1, 1, 4, 3)
    ),
    "nms": lambda x: ops.nms(torch.tensor(BOXES, device=x.device), torch.tensor([0.9, 0.8, 0.7], device=x.device), 0.5),
    "roi_align": lambda x: ops.roi_align(x.view(1, 1, 4, 3), [torch.tensor(BOXES, device=x.device)], 2),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name):
    assert_same_on_both(lambda device: OPERATIONS[name](torch.randn(4, 3).to(device)))
    with torch.inference_mode():
        assert_same_on_both(lambda device: OPERATIONS[name](torch.randn(4, 3).to(device)))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.middle = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        skip = self.down(x)
        return self.head(torch.cat([skip, self.up(self.middle(skip))], 1))


def small_cnn(num_classes: int = 3) -> nn.Module:
    body = [nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*body, nn.Dropout(0.2), nn.Linear(16, num_classes))


NETWORKS = {
    "cnn": (small_cnn, (4, 1, 8, 8)),
    "u-net": (UNet, (2, 1, 8, 8)),
    "lstm": (lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), (2, 5, 3)),
    "gru": (lambda: nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
    "attention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), (2, 5, 4)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (2, 5, 4)),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), (2, 4)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), (2, 4)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    def work(device):
        make, shape = NETWORKS[name]
        network, x = make().to(device), torch.randn(shape).to(device)
        inputs = (x, x, x) if name == "attention" else (x,)
        outputs = tensors_in(network(*inputs))
        sum(output.square().sum() for output in outputs).backward()
        with torch.no_grad():
            quiet = network.eval()(*inputs)
        with torch.inference_mode():
            quieter = network(*inputs)
        return [outputs, network, quiet, quieter]  # `network` brings gradients and running statistics

    assert_same_on_both(work)


def test_packed_sequences():
    def work(device):
        network, lengths = nn.LSTM(3, 4, batch_first=True).to(device), torch.tensor([2, 5])
        x = torch.randn(2, 5, 3).to(device).requires_grad_()
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, found = rnn.pad_packed_sequence(network(packed)[0], batch_first=True)
        assert found.tolist() == [2, 5]
        outputs.sum().backward()
        return [outputs, x.grad]

    assert_same_on_both(work)


def test_faster_rcnn():
    def work(device):
        backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU())
        backbone.out_channels = 8
        network = FasterRCNN(
            backbone,
            rpn_anchor_generator=AnchorGenerator(((8, 16),), ((1.0,),)),
            box_roi_pool=ops.MultiScaleRoIAlign(["0"], 3, 2),
            box_head=nn.Sequential(nn.Flatten(), nn.Linear(72, 16), nn.ReLU()),
            box_predictor=faster_rcnn.FastRCNNPredictor(16, 3),
            min_size=32,
            max_size=32,
        ).to(device)
        images = list(torch.rand(2, 3, 32, 32).to(device))
        targets = [{"boxes": torch.tensor(BOXES), "labels": torch.tensor([1, 2, 1])} for _ in images]
        targets = [{key: value.to(device) for key, value in target.items()} for target in targets]
        losses = network(images, targets)
        sum(losses.values()).backward()
        with torch.no_grad():
            return [losses, network, network.eval()(images)]

    assert_same_on_both(work)


def test_derivatives_of_derivatives():
    def work(device):
        x = torch.randn(3).to(device).requires_grad_()
        (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        slope.square().sum().backward()
        return [slope, x.grad]

    assert_same_on_both(work)


def test_functional_transforms():
    def work(device):
        network, x = nn.Linear(3, 2).to(device), torch.randn(5, 3).to(device)
        y = torch.tensor([0, 1, 0, 1, 0], device=device)
        parameters = {name: p.detach() for name, p in network.named_parameters()}

        def loss(parameters, x, y):
            return F.cross_entropy(torch.func.functional_call(network, parameters, (x[None],)), y[None])

        def energy(x):
            return network(x).square().sum()

        per_sample = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(parameters, x, y)
        return [per_sample, torch.func.jacrev(network)(x[0]), torch.func.hessian(energy)(x[0])]

    assert_same_on_both(work)


def test_custom_autograd_function():
    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.view_as(x)

        @staticmethod
        def backward(ctx, grad):
            return -grad * ctx.saved_tensors[0].abs()

    def work(device):
        x = torch.randn(3).to(device).requires_grad_()
        Reverse.apply(x).sum().backward()
        return x.grad

    assert_same_on_both(work)


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_optimisers(make, foreach):
    def work(device):
        network, x = small_cnn().to(device), torch.randn(4, 1, 8, 8).to(device)
        extra = {"momentum": 0.9, "nesterov": True} if make is torch.optim.SGD else {}
        optimiser = make(network.parameters(), lr=0.1, weight_decay=0.01, foreach=foreach, **extra)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10)
        for _ in range(3):
            optimiser.zero_grad()
            network(x).square().sum().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.load_state_dict(copy.deepcopy(optimiser.state_dict()))
        return network

    assert_same_on_both(work)


# -------------------------------------------------------------------------------------------- modules, copies and files


def test_moving_a_module_keeps_its_parameters(accelerator):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[1].weight = network[0].weight
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    before = list(network.parameters())
    assert all(a is b for a, b in zip(before, network.to(DEVICE).parameters(), strict=True))
    assert network[1].weight is network[0].weight
    network(torch.ones(1, 2, device=DEVICE)).sum().backward()
    bias = network[1].bias.tolist()
    optimiser.step()
    assert network[1].bias.tolist() == pytest.approx([value - 1 for value in bias])
    assert all(a is b for a, b in zip(before, network.cpu().parameters(), strict=True))
    assert {type(p) for p in network.parameters()} == {nn.Parameter}
    assert {p.grad.device for p in network.parameters()} == {CPU}


@pytest.mark.parametrize("make", [small_cnn, lambda: nn.LSTM(8, 4)])
def test_state_is_loaded_while_a_loss_is_still_around(accelerator, make):
    network, other = make().to(DEVICE), make()
    x = torch.randn((4, 1, 8, 8) if make is small_cnn else (3, 2, 8), device=DEVICE)
    loss = tensors_in(network(x))[0].sum()
    best = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(other.state_dict())
    assert all(torch.equal(value.cpu(), other.state_dict()[name]) for name, value in network.state_dict().items())
    network.load_state_dict(best)
    network.to(DEVICE).double().float().cpu()
    assert loss.device == DEVICE
    assert all(torch.equal(value, best[name].cpu()) for name, value in network.state_dict().items())


def test_deep_copies_are_independent(accelerator):
    network = small_cnn().to(DEVICE)
    twin = copy.deepcopy(network)
    twin[0].weight.data.fill_(7)
    twin[1].running_mean.fill_(7)
    assert 7 not in network[0].weight.unique().tolist() + network[1].running_mean.tolist()
    assert len(list(twin.parameters())) == len(list(network.parameters()))
    assert {t.device for t in twin.state_dict().values()} == {DEVICE}
    columns = torch.arange(12, device=DEVICE).view(3, 4)[:, ::2]
    copied = copy.deepcopy(columns)
    copied += 100
    assert copied.tolist() == (columns + 100).tolist() == [[100, 102], [104, 106], [108, 110]]


@pytest.mark.parametrize("saved_on", [CPU, DEVICE])
@pytest.mark.parametrize("map_location", [None, "cpu", DEVICE, "lazy"])
def test_saved_tensors_load_where_they_are_wanted(accelerator, saved_on, map_location):
    network, file = small_cnn().to(saved_on), io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    loaded = torch.load(file, map_location=map_location)
    wanted = torch.device(map_location or saved_on).type
    assert {value.device.type for value in loaded.values()} == {wanted}
    assert all(torch.equal(loaded[name].cpu(), value.cpu()) for name, value in network.state_dict().items())


def test_a_whole_module_can_be_saved(accelerator):
    file = io.BytesIO()
    torch.save(nn.Linear(2, 3).to(DEVICE), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert [p.device for p in loaded.parameters()] == [DEVICE, DEVICE]


# ------------------------------------------------------------------------------------------------------ what is refused

MIXED = r"Expected all tensors to be on the same device, but found at least two devices, lazy:0 and cpu!"
TO_NUMPY = r"can't convert lazy:0 device type tensor to numpy. Use Tensor.cpu\(\)"
INDICES = r"indices should be either on cpu or on the same device as the indexed tensor \(cpu\)"


def batch_norm_with_statistics_left_behind():
    layer = nn.BatchNorm1d(3).to(DEVICE)
    layer.running_mean = torch.zeros(3)
    return layer(torch.randn(4, 3, device=DEVICE))


def average_left_behind():
    network = nn.Linear(3, 3)
    average = copy.deepcopy(network)
    network.to(DEVICE)
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 0.1)


def assign(x, index, values):
    x[index] = values


X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
INDEX = [0, 2, 1]


def cpu_x():
    return torch.tensor(X)


def cpu_index():
    return torch.tensor(INDEX)


def device_x():
    return torch.tensor(X, device=DEVICE)


def device_index():
    return torch.tensor(INDEX, device=DEVICE)


REFUSED = {
    "zeros without a device": (lambda: device_x() + torch.zeros(3), MIXED + r" \(when checking aten::add\)"),
    "in-place addition": (lambda: device_x().add_(cpu_x()), MIXED),
    "a device tensor added to a CPU one": (lambda: cpu_x().add_(device_x()), MIXED),
    "a CPU total of device losses": (lambda: torch.tensor(0.0).add_(device_x().sum()), MIXED),
    "a 0-dim device tensor and a CPU vector": (lambda: cpu_x() * device_x().sum(), MIXED),
    "out= on the CPU": (lambda: torch.mul(device_x(), 2, out=cpu_x()), MIXED),
    "matmul": (lambda: device_x() @ cpu_x(), MIXED),
    "cat": (lambda: torch.cat([device_x(), cpu_x()]), MIXED),
    "stack of 0-dim tensors": (lambda: torch.stack([device_x().sum(), torch.tensor(1.0)]), MIXED),
    "where": (lambda: torch.where(cpu_x() > 0, device_x(), 0.0), MIXED),
    "masked_fill with a CPU mask": (lambda: device_x().masked_fill(cpu_x() > 0, 0.0), MIXED),
    "allclose": (lambda: torch.allclose(device_x(), cpu_x()), MIXED),
    "module on the CPU": (lambda: nn.Linear(3, 2)(device_x()), MIXED),
    "images on the CPU": (lambda: nn.Conv2d(1, 1, 1).to(DEVICE)(torch.zeros(1, 1, 2, 2)), MIXED),
    "buffer on the CPU": (batch_norm_with_statistics_left_behind, MIXED),
    "EMA copy on the CPU": (average_left_behind, MIXED),
    "EMA by foreach": (lambda: torch._foreach_lerp_([cpu_x()], [device_x()], 0.1), MIXED),
    "labels on the CPU": (lambda: F.cross_entropy(device_x(), cpu_index()), MIXED),
    "class weights on the CPU": (lambda: F.cross_entropy(device_x(), device_index(), torch.ones(3)), MIXED),
    "embedding": (lambda: nn.Embedding(3, 2).to(DEVICE)(cpu_index()), MIXED),
    "gather": (lambda: device_x().gather(1, cpu_index()[:, None]), MIXED),
    "index_select": (lambda: device_x().index_select(0, cpu_index()), MIXED),
    "index_add_": (lambda: device_x().index_add_(0, cpu_index(), device_x()), MIXED),
    "scatter_": (lambda: device_x().scatter_(1, cpu_index()[:, None], 1.0), MIXED),
    "repeat_interleave": (lambda: device_x().repeat_interleave(cpu_index(), 0), MIXED),
    "bincount": (lambda: torch.bincount(cpu_index(), weights=device_x()[0]), MIXED),
    "grid_sample": (lambda: F.grid_sample(device_x()[None, None], torch.zeros(1, 1, 1, 2), align_corners=False), MIXED),
    "nms": (lambda: ops.nms(torch.tensor(BOXES, device=DEVICE), torch.ones(3), 0.5), MIXED),
    "CPU values under an index": (lambda: assign(device_x(), device_index(), cpu_x()), MIXED),
    "CPU values under a CPU index": (lambda: assign(device_x(), cpu_index(), cpu_x()), MIXED),
    "CPU values under a mask": (lambda: assign(device_x(), device_x() > 7, torch.zeros(2)), MIXED),
    "device values into a CPU tensor": (lambda: assign(cpu_x(), cpu_index(), device_x()), MIXED),
    "device index into a CPU tensor": (lambda: cpu_x()[device_index()], INDICES),
    "device mask over a CPU tensor": (lambda: cpu_x()[device_x() > 3], INDICES),
    "assignment to a CPU tensor by a device index": (lambda: assign(cpu_x(), device_index(), 0.0), INDICES),
    "sequence lengths on the device": (
        lambda: rnn.pack_padded_sequence(torch.zeros(3, 3, 1, device=DEVICE), device_index() + 1, enforce_sorted=False),
        "'lengths' argument should be a 1D CPU int64 tensor",
    ),
    "CPU generator": (
        lambda: torch.randn(3, generator=torch.Generator(), device=DEVICE),
        "Expected a 'lazy' device type for generator but found 'cpu'",
    ),
    "CPU generator, in place": (
        lambda: device_x().uniform_(generator=torch.Generator()),
        "Expected a 'lazy' device type for generator but found 'cpu'",
    ),
    "CPU generator, drawing indices": (
        lambda: torch.multinomial(device_x(), 1, generator=torch.Generator()),
        "Expected a 'lazy' device type for generator but found 'cpu'",
    ),
    "device generator for a CPU tensor": (
        lambda: torch.randperm(3, generator=torch.Generator(DEVICE)),
        "Expected a 'cpu' device type for generator but found 'lazy'",
    ),
    "device generator in a DataLoader": (
        lambda: next(iter(torch.utils.data.DataLoader([1, 2], shuffle=True, generator=torch.Generator(DEVICE)))),
        "Expected a 'cpu' device type for generator but found 'lazy'",
    ),
}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_mistakes_are_refused(accelerator, name, inference):
    mistake, message = REFUSED[name]
    with torch.inference_mode(inference), pytest.raises(RuntimeError, match=message):
        mistake()


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.numpy(),
        np.asarray,
        lambda x: np.array([x.sum(), 1.0]),
        lambda x: x * np.ones(3),
        lambda x: pd.DataFrame(x),
        lambda x: plt.plot(x),
        lambda x: LogisticRegression().fit(x, INDEX),
    ],
)
def test_numpy_needs_a_copy_on_the_cpu(accelerator, convert):
    with pytest.raises(TypeError, match=TO_NUMPY):
        convert(device_x())


def test_a_gradient_on_the_wrong_device_is_refused(accelerator):
    p = nn.Parameter(device_x())
    with pytest.raises(RuntimeError, match="device"):
        p.grad = cpu_x()


# ------------------------------------------------------------------------------------------------------ what is allowed

ALLOWED = {
    "numbers": lambda: device_x() * 2 + np.float32(1) - np.float64(2) + True,
    "0-dim CPU tensors": lambda: device_x() * torch.tensor(2.0) + torch.tensor(1),
    "0-dim CPU tensors first": lambda: torch.tensor(2.0) - device_x(),
    "0-dim CPU tensor and 0-dim device tensor": lambda: torch.tensor(2.0) * device_x().sum(),
    "0-dim CPU tensors in place": lambda: device_x().mul_(torch.tensor(2.0)).fill_(torch.tensor(1.0)),
    "0-dim CPU tensor in where": lambda: torch.where(device_x() > 2, device_x(), torch.tensor(0.0)),
    "0-dim CPU tensor in masked_fill": lambda: device_x().masked_fill(device_x() > 2, torch.tensor(0.0)),
    "0-dim CPU tensor in lerp": lambda: device_x().lerp(device_x(), torch.tensor(0.5)),
    "0-dim CPU tensor in _foreach_mul": lambda: torch._foreach_mul([device_x()], torch.tensor(2.0))[0],
    "CPU index": lambda: device_x()[cpu_index()],
    "CPU indices in two dimensions": lambda: device_x()[cpu_index(), cpu_index()],
    "CPU mask": lambda: device_x()[cpu_x() > 4],
    "CPU index into a tensor with gradient": lambda: torch.func.grad(lambda x: x[cpu_index()].sum())(device_x()),
    "list, slice and None": lambda: device_x()[[0, 1], 1:, None],
    "copy_ from the CPU": lambda: device_x().copy_(cpu_x()),
    "slice assignment from the CPU": lambda: assigned(device_x(), slice(1), cpu_x()[:1]),
    "0-dim CPU value under an index": lambda: assigned(device_x(), device_index(), torch.tensor(0.0)),
    "number under a CPU index": lambda: assigned(device_x(), cpu_index(), 0.0),
    "device values under a CPU index": lambda: assigned(device_x(), cpu_index(), device_x()),
    "shape of a CPU tensor": lambda: device_x().view_as(cpu_x()).expand_as(cpu_x()).type_as(device_x()),
    "zeros_like to another device": lambda: torch.zeros_like(cpu_x(), device=DEVICE),
}


def assigned(x, index, values):
    x[index] = values
    return x


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", ALLOWED)
def test_legal_mixtures_pass(accelerator, name, inference):
    with torch.inference_mode(inference):
        assert ALLOWED[name]().device == DEVICE


def test_legal_mixtures_that_end_on_the_cpu(accelerator):
    losses = torch.zeros(3)
    losses[1] = device_x().sum()
    assert losses.tolist() == [0, 45, 0]
    losses[cpu_index()] = device_x()[0, 0]
    assert losses.tolist() == [1, 1, 1]
    assert cpu_x()[device_index()[1]].tolist() == [7, 8, 9]
    assert cpu_x().copy_(device_x() + 1)[0, 0].item() == 2
    assert torch.zeros_like(device_x(), device="cpu").device == CPU
    x = cpu_x().requires_grad_()
    x.to(DEVICE).square().sum().backward()
    assert x.grad.tolist() == (2 * cpu_x()).tolist()


# --------------------------------------------------------------------------------------- generators, settings, the CPU


def test_generators(accelerator):
    generator = torch.Generator(device=DEVICE).manual_seed(1)
    assert generator.device == generator.clone_state().device == DEVICE
    assert isinstance(generator, torch.Generator)
    assert isinstance(torch.default_generator, torch.Generator)
    assert not isinstance(1, torch.Generator)
    first = torch.randn(3, device=DEVICE, generator=generator)
    again = torch.Generator("lazy").manual_seed(1)
    assert torch.equal(first, torch.empty(3, device=DEVICE).normal_(generator=again))
    assert torch.Generator().device == CPU
    assert torch.rand(2, generator=torch.Generator()).device == CPU
    assert torch.bernoulli(device_x() / 9, generator=generator).device == DEVICE
    torch.nn.init.trunc_normal_(torch.empty(2, 2, device=DEVICE), generator=generator)


def test_manual_seed_seeds_the_device(accelerator):
    draws = []
    for _ in range(2):
        torch.manual_seed(5)
        draws.append([torch.rand(2, device=DEVICE).tolist(), torch.randperm(9, device=DEVICE).tolist()])
    assert draws[0] == draws[1]


def settings():
    return (
        torch.Generator,
        torch.load,
        nn.Module._apply,
        torch._C._only_lift_cpu_tensors(),
        torch.__future__.get_swap_module_params_on_conversion(),
        torch.get_default_device(),
        torch.get_default_dtype(),
        torch.utils._python_dispatch._len_torch_dispatch_stack(),
    )


def test_settings_are_restored():
    before = settings()
    with pretend_accelerator(), pretend_accelerator():
        kept = torch.ones(2, device=DEVICE)
    assert settings() == before
    with pytest.raises(ZeroDivisionError), pretend_accelerator():
        _ = 1 / 0
    assert settings() == before
    assert (kept + 1).cpu().tolist() == [2, 2]
    with pytest.raises(RuntimeError, match=MIXED):
        kept + torch.ones(2)


def test_zero_gradients_on_the_cpu(accelerator):
    x = cpu_x().requires_grad_()
    x.sgn().sum().backward()  # PyTorch's gradient is a flag that says "zero", which crashes under other dispatch modes
    assert x.grad.mul_(2).tolist() == [[0] * 3] * 3


# --------------------------------------------------------------------------------------------- a whole small experiment


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A random rotation and shift for each image."""
    draws = torch.rand(len(images), 3, generator=generator, device=images.device) - 0.5
    cos, sin = draws[:, 0].cos(), draws[:, 0].sin()
    matrix = torch.stack([cos, -sin, draws[:, 1] / 4, sin, cos, draws[:, 2] / 4], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, images.shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def experiment(device: torch.device) -> dict:
    """What a chapter does: data, training with augmentation and an EMA copy, evaluation, a table and a picture."""
    torch.manual_seed(0)
    generator = torch.Generator(device=device).manual_seed(0)
    numpy_labels = np.random.default_rng(0).integers(0, 3, 48)
    labels = torch.as_tensor(numpy_labels, device=device)
    images = torch.randn(48, 1, 8, 8, generator=generator, device=device)
    images[labels == 1, :, :4] += 2
    images[labels == 2, :, 4:] += 2

    network = small_cnn().to(device)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    history = []
    for step in range(6):
        batch = torch.randperm(48, generator=generator, device=device)[:16]
        logits = network(augment(images[batch], generator))
        loss = F.cross_entropy(logits, labels[batch], label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                slow.lerp_(fast, 0.5) if slow.is_floating_point() else slow.copy_(fast)
        history.append({"step": step, "loss": loss.item(), "on_gpu": torch.cuda.is_available()})

    average.eval()
    with torch.inference_mode():
        probabilities = torch.cat([average(chunk).softmax(1) for chunk in images.split(20)])
    predictions = probabilities.argmax(1)
    confusion = torch.bincount(labels * 3 + predictions, minlength=9).view(3, 3)
    accuracy = (confusion.diagonal().sum() / confusion.sum()).item()

    table = pd.DataFrame(history)
    features = images.flatten(1).cpu().numpy()
    baseline = LogisticRegression().fit(features, numpy_labels).score(features, numpy_labels)
    figure, axes = plt.subplots(1, 2)
    axes[0].plot(table["step"], table["loss"])
    axes[1].imshow(confusion.cpu())
    axes[1].set_title(f"accuracy {accuracy:.2f}, mean confidence {probabilities.max(1).values.mean():.2f}")
    figure.savefig(io.BytesIO())
    plt.close(figure)
    return {"losses": table["loss"].tolist(), "confusion": confusion.tolist(), "baseline": baseline}


def test_an_experiment_gives_the_same_numbers_on_both_devices():
    expected = experiment(CPU)
    with pretend_accelerator():
        assert experiment(CPU) == expected  # code for the CPU runs unchanged inside
        found = experiment(DEVICE)
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-5)
    assert found["confusion"] == expected["confusion"]
    assert found["baseline"] == expected["baseline"]
