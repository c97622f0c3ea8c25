"""A pretend accelerator: a device that computes on the CPU but refuses to mix with it, as a GPU does.

Most machines that run our tests have no GPU, yet every chapter has to run on one. The usual ways to get this wrong are
dull: a tensor made without `device=`, labels or an index left on the CPU, a generator of the wrong device, `.numpy()`
without `.cpu()`. All of them pass on a CPU and crash on CUDA. Inside `pretend_accelerator()` they crash here too:

    with pretend_accelerator():
        model.to(DEVICE)(images.to(DEVICE)) + torch.zeros(10)    # RuntimeError: Expected all tensors to be on ...

How: a `Pretend` tensor says that it lives on `lazy:0` (a device that PyTorch knows but has no kernels for, and whose
backward pass runs in the calling thread; "cuda" would want a driver) and holds a plain CPU tensor. A dispatch mode sees
every operation below autograd, checks who mixes with whom, computes on the plain tensors, and wraps what comes out.

What it proves: no operation that ran mixes devices in a way that CUDA forbids. What it cannot prove: anything about
lines that did not run, or that only run where `device.type == "cuda"`; about GPU numerics (TF32, autocast, sums in
another order), memory, speed or synchronisation; about operations that CUDA lacks (`torch.histogram`). Its rules follow
what is known of PyTorch's CUDA code and have not been compared with a real GPU. Where it is stricter it raises: CSR
tensors, `torchvision.tv_tensors` and `nn.LazyLinear` on the device, `torch.utils.checkpoint`,
`clip_grad_norm_(foreach=True)`, `parameter.data = x` with x on another device, 0-dim CPU tensors in `mse_loss`.

Random numbers come from the CPU's generators: one `torch.manual_seed` seeds both devices, and losses equal the CPU's.
(Don't trust complex `torch.linalg.pinv`, `lstsq` and the like inside: any dispatch mode makes PyTorch get them wrong.)
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import ClassVar
from unittest import mock

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

DEVICE = torch.device("lazy:0")
CPU = torch.device("cpu")
aten = torch.ops.aten

# What CUDA allows to mix. Element-wise operations (PyTorch tags them) and these take 0-dim CPU tensors as numbers.
TAKES_NUMBERS = {aten.fill, aten.fill_, aten.masked_fill, aten.masked_fill_, aten.index_fill, aten.index_fill_}
# Copies go from any device to any other.
COPIES = {aten.copy, aten.copy_, aten._to_copy, aten._foreach_copy_}
# x[indices] and x[indices] = values: the indices may be on the CPU, the values may not.
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}
# Sequence lengths always stay on the CPU.
PACKING = {aten._pack_padded_sequence, aten._pack_padded_sequence_backward}
# A conjugated or negated tensor may be a mere flag on its CPU tensor, which the wrapper cannot show: write it out.
WRITTEN_OUT = {aten._conj.default: aten._conj_physical.default, aten._neg_view.default: aten.neg.default}


def on_device(device) -> bool:
    """Whether `device` (a torch.device or its name) is the pretend one, with or without its index."""
    return isinstance(device, (str, torch.device)) and torch.device(device).type == DEVICE.type


class Pretend(torch.Tensor):
    """A tensor that shows PyTorch its sizes, strides, device and gradient, and keeps its numbers in a CPU tensor."""

    # Results are wrapped below autograd, by device. The default would turn every result, `.cpu()` too, into a Pretend.
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, plain: torch.Tensor) -> Pretend:
        if plain.layout not in (torch.strided, torch.sparse_coo):
            raise NotImplementedError(f"the pretend accelerator has no tensors of layout {plain.layout}")
        place = {} if plain.is_sparse else {"strides": plain.stride(), "storage_offset": plain.storage_offset()}
        with torch.inference_mode(plain.is_inference()):  # a view of a normal tensor is normal even in inference mode
            self = torch.Tensor._make_wrapper_subclass(
                cls, plain.shape, dtype=plain.dtype, layout=plain.layout, device=DEVICE, **place
            )
        self.plain = plain
        return self

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})  # for tensors that outlive the context

    @property
    def data(self):
        return super().data

    @data.setter
    def data(self, value):
        torch.Tensor.data.__set__(self, value)  # size, strides, version; the numbers are ours to bring along
        self.plain = value.plain

    # PyTorch gives up on these for subclasses. A CUDA tensor does the following.

    def numpy(self, *, force: bool = False):
        if not force:
            how = "Use Tensor.cpu() to copy the tensor to host memory first."
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. {how}")
        return self.detach().cpu().numpy()

    def tolist(self):
        return self.detach().cpu().tolist()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo: dict):
        memo[id(self.plain)] = self.plain.clone()  # with the strides that the wrapper's clone will have
        return super().__deepcopy__(memo)

    def __reduce_ex__(self, protocol):
        if isinstance(self, nn.Parameter):
            return torch._utils._rebuild_parameter, (self.detach(), self.requires_grad, {})
        # How PyTorch itself saves tensors of devices without storages; it heeds `map_location`.
        parts = (self.detach().cpu(), self.dtype, str(self.device), self.requires_grad)
        return torch._utils._rebuild_device_tensor_from_cpu_tensor, parts


class _LooksLikeGenerator(type(torch._C.Generator)):
    def __instancecheck__(cls, thing):
        return isinstance(thing, torch._C.Generator)


class Generator(torch._C.Generator, metaclass=_LooksLikeGenerator):
    """Stands in for `torch.Generator`: on DEVICE it is a CPU generator that knows where it pretends to be."""

    # Operations get the C++ generator back in another Python object; only its address tells which one it is.
    pretend: ClassVar = weakref.WeakValueDictionary()

    def __new__(cls, device="cpu"):
        self = super().__new__(cls, CPU if on_device(device) else device)
        if on_device(device):
            cls.pretend[self._cdata] = self
        return self

    @property
    def device(self):
        return DEVICE if self._cdata in self.pretend else super().device

    def clone_state(self):
        return type(self)(self.device).set_state(self.get_state())


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        # Without autograd (inference mode) composite operations arrive whole: let PyTorch take them apart first, since
        # only the parts say which tensors have to be on one device.
        composite = torch._C.DispatchKey.CompositeImplicitAutograd
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), composite):
            with self:
                return func._op_dk(composite, *args, **(kwargs or {}))
        return compute(func, args, kwargs or {})


def for_each(thing, function):
    """Apply `function` within tuples and lists: all that operations take and give, and faster than a general tree."""
    if isinstance(thing, (tuple, list)):
        return type(thing)([for_each(item, function) for item in thing])
    return function(thing)


def compute(func, args: tuple, kwargs: dict):
    """Run one operation on plain tensors, and wrap its results if they belong on the pretend device."""
    leaves = []
    for_each((*args, *kwargs.values()), leaves.append)
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    devices = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
    some_pretend = any(isinstance(tensor, Pretend) for tensor in tensors)
    wanted = on_device(devices[0]) if devices else some_pretend
    refuse_generators([leaf for leaf in leaves if isinstance(leaf, torch._C.Generator)], wanted)
    if func is aten._efficientzerotensor.default:
        func = aten.zeros.default  # a flag, too, which under a dispatch mode crashes PyTorch itself, on the CPU as well
    if not some_pretend and not wanted:
        return func(*args, **kwargs)  # the CPU's own business
    if some_pretend:
        refuse_mixtures(func, args, kwargs, tensors)

    def unwrap(leaf):
        if isinstance(leaf, Pretend):
            return leaf.plain
        return CPU if isinstance(leaf, torch.device) and on_device(leaf) else leaf

    plain_kwargs = {name: for_each(value, unwrap) for name, value in kwargs.items()}
    results = WRITTEN_OUT.get(func, func)(*for_each(args, unwrap), **plain_kwargs)
    known = {id(unwrap(tensor)): tensor for tensor in tensors}
    if func.overloadpacket is aten._pack_padded_sequence:
        known[id(results[1])] = results[1]  # the batch sizes stay on the CPU

    def wrap(result):
        if not isinstance(result, torch.Tensor):
            return result
        if id(result) not in known:
            return Pretend(result) if wanted else result
        original = known[id(result)]  # in-place operations return what they were given
        if isinstance(original, Pretend) and torch.Tag.inplace_view in func.tags:
            original.data = Pretend(result)  # `transpose_`, `resize_`, ...: the wrapper needs the new sizes and strides
        return original

    return for_each(results, wrap)


def refuse_mixtures(func, args: tuple, kwargs: dict, tensors: list[torch.Tensor]) -> None:
    """Raise where CUDA would, with CUDA's words."""
    packet = func.overloadpacket
    if packet in COPIES:
        return
    if packet in INDEXING:
        indexed, indices, *values = args
        if not isinstance(indexed, Pretend) and any(isinstance(index, Pretend) for index in indices):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        tensors = [indexed, *(value for value in values if isinstance(value, torch.Tensor) and value.dim())]
    elif packet in PACKING:
        if packet is aten._pack_padded_sequence and isinstance(args[1], Pretend):
            raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got 1D {DEVICE} Long tensor")
        tensors = args[:1]
    elif torch.Tag.pointwise in func.tags or packet in TAKES_NUMBERS or packet.__name__.startswith("_foreach_"):
        written = [args[0] if func._schema.arguments[0].is_write else None, kwargs.get("out")]
        tensors = [t for t in tensors if t.dim() or isinstance(t, Pretend) or any(t is w for w in written)]
    if len({tensor.device for tensor in tensors}) > 1:
        name = str(packet).replace(".", "::")
        found = f"found at least two devices, {DEVICE} and cpu! (when checking {name})"
        raise RuntimeError(f"Expected all tensors to be on the same device, but {found}")


