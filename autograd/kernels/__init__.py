"""Compiled twins of NumPy kernels, for the extra `fast` (Numba).

What lives here: arithmetic on arrays, and how it is chosen, compiled and spread over threads. `registry.py` says
beside a NumPy kernel, the reference, that it has a twin and from which size on that pays; `threads.py` splits rows
among threads; `jit.py` compiles and keeps the result on disk. The other files hold the twins, by theme, and are
loaded, with Numba, when the first large array comes. Nothing here knows of tensors, nodes or layers, and nothing needs
to be here: without Numba, or with `pb.config.fast = False`, the references do all the work.
"""

from .registry import KERNELS, Kernel, compiled_source, every_size, kernel, pays
from .threads import split

__all__ = ["KERNELS", "Kernel", "compiled_source", "every_size", "kernel", "pays", "split"]
