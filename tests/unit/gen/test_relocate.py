"""Moving generated Python below another package."""

from __future__ import annotations

import textwrap

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from scripts.relocate import RelocationError, absolute_imports, relocate

MODULES = frozenset({"library.v1.book_pb2", "library.v1.shelf_pb2", "google.library.loan_pb2"})


def moved(text: str) -> str:
    return relocate(textwrap.dedent(text), modules=MODULES, package="acme.gen")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "from library.v1 import book_pb2 as library_dot_book\n",
            "from acme.gen.library.v1 import book_pb2 as library_dot_book\n",
            id="module-with-an-alias",
        ),
        pytest.param(
            "from library.v1 import book_pb2, shelf_pb2\n",
            "from acme.gen.library.v1 import book_pb2, shelf_pb2\n",
            id="two-modules",
        ),
        pytest.param(
            "from library.v1.book_pb2 import Book as B\n",
            "from acme.gen.library.v1.book_pb2 import Book as B\n",
            id="name-in-a-module",
        ),
        pytest.param(
            "from library.v1.book_pb2 import *\n",
            "from acme.gen.library.v1.book_pb2 import *\n",
            id="public-import",
        ),
        pytest.param(
            "import library.v1.book_pb2 as book\nbook.Book\n",
            "import acme.gen.library.v1.book_pb2 as book\nbook.Book\n",
            id="import-with-an-alias",
        ),
        pytest.param(
            "import library.v1.book_pb2\n"
            "x: library.v1.book_pb2.Book = library.v1.book_pb2.Book()\n",
            "import acme.gen.library.v1.book_pb2\n"
            "x: acme.gen.library.v1.book_pb2.Book = acme.gen.library.v1.book_pb2.Book()\n",
            id="import-used-by-its-dotted-name",
        ),
        pytest.param(
            "import google.library.loan_pb2\nimport google.protobuf.message\n"
            "google.library.loan_pb2.Loan\ngoogle.protobuf.message.Message\n",
            "import acme.gen.google.library.loan_pb2\nimport google.protobuf.message\n"
            "acme.gen.google.library.loan_pb2.Loan\ngoogle.protobuf.message.Message\n",
            id="root-shared-with-another-package",
        ),
        pytest.param(
            "if True:\n    from library.v1 import book_pb2  # kept as é is\n    é = book_pb2\n",
            "if True:\n    from acme.gen.library.v1 import book_pb2  # kept as é is\n"
            "    é = book_pb2\n",
            id="nested-and-not-ascii",
        ),
        pytest.param(
            "é = 'é'; from library.v1 import book_pb2\n",
            "é = 'é'; from acme.gen.library.v1 import book_pb2\n",
            id="after-wide-characters",
        ),
        pytest.param(
            "_builder.BuildTopDescriptorsAndMessages(D, 'library.v1.book_pb2', _g)\n",
            "_builder.BuildTopDescriptorsAndMessages(D, 'acme.gen.library.v1.book_pb2', _g)\n",
            id="module-name-of-the-classes",
        ),
    ],
)
def test_moves_along_what_is_generated_together(before: str, after: str) -> None:
    assert moved(before) == after


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("from google.protobuf import timestamp_pb2 as t\n", id="well-known-type"),
        pytest.param("from .book_pb2 import Book\n", id="relative"),
        pytest.param("from library.v1 import elsewhere_pb2\n", id="same-package-not-generated"),
        pytest.param("import library.v1.elsewhere_pb2\n", id="sibling-not-generated"),
        pytest.param('"""from library.v1 import book_pb2"""\n', id="docstring"),
        pytest.param("x = 'library.v1.book_pb2'  # import library.v1.book_pb2\n", id="string"),
        pytest.param("stub('/library.v1.BookService/GetBook')\n", id="rpc-path"),
        pytest.param("self.library.v1.book_pb2\n", id="attribute-of-something-else"),
        pytest.param("", id="empty"),
    ],
)
def test_leaves_everything_else_as_it_is(text: str) -> None:
    assert moved(text) == text


def test_is_done_once_it_is_done() -> None:
    text = moved("import library.v1.book_pb2\nlibrary.v1.book_pb2.Book\n")
    assert moved(text) == text


def test_registers_the_file_through_our_pool() -> None:
    data = FileDescriptorProto(name="library/v1/book.proto").SerializeToString()
    text = moved(
        f"""\
        from google.protobuf import descriptor_pool as _descriptor_pool
        DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile({data!r})
        if not _descriptor._USE_C_DESCRIPTORS:
          DESCRIPTOR._loaded_options = None
        """
    )
    assert text == (
        "from triwire import _pool as _triwire_pool\n"
        f"DESCRIPTOR = _triwire_pool.add_file('library/v1/book.proto', {data!r})\n"
        "if not _descriptor._USE_C_DESCRIPTORS and _triwire_pool.is_ours(DESCRIPTOR):\n"
        "  DESCRIPTOR._loaded_options = None\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "from library.v1 import book_pb2, elsewhere_pb2\n",
            "gen.py:1: one import from library.v1 of what moves and what stays",
            id="one-import-of-both",
        ),
        pytest.param(
            "import library.v1.book_pb2\nx = library\n",
            "gen.py:2: a use of 'library' that is not one of ['library.v1.book_pb2']",
            id="package-used-by-itself",
        ),
        pytest.param(
            "x = 1\n_descriptor_pool.Default().AddSerializedFile(data)\n",
            "gen.py:2: expected the file's bytes as argument",
            id="file-not-written-as-bytes",
        ),
    ],
)
def test_refuses_what_it_cannot_follow(text: str, reason: str) -> None:
    with pytest.raises(RelocationError) as caught:
        relocate(text, modules=MODULES, package="acme.gen", where="gen.py")
    assert str(caught.value).startswith(reason)


def test_lists_imports_at_any_depth() -> None:
    text = "import a.b\nfrom c import d as e\ndef f():\n    import g\n    from .h import i\n"
    assert set(absolute_imports(text)) == {"a.b", "c", "c.d", "g"}
