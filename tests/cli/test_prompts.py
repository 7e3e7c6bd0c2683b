"""`trimtab prompts`: the registry from the command line, and files in which no work is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.serving import Served, configured, served

from trimtab.cli.prompts.folder import directory_of
from trimtab.cli.shell import root
from trimtab.prompts.sync import LOCK_NAME

GREETING = """---
folder: mail
tags: [polite]
variables:
  name: string
parameters: {temperature: 0}
---
## system
You write mail.

## user
Greet <name>{{ name }}</name>.
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("prompts") / "data")) as running:
        yield running


class Repository:
    """A directory with files of prompts, and one word before the names in it."""

    def __init__(self, folder: Path, server: Served, prefix: str) -> None:
        self.folder = folder
        self.server = server
        self.prefix = prefix

    def run(self, *args: str) -> Result:
        words = [arg.replace("DIR", str(self.folder)).replace("P-", self.prefix) for arg in args]
        return CliRunner().invoke(root, ["prompts", *words, "--url", self.server.url])

    def ok(self, *args: str) -> str:
        result = self.run(*args)
        assert result.exit_code == 0, result.output
        return result.stdout.replace(self.prefix, "P-")

    def path(self, name: str) -> Path:
        return self.folder / f"{self.prefix}{name}.prompt.md"

    def put(self, name: str, text: str) -> None:
        self.path(name).write_text(text.replace("P-", self.prefix))

    def newest(self, name: str) -> dict[str, object]:
        found: dict[str, object] = self.server.client.get(f"/api/v1/prompts/{self.prefix}{name}")
        return found

    def edit_remotely(self, name: str, content: str) -> None:
        messages = [{"role": "system", "content": content}]
        body = {"name": f"{self.prefix}{name}", "messages": messages}
        self.server.client.post("/api/v1/prompts", body)


