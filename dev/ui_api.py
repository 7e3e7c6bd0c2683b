"""Write the part of the API's description that the web UI asks for: what its types are made of.

Prints JSON; `make ui-types` turns it into ui/src/api/schema.ts, and a test says when that is old.
"""

from __future__ import annotations

import json
from typing import Any

from trimtab.api import openapi
from trimtab.api.table import TABLE

_FOREIGN = "/api/v1/private/"  # of another platform's SDK


def description() -> dict[str, Any]:
    """The management API without prose and without errors, which are all of one shape."""
    whole = openapi.describe(TABLE)
    paths = {
        path: {method: _operation(operation) for method, operation in methods.items()}
        for path, methods in whole["paths"].items()
        if path.startswith("/api/v1/") and not path.startswith(_FOREIGN)
    }
    schemas = whole["components"]["schemas"]
    kept = _reached(paths, schemas) | _reached({"$ref": "#/components/schemas/Problem"}, schemas)
    return {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "paths": _bare(paths),
        "components": {"schemas": {name: _bare(schemas[name]) for name in sorted(kept)}},
    }


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    answers = {"2XX": operation["responses"]["2XX"]}
    kept = {name: operation[name] for name in ("parameters", "requestBody") if name in operation}
    return {**kept, "responses": answers}


def _bare(node: Any, *, named: bool = False) -> Any:
    """Without titles and descriptions, but for properties that have such a name."""
    if isinstance(node, list):
        return [_bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _bare(value, named=key == "properties")
        for key, value in node.items()
        if named or key not in ("title", "description")
    }


def _reached(node: Any, schemas: dict[str, Any]) -> set[str]:
    """The names of the schemas that a description refers to, directly or through others."""
    found: set[str] = set()
    queue = [node]
    while queue:
        one = queue.pop()
        if isinstance(one, list):
            queue += one
        elif isinstance(one, dict):
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                queue.append(schemas[name])
            queue += one.values()
    return found


if __name__ == "__main__":
    print(json.dumps(description(), sort_keys=True))
