"""What an agent did: which tools it called, with what, in which order, and how many steps it took.

Calls come from the subject's `tool_calls`: those of its answer, or of the tool spans of its trace.
What is expected are calls as well: names, `{"name": ..., "arguments": {...}}`, or a list of those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.hashing import canonical
from trimtab.measures.overlap import lcs_length
from trimtab.records import Span, ToolCall
from trimtab.scorers.definition import Judgement, Unscored, scorer

Calls = tuple[ToolCall, ...]


@scorer
def tool_called(
    tool_calls: Calls,
    expected: Any = None,
    *,
    all: Sequence[str] = (),
    none: Sequence[str] = (),
) -> Judgement | Unscored:
    """Passes when all tools of `all` were called and none of `none`.

    Without either, what is expected of the row must have been called.

    >>> tool_called((ToolCall(name="search"),), all=["search"], none=["delete"]).passed
    True
    """
    needed = all
    if not (all or none):
        calls = wanted(expected)
        if not calls:
            return UNKNOWN_CALLS
        needed = [call.name for call in calls]
    called = {call.name for call in tool_calls}
    missed = [f"not called: {name}" for name in needed if name not in called]
    missed += [f"called: {name}" for name in none if name in called]
    return Judgement(passed=not missed, reason=_listed(tool_calls), evidence=tuple(missed))


@scorer(scale="unit")
def tool_args(
    tool_calls: Calls,
    expected: Any,
    *,
    match: Literal["equal", "subset"] = "subset",
) -> Judgement | Unscored:
    """Share of the expected calls that were made with the expected arguments.

    Each call made answers for one expected call at most.

    Args:
        match: "subset" allows further arguments, "equal" does not.

    >>> made = (ToolCall(name="get", arguments={"id": 1, "full": True}),)
    >>> tool_args(made, [{"name": "get", "arguments": {"id": 1}}]).value
    1.0
    """
    calls = wanted(expected)
    expecting = [call for call in calls or () if call.arguments is not None]
    if not expecting:
        return Unscored("no arguments are expected")
    left = list(tool_calls)
    missed = []
    for call in expecting:
        found = next((made for made in left if _fits(made, call, match)), None)
        if found is None:
            missed.append(f"not called: {_said(call)[:200]}")
        else:
            left.remove(found)
    share = 1 - len(missed) / len(expecting)
    return Judgement(value=share, reason=_listed(tool_calls), evidence=tuple(missed[:10]))


@scorer
def tool_schema(
    tool_calls: Calls,
    metadata: dict[str, Any] | None = None,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
) -> Judgement | Unscored:
    """Passes when every call names a tool that there is, with arguments that fit its JSON Schema.

    Args:
        tools: as for a chat completion, `{"name": ..., "parameters": {...}}`, alone or under
            `function`; without them those of the row, `metadata.tools`.

    >>> tools = [{"name": "get", "parameters": {"required": ["id"]}}]
    >>> tool_schema((ToolCall(name="get", arguments={}),), tools=tools).evidence
    ("get: $: 'id' is a required property",)
    """
    from trimtab.scorers.json_output import faults

    given = tools or (metadata or {}).get("tools") or ()
    known = _schemas(given if isinstance(given, list | tuple) else ())
    if not known:
        return Unscored("missing: tools")
    wrong: list[str] = []
    for call in tool_calls:
        if call.name not in known:
            wrong.append(f"there is no tool {call.name}")
        else:
            arguments = _value(call.arguments)
            found = faults({} if arguments is None else arguments, known[call.name])
            wrong += [f"{call.name}: {fault}" for fault in found]
    return Judgement(passed=not wrong, reason=_listed(tool_calls), evidence=tuple(wrong[:10]))


def _schemas(tools: Sequence[Any]) -> dict[str, Any]:
    """The schema of the arguments of each tool, by its name."""
    found = {}
    for tool in tools:
        about = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(about, Mapping) and isinstance(about.get("name"), str):
            found[about["name"]] = about.get("parameters") or about.get("input_schema") or {}
    return found


@scorer
def tool_sequence(
    tool_calls: Calls,
    expected: Any,
    *,
    order: Literal["exact", "in_order", "any_order"] = "in_order",
) -> Judgement | Unscored:
    """Passes when the expected tools were called in order.

    Args:
        order: "exact" allows no other calls, "in_order" others between them, "any_order" asks for
            each as often as expected, in whatever order.

    >>> made = (ToolCall(name="search"), ToolCall(name="think"), ToolCall(name="book"))
    >>> tool_sequence(made, ["search", "book"]).passed
    True
    """
    calls = wanted(expected)
    if calls is None:
        return UNKNOWN_CALLS
    names, expecting = ([call.name for call in some] for some in (tool_calls, calls))
    passed = {
        "exact": lambda: names == expecting,
        "in_order": lambda: lcs_length(expecting, names) == len(expecting),
        "any_order": lambda: not Counter(expecting) - Counter(names),
    }[order]()
    return Judgement(passed=passed, reason=f"{_listed(tool_calls)}; wanted {_chain(expecting)}")


@scorer(scale="unit")
def trajectory_f1(tool_calls: Calls, expected: Any) -> Judgement | Unscored:
    """How near the tools called come to those expected, order included.

    2 LCS / (a + e), with a calls made, e expected and LCS the length of their longest common
    subsequence: the F1 of ROUGE-L (Lin 2004, section 3) over names of tools.

    >>> made = (ToolCall(name="search"), ToolCall(name="search"), ToolCall(name="book"))
    >>> trajectory_f1(made, ["search", "book"]).value
    0.8
    """
    calls = wanted(expected)
    if calls is None:
        return UNKNOWN_CALLS
    names, expecting = ([call.name for call in some] for some in (tool_calls, calls))
    size = len(names) + len(expecting)
    value = 2 * lcs_length(expecting, names) / size if size else 1.0
    return Judgement(value=value, reason=f"{_listed(tool_calls)}; wanted {_chain(expecting)}")


@scorer
def max_steps(
    tool_calls: Calls | None = None, spans: tuple[Span, ...] | None = None, *, most: int = 10
) -> Judgement | Unscored:
    """Passes when the agent took at most so many steps: its calls of models, or else of tools.

    >>> max_steps((ToolCall(name="search"),) * 3, most=2).passed
    False
    """
    asked = [span for span in spans or () if span.kind == "llm"]
    if not asked and tool_calls is None:
        return Unscored("missing: tool_calls")
    steps = len(asked) or len(tool_calls or ())
    return Judgement(passed=steps <= most, reason=f"{steps} steps, {most} are allowed")


@scorer
def loop(tool_calls: Calls, *, most: Annotated[int, Meta(ge=1)] = 2) -> Judgement:
    """Passes when no tool was called with the same arguments more than `most` times in a row.

    Two calls that alternate are a loop as well: A B A B A B repeats the pair three times.

    >>> loop((ToolCall(name="search", arguments={"q": "x"}),) * 3).passed
    False
    """
    calls = [_said(call) for call in tool_calls]
    repeated = max(_most_repeated(calls), key=lambda found: found[1], default=("", 0))
    evidence = (f"{repeated[0][:300]} {repeated[1]} times in a row",) if repeated[1] > most else ()
    return Judgement(passed=not evidence, evidence=evidence)


UNKNOWN_CALLS = Unscored("missing: expected calls, as names or {name, arguments}")


def wanted(expected: Any) -> list[ToolCall] | None:
    """What is expected, as calls; None where it says no calls. Bare names have no arguments.

    >>> [call.name for call in wanted(["search", {"name": "book", "arguments": {}}])]
    ['search', 'book']
    """
    if isinstance(expected, Mapping) and "tool_calls" in expected:
        expected = expected["tool_calls"]
    items = expected if isinstance(expected, list | tuple) else [expected]
    found = [_call(item) for item in items]
    calls = [call for call in found if call is not None]
    return calls if len(calls) == len(found) else None


def _call(item: Any) -> ToolCall | None:
    if isinstance(item, ToolCall):
        return item
    if isinstance(item, Mapping):
        inner = item.get("function", item)
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            return ToolCall(name=inner["name"], arguments=_value(inner.get("arguments")))
        return None
    return ToolCall(name=item) if isinstance(item, str) and item.strip() else None


def _value(arguments: Any) -> Any:
    """Arguments as values; the text that providers send is read as JSON where it is that."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return jsonx.decode(arguments.encode("utf-8", "replace"), what="the arguments")
    except InvalidRequest:
        return arguments


