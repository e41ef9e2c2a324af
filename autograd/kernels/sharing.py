"""How threads take the pieces of a kernel: in compiled code, without the interpreter and its lock.

A thread that sleeps takes some 40 µs to wake on a virtual machine, and one that waits for the interpreter's lock
sleeps. So a kernel is offered in a box, a few numbers in memory that all threads see, and threads that were busy a
moment ago look there again and again before they sleep (`serve`). Whoever calls the kernel takes pieces, too, until
none is left; so it does not matter whether and when another thread comes. Which rows a piece has depends on nothing but
their number.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.callconv import Status
from numba.core.compiler import Flags, compile_internal
from numba.core.datamodel import models
from numba.extending import box as boxed
from numba.extending import intrinsic, register_model

from .threads import CALLS, CODE, JOB, LEFT, OPEN

PATIENCE = 1 << 14  # looks of one who waits for others before it gives its processor to somebody else
_WORD, _STATUS = ir.IntType(64), ir.IntType(32)
_BYTES = ir.IntType(8).as_pointer()
_PIECE = ir.FunctionType(ir.VoidType(), [_WORD, _WORD])


class Results(types.Type):  # type: ignore[misc]  # Numba is taken to have no types
    """What the pieces of a kernel have returned; a list in Python."""

    def __init__(self, item: Any) -> None:
        self.item = item
        super().__init__(f"Results({item})")


class Job(types.Type):  # type: ignore[misc]  # the same
    """A kernel with its arguments, in the memory of who calls it."""

    def __init__(self, item: Any, arguments: Any) -> None:
        self.item, self.arguments = item, arguments
        super().__init__(f"Job({item}, {arguments})")


@register_model(Results)
class _ResultsModel(models.StructModel):  # type: ignore[misc]  # the same
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("count", types.intp), ("place", types.voidptr)])


@register_model(Job)
class _JobModel(models.StructModel):  # type: ignore[misc]  # the same
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("place", types.intp), ("code", types.intp)])


def _job_type(context: Any, kind: Any) -> Any:
    """The arguments, the rows, the number of pieces, where results go, and the error of a piece, if there was one."""
    arguments = context.get_value_type(kind.arguments)
    return ir.LiteralStructType(
        [arguments, _WORD, _WORD, context.get_data_type(kind.item).as_pointer(), _STATUS, _BYTES]
    )


@intrinsic  # type: ignore[untyped-decorator]  # the same
def prepared(typing: Any, function: Any, rows: Any, count: Any, arguments: Any) -> Any:
    """prepared(function, rows, count, arguments): the job function(*arguments, start, stop) for `count` pieces that
    cover all rows. It is gone when its caller returns."""
    compiled = _compiled(typing, function.dispatcher, (*arguments.types, types.intp, types.intp))
    kind = Job(compiled.signature.return_type, arguments)

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        _, rows_, count_, arguments_ = given
        job_type = _job_type(context, kind)
        job = cgutils.alloca_once(builder, job_type)
        item = job_type.elements[3].pointee
        size = builder.mul(count_, ir.Constant(_WORD, context.get_abi_sizeof(item)))
        results = builder.bitcast(context.nrt.allocate(builder, size), item.as_pointer())
        fields = (arguments_, rows_, count_, results, ir.Constant(_STATUS, 0), ir.Constant(_BYTES, None))
        for place, field in enumerate(fields):
            builder.store(field, cgutils.gep_inbounds(builder, job, 0, place))
        found = cgutils.create_struct_proxy(kind)(context, builder)
        found.place = builder.ptrtoint(job, _WORD)
        found.code = builder.ptrtoint(_piece(context, builder, compiled, kind), _WORD)
        return found._getvalue()

    return kind(function, types.intp, types.intp, arguments), made


def _compiled(typing: Any, dispatcher: Any, kinds: tuple[Any, ...]) -> Any:
    """A function as a part of another, where it is optimised and made machine code of; both take long."""
    known = _COMPILED.setdefault(dispatcher, {})
    if kinds not in known:
        flags, target = Flags(), dispatcher.targetdescr
        target.options.parse_as_flags(flags, dispatcher.targetoptions)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        known[kinds] = compile_internal(
            typing, target.target_context, None, dispatcher.py_func, kinds, None, flags, {}
        )
    return known[kinds]


_COMPILED: WeakKeyDictionary[Any, dict[tuple[Any, ...], Any]] = WeakKeyDictionary()


def _piece(context: Any, builder: Any, compiled: Any, kind: Any) -> Any:
    """piece(job, number), which computes one."""
    module = builder.module
    made = ir.Function(module, _PIECE, module.get_unique_name("piece"))
    made.linkage = "internal"
    inside = ir.IRBuilder(made.append_basic_block())
    job = inside.inttoptr(made.args[0], _job_type(context, kind).as_pointer())
    places = [cgutils.gep_inbounds(inside, job, 0, place) for place in range(6)]
    arguments, rows, count, results = (inside.load(place) for place in places[:4])
    number = made.args[1]
    bounds = [inside.sdiv(inside.mul(rows, edge), count) for edge in (number, inside.add(number, _one()))]
    caller, callee = context.active_code_library, compiled._asdict()["library"]
    caller._final_module.link_in(callee._final_module.clone())
    for linked in callee._linking_libraries:
        caller.add_linking_library(linked)
    called, given = context.declare_function(module, compiled.fndesc), cgutils.unpack_tuple(inside, arguments)
    kinds = compiled.signature.args
    status, value = context.call_conv.call_function(
        inside, called, kind.item, kinds, [*given, *bounds], attrs=("noinline",)
    )
    with inside.if_else(status.is_error) as (failed, done):
        with failed:
            inside.store(status.code, places[4])
            inside.store(inside.bitcast(status.excinfoptr, _BYTES), places[5])
        with done:
            data = context.data_model_manager[kind.item].as_data(inside, value)
            inside.store(data, inside.gep(results, [number]))
    inside.ret_void()
    return made


def _one() -> Any:
    return ir.Constant(_WORD, 1)


def _place(context: Any, builder: Any, kind: Any, box: Any, place: int) -> Any:
    start = context.make_array(kind)(context, builder, box).data
    return builder.gep(start, [ir.Constant(_WORD, place)])


@intrinsic  # type: ignore[untyped-decorator]  # the same
def done_alone(typing: Any, job: Any) -> Any:
    """done_alone(job): do the first piece, which is the only one."""

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        found = cgutils.create_struct_proxy(job)(context, builder, value=given[0])
        code = builder.inttoptr(found.code, _PIECE.as_pointer())
        builder.call(code, [found.place, ir.Constant(_WORD, 0)])
        return context.get_dummy_value()

    return types.void(job), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def offered(typing: Any, box: Any, job: Any, count: Any) -> Any:
    """offered(box, job, count): let everybody who looks into the box take pieces of a job."""

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        found = cgutils.create_struct_proxy(job)(context, builder, value=given[1])
        for place, value in ((JOB, found.place), (CODE, found.code), (LEFT, given[2])):
            builder.store(value, _place(context, builder, box, given[0], place))
        # from here on others read what was written above
        builder.store_atomic(given[2], _place(context, builder, box, given[0], OPEN), "release", 8)
        return context.get_dummy_value()

    return types.void(box, job, types.intp), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def taken(typing: Any, box: Any) -> Any:
    """taken(box): take a piece, if there is one, and do it; whether there was."""

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        def at(place: int) -> Any:
            return _place(context, builder, box, given[0], place)

        result = cgutils.alloca_once_value(builder, cgutils.false_bit)
        count = builder.load_atomic(at(OPEN), "acquire", 8)
        with builder.if_then(builder.icmp_signed(">", count, ir.Constant(_WORD, 0))):
            number = builder.sub(count, _one())
            pair = builder.cmpxchg(at(OPEN), count, number, "acq_rel", "monotonic")
            with builder.if_then(builder.extract_value(pair, 1)):
                # the job stays what it is until this piece is done
                code = builder.inttoptr(builder.load(at(CODE)), _PIECE.as_pointer())
                builder.call(code, [builder.load(at(JOB)), number])
                builder.atomic_rmw("sub", at(LEFT), _one(), "acq_rel")
                builder.store(cgutils.true_bit, result)
        return builder.load(result)

    return types.boolean(box), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def look(typing: Any, box: Any, place: Any) -> Any:
    """look(box, place): a number that other threads write, as it is now; not sooner than a processor may look again."""

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        hint = _HINTS.get(platform.machine().lower())
        if hint is not None:
            name, arguments = hint
            kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
        start = context.make_array(box)(context, builder, given[0]).data
        return builder.load_atomic(builder.gep(start, [given[1]]), "acquire", 8)

    return types.int64(box, types.intp), made


_X86 = ("llvm.x86.sse2.pause", ())
_ARM = ("llvm.aarch64.hint", (ir.Constant(_STATUS, 1),))
_HINTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "x86_64": _X86,
    "amd64": _X86,
    "aarch64": _ARM,
    "arm64": _ARM,
}
"""How a processor is told that a loop waits, so that it spares its energy, and who shares the core with it."""


@intrinsic  # type: ignore[untyped-decorator]  # the same
def results(typing: Any, job: Any, count: Any) -> Any:
    """results(job, count): what the pieces have returned, in order; raises the error of one that failed."""
    kind = Results(job.item)

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        proxy = cgutils.create_struct_proxy(job)(context, builder, value=given[0])
        whole = builder.inttoptr(proxy.place, _job_type(context, job).as_pointer())
        values, code, error = (builder.load(cgutils.gep_inbounds(builder, whole, 0, i)) for i in (3, 4, 5))
        failed = builder.icmp_signed("!=", code, ir.Constant(_STATUS, 0))
        with cgutils.if_unlikely(builder, failed):
            pointer = builder.function.args[1].type.pointee  # to what describes an error
            status = dict.fromkeys(Status._fields) | {
                "code": code,
                "excinfoptr": builder.bitcast(error, pointer),
            }
            context.call_conv.return_status_propagate(builder, Status(**status))
        found = cgutils.create_struct_proxy(kind)(context, builder)
        found.count, found.place = given[1], builder.bitcast(values, _BYTES)
        return found._getvalue()

    return kind(job, types.intp), made


@boxed(Results)  # type: ignore[untyped-decorator]  # the same
def _as_list(kind: Any, value: Any, c: Any) -> Any:
    found = cgutils.create_struct_proxy(kind)(c.context, c.builder, value=value)
    model = c.context.data_model_manager[kind.item]
    places = c.builder.bitcast(found.place, c.context.get_data_type(kind.item).as_pointer())
    made = c.pyapi.list_new(found.count)
    with cgutils.for_range(c.builder, found.count) as loop:
        item = model.from_data(c.builder, c.builder.load(c.builder.gep(places, [loop.index])))
        c.pyapi.list_setitem(made, loop.index, c.box(kind.item, item))
    c.context.nrt.free(c.builder, found.place)
    return made


_give_way = types.ExternalFunction("SwitchToThread" if os.name == "nt" else "sched_yield", types.intc())


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]  # the same
def finished(box: Any) -> None:
    """Take all pieces that nobody else has taken, and wait until all are done."""
    while look(box, OPEN) > 0:
        taken(box)  # or somebody else was faster, and there may be more
    looks = 0
    while look(box, LEFT) > 0:
        looks += 1
        if looks > PATIENCE:
            _give_way()


def kept(function: Callable[..., Any], cache: bool = True, **options: Any) -> Any:
    """A function compiled by Numba without the interpreter's lock, and kept on disk where some folder for that may be
    written to; elsewhere each process compiles it."""
    if cache:
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # neither beside the file nor in the user's folder
            pass
    return numba.njit(nogil=True, **options)(function)


@kept
def serve(box: Any, calls: int, patience: int) -> None:
    """Take pieces until there were none for so many looks, or until Python has called more than so many times."""
    looks = 0
    while looks < patience and look(box, CALLS) == calls:
        looks += 1
        if taken(box):
            looks = 0


def shared(function: Callable[..., Any], compiled: Any, cache: bool) -> Any:
    """What calls a compiled function for pieces of rows: shared(box, *arguments, rows, count), which gives the list of
    what it has returned for them.

    Args:
        function: the Python function; its last two parameters are the rows where a piece starts and stops.
        compiled: the same, compiled.
        cache: keep the result on disk.
    """
    arguments = "".join(f"a{i}, " for i in range(function.__code__.co_argcount - 2))
    text = (
        f"def {function.__name__}(box, {arguments}rows, count):\n"
        f"    job = prepared(compiled, rows, count, ({arguments}))\n"
        "    if count == 1:\n"
        "        done_alone(job)\n"
        "    else:\n"
        "        offered(box, job, count)\n"
        "        finished(box)\n"
        "    return results(job, count)\n"
    )
    parts = (prepared, done_alone, offered, finished, results)
    room = {part.__name__: part for part in parts} | {"compiled": compiled, "__name__": function.__module__}
    exec(compile(text, function.__code__.co_filename, "exec"), room)
    made = room[function.__name__]
    made.__code__ = made.__code__.replace(co_firstlineno=function.__code__.co_firstlineno)
    return kept(made, cache, error_model="numpy")
