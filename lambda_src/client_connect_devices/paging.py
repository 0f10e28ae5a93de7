"""The paging schemes of device managers; every one of them ends."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from client_connect_devices.errors import IncompleteList
from client_connect_devices.session import require_same_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from client_connect_devices.source import Page

# 10 million devices by 1,000.
MOST_PAGES = 10_000


def with_query(url: str, query: Mapping[str, object]) -> str:
    """Return a URL with a query; ``$``, ``,`` and ``:`` are not escaped."""
    encoded = urlencode({name: str(value) for name, value in query.items()}, safe="$,:")
    return f"{url}{'&' if '?' in url else '?'}{encoded}"


def by_link(url: str, page_of: Callable[[str], tuple[Page, Any]]) -> Iterator[Page]:
    """Follow links as they are given.

    Args:
        url: The first page.
        page_of: Fetches a page, and returns with it the link to the next; ``None`` or empty after the last.

    Raises:
        IncompleteList: When a link comes again, or is no text.
        UnexpectedAnswer: When a link leads to another host.
    """
    seen = {url}
    for _ in range(MOST_PAGES):
        page, link = page_of(url)
        yield page
        if link is None or link == "":
            return
        if not isinstance(link, str):
            raise IncompleteList("the link to the next page is no text")
        if link in seen:
            raise IncompleteList(
                "the link to the next page is one that was followed already, so the list never ends"
            )
        require_same_host(url, link)
        seen.add(link)
        url = link
    raise IncompleteList(f"the list has more than {MOST_PAGES} pages")


def by_cursor(page_of: Callable[[str], tuple[Page, Any]]) -> Iterator[Page]:
    """Follow cursors.

    Args:
        page_of: Fetches the page at a cursor, which is empty for the first, and returns with it the next cursor;
            ``None`` or empty after the last.

    Raises:
        IncompleteList: When a cursor comes again.
    """
    seen = {""}
    cursor = ""
    for _ in range(MOST_PAGES):
        page, following = page_of(cursor)
        yield page
        if following is None or following == "":
            return
        cursor = str(following)
        if cursor in seen:
            raise IncompleteList(
                "the cursor of the next page is one that was used already, so the list never ends"
            )
        seen.add(cursor)
    raise IncompleteList(f"the list has more than {MOST_PAGES} pages")


def by_number(page_of: Callable[[int], Page]) -> Iterator[Page]:
    """Count pages, up to the end of the list. A short page is not the last one.

    Args:
        page_of: Fetches a page by its number from 0.
    """
    return _up_to_the_end(lambda number, _: page_of(number))


def by_offset(page_of: Callable[[int], Page]) -> Iterator[Page]:
    """Count devices, up to the end of the list.

    Args:
        page_of: Fetches a page by the number of devices that came before it.
    """
    return _up_to_the_end(lambda _, received: page_of(received))


def _up_to_the_end(page_of: Callable[[int, int], Page]) -> Iterator[Page]:
    """Read up to an empty page, or until the total is reached.

    The first page alone never reaches it: its total may be the number of the devices on it, and the list go on.
    """
    received = 0
    for number in range(MOST_PAGES):
        page = page_of(number, received)
        received += len(page.records)
        if page.records or not number:
            yield page
        if not page.records or (number and received == page.total):
            return
    raise IncompleteList(f"the list has more than {MOST_PAGES} pages")