def refuse_generators(generators: list[torch.Generator], wanted: bool) -> None:
    """Raise if a generator is not on the device on which the random numbers are wanted."""
    for generator in generators:
        has, needs = ("lazy" if x else "cpu" for x in (generator._cdata in Generator.pretend, wanted))
        if has != needs:
            raise RuntimeError(f"Expected a '{needs}' device type for generator but found '{has}'")


def _apply(self: nn.Module, fn, recurse: bool = True, original=nn.Module._apply) -> nn.Module:
    """`Module.to`, `.cpu()` and the rest, which on CUDA keep each parameter the same Python object.

    PyTorch cannot turn a plain parameter into a wrapper in place, and would put a new one there: an optimiser made
    before the move would go on training the old one. Its switch for that (`set_swap_module_params_on_conversion`)
    also refuses `load_state_dict` while a loss is still around, which CUDA does not.
    """

    def move(tensor):
        moved = fn(tensor)
        if not isinstance(tensor, nn.Parameter) or isinstance(tensor, Pretend) == isinstance(moved, Pretend):
            return moved
        moved = nn.Parameter(moved, tensor.requires_grad)
        moved.grad = None if tensor.grad is None else fn(tensor.grad)
        tensor.__class__, moved.__class__ = moved.__class__, tensor.__class__
        tensor.__dict__, moved.__dict__ = moved.__dict__, tensor.__dict__
        torch._C._swap_tensor_impl(tensor, moved)
        return tensor

    return original(self, move, recurse)


def _load(file, map_location=None, *args, original=torch.load, **options):
    """`torch.load`, which would leave tensors on the CPU under `map_location=DEVICE`, for want of a storage there."""
    if not on_device(map_location):
        return original(file, map_location, *args, **options)
    loaded = original(file, CPU, *args, **options)
    return tree_map(lambda leaf: leaf.to(DEVICE) if isinstance(leaf, (torch.Tensor, nn.Module)) else leaf, loaded)


@contextlib.contextmanager
def pretend_accelerator() -> Iterator[torch.device]:
    """Inside, DEVICE works like a GPU; CPU tensors work as ever. On leaving, everything global is as it was."""
    lift = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor(..., device=DEVICE)`: make it on the CPU, then move it
    try:
        with (
            mock.patch.object(torch, "Generator", Generator),
            mock.patch.object(torch, "load", _load),
            mock.patch.object(nn.Module, "_apply", _apply),
            _Dispatch(),
        ):
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(lift)
