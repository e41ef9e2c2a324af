"""The one door for declaring operations and for writing layers, optimisers and pictures on the engine.

Our own `nn`, `optim` and `viz` use nothing else of the engine's inside.
"""

from .checks import check_operation
from .clipping import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .family import Family, batch_size, behind_batch, padded, spread
from .gate import ADDER, BLOCK, DISTRIBUTOR, FLAT, MIXER, RELAY, ROUTER, SCALER, SWITCHER, Gate
from .hooks import RemovableHandle
from .inplace import gradient_arrays, replace_memory, writable, writable_arrays
from .io import from_bfloat16, write_atomically
from .kernels import compiled_source, every_size, kernel, pays, split
from .mode import Observer, module_scope, observing
from .module_calls import ModuleCall
from .op import REGISTRY, Op, Sample, SingularPoint, op, own_operations
from .ops.index import scattered
from .outputs import PICK
from .product import matrix_product
from .random import check_generator, drawing_from, generator_of
from .samples import along, elementwise, given, integers, matrices, of_family, reduction
from .select import select
from .sparse import SparseGradient, sparse_grad
from .vectorise import each_example, is_batched

__all__ = [
    "ADDER",
    "BLOCK",
    "DISTRIBUTOR",
    "FLAT",
    "MIXER",
    "PICK",
    "REGISTRY",
    "RELAY",
    "ROUTER",
    "SCALER",
    "SWITCHER",
    "Family",
    "Gate",
    "ModuleCall",
    "Observer",
    "Op",
    "RemovableHandle",
    "Sample",
    "SingularPoint",
    "SparseGradient",
    "along",
    "batch_size",
    "behind_batch",
    "check_generator",
    "check_operation",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "compiled_source",
    "drawing_from",
    "each_example",
    "elementwise",
    "every_size",
    "from_bfloat16",
    "generator_of",
    "get_total_norm",
    "given",
    "gradient_arrays",
    "integers",
    "is_batched",
    "kernel",
    "matrices",
    "matrix_product",
    "module_scope",
    "observing",
    "of_family",
    "op",
    "own_operations",
    "padded",
    "pays",
    "reduction",
    "replace_memory",
    "scattered",
    "select",
    "sparse_grad",
    "split",
    "spread",
    "writable",
    "writable_arrays",
    "write_atomically",
]
