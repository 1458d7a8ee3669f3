"""The errors: one class for each code, in order, which survives the way to the client with all that it says."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api import errors
from ostiary.api.errors import (
    BY_CODE,
    BadStatus,
    Forbidden,
    LimitExceeded,
    MatrixError,
    Reason,
    ResourceLimitExceeded,
    UnknownToken,
    UserLimitExceeded,
    UserLocked,
    WeakPassword,
)

EXTRAS: dict[type[MatrixError], dict[str, st.SearchStrategy[Any]]] = {
    BadStatus: {"answered_status": st.none() | st.integers(100, 599), "answered_body": st.none() | st.text()},
    LimitExceeded: {"retry_after_ms": st.none() | st.integers(0, 2**53)},
    ResourceLimitExceeded: {"admin_contact": st.text()},
    UnknownToken: {"soft_logout": st.booleans()},
    UserLimitExceeded: {"info_uri": st.text(), "can_upgrade": st.booleans()},
}
"""The codes that have fields of their own, and what these may be."""

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MatrixError)]
CODES = [kind for kind in KINDS if kind is not MatrixError]


class TestFamily:
    def test_classes_stand_in_the_order_of_their_names(self) -> None:
        assert [kind.__name__ for kind in CODES] == sorted(kind.__name__ for kind in CODES)

    def test_every_code_has_one_class_named_after_it(self) -> None:
        assert list(BY_CODE.values()) == CODES
        for kind in CODES:
            assert kind.__name__ == kind.errcode.removeprefix("M_").replace("_", " ").title().replace(" ", "")

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
    def test_class_has_a_docstring_a_status_and_its_own_fields_as_parameters(self, kind: type[MatrixError]) -> None:
        assert kind.__dict__["__doc__"]
        assert 400 <= kind.status <= 599
        common = inspect.signature(MatrixError).parameters.keys()
        assert inspect.signature(kind).parameters.keys() - common == EXTRAS.get(kind, {}).keys()


class TestTravel:
    @pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.errcode)
    @given(st.data())
    def test_error_survives_the_way_to_the_client(self, kind: type[MatrixError], data: st.DataObject) -> None:
        extras = {name: data.draw(values) for name, values in EXTRAS.get(kind, {}).items()}
        message = data.draw(st.text())
        error = kind(message, reason=Reason.UNKNOWN_USER, **extras)
        again = MatrixError.from_json(error.status, error.to_json())
        assert type(again) is kind
        assert (again.status, again.errcode, again.message) == (kind.status, kind.errcode, error.message)
        assert again.to_json() == error.to_json() == again.body
        assert {name: getattr(again, name) for name in extras} == extras
        assert str(again) == str(error) == f"{kind.errcode}: {message or kind.default_message}"

    @pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.errcode)
    def test_reason_does_not_travel(self, kind: type[MatrixError]) -> None:
        error = kind(reason=Reason.WRONG_PASSWORD)
        assert error.reason is Reason.WRONG_PASSWORD
        assert "wrong_password" not in f"{error.to_json()}{error}{error!r}"
        assert MatrixError.from_json(403, {**error.to_json(), "reason": "wrong_password"}).reason is None

    def test_field_and_status_of_a_single_error_are_kept_on_it_alone(self) -> None:
        error = Forbidden("No", field="user", status=401)
        assert (error.field, error.status, Forbidden.status) == ("user", 401, 403)
        assert error.to_json() == {"errcode": "M_FORBIDDEN", "error": "No"}

    def test_locked_account_is_told_to_keep_its_keys(self) -> None:
        assert UserLocked().to_json()["soft_logout"] is True

    def test_delay_that_is_not_known_is_not_on_the_wire(self) -> None:
        assert LimitExceeded().to_json().keys() == {"errcode", "error"}


class TestFromOtherServers:
    def test_unknown_code_is_kept(self) -> None:
        error = MatrixError.from_json(418, {"errcode": "ORG_EXAMPLE_TEAPOT", "error": "short and stout", "spout": 1})
        assert type(error) is MatrixError
        assert (error.errcode, error.status, error.body["spout"]) == ("ORG_EXAMPLE_TEAPOT", 418, 1)
        assert str(error) == "ORG_EXAMPLE_TEAPOT: short and stout"
        assert (MatrixError.errcode, MatrixError.status) == ("M_UNKNOWN", 400)

    @pytest.mark.parametrize("errcode", ["M_PASSWORD_TOO_SHORT", "M_PASSWORD_NO_DIGIT", "M_PASSWORD_IN_DICTIONARY"])
    def test_what_a_password_lacks_makes_it_weak(self, errcode: str) -> None:
        error = MatrixError.from_json(400, {"errcode": errcode, "error": "Too short"})
        assert type(error) is WeakPassword
        assert (error.errcode, WeakPassword.errcode) == (errcode, "M_WEAK_PASSWORD")
        assert str(error) == f"{errcode}: Too short"

    @pytest.mark.parametrize("odd", [{}, {"error": None}, {"error": 3}, {"error": ["x"]}, {"error": ""}])
    def test_missing_or_odd_text_gives_the_default(self, odd: dict[str, Any]) -> None:
        error = MatrixError.from_json(403, {"errcode": "M_FORBIDDEN", **odd})
        assert error.message == Forbidden.default_message

    @pytest.mark.parametrize(
        ("errcode", "extras", "read"),
        [
            ("M_LIMIT_EXCEEDED", {"retry_after_ms": "soon"}, None),
            ("M_LIMIT_EXCEEDED", {"retry_after_ms": -1}, None),
            ("M_LIMIT_EXCEEDED", {"retry_after_ms": 1.5}, None),
            ("M_LIMIT_EXCEEDED", {"retry_after_ms": True}, None),
            ("M_LIMIT_EXCEEDED", {}, None),
            ("M_LIMIT_EXCEEDED", {"retry_after_ms": 0}, 0),
            ("M_UNKNOWN_TOKEN", {"soft_logout": "true"}, False),
            ("M_UNKNOWN_TOKEN", {"soft_logout": 1}, False),
            ("M_UNKNOWN_TOKEN", {}, False),
            ("M_RESOURCE_LIMIT_EXCEEDED", {"admin_contact": None}, ""),
            ("M_RESOURCE_LIMIT_EXCEEDED", {"admin_contact": ["mailto:a@b"]}, ""),
            ("M_USER_LIMIT_EXCEEDED", {"info_uri": 3, "can_upgrade": "yes"}, ("", False)),
        ],
    )
    def test_field_of_a_wrong_type_counts_as_missing(self, errcode: str, extras: dict[str, Any], read: Any) -> None:
        error = MatrixError.from_json(400, {"errcode": errcode, **extras})
        found = tuple(getattr(error, name) for name in EXTRAS[type(error)])
        assert found == (read if isinstance(read, tuple) else (read,))
