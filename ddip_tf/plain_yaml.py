"""YAML text of plain ``key: value`` lines, read without trust: no objects, no aliases, no key twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ddip_tf.errors import InputError

#: lists in lists in …: more than any settings file has, which has none
DEEPEST = 16


def parse_yaml(text: str) -> dict[str, Any]:
    """The mapping in YAML ``text`` (safe loader: no objects). Raises InputError for anything else."""
    import yaml

    try:
        _refuse_what_multiplies(yaml.parse(text, yaml.SafeLoader))
        if twice := _twice(yaml.compose(text, yaml.SafeLoader)):
            raise InputError(twice)
        settings = yaml.safe_load(text)
    except InputError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise InputError("config is no valid YAML: " + " ".join(str(error).split())[:300]) from error
    if settings is None:
        return {}
    if isinstance(settings, dict):
        for key, value in settings.items():
            if isinstance(value, (list, dict, set, tuple)):
                raise InputError(f"config key {str(key)[:50]!r} takes one value, not several")
        return {key: _number(value) for key, value in settings.items()}
    raise InputError("a config file holds 'key: value' lines")


def _refuse_what_multiplies(events: Iterator[Any]) -> None:
    """Raises InputError at the first alias, and at brackets in brackets in …: a settings file has none of either."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):  # nine short lines of them stand for a billion words
            raise InputError("config has YAML aliases (*name): write the value itself")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:  # 20 kB of brackets take PyYAML half a minute
            raise InputError(f"config is no valid YAML: values in values, more than {DEEPEST} deep")


def _twice(root: Any) -> str:
    """A sentence on a key that stands in the mapping ``root`` twice, where YAML would take the last, or nothing."""
    lines: dict[str, int] = {}
    for key, _ in root.value if root is not None and root.id == "mapping" else ():
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            return f"config has the key {name[:50]!r} twice, in lines {lines[name]} and {line}: leave one of them"
        lines[name] = line
    return ""


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text; here it is the number it looks like."""
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return int(number) if isinstance(number, float) and number.is_integer() else number
