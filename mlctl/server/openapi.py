"""The OpenAPI document, made from the table of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlctl import version
from mlctl.server.routes import ROUTES, Route

if TYPE_CHECKING:
    from mlctl.server.requests import Body

_ERROR = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}


def document(*, prefix: str = "") -> bytes:
    """The document as JSON; ``prefix`` stands in front of every path."""
    kinds = [route.request for route in ROUTES]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    enums = {kind.__name__: kind.enums for kind in kinds}
    for title, schema in schemas.items():
        schema.pop("additionalProperties", None)  # what is not known is ignored
        for name, known in enums.get(title, {}).items():
            if name in schema.get("properties", {}):
                schema["properties"][name] = {"type": "string", "enum": list(known)}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for path in route.paths() if route.documented else ():
            paths.setdefault(prefix + path, {})[route.method.lower()] = _operation(
                route, path, schema=schemas.get(route.request.__name__, {})
            )
    info = {"title": "mlctl tracking server", "version": version.__version__}
    found = {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": {**schemas, "Error": _ERROR}}}
    return msgspec.json.encode(found)


def _operation(route: Route, path: str, *, schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{route.method.lower()}:{path.strip('/')}",
        "summary": route.name,
        "responses": {"200": _response("Done", {"type": "object"}), "4XX": _response("A mistake", {"$ref": "#/components/schemas/Error"})},
    }
    properties, required = schema.get("properties", {}), schema.get("required", [])
    named = [name for name in properties if f"{{{name}}}" in path]
    parameters = [{"name": name, "in": "path", "required": True, "schema": properties[name]} for name in named]
    if route.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": inner}
            for name, inner in properties.items()
            if name not in named
        ]
    if parameters or route.method == "GET":
        found["parameters"] = parameters
    if route.method != "GET":
        found["requestBody"] = {"required": True, "content": _json({"$ref": _reference(route.request)})}
    return found


def _reference(request: type[Body]) -> str:
    return f"#/components/schemas/{request.__name__}"


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": _json(schema)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
