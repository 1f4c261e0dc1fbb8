"""The option `--engine`: one engine for every network of a run, or one for each model."""

from __future__ import annotations

from benchmark.core.errors import BadInput, did_you_mean

ENGINES = ("openvino", "onnxruntime")


def engine_words(text: str) -> dict[str, str]:
    """Return the engine of each model that the option names; under "" that of all networks.

    Args:
        text: "", an engine such as "openvino", or "trufor=openvino,psccnet=openvino".

    Raises:
        BadInput: if it is none of these, names an unknown engine, or names a model twice.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) == 1 and "=" not in words[0]:
        return {"": _known(words[0], text)}
    found: dict[str, str] = {}
    for word in words:
        model, is_pair, engine = (part.strip() for part in word.partition("="))
        if not model or not is_pair:
            raise BadInput(
                f"engine {text!r}: expected {' or '.join(ENGINES)}, or MODEL=ENGINE with commas "
                "between, such as trufor=openvino"
            )
        if model in found:
            raise BadInput(f"engine {text!r}: {model} is named twice")
        found[model] = _known(engine, text)
    return found


def given_engine(option: str | None) -> str:
    """Return the option as text, "" if it was not given.

    Raises:
        BadInput: if it was given, but is empty, as from an unset variable.
    """
    if option is not None and not option.strip():
        raise BadInput(f"--engine is empty; name {' or '.join(ENGINES)}, or leave it out for torch")
    return option or ""


def canonical_engines(text: str) -> str:
    """Return the option with its models in alphabetical order and without spaces.

    Raises:
        BadInput: as `engine_words`.
    """
    words = engine_words(text)
    return words.get("") or ",".join(f"{name}={words[name]}" for name in sorted(words))


def engine_of(text: str, model: str) -> str:
    """Return the engine that the option gives a model, or ""."""
    words = engine_words(text)
    return words.get("") or words.get(model, "")


def _known(engine: str, text: str) -> str:
    if engine not in ENGINES:
        near = did_you_mean(engine, ENGINES)
        raise BadInput(f"engine {text!r}: {engine!r} is not known: {', '.join(ENGINES)}.{near}")
    return engine
