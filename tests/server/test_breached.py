"""Lists of breached passwords: what is found in them, and what is said of a file that is no such list."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret
from ostiary.server import breached
from ostiary.server.breached import BreachedListUnusable, BreachedWords, PwnedHashes, open_breached

HASHES = st.sets(st.integers(0, 2**160 - 1), min_size=1, max_size=200)
COUNTS = st.sampled_from(["1", "17", "52256179", "9" * 20])


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode("utf-8", "surrogatepass")).hexdigest().upper()


def write_hashes(path: Path, passwords: list[str], end: str = "\n") -> Path:
    file = path / "pwned.txt"
    file.write_bytes(
        "".join(f"{one}:{number + 1}{end}" for number, one in enumerate(sorted(map(sha1, passwords)))).encode()
    )
    return file


def problem(path: Path, data: bytes) -> str:
    """What is said of a file with this in it, without the file's name, which has to stand first."""
    file = path / "list.txt"
    file.write_bytes(data)
    with pytest.raises(BreachedListUnusable) as caught:
        open_breached(file)
    told = str(caught.value)
    assert told.startswith(f"{file} ")
    return told.removeprefix(f"{file} ")


class TestPwnedHashes:
    @pytest.mark.parametrize("count", [1, 2, 3, 1000])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_every_one_is_found_and_no_other(self, tmp_path: Path, count: int, end: str) -> None:
        listed = open_breached(write_hashes(tmp_path, [f"in {number}" for number in range(count)], end))
        assert isinstance(listed, PwnedHashes)
        assert all(listed.contains(Secret(f"in {number}")) for number in range(count))
        assert not any(listed.contains(Secret(f"out {number}")) for number in range(count))

    def test_last_line_may_have_no_end(self, tmp_path: Path) -> None:
        file = write_hashes(tmp_path, ["a", "b", "c"])
        file.write_bytes(file.read_bytes().rstrip(b"\n"))
        listed = PwnedHashes(file)
        assert [one for one in "abcd" if listed.contains(Secret(one))] == ["a", "b", "c"]

    @pytest.mark.parametrize("password", ["p\u00e4ssw\u00f6rd", "\U0001f511", "\ud800", ""])
    def test_password_may_have_any_characters(self, tmp_path: Path, password: str) -> None:
        listed = PwnedHashes(write_hashes(tmp_path, [password]))
        assert listed.contains(Secret(password))
        assert not listed.contains(Secret(password + "x"))

    @given(st.data())
    def test_search_finds_what_a_set_has(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        numbers = data.draw(HASHES)
        lines = [f"{number:040X}:{data.draw(COUNTS)}" for number in sorted(numbers)]
        end, last = data.draw(st.sampled_from(["\n", "\r\n"])), data.draw(st.booleans())
        file = tmp_path_factory.mktemp("lists") / "pwned.txt"
        file.write_bytes((end.join(lines) + (end if last else "")).encode())
        PwnedHashes(file)  # is taken
        sought = (
            numbers | data.draw(HASHES) | {0, 2**160 - 1} | {number + 1 for number in numbers if number + 1 < 2**160}
        )
        with file.open("rb", buffering=0) as opened:
            search = breached._Lines(file, opened)
            found = {number for number in sought if search.find(f"{number:040X}".encode())}
        assert found == numbers

    def test_new_list_holds_once_it_is_renamed_over_the_old(self, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        listed = PwnedHashes(write_hashes(tmp_path, ["old"]))
        write_hashes(tmp_path / "new", ["new"]).rename(tmp_path / "pwned.txt")
        assert listed.contains(Secret("new"))
        assert not listed.contains(Secret("old"))

    def test_list_that_has_gone_is_told_and_nothing_is_taken_meanwhile(self, tmp_path: Path) -> None:
        file = write_hashes(tmp_path, ["a"])
        listed = PwnedHashes(file)
        file.unlink()
        with pytest.raises(BreachedListUnusable, match=r"pwned\.txt cannot be read: No such file or directory"):
            listed.contains(Secret("a"))

    def test_search_reads_little_of_a_long_list(self, tmp_path: Path) -> None:
        file = tmp_path / "long.txt"
        file.write_bytes(b"".join(b"%040X:1\n" % (number << 140) for number in range(1 << 17)))
        reads = 0

        class Counting:
            def __init__(self, inner: object) -> None:
                self.inner = inner

            def seek(self, *arguments: int) -> int:
                return self.inner.seek(*arguments)  # type: ignore[attr-defined, no-any-return]

            def read(self, count: int) -> bytes:
                nonlocal reads
                reads += count
                return self.inner.read(count)  # type: ignore[attr-defined, no-any-return]

        with file.open("rb", buffering=0) as opened:
            search = breached._Lines(file, Counting(opened))  # type: ignore[arg-type]
            assert search.find(b"%040X" % (77_777 << 140))
        assert reads < 20 * 2 * breached.MOST_LINE_BYTES


class TestBreachedWords:
    def test_words_are_found_as_they_stand(self, tmp_path: Path) -> None:
        file = tmp_path / "words.txt"
        file.write_bytes("\ufeffhunter2\r\n\r\np\u00e4ss \nlast".encode())
        listed = open_breached(file)
        assert isinstance(listed, BreachedWords)
        assert all(listed.contains(Secret(one)) for one in ("hunter2", "p\u00e4ss ", "last"))
        assert not any(
            listed.contains(Secret(one)) for one in ("", "Hunter2", "p\u00e4ss", "hunter2\r", "\ufeffhunter2")
        )

    def test_words_are_kept_as_digests_only(self, tmp_path: Path) -> None:
        file = tmp_path / "words.txt"
        file.write_text("hunter2\n")
        assert "hunter2" not in repr(vars(BreachedWords(file)))

    def test_list_of_another_encoding_is_taken(self, tmp_path: Path) -> None:
        file = tmp_path / "words.txt"
        file.write_bytes("p\u00e4ss\nhunter2\n".encode("latin-1"))
        assert open_breached(file).contains(Secret("hunter2"))

    def test_longest_list_is_taken(self, tmp_path: Path) -> None:
        file = tmp_path / "words.txt"
        file.write_bytes(b"x" * (breached.MOST_WORD_BYTES - 1) + b"\n")
        assert open_breached(file).contains(Secret("x" * (breached.MOST_WORD_BYTES - 1)))


class TestFilesThatAreNoLists:
    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(BreachedListUnusable, match=r"none\.txt cannot be read: No such file or directory"):
            open_breached(tmp_path / "none.txt")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(BreachedListUnusable, match="cannot be read: Is a directory"):
            open_breached(tmp_path)

    @pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
    def test_file_of_another(self, tmp_path: Path) -> None:
        file = write_hashes(tmp_path, ["a"])
        file.chmod(0)
        with pytest.raises(BreachedListUnusable, match="cannot be read: Permission denied"):
            open_breached(file)

    @pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\n", b"\xef\xbb\xbf"])
    def test_nothing_in_it(self, tmp_path: Path, data: bytes) -> None:
        assert problem(tmp_path, data) == "has no passwords in it"

    def test_no_hashes_in_a_list_of_hashes(self, tmp_path: Path) -> None:
        file = tmp_path / "pwned.txt"
        file.touch()
        with pytest.raises(BreachedListUnusable, match="is empty"):
            PwnedHashes(file)

    def test_too_many_words(self, tmp_path: Path) -> None:
        told = problem(tmp_path, b"x" * (breached.MOST_WORD_BYTES + 1))
        assert told == "has more than 4194304 bytes: a list of that many passwords is kept as SHA-1 hashes"

    def test_archive(self, tmp_path: Path) -> None:
        assert problem(tmp_path, b"\x1f\x8b\x08\x00\x00\x00") == "is not a text file"

    @pytest.mark.parametrize(
        "line",
        [
            sha1("a").lower() + ":1",
            sha1("a"),
            sha1("a") + ":",
            hashlib.md5(b"a").hexdigest().upper() + ":1",  # NTLM hashes are offered, too, and are as long
            hashlib.sha256(b"a").hexdigest().upper() + ":1",
        ],
    )
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_other_hashes(self, tmp_path: Path, line: str, end: str) -> None:
        told = problem(tmp_path, f"{line}{end}".encode())
        assert told.startswith("has at byte 0 a line that is not 40 uppercase hexadecimal digits")

    def test_other_line_further_down(self, tmp_path: Path) -> None:
        good = f"{sha1('a')}:1\n"
        told = problem(tmp_path, f"{good}nonsense\n{good}".encode())
        assert told.startswith(f"has at byte {len(good)} a line that is not")

    @pytest.mark.parametrize("count", [2, 3, 300, 5000])
    def test_order_of_prevalence(self, tmp_path: Path, count: int) -> None:
        lines = "".join(f"{sha1(str(number))}:{count - number}\n" for number in range(count))
        if count == 2:
            lines = f"{'B' * 40}:2\n{'A' * 40}:1\n"
        told = problem(tmp_path, lines.encode())
        assert told.startswith("is not in the order of its hashes: take the list that is ordered by hash")

    def test_one_hash_twice(self, tmp_path: Path) -> None:
        assert problem(tmp_path, f"{sha1('a')}:1\n{sha1('a')}:1\n".encode()).startswith("is not in the order")
