"""What an HTTP answer comes to: the JSON object in it, or why there is none and whether to try again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from workbench.engines.protocol import FailureCause
from workbench.words import readable, whole_text

MAX_DETAIL = 300
MAX_ERROR_BODY_BYTES = 64 * 1024
MIN_SECRET_LENGTH = 4
NOT_IMPLEMENTED = 501
REQUEST_TIMEOUT = 408
PUBLIC_HEADERS = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True)
class Fault:
    """How one attempt went wrong; `wait_s` is the wait the server asked for."""

    cause: FailureCause
    detail: str
    is_transient: bool = True
    wait_s: float | None = None


def json_object(status: int, content: bytes, is_whole: bool) -> tuple[dict[str, Any], str] | Fault:
    """Return the JSON object a body holds and the body as text, or what is wrong with it."""
    if not is_whole:
        return Fault(FailureCause.MALFORMED, f"the body is longer than {len(content):,} bytes", is_transient=False)
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Fault(FailureCause.MALFORMED, f"HTTP {status}, not JSON: {error}: {_text(content)}")
    if not isinstance(value, dict):
        return Fault(FailureCause.MALFORMED, f"HTTP {status}, no JSON object: {_text(content)}")
    return _error_within(status, value, content) or (value, text)


def _error_within(status: int, value: Mapping[str, Any], content: bytes) -> Fault | None:
    """Return the fault of an error object that came with a good status and without an answer; None where it is none."""
    error = value.get("error")
    if not error or value.get("choices") or "action" in value:
        return None
    codes = [error.get("code"), error.get("status")] if isinstance(error, Mapping) else []
    named = next((code for code in map(_status, [*codes, value.get("code"), value.get("status")]) if code), None)
    if named is None:
        message = f"HTTP {status} with an error in it: {_message(content)}"
        return Fault(FailureCause.REJECTED, message, is_transient=False)
    return replace(refusal(named, {}, content), detail=f"HTTP {status} with error {named} in it: {_message(content)}")


def _status(value: object) -> int | None:
    """Return an HTTP status that an error names, None where it names none."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    return value if isinstance(value, int) and 400 <= value < 600 else None


def refusal(status: int, headers: Mapping[str, str], content: bytes) -> Fault:
    """Return the fault that a status other than 2xx stands for."""
    fault = Fault(FailureCause.REJECTED, f"HTTP {status}: {_message(content)}")
    if status == REQUEST_TIMEOUT:
        return replace(fault, cause=FailureCause.TIMEOUT)
    if status == 429 or (status >= 500 and status != NOT_IMPLEMENTED):
        cause = FailureCause.RATE_LIMITED if status == 429 else FailureCause.SERVER_ERROR
        asked, served = headers.get("Retry-After"), headers.get("Date")
        wait_s = retry_after_s(asked, _date(served) or datetime.now(UTC)) if asked is not None else None
        detail = fault.detail if asked is None else f"HTTP {status}, Retry-After {asked[:40]}: {_message(content)}"
        return replace(fault, cause=cause, detail=detail, wait_s=wait_s)
    if 300 <= status < 400:
        target = headers.get("Location", "nowhere")
        return replace(
            fault, detail=f"HTTP {status}: a redirect to {target}, which is not followed", is_transient=False
        )
    return replace(fault, cause=FailureCause.AUTH if status in (401, 403) else fault.cause, is_transient=False)


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks to wait, None when it cannot be read.

    The value is a number of seconds or an HTTP date; `now` is the server's own Date where it gives one, so that clocks
    that disagree do not matter.

    Source: RFC 9110, sections 5.6.7 and 10.2.3; a fraction of a second is accepted beyond it.

    Examples
    --------
    >>> retry_after_s("2", datetime(2026, 11, 22, tzinfo=UTC))
    2.0
    >>> retry_after_s("Sun, 22 Nov 2026 00:00:05 GMT", datetime(2026, 11, 22, tzinfo=UTC))
    5.0
    >>> retry_after_s("soon", datetime(2026, 11, 22, tzinfo=UTC)) is None
    True
    """
    try:
        seconds = float(value)
    except ValueError:
        date = _date(value)
        return None if date is None else max(0.0, (date - now).total_seconds())
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(value: str | None) -> datetime | None:
    """Return the moment an HTTP date names, None when it is none."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _message(content: bytes) -> str:
    """Return what an error body says, on one line."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        found = next((value[key] for key in ("error", "detail", "message") if value.get(key)), value)
        found = found.get("message", found) if isinstance(found, dict) else found
        text = found if isinstance(found, str) else json_text(found)
    else:
        text = _text(content)
    return " ".join(text.split()) or "(no message)"


def _text(content: bytes) -> str:
    """Return the beginning of a body as text."""
    return content[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")


def error_text(error: BaseException) -> str:
    """Return an error's class and text."""
    return f"{type(error).__name__}: {error}"


def json_text(value: object) -> str:
    """Return a value that came as JSON as text for a reader."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested too deeply to be shown)"


def detail_of(text: str, headers: Mapping[str, str]) -> str:
    """Return a failure's detail: short, and without the values of request headers, should a server have echoed one."""
    for name, value in headers.items():
        if name.lower() not in PUBLIC_HEADERS:
            for secret in (value, value.rpartition(" ")[2]):
                text = text.replace(secret, "[removed]") if len(secret) >= MIN_SECRET_LENGTH else text
    return readable(whole_text(text), MAX_DETAIL)