@pytest.fixture
def repository(server: Served, tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    made = Repository(tmp_path, server, f"t{abs(hash(request.node.name))}-")
    made.put("greeting", GREETING)
    return made


@pytest.fixture(autouse=True)
def nothing_else_in_the_registry(server: Served) -> Iterator[None]:
    yield
    for entry in server.client.get("/api/v1/prompt-entries")["data"]:
        server.client.patch(f"/api/v1/prompts/{entry['name']}/entry", {"archived": True})


def test_files_become_versions_and_versions_files(repository: Repository) -> None:
    assert "to push: P-greeting (only in a file)" in repository.ok("diff", "DIR")
    assert repository.run("push", "DIR", "--check").exit_code == 1
    assert repository.ok("push", "DIR", "--note", "first") == "pushed: P-greeting@1\n"
    assert repository.ok("push", "DIR", "--check") == "to push: nothing\n"
    stored = repository.newest("greeting")
    assert (stored["note"], stored["parameters"]) == ("first", {"temperature": 0})
    assert stored["declared"][0]["name"] == "name"  # type: ignore[index]  # JSON
    listed = json.loads(repository.ok("list", "--folder", "mail", "--tag", "polite", "--json"))
    assert [row["name"] for row in listed] == ["P-greeting"]
    repository.path("greeting").unlink()
    assert repository.ok("pull", "DIR") == "pulled: P-greeting@1\n"
    assert "Greet <name>{{ name }}</name>." in repository.path("greeting").read_text()
    assert repository.ok("diff", "DIR", "--check") == "files and registry are the same\n"
    assert json.loads((repository.folder / LOCK_NAME).read_text())["prompts"]


def test_a_change_on_one_side_goes_to_the_other(repository: Repository) -> None:
    repository.ok("push", "DIR")
    repository.put("greeting", GREETING.replace("Greet", "Kindly greet"))
    shown = repository.ok("diff", "DIR")
    assert "to push: P-greeting@1" in shown
    assert "[-Greet-]{+Kindly greet+}" in shown
    assert repository.ok("push", "DIR") == "pushed: P-greeting@2\n"
    repository.edit_remotely("greeting", "Remote.")
    assert repository.run("pull", "DIR", "--check").exit_code == 1
    assert repository.run("diff", "DIR", "--check").exit_code == 1
    assert repository.ok("push", "DIR") == "pushed: nothing\n"
    assert repository.ok("pull", "DIR") == "pulled: P-greeting@3\n"
    assert "Remote." in repository.path("greeting").read_text()


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_what_changed_on_both_sides_is_refused_and_nothing_else_is_done_either(
    repository: Repository, verb: str
) -> None:
    repository.ok("push", "DIR")
    repository.put("greeting", GREETING.replace("Greet", "Mine"))
    repository.edit_remotely("greeting", "Theirs.")
    repository.put("other", "Another.")
    before = repository.path("greeting").read_text()
    result = repository.run(verb, "DIR")
    assert result.exit_code == 2
    assert "changed in the file and in the registry" in result.stderr
    assert repository.path("greeting").read_text() == before
    assert repository.newest("greeting")["version"] == 2
    repository.ok(verb, "DIR", "--force")
    newest = repository.newest("greeting")
    if verb == "push":
        assert (newest["version"], repository.newest("other")["version"]) == (3, 1)
    else:
        assert "Theirs." in repository.path("greeting").read_text()


def test_what_takes_in_a_prompt_follows_it(repository: Repository) -> None:
    repository.put("style", "Be brief.")
    repository.put("a-mail", 'Write mail. {% include "P-style" %}')
    assert "P-a-mail@1" in repository.ok("push", "DIR")
    repository.put("style", "Be kind.")
    assert repository.ok("push", "DIR") == "pushed: P-style@2\npushed: P-a-mail@2\n"
    partials = repository.newest("a-mail")["partials"]
    assert partials[0]["ref"] == f"{repository.prefix}style@2"  # type: ignore[index]  # JSON


def test_a_file_points_its_labels_and_moves_its_folder(repository: Repository) -> None:
    repository.ok("push", "DIR")
    moved = GREETING.replace("folder: mail", "folder: post\nlabels: [staging]")
    repository.put("greeting", moved)
    assert "folder: 'mail' in the registry, 'post' in the file" in repository.ok("diff", "DIR")
    assert repository.ok("push", "DIR") == "pushed: P-greeting@1\n"
    assert repository.newest("greeting")["labels"] == ["staging"]
    assert repository.ok("push", "DIR", "--check") == "to push: nothing\n"


def test_labels_move_from_the_command_line(repository: Repository) -> None:
    repository.ok("push", "DIR")
    repository.edit_remotely("greeting", "Two.")
    assert "production is version 1" in repository.ok("label", "P-greeting@1", "production")
    assert repository.run("label", "P-greeting@2", "production", "--over", "2").exit_code == 2
    repository.ok("label", "P-greeting@2", "production", "--over", "1")
    listed = repository.ok("list", "--label", "production")
    assert "production@2" in listed
    versions = repository.ok("versions", "P-greeting")
    assert [line.split()[:2] for line in versions.splitlines()[1:]] == [
        ["P-greeting@2", "production"],
        ["P-greeting@1", "-"],
    ]
    repository.ok("unlabel", "P-greeting@production")
    assert repository.run("show", "P-greeting@production").exit_code == 2
    assert repository.run("unlabel", "greeting").exit_code == 2


def test_archived_prompts_are_put_away(repository: Repository) -> None:
    repository.ok("push", "DIR")
    repository.ok("archive", "P-greeting")
    assert "P-greeting" not in repository.ok("list", "--folder", "mail")
    assert "archived" in repository.ok("list", "--folder", "mail", "--archived")
    repository.ok("archive", "P-greeting", "--restore")
    assert "P-greeting" in repository.ok("list", "--folder", "mail")


def test_versions_are_compared_and_shown(repository: Repository) -> None:
    repository.ok("push", "DIR")
    repository.put("greeting", GREETING.replace("temperature: 0", "temperature: 0.7"))
    repository.ok("push", "DIR")
    found = repository.run("diff", "P-greeting@1", "P-greeting@2", "--check")
    assert found.exit_code == 1
    assert "`temperature` 0 -> 0.7." in found.stdout
    assert "- temperature: 0\n+ temperature: 0.7" in found.stdout
    assert repository.ok("diff", "P-greeting@2", "P-greeting@latest", "--check")
    shown = repository.ok("show", "P-greeting@1")
    assert "## user\n\nGreet <name>{{ name }}</name>.\n" in shown
    assert repository.run("diff", "a", "b", "c").exit_code == 2


def test_a_preview_shows_messages_tokens_and_cost(repository: Repository) -> None:
    repository.ok("push", "DIR")
    seen = repository.ok("preview", "P-greeting", "--var", "name=Ada", "--model", "trimtab/extract")
    assert "Greet <name>Ada</name>." in seen
    assert "about 10 tokens" in seen
    assert "trimtab/extract" in seen
    values = repository.folder / "values.json"
    values.write_text('{"name": "Bob"}')
    assert "Bob" in repository.ok("preview", "P-greeting", "--vars", f"@{values}")
    assert repository.run("preview", "P-greeting", "--var", "name").exit_code == 2


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        (GREETING, (), 0, "nothing to mend"),
        ("Help {{ who }} now.", (), 0, "warning open_slot"),
        ("Help {{ who }} now.", ("--strict",), 1, "warning open_slot"),
        ("word " * 100, ("--window", "50"), 1, "error too_long"),
        ('{% include "style" %}', (), 0, "(at prompt style@0)"),
        ("{{ unclosed", (), 2, "syntax error"),
    ],
)
def test_a_file_is_checked_without_a_server(
    tmp_path: Path, text: str, options: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "style.prompt.md").write_text("Help {{ who }} now.")
    path = tmp_path / "checked.prompt.md"
    path.write_text(text)
    result = CliRunner().invoke(root, ["prompts", "lint", str(path), *options])
    assert result.exit_code == code, result.output
    assert said in result.output


