"""No port without a contract, no contract without an implementation that is held to it."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Protocol

import trimtab.testing
from trimtab import ports

HERE = Path(__file__).parent


def contracts() -> dict[str, type]:
    modules = [
        import_module(f"trimtab.testing.{found.name}")
        for found in pkgutil.iter_modules(trimtab.testing.__path__)
    ]
    return {
        name: kind
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Contract")
    }


def test_every_port_has_a_contract() -> None:
    named = {
        name
        for name, kind in inspect.getmembers(ports, inspect.isclass)
        if kind.__module__.startswith(f"{ports.__name__}.") and Protocol in kind.__bases__
    }
    assert len(named) > 10
    assert {f"{name}Contract" for name in named} <= contracts().keys()


def test_every_contract_is_run() -> None:
    text = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    inherited = {base.__name__ for kind in contracts().values() for base in kind.__mro__[1:]}
    for name in contracts():
        assert f"({name})" in text or name in inherited, f"nothing is held to {name}"
