"""draft"""
from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("lazy:0")
CPU = torch.device("cpu")
aten = torch.ops.aten

COPIES = {aten.copy_, aten._to_copy, aten._foreach_copy_}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index, aten._unsafe_index_put}
SETTLED = {aten._conj.default: aten._conj_physical.default, aten._neg_view.default: aten.neg.default, aten._efficientzerotensor.default: aten.zeros.default}
SCALARS = {aten.fill, aten.fill_, aten.masked_fill, aten.masked_fill_, aten.index_fill, aten.index_fill_}


class Pretend(torch.Tensor):
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        self = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, device=DEVICE)
        self._inner = inner
        return self

    def __init__(self, inner):
        pass

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})

    def tolist(self):
        return self.detach().cpu().tolist()

    def numpy(self, *, force=False):
        if force: return self.detach().cpu().numpy()
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")

    def __format__(self, spec):
        return self.item().__format__(spec) if self.dim() == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo):
        memo[id(self._inner)] = self._inner.clone()
        return super().__deepcopy__(memo)

    def __reduce_ex__(self, protocol):
        if isinstance(self, torch.nn.Parameter):
            return torch._utils._rebuild_parameter, (self.detach(), self.requires_grad, {})
        plain = self.detach().cpu()
        return torch._utils._rebuild_device_tensor_from_cpu_tensor, (plain, self.dtype, str(DEVICE), self.requires_grad)

    @property
    def data(self):
        return super().data

    @data.setter
    def data(self, value):
        torch.Tensor.data.__set__(self, value)
        self._inner = value._inner


class Generator(torch._C.Generator):
    pass


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func._can_decompose():
            with self:
                return func.decompose(*args, **kwargs)
        return compute(func, args, kwargs)


def is_device(x):
    return isinstance(x, torch.device)


def compute(func, args, kwargs):
    leaves = tree_leaves((args, kwargs))
    tensors = [x for x in leaves if isinstance(x, torch.Tensor)]
    devices = [x for x in leaves if isinstance(x, torch.device)]
    pretend = [x for x in tensors if isinstance(x, Pretend)]
    on_device = devices[0].type == DEVICE.type if devices else bool(pretend)
    if not pretend and not on_device:
        return func(*args, **kwargs)
    if len(pretend) != len(tensors):
        refuse_mixtures(func, args, kwargs, tensors)

    def unwrap(x):
        if isinstance(x, Pretend):
            return x._inner
        return CPU if isinstance(x, torch.device) and x.type == DEVICE.type else x

    func = SETTLED.get(func, func)
    out = func(*tree_map(unwrap, args), **tree_map(unwrap, kwargs))
    known = {id(unwrap(t)): t for t in tensors}

    def wrap(x):
        if not isinstance(x, torch.Tensor):
            return x
        if id(x) in known:
            t = known[id(x)]
            if isinstance(t, Pretend) and torch.Tag.inplace_view in func.tags:
                torch._C.TensorBase.data.__set__(t, Pretend(x))
            return t
        return Pretend(x) if on_device else x
    return tree_map(wrap, out)


def apply_in_place(self, fn, recurse=True, original=torch.nn.Module._apply):
    def move(tensor):
        moved = fn(tensor)
        if not isinstance(tensor, torch.nn.Parameter) or isinstance(moved, Pretend) == isinstance(tensor, Pretend):
            return moved
        moved = torch.nn.Parameter(moved, tensor.requires_grad)
        moved.grad = None if tensor.grad is None else fn(tensor.grad)
        tensor.__class__, moved.__class__ = moved.__class__, tensor.__class__
        tensor.__dict__, moved.__dict__ = moved.__dict__, tensor.__dict__
        torch._C._swap_tensor_impl(tensor, moved)
        return tensor
    return original(self, move, recurse)


def refuse_mixtures(func, args, kwargs, tensors):
    packet = func.overloadpacket
    if packet in COPIES:
        return
    if packet in INDEXING:
        if not isinstance(args[0], Pretend):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        tensors = [t for t in args[2:3] if isinstance(t, torch.Tensor)]
    cpu = [t for t in tensors if not isinstance(t, Pretend)]
    if torch.Tag.pointwise in func.tags or packet in SCALARS | INDEXING:
        cpu = [t for t in cpu if t.dim() or t is args[0] and func._schema.arguments[0].is_write]
    if cpu:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {DEVICE} and cpu! (when checking {packet})")


@contextlib.contextmanager
def pretend_accelerator() -> Iterator[torch.device]:
    lift = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    original = torch.nn.Module._apply
    torch.nn.Module._apply = apply_in_place
    try:
        with _Mode():
            yield DEVICE
    finally:
        torch.nn.Module._apply = original
        torch._C._set_only_lift_cpu_tensors(lift)
