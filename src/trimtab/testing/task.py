"""What every task does, as tests: subclass and provide `task` and `failing`.

`task` answers any question with a text; `failing` cannot answer. Both are called in an event loop,
through the fixture `run`, which runs a coroutine function in whatever loop the task needs.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from trimtab.ports import Response, Task
from trimtab.records import Example

Run = Callable[[Callable[[], Coroutine[Any, Any, Response]]], Response]


class TaskContract:
    """Everything `ports.Task` promises."""

    def test_an_answer_has_output_and_no_error(self, task: Task, run: Run) -> None:
        response = run(lambda: task(Example(example_id="e", input="Which port is used?")))
        assert response.error is None
        assert isinstance(response.output, str)
        assert response.output

    def test_a_conversation_is_an_input_too(self, task: Task, run: Run) -> None:
        messages = [{"role": "user", "content": "Which port is used?"}]
        assert run(lambda: task(Example(example_id="e", input=messages))).error is None

    def test_a_failure_is_a_response_that_says_why(self, failing: Task, run: Run) -> None:
        response = run(lambda: failing(Example(example_id="e", input="Which port is used?")))
        assert response.output is None
        assert response.error
