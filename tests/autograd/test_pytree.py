"""Trees: flattened and built again without loss, and refused where structures differ."""

import collections
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.pytree import flatten

Pair = collections.namedtuple("Pair", "first second")


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object
    b: object = dataclasses.field(default=None, kw_only=True)


leaves = st.one_of(st.text(max_size=3), st.integers(), st.floats(allow_nan=False), st.just(np.float32(1)))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.tuples(inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(lambda a, b: Frozen(a, b=b), inner, inner),
        st.none(),
    ),
    max_leaves=8,
)


@given(trees)
def test_building_from_the_same_leaves_gives_the_same_tree(tree):
    found, structure = flatten(tree)
    assert structure.count == len(found)
    again = structure.build(found)
    assert again == tree
    assert type(again) is type(tree)
    assert structure.leaves_like(tree, "it") == found
    assert structure.spread(0, "axes") == [0] * len(found)


def test_a_list_of_numbers_is_an_array_and_a_list_of_tensors_a_tree():
    assert len(flatten([1.0, [2.0, 3.0]])[0]) == 1
    assert len(flatten([pb.ones(2), [2.0, 3.0]])[0]) == 2
    assert len(flatten((1.0, 2.0))[0]) == 2


def test_the_kind_of_mapping_is_kept():
    tree = collections.OrderedDict(b=1, a=collections.defaultdict(list, x=2))
    found, structure = flatten(tree)
    again = structure.build(found)
    assert list(again) == ["b", "a"]
    assert again["a"].default_factory is list


def test_a_module_is_its_parameters_that_require_gradients():
    layer = pb.nn.Linear(2, 3)
    layer.bias.requires_grad_(False)
    found, structure = flatten({"layer": layer})
    assert [x is layer.weight for x in found] == [True]
    assert structure.build(["w"]) == {"layer": {"weight": "w"}}


@pytest.mark.parametrize("other", [{"a": 1}, [1, "x"], {"a": 1, "c": 2}, 3, Pair(1, 2)])
def test_other_structures_are_refused_by_name(other):
    _, structure = flatten({"a": 1, "b": 2})
    with pytest.raises(TypeError, match=r"the tangents.*dict of \['a', 'b'\]"):
        structure.leaves_like(other, "the tangents")
