"""What the REST systems of the sandbox share: arguments, declared errors, and answers."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

Correlation = Annotated[
    str, Header(alias="X-Correlation-ID", max_length=100, description="id of the record that the call is for")
]
Key = Annotated[
    str,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="a second call with it writes nothing"),
]
InvoiceNumber = Annotated[str, Query(min_length=1, max_length=60)]
VendorId = Annotated[str, Query(pattern=r"^\d{6}$")]


class Problem(BaseModel):
    detail: str


class Cancelled(BaseModel):
    cancelled: int


class Asked(BaseModel):
    """A body; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class OfDocument(Asked):
    invoice_number: str = Field(min_length=1, max_length=60)
    vendor_id: str = Field(pattern=r"^\d{6}$")


WHY = {
    401: "who calls is not known, or no longer",
    403: "the account has not the right",
    404: "there is no such thing",
    409: "the key was used with another content",
    429: "too many calls",
    503: "under maintenance",
}


def declared(good: type[BaseModel], *codes: int, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return what an operation may answer: its good answer, and errors with their meaning."""
    errors = {code: {"model": Problem, "description": WHY[code]} for code in (401, 403, *codes, 429, 503)}
    return {status: {"model": good}, **errors}


def problem(status: int, why: str) -> JSONResponse:
    """Return an error."""
    return JSONResponse({"detail": why}, status)


def of_others() -> JSONResponse:
    """Return the error of a call about another tenant's records."""
    return problem(403, "the account has no right to this vendor")


def methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return the methods that the path of a call has, of all routes."""
    asked = request.url.path.removeprefix(request.scope.get("root_path", ""))
    described = app.openapi()["paths"]
    fitting = [path for path in described if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked)]
    return sorted({method.upper() for path in fitting for method in described[path]})


def web_app(title: str) -> FastAPI:
    """Return an application; whatever is wrong with a call's arguments is a 422."""
    app = FastAPI(title=title, version="1", docs_url=None, redoc_url=None)

    async def unreadable(request: Request, error: Any) -> JSONResponse:
        if error.status_code == 400:
            return JSONResponse({"detail": [{"loc": ["body"], "msg": error.detail, "type": "value_error"}]}, 422)
        headers = {"Allow": ", ".join(methods_of(app, request))} if error.status_code == 405 else error.headers
        return JSONResponse({"detail": error.detail}, error.status_code, headers=headers)

    async def unfit(request: Request, error: Any) -> JSONResponse:
        found = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors()]
        return JSONResponse({"detail": found}, 422)

    app.add_exception_handler(HTTPException, unreadable)
    app.add_exception_handler(RequestValidationError, unfit)
    return app
