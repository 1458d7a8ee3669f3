"""Lists that come in pages: one iterator for every call that has ``from``, and an answer that says where it goes on.

``limit`` and ``dir`` are the request's own, where it has them. Knows no network.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, Generic, TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct, with_fields
from ostiary.client.errors import PagesRepeat

R = TypeVar("R", bound=Struct)

START: Final = "from"

NEXT: Final = ("next_batch", "end")
"""What an answer calls the ``from`` of the page that follows."""


class _Course(Generic[R]):
    """Where in a list one is: what to ask next, and whether to."""

    def __init__(self, request: Endpoint[R], start: str | None, max_pages: int | None, max_items: int | None) -> None:
        self._start = _field_of(request, START)
        self._request = request if start is None else with_fields(request, **{self._start: start})
        self._pages_left = max_pages
        self._items_left = max_items
        self._seen: set[str] = set()
        self._is_over = False
        self.token: str | None = None if (told := getattr(self._request, self._start)) is UNSET else told

    @property
    def is_over(self) -> bool:
        return self._is_over or self._pages_left == 0 or (self._items_left is not None and self._items_left <= 0)

    def next_request(self) -> Endpoint[R]:
        if self.token is None:
            return self._request
        if self.token in self._seen:
            raise PagesRepeat(self.token)
        self._seen.add(self.token)
        return with_fields(self._request, **{self._start: self.token})

    def take(self, page: R) -> tuple[Any, ...]:
        """Note that a page has come. Result: what is on it."""
        token = next((getattr(page, name) for name in NEXT if name in page.__struct_fields__), UNSET)
        self.token = token if isinstance(token, str) else None
        self._is_over = self.token is None
        items = items_of(page)
        self._pages_left = None if self._pages_left is None else self._pages_left - 1
        self._items_left = None if self._items_left is None else self._items_left - len(items)
        return items


class Pages(Generic[R]):
    """A list, page by page: ``for page in pages``. ``items()``: what is on them, one by one.

    ``max_pages``, ``max_items``: after how many to stop; pages are never cut, so the last may hold more.
    ``token``: where to go on, once one has stopped: None at the end, and before the first page if that is the
    beginning. Raises PagesRepeat where the server leads in a circle.
    """

    def __init__(
        self, request: Endpoint[R], send: Callable[[Endpoint[R]], R], start: str | None = None,
        max_pages: int | None = None, max_items: int | None = None,
    ) -> None:  # fmt: skip
        self._course = _Course(request, start, max_pages, max_items)
        self._send = send

    def __iter__(self) -> Iterator[R]:
        course = self._course
        while not course.is_over:
            page = self._send(course.next_request())
            course.take(page)
            yield page

    def items(self) -> Iterator[Any]:
        """Everything on all pages."""
        for page in self:
            yield from items_of(page)

    @property
    def token(self) -> str | None:
        """Where the list goes on."""
        return self._course.token


class AsyncPages(Generic[R]):
    """The same, asynchronous: ``async for page in pages``."""

    def __init__(
        self, request: Endpoint[R], send: Callable[[Endpoint[R]], Awaitable[R]], start: str | None = None,
        max_pages: int | None = None, max_items: int | None = None,
    ) -> None:  # fmt: skip
        self._course = _Course(request, start, max_pages, max_items)
        self._send = send

    async def __aiter__(self) -> AsyncIterator[R]:
        course = self._course
        while not course.is_over:
            page = await self._send(course.next_request())
            course.take(page)
            yield page

    async def items(self) -> AsyncIterator[Any]:
        """Everything on all pages."""
        async for page in self:
            for item in items_of(page):
                yield item

    @property
    def token(self) -> str | None:
        """Where the list goes on."""
        return self._course.token


def items_of(page: Struct) -> tuple[Any, ...]:
    """What is on a page: its one field that is a list. Raises TypeError where there is none, or more than one."""
    lists = [value for name in page.__struct_fields__ if isinstance(value := getattr(page, name), (tuple, list))]
    if len(lists) != 1:
        raise TypeError(f"{type(page).__name__} is no page of a list")
    return tuple(lists[0])


def _field_of(request: Endpoint[Any], name: str) -> str:
    """What a field is called in the class, by its name on the wire."""
    names = zip(request.__struct_encode_fields__, request.__struct_fields__, strict=True)
    found = dict(names).get(name)
    if found is None:
        raise TypeError(f"{type(request).__name__} comes in no pages: it has no field '{name}'")
    return found
