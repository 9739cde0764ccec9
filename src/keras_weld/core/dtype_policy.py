"""What a layer's `dtype` entry says: a plain dtype, a policy, or a kind of quantisation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def policy_of(dtype: Any, layer_name: str = "") -> Any:
    """The policy that holds for one layer, where `dtype` may be a map of policies by path.

    Args:
        dtype: the `dtype` entry of a layer's config.
        layer_name: the last part of the layer's path, looked up in a map.
    """
    if not isinstance(dtype, Mapping) or dtype.get("class_name") != "DTypePolicyMap":
        return dtype
    config = _inner(dtype)
    policies = config.get("policy_map")
    for path, policy in policies.items() if isinstance(policies, Mapping) else ():
        if str(path).rpartition("/")[2] == layer_name:
            return policy
    return config.get("default_policy")


def quantization_mode(config: Mapping[str, Any]) -> tuple[str | None, bool]:
    """How a layer's kernel is quantised, and whether in blocks with a zero point of their own each.

    Args:
        config: a layer's config.

    Returns:
        One of `int8`, `int4`, `float8`, `gptq`, `awq`, or None for a layer that is not quantised; and whether
        the quantisation is by blocks (int4 only).
    """
    policy = policy_of(config.get("dtype"), str(config.get("name", "")))
    text = ""
    if isinstance(policy, str):
        text = policy.partition("_from_")[0] if "_from_" in policy else ""
    elif isinstance(policy, Mapping):
        text = str(_inner(policy).get("mode") or "")
    mode, _, rest = text.partition("/")
    if mode not in ("int8", "int4", "float8", "gptq", "awq"):
        return None, False
    return mode, mode == "int4" and _in_blocks(rest, config.get("quantization_config"))


def compute_dtype(dtype: Any) -> str | None:
    """The dtype that a layer computes and answers in (`float16` for `mixed_float16`), if the entry tells."""
    policy = policy_of(dtype)
    if isinstance(policy, Mapping):
        inner = _inner(policy)
        policy = inner.get("name") or inner.get("source_name")
    if not isinstance(policy, str):
        return None
    return re.sub(r"^.*_from_", "", policy).removeprefix("mixed_")


def _in_blocks(size: str, quantization: Any) -> bool:
    if isinstance(quantization, Mapping) and quantization.get("class_name") == "Int4QuantizationConfig":
        return _inner(quantization).get("block_size") not in (None, -1)
    return size not in ("", "-1")


def _inner(serialized: Mapping[str, Any]) -> Mapping[str, Any]:
    config = serialized.get("config")
    return config if isinstance(config, Mapping) else {}
