"""Kernels that two layers have: SpectralNormalization has that of the layer it wraps.

A file in the layout of Keras 3 stores such a kernel with both; `get_weights()`, `.h5` and SavedModel have it once.
"""

from __future__ import annotations

from keras_weld.core.tensor import Role

Known = tuple[str, str, Role]  # storage path, name, role
Expected = list[tuple[Known, str]]  # and the layer, or part of one, that has it, by the names given to them

_FIRST, _OF_WRAPPED, _BESIDE = "/vars/0", "/layer/vars/0", "/vars/1"
_ONLY_THERE = "/vector_u"


def told_once(expected: Expected) -> tuple[Expected, dict[Known, Known]]:
    """The variables that a layer has, each kernel once, and which more places each shared one has.

    Args:
        expected: all that the layout of Keras 3 has places for.

    Returns:
        What is left; and for the kernel of a wrapped layer, that of the layer around it.
    """
    by_path = {known[0]: known for known, _ in expected}
    shared = {}
    for path, name, _ in by_path.values():
        group = path.removesuffix(_BESIDE)
        if group != path and name.endswith(_ONLY_THERE) and group + _OF_WRAPPED in by_path:
            shared[by_path[group + _OF_WRAPPED]] = by_path[group + _FIRST]
    around = set(shared.values())
    return [one for one in expected if one[0] not in around], shared
