"""The journal of a run: what was written is there again, whatever became of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.stations.journals import a_run, result

from trimtab.errors import Conflict, InvalidRequest, NotDurable
from trimtab.experiments.journal import Journal, head, read


def written(folder: Path, count: int) -> Path:
    journal = Journal.begin(folder, a_run())
    for number in range(count):
        journal.finished(result(number))
    journal.close()
    return journal.path


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, 5)
    contents = read(path)
    assert contents.run == a_run()
    assert contents.results == {(f"e{n}", 0): result(n) for n in range(5)}
    assert (contents.damaged, contents.answers) == (0, {})
    assert head(path) == a_run()


def test_a_result_takes_the_place_of_its_answer_and_a_later_one_that_of_both(
    tmp_path: Path,
) -> None:
    journal = Journal.begin(tmp_path, a_run())
    journal.answered(result(1, output="unjudged"))
    journal.answered(result(2, output="unjudged"))
    journal.finished(result(1, output="first"))
    journal.finished(result(1, output="second"))
    journal.close()
    contents = read(journal.path)
    assert {key: r.output for key, r in contents.results.items()} == {("e1", 0): "second"}
    assert {key: r.output for key, r in contents.answers.items()} == {("e2", 0): "unjudged"}


@pytest.mark.parametrize("cut_bytes", [1, 20, 150])
def test_a_torn_last_line_is_left_out_and_written_over(tmp_path: Path, cut_bytes: int) -> None:
    path = written(tmp_path, 5)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut_bytes])
    journal, contents = Journal.reopen(path)
    assert sorted(contents.results) == [(f"e{n}", 0) for n in range(4)]
    journal.finished(result(4))
    journal.close()
    assert path.read_bytes() == whole


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    path = written(tmp_path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"\x00" * (len(lines[3]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    contents = read(path)
    assert contents.damaged == 1
    assert sorted(contents.results) == [("e0", 0), ("e1", 0), ("e3", 0), ("e4", 0)]


@pytest.mark.parametrize("data", [b"", b"hello\n", b'{"run":{}}\n', b'{"result":{}}\n'])
def test_what_is_no_journal_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(data)
    assert head(path) is None
    with pytest.raises(InvalidRequest):
        read(path)


def test_two_processes_cannot_be_at_one_run(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, a_run())
    with pytest.raises(Conflict, match="is at this run now"):
        Journal.reopen(journal.path)
    journal.close()
    again, _ = Journal.reopen(journal.path)
    again.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotDurable, match="cannot be written"):
        Journal.begin(tmp_path / "file" / "runs", a_run())


def test_nothing_written_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.stations.journal_process", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    said = 0
    for line in writer.stdout:
        said = int(line)
        if said >= 1000:
            break
    writer.kill()
    writer.wait()
    writer.stdout.close()
    journal, contents = Journal.reopen(tmp_path / "run-1.journal")
    journal.close()
    assert len(contents.results) >= said
    assert contents.damaged == 0
