"""Types of fields in request bodies, stricter than pydantic's own."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field


def _number(value: Any) -> Any:
    # true would be 1, and "1" too.
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


def _text(value: Any) -> Any:
    # A number would be seconds since 1970.
    if not isinstance(value, str):
        raise ValueError("must be RFC 3339 text")
    return value


# After the bounds of a field, or its schema lacks them.
NUMBER = BeforeValidator(_number)
Moment = Annotated[AwareDatetime, BeforeValidator(_text)]
Id = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
