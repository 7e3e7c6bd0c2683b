"""Packages whose name is nearly that of another: a slip of the hand, or a trap set for one."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

import msgspec

from trimtab.errors import ConfigError
from trimtab.governance.supply_chain.component import Component, Ecosystem, normal_name

_DATA = Path(__file__).parent / "known"
_LONG = 8  # letters from which two slips may be one name

ALIASES: dict[str, str] = {
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "pymupdf", "git": "gitpython",
    "github": "pygithub", "google": "google-auth", "grpc": "grpcio", "jose": "python-jose",
    "jwt": "pyjwt", "magic": "python-magic", "mpl_toolkits": "matplotlib", "mysqldb": "mysqlclient",
    "nacl": "pynacl", "opentelemetry": "opentelemetry-api", "openssl": "pyopenssl",
    "pil": "pillow", "pkg_resources": "setuptools", "psycopg2": "psycopg2-binary",
    "pptx": "python-pptx", "docx": "python-docx", "multipart": "python-multipart",
    "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "slugify": "python-slugify", "socks": "pysocks", "telegram": "python-telegram-bot",
    "usb": "pyusb", "umap": "umap-learn", "win32api": "pywin32", "yaml": "pyyaml", "zmq": "pyzmq",
    "crypto": "pycryptodome", "levenshtein": "levenshtein", "stdnum": "python-stdnum",
    "re2": "google-re2", "phonenumbers": "phonenumberslite", "pydantic_core": "pydantic-core",
}  # fmt: skip
"""Distributions of modules that are called otherwise, by the module in lower case."""


class NearName(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A name that is unknown, beside the known one it is like."""

    name: str
    like: str
    distance: int
    source: str


@cache
def known(ecosystem: Ecosystem) -> frozenset[str]:
    """Names that many install, as their registry compares them; no list is ever whole."""
    lines = (_DATA / f"{ecosystem.lower()}.txt").read_text("utf-8").splitlines()
    names = {name for line in lines if not line.startswith("#") for name in line.split()}
    return frozenset(normal_name(name, ecosystem) for name in names)


def near(components: Iterable[Component], *, allowed: Collection[str] = ()) -> list[NearName]:
    """Packages that are not known, and one or two slips away from one that is.

    A slip is a letter too many, too few, another or swapped with the next (optimal string
    alignment); two count in names of 8 letters or more.

    Args:
        allowed: names that are right though they look otherwise.

    >>> [(one.name, one.like) for one in near([Component(ecosystem="PyPI", name="reqeusts")])]
    [('reqeusts', 'requests')]
    """
    found = []
    for one in sorted(set(components)):
        right = {normal_name(name, one.ecosystem) for name in allowed}
        if one.name in right or one.name in known(one.ecosystem):
            continue
        like = nearest(one.name, known(one.ecosystem))
        if like:
            found.append(NearName(name=one.name, like=like[0], distance=like[1], source=one.source))
    return found


def nearest(name: str, names: Collection[str]) -> tuple[str, int] | None:
    """The nearest of some names, and how many slips it is away; None beyond what counts."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extractOne

    most = 2 if len(name) >= _LONG else 1
    if len(name) < 3:
        return None
    best = extractOne(name, sorted(names), scorer=OSA.distance, score_cutoff=most)
    if best is not None and best[1]:
        return best[0], int(best[1])
    folded = name.replace("-", "")
    same = next((one for one in sorted(names) if one.replace("-", "") == folded), None)
    return (same, 1) if same else None


def imports_of(code: str) -> set[str]:
    """The top modules that Python code imports, the standard library's left out.

    Code that does not parse is read line by line; that of Markdown, in its fenced blocks.

    >>> sorted(imports_of("import os, numpy.linalg\\nfrom sklearn import svm"))
    ['numpy', 'sklearn']
    """
    blocks = _FENCED.findall(code) or [code]
    found: set[str] = set()
    for block in blocks:
        try:
            tree = ast.parse(block)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            found |= _by_line(block)
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"__future__"}


_FENCED = re.compile(
    r"^[ \t]*```(?:python|py)[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+(\w[\w., ]*))", re.MULTILINE
)


def _by_line(block: str) -> set[str]:
    found = set()
    for source, several in _IMPORT.findall(block):
        names = [source] if source else several.split(",")
        found |= {match[0] for name in names if (match := re.match(r"\w+", name.strip()))}
    return found


def imported(path: Path) -> list[Component]:
    """The distributions behind the imports of a file of code, or of an answer with code in it.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        code = path.read_text("utf-8", "replace")
    except OSError as error:
        what = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(what, fix="name a file of Python code or of Markdown") from None
    return [
        Component(
            ecosystem="PyPI",
            name=normal_name(ALIASES.get(name.lower(), name), "PyPI"),
            source=str(path),
        )
        for name in sorted(imports_of(code))
    ]