def test_a_version_is_checked_in_the_registry(repository: Repository) -> None:
    repository.edit_remotely("lax", "Help {{ who }} now.")
    assert json.loads(repository.ok("lint", "P-lax", "--json"))[0]["code"] == "open_slot"


def test_a_directory_is_the_folder_of_its_prompts(repository: Repository) -> None:
    inner = repository.folder / "post" / "in"
    inner.mkdir(parents=True)
    file = inner / repository.path("letter").name
    file.write_text("Write letters.")
    repository.ok("push", "DIR")
    letter = f"/api/v1/prompts/{repository.prefix}letter/entry"
    assert repository.server.client.get(letter)["folder"] == "post/in"
    assert "pulled: nothing" in repository.ok("pull", "DIR")
    repository.server.client.patch(letter, {"folder": "post/out"})
    assert "pulled: P-letter@1" in repository.ok("pull", "DIR")
    assert "folder: post/out" in file.read_text()
    file.unlink()
    (inner.parent / "out").mkdir()
    assert "pulled: P-letter@1" in repository.ok("pull", "DIR")
    assert "folder" not in (inner.parent / "out" / file.name).read_text()
    assert "files and registry are the same" in repository.ok("diff", "DIR")


def test_a_folder_of_the_registry_leads_to_no_other_place(tmp_path: Path) -> None:
    assert directory_of("../..", tmp_path) == tmp_path
    assert directory_of("post/..", tmp_path) == tmp_path


def test_a_push_that_breaks_off_can_be_carried_on_with(repository: Repository) -> None:
    repository.put("zero", GREETING.replace("folder: mail", "folder: ../mail"))
    result = repository.run("push", "DIR")
    assert result.exit_code == 2
    assert f"{repository.path('zero')}, folder" in result.stderr
    assert repository.newest("zero")["version"] == 1
    repository.put("zero", GREETING.replace("folder: mail", "folder: post"))
    assert repository.ok("push", "DIR") == "pushed: P-zero@1\n"


def test_what_looks_like_a_credential_is_pushed_only_when_that_is_said(
    repository: Repository,
) -> None:
    key = "gsk_" + "x7Yw2mQ9" * 6
    repository.put("greeting", GREETING.replace("You write", f"Send {key}. You write"))
    refused = repository.run("push", "DIR")
    assert (refused.exit_code, key in refused.output) == (2, False)
    assert f"{repository.path('greeting')}, message 0" in refused.stderr
    assert "--allow-secrets" in refused.stderr
    assert repository.ok("push", "DIR", "--allow-secrets") == "pushed: P-greeting@1\n"
    entries = repository.server.client.get("/api/v1/audit", {"action": "prompt.allow_secrets"})
    assert entries["data"][0]["object"] == f"{repository.prefix}greeting@1"
    repository.put("greeting", GREETING.replace("You write", f"Send {key}. We write"))
    assert repository.ok("push", "DIR") == "pushed: P-greeting@2\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "DIR/nowhere"], "there is no directory"),
        (["diff", "DIR/nowhere"], "there is no directory"),
        (["preview", "P-greeting", "--vars", "@DIR/nowhere.json"], "cannot be read"),
    ],
)
def test_what_is_not_there_is_named(
    repository: Repository, arguments: list[str], said: str
) -> None:
    result = repository.run(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_template_that_cannot_be_read_is_named_by_its_file(repository: Repository) -> None:
    repository.put("bad", "one\n{% for x in y %}")
    for words in (["push", "DIR"], ["lint", str(repository.path("bad"))]):
        assert f"{repository.path('bad')}, message 0" in repository.run(*words).stderr


def test_two_files_of_one_prompt_are_named(repository: Repository) -> None:
    nested = repository.folder / "nested"
    nested.mkdir()
    (nested / repository.path("greeting").name).write_text("x")
    result = repository.run("push", "DIR")
    assert result.exit_code == 2
    assert "are both of the prompt" in result.stderr


EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "prompts").glob("*.prompt.md"))


def test_the_examples_are_accepted_as_they_are(server: Served, tmp_path: Path) -> None:
    for path in EXAMPLES:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    words = ["prompts", "push", str(tmp_path), "--url", server.url]
    pushed = CliRunner().invoke(root, words)
    assert pushed.exit_code == 0, pushed.output
    assert pushed.stdout.count("pushed: ") == len(EXAMPLES) == 5
    for path in EXAMPLES:
        (tmp_path / path.name).unlink()
    assert CliRunner().invoke(root, ["prompts", "pull", *words[2:]]).exit_code == 0
    for path in EXAMPLES:
        assert (tmp_path / path.name).read_text() == path.read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_nothing_is_to_be_mended_in_an_example(path: Path) -> None:
    result = CliRunner().invoke(root, ["prompts", "lint", str(path), "--strict"])
    assert result.exit_code == 0, result.output
