"""Jinja templates of prompts: compiled in the sandbox, with the prompts they take in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jinja2
from jinja2 import meta, nodes

from trimtab.errors import InvalidRequest
from trimtab.templates.allowance import current_allowance
from trimtab.templates.sandbox import PromptEnvironment, joins
from trimtab.templates.size import Size

_ENVIRONMENT = PromptEnvironment()

Taken = Callable[[str, str], str]
"""The name of the prompt that a template means by a name, from the template's own name."""


class Names(NamedTuple):
    """What a template needs from outside: values, and other prompts."""

    variables: frozenset[str] = frozenset()
    partials: frozenset[str] = frozenset()


class JinjaText:
    """A template ready to be written."""

    def __init__(self, template: jinja2.Template, environment: PromptEnvironment) -> None:
        self._template = template
        self._environment = environment

    def write(self, variables: Mapping[str, Any]) -> str:
        """See `PromptEnvironment.write`."""
        return self._environment.write(self._template, variables)


class Workshop:
    """Compiles the templates of one prompt and of those it takes in.

    Args:
        texts: the templates of prompts that may be taken in, by reference.
        taken: which of them a name means, from where it stands.
    Raises:
        InvalidRequest: what may be taken in is too large.
    """

    def __init__(self, texts: Mapping[str, str] | None = None, taken: Taken | None = None) -> None:
        self._environment = _ENVIRONMENT
        self._size = Size()
        for ref, text in (texts or {}).items():
            self._size.add(text, parts(text), f"prompt {ref}")
        if texts and taken is not None:
            self._environment = _Including(texts, taken)

    def compiled(self, text: str, where: str, name: str = "") -> JinjaText:
        """Raises InvalidRequest for a template that does not compile, or is too large."""
        self._size.add(text, parts(text), where)
        try:
            code = self._environment.compile(text, name or None)
            template = jinja2.Template.from_code(
                self._environment, code, self._environment.make_globals(None)
            )
        except jinja2.TemplateSyntaxError as error:
            raise syntax_error(error, where) from None
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            raise _cannot(error, where) from None
        return JinjaText(template, self._environment)


class _Including(PromptEnvironment):
    """The sandbox with other prompts in reach of `include`, and nothing else of the kind."""

    def __init__(self, texts: Mapping[str, str], taken: Taken) -> None:
        super().__init__()
        self.loader = jinja2.DictLoader(texts)
        self._taken = taken

    def join_path(self, template: str, parent: str) -> str:
        # Asked whenever one is taken in: prompts that take in another twice end as loops do.
        current_allowance().step()
        return self._taken(template, parent)


def parts(text: str) -> Iterator[str]:
    """What a template is made of, up to where it cannot be read."""
    try:
        for _, kind, value in _ENVIRONMENT.lexer.tokeniter(text, None):
            if kind != "whitespace":
                yield value
    except jinja2.TemplateSyntaxError:
        return


def names(text: str, where: str) -> Names:
    """What a template needs.

    Raises:
        InvalidRequest: it does not compile, takes in what has no fixed name, or joins with `~`.
    """
    try:
        tree = _ENVIRONMENT.parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise syntax_error(error, where) from None
    except RecursionError as error:
        raise _cannot(error, where) from None
    if joins(tree):
        raise InvalidRequest(
            "a prompt cannot join texts with ~",
            where=where,
            fix="write them next to each other: {{ a }}{{ b }}",
        )
    taken_in = frozenset(_included(tree, where))
    return Names(frozenset(meta.find_undeclared_variables(tree)), taken_in)


def _included(tree: nodes.Template, where: str) -> Iterator[str]:
    for _ in tree.find_all((nodes.Import, nodes.FromImport, nodes.Extends)):
        raise InvalidRequest(
            "a prompt cannot import or extend another template",
            where=where,
            fix='take in another prompt as a whole: {% include "NAME" %}',
        )
    for node in tree.find_all(nodes.Include):
        if not (isinstance(node.template, nodes.Const) and isinstance(node.template.value, str)):
            raise InvalidRequest(
                "a prompt takes in another one by a name that stands in the template",
                where=where,
                fix='write {% include "NAME" %}',
            )
        yield node.template.value


def syntax_error(error: jinja2.TemplateSyntaxError, where: str) -> InvalidRequest:
    return InvalidRequest(
        f"the template has a syntax error: {error.message}",
        where=f"{where}, line {error.lineno}",
        fix="write variables as {{ name }} and escape literal braces as {{ '{{' }}",
    )


def _cannot(error: BaseException, where: str) -> InvalidRequest:
    # Python's own compiler, behind Jinja's, has limits of nesting that Jinja does not check.
    return InvalidRequest(f"the template cannot be compiled: {error}", where=where, fix="nest less")
