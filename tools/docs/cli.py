"""Generate docs/reference/cli.md: all commands with arguments, options and examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from benchmark.cli import app
from tools.docs.markdown import NOTICE, code, table

PAGE = "docs/reference/cli.md"
HEAD = """# Command line

`bench COMMAND --help` prints the same. Related pages: [plan keys](plan.md),
[recipe keys](recipe.md), [metrics](../metrics/index.md), [names of models](../models.md), and
[the protocol](../protocol.md) for mask-ratio bins and post-processing.

Exit status of all commands: 0 finished; 1 finished, but with failures, differences or problems
found; 2 user error, reported in one line; 130 and 143 interrupted by Ctrl-C or SIGTERM, with
finished work saved.
"""
_UNITS = {str: "TEXT", int: "N", float: "NUMBER", list[str]: "TEXT"}


def pages() -> dict[str, str]:
    """Return the page."""
    found = list(_commands())
    overview = table(
        ("command", "what it does"),
        ((f"[`bench {name}`](#{_anchor(name)})", _paragraphs(one)[0]) for name, one in found),
    )
    parts = [NOTICE + HEAD, overview, *(_section(name, one) for name, one in found)]
    return {PAGE: "\n".join(parts)}


def _commands() -> Iterator[tuple[str, Any]]:
    """Yield every command by name; subcommands as "group name"."""
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield name, command
            yield from ((f"{name} {sub}", one) for sub, one in sorted(command.commands.items()))
        else:
            yield name, command


def _anchor(name: str) -> str:
    return f"bench-{name}".replace(" ", "-")


def _section(name: str, command: Any) -> str:  # noqa: ANN401 (a click command)
    text, examples = _halves(command)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = " ".join(_argument(one) for one in arguments)
    parts = [
        f"## bench {name}\n",
        f"{text}\n",
        f"Usage: `bench {name}{' ' + words if words else ''} [OPTIONS]`\n",
    ]
    if arguments:
        rows = ((code(_argument(one)), _default(one), one.help or "") for one in arguments)
        parts.append(table(("argument", "default", "meaning"), rows))
    parts.extend(_options(command))
    if examples:
        parts.append("Examples:\n\n```bash\n" + "\n".join(examples) + "\n```\n")
    return "\n".join(parts)


def _options(command: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield one table per group of options, in the order of the help."""
    groups: dict[str, list[Any]] = {}
    for one in command.params:
        if one.param_type_name == "option" and not one.hidden:
            groups.setdefault(one.rich_help_panel or "Options", []).append(one)
    for group, options in groups.items():
        rows = ((_option(one), _default(one), one.help or "") for one in options)
        head = "option" if group == "Options" else f"{group.lower()} options"
        yield table((head, "default", "meaning"), rows)


def _halves(command: Any) -> tuple[str, list[str]]:  # noqa: ANN401
    """Return the description, and the commands below "Examples:"."""
    paragraphs = _paragraphs(command)
    heads = [place for place, one in enumerate(paragraphs) if one in ("Examples:", "Example:")]
    end = heads[0] if heads else len(paragraphs)
    return "\n\n".join(paragraphs[:end]), paragraphs[end + 1 :]


def _paragraphs(command: Any) -> list[str]:  # noqa: ANN401
    return [" ".join(one.split()) for one in (command.help or "").strip().split("\n\n")]


def _argument(one: Any) -> str:  # noqa: ANN401
    if one.metavar:
        return str(one.metavar)
    word = one.name.upper() + ("..." if one.nargs == -1 else "")
    return word if one.required else f"[{word}]"


def _option(one: Any) -> str:  # noqa: ANN401
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    if one.is_flag:
        return names
    kind = one.type_descriptor.annotation
    return f"{names} {one.metavar or _UNITS.get(kind, getattr(kind, '__name__', 'TEXT').upper())}"


def _default(one: Any) -> str:  # noqa: ANN401
    if isinstance(one.show_default, str):
        return one.show_default
    if one.required:
        return "required"
    flag = getattr(one, "is_flag", False)
    return "" if flag or one.default in (None, "", ()) else code(str(one.default))
