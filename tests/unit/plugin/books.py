"""A server for the APIs of protos/, small enough to be checked by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from triwire.server.service import ServerContext

# Messages of files that are compiled while the tests run.
Message = Any


class Library:
    """Answers LibraryService; remembers every request.

    Args:
        messages: The module with the message classes.
    """

    def __init__(self, messages: Message) -> None:
        self.messages = messages
        self.requests: list[Message] = []
        self.books: dict[str, Message] = {}

    def get_book(self, request: Message, context: ServerContext) -> Message:
        self.requests.append(request)
        context.response_headers.append(("seen", "1"))
        if request.name not in self.books:
            raise RpcError(Code.NOT_FOUND, f"no book {request.name}")
        return self.books[request.name]

    def list_books(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        names = sorted(self.books)
        start = int(request.page_token or 0)
        size = request.page_size or 2
        following = start + size
        return self.messages.ListBooksResponse(
            books=[self.books[name] for name in names[start:following]],
            next_page_token=str(following) if following < len(names) else "",
        )

    def create_book(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        self.books[request.book.name] = request.book
        return request.book

    def update_book(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        self.books[request.book.name] = request.book
        return request.book

    def delete_book(self, request: Message, _: ServerContext) -> Message:
        from google.protobuf.empty_pb2 import Empty

        self.requests.append(request)
        del self.books[request.name]
        return Empty()

    def archive_book(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.ArchiveBookResponse(book=self.books[request.name])

    def batch_get_books(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.BatchGetBooksResponse(books=[self.books[n] for n in request.names])

    def get_book_statistics(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.BookStatistics(lent=len(request.name))

    def ping(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return request

    def list_shelves(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.ListShelvesResponse(shelves=[self.messages.Shelf(name="a")])

    def sort_shelf(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.Shelf(name=request.name)


class Fleet:
    """Answers FleetService; every Get of a robot takes the next of its states."""

    def __init__(self, messages: Message) -> None:
        self.messages = messages
        self.requests: list[Message] = []
        self.robots: list[Message] = []

    def list_robots(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.ListRobotsResponse(items=self.robots)

    def get_robot(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        if not self.robots:
            raise RpcError(Code.NOT_FOUND, f"no robot {request.robot_id}")
        robot = self.robots.pop(0)
        return self.messages.GetRobotResponse(robot=robot)

    def create_robot(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        robot = self.messages.Robot(spec={"label": request.label})
        return self.messages.CreateRobotResponse(robot=robot)

    def update_robot(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        robot = self.messages.Robot(spec={"label": request.label})
        return self.messages.UpdateRobotResponse(robot=robot)

    def delete_robot(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        robot = self.messages.Robot(spec={"robot_id": request.robot_id})
        return self.messages.DeleteRobotResponse(robot=robot)

    def get_robot_parameters(self, request: Message, _: ServerContext) -> Message:
        self.requests.append(request)
        return self.messages.GetRobotParametersResponse(colours=["red"])