def _fits(made: ToolCall, call: ToolCall, match: str) -> bool:
    if made.name != call.name:
        return False
    given, asked = _value(made.arguments), call.arguments
    if match == "subset" and isinstance(given, dict) and isinstance(asked, Mapping):
        return all(key in given and given[key] == value for key, value in asked.items())
    return bool(given == asked)


def _most_repeated(calls: Sequence[str]) -> list[tuple[str, int]]:
    """Runs of one call, and of two that take turns, with how often each repeats."""
    found = [(name, len(list(run))) for name, run in groupby(calls)]
    start = 0
    while start < len(calls) - 3:
        end = start + 2
        while end < len(calls) and calls[end] == calls[end - 2]:
            end += 1
        if calls[start] != calls[start + 1]:
            found.append((f"{calls[start]} then {calls[start + 1]}", (end - start) // 2))
        # What repeats up to here repeats from nowhere between.
        start = max(start + 1, end - 1)
    return found


def _said(call: ToolCall) -> str:
    if call.arguments is None:
        return f"{call.name}()"
    try:
        arguments = canonical(_value(call.arguments)).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        arguments = repr(call.arguments)
    return f"{call.name}({arguments})"


def _listed(calls: Sequence[ToolCall]) -> str:
    return "called " + (_chain([call.name for call in calls]))


def _chain(names: Sequence[str]) -> str:
    return " > ".join(names[:20]) or "nothing"
