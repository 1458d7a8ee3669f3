"""How messages are worded: every kind in every language, an administrator's own, and nothing that breaks out."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.delivery.templates import PACKAGED, SAMPLES, VALUES, WITH_SMS, Templates
from tests.delivery.opened import CODE, LINK, notice, text_message, validation

LANGUAGES = ("en", "de")


@pytest.fixture
def templates() -> Templates:
    return Templates(None)


def sample(kind: MessageKind, language: str) -> Message:
    values = {name: SAMPLES[name] for name in (*VALUES[kind], "server_name")}
    return Message(kind, Medium.EMAIL, "alice@example.org", values, language)


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


class TestPackaged:
    def test_pass_their_own_check(self, templates: Templates) -> None:
        templates.check()

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("kind", list(MessageKind))
    def test_every_kind_shows_its_values_in_every_language(
        self, templates: Templates, kind: MessageKind, language: str
    ) -> None:
        mail = templates.mail(sample(kind, language))
        assert "example.org" in mail.subject
        for name in VALUES[kind]:
            if name != "medium":
                assert str(SAMPLES[name]) in mail.text, name
                assert str(SAMPLES[name]).replace("'", "&#39;") in mail.html, name
        assert "{" not in mail.text + mail.html
        assert max(map(len, mail.text.splitlines())) < 120

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("kind", list(MessageKind))
    def test_page_names_its_language_and_loads_nothing(
        self, templates: Templates, kind: MessageKind, language: str
    ) -> None:
        html = templates.mail(sample(kind, language)).html
        tags = Tags(html).tags
        assert ("html", {"lang": language}) in tags
        assert {tag for tag, _ in tags} <= {
            "html", "head", "meta", "title", "body", "main", "h1", "p", "a", "ul", "li", "hr",
        }  # fmt: skip
        assert not any("src" in attributes for _, attributes in tags)
        assert "url(" not in html

    def test_every_language_has_every_file(self) -> None:
        for language in LANGUAGES:
            expected = {f"{kind}.{form}.j2" for kind in MessageKind for form in ("txt", "html")}
            expected |= {f"{kind}.sms.j2" for kind in WITH_SMS} | {"footer.txt.j2", "footer.html.j2"}
            assert {file.name for file in (PACKAGED / language).iterdir()} == expected

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("kind", sorted(WITH_SMS))
    def test_text_message_is_one_short_line_with_the_code(
        self, templates: Templates, kind: MessageKind, language: str
    ) -> None:
        text = templates.sms(sample(kind, language))
        assert text.startswith(str(SAMPLES["code"]))
        assert "\n" not in text
        assert len(text) <= 160
        assert str(SAMPLES["link"]) not in text

    def test_kind_without_text_message_is_told(self, templates: Templates) -> None:
        with pytest.raises(ValueError, match="no text message of the kind signed_in"):
            templates.sms(notice())

    def test_values_that_may_be_empty_leave_no_gap(self, templates: Templates) -> None:
        text = templates.mail(notice(device="")).text
        assert "Device" not in text
        assert "\n\n\n" not in text

    def test_words_are_not_shown_by_repr(self, templates: Templates) -> None:
        assert LINK not in repr(templates.mail(validation()))
        assert CODE not in repr(templates.mail(validation()))


class TestLanguage:
    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("pt-BR", "pt"), ("pt", "pt"), ("pt-br-x", "pt"),
            ("zh-Hant-TW", "zh-Hant"), ("zh", "en"), ("", "en"), ("tlh", "en"), ("../../etc", "en"), ("de/../en", "en"),
            ("base.html.j2", "en"),
        ],
    )  # fmt: skip
    def test_closest_there_is_is_taken(self, tmp_path: Path, asked: str, given: str) -> None:
        for language in ("pt", "zh-Hant"):
            write(tmp_path, f"{language}/signed_in.txt.j2", "Subject: {{ language }}\n\n{{ language }}")
        for language in LANGUAGES:
            write(tmp_path, f"{language}/signed_in.txt.j2", "Subject: {{ language }}\n\n{{ language }}")
        assert Templates(tmp_path).mail(notice(language=asked)).subject == given

    def test_language_that_lacks_a_kind_leaves_it_to_the_next(self, tmp_path: Path) -> None:
        write(tmp_path, "pt/signed_in.txt.j2", "Subject: Novo\n\nNovo")
        templates = Templates(tmp_path)
        assert templates.mail(validation(language="pt")).subject.startswith("Confirm")
        assert templates.mail(notice(language="pt")).html == ""  # not in another language than the text


class TestOverride:
    def test_own_template_comes_before_the_packaged_one(self, tmp_path: Path) -> None:
        write(tmp_path, "en/signed_in.txt.j2", "Subject: Hello {{ user_id }}\n\nOurs: {{ device }}\n")
        templates = Templates(tmp_path)
        templates.check()
        mail = templates.mail(notice())
        assert (mail.subject, mail.text) == ("Hello @alice:example.org", "Ours: Alice's phone\n")
        assert templates.mail(notice(language="de")).subject.startswith("Neue Anmeldung")

    def test_own_base_dresses_the_packaged_pages(self, tmp_path: Path) -> None:
        write(tmp_path, "base.html.j2", "<h1>Our house</h1>{% block content %}{% endblock %}")
        templates = Templates(tmp_path)
        templates.check()
        assert templates.mail(notice()).html.startswith("<h1>Our house</h1><p>Your account")

    @pytest.mark.parametrize(
        ("name", "text", "fault"),
        [
            ("signed_in.txt.j2", "Subject: A\n\n{{ nobody }}\n", ":3: 'nobody' is undefined"),
            ("signed_in.txt.j2", "Subject: A\n\n{% if device %}\n", ":3: Unexpected end of template"),
            ("signed_in.txt.j2", "Hello\n", ":1: the first line is to be 'Subject: …'"),
            ("signed_in.txt.j2", "Subject: {{ '' }}\n\nHello\n", ":1: the first line is to be 'Subject: …'"),
            ("signed_in.txt.j2", "Subject: A\n\n\n{{ device + 1 }}\n", ":4: it cannot be rendered (TypeError)"),
            ("signed_in.html.j2", "\n{{ code }}", ":2: 'code' is undefined"),
            ("signed_in.html.j2", "{% extends 'away.html.j2' %}", ":1: away.html.j2"),
            ("validate_to_add.sms.j2", "{{ device }}", ":1: 'device' is undefined"),
            ("unused.txt.j2", "{% nonsense %}", ":1: Encountered unknown tag 'nonsense'"),
        ],
    )
    def test_check_names_file_line_and_fault(self, tmp_path: Path, name: str, text: str, fault: str) -> None:
        write(tmp_path, f"en/{name}", text)
        with pytest.raises(ValueError, match=f"^{re.escape(f'{tmp_path}/en/{name}{fault}')}"):
            Templates(tmp_path).check()

    def test_file_in_another_encoding_is_told(self, tmp_path: Path) -> None:
        write(tmp_path, "en/signed_in.txt.j2", "")
        (tmp_path / "en/signed_in.txt.j2").write_bytes("Subject: Grüße\n".encode("latin-1"))
        with pytest.raises(ValueError, match=r"signed_in\.txt\.j2: it cannot be read"):
            Templates(tmp_path).check()

    def test_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="away: there is no such folder of templates"):
            Templates(tmp_path / "away").check()

    def test_page_without_text_is_told(self, tmp_path: Path) -> None:
        write(tmp_path, "pt/signed_in.html.j2", "<p>")
        with pytest.raises(ValueError, match=r"there is no signed_in\.txt\.j2 beside it"):
            Templates(tmp_path).check()

    def test_fault_names_no_value(self, tmp_path: Path) -> None:
        write(tmp_path, "en/validate_to_add.txt.j2", "Subject: A\n\n{{ link.index(link, link) }}")
        with pytest.raises(ValueError, match="cannot be rendered") as caught:
            Templates(tmp_path).mail(validation())
        assert LINK not in str(caught.value)


class TestHostileValues:
    def test_line_break_in_a_value_ends_no_line(self, tmp_path: Path) -> None:
        write(tmp_path, "en/signed_in.txt.j2", "Subject: {{ device }}\n\n{{ device }}\n")
        mail = Templates(tmp_path).mail(notice(device="x\r\nBcc: eve@example.org\u2028y\x85z\u202ek"))
        assert mail.subject == "x Bcc: eve@example.org y z k"
        assert mail.text == "x Bcc: eve@example.org y z k\n"

    def test_markup_in_a_value_is_text(self, templates: Templates) -> None:
        html = templates.mail(notice(device="<img src=x onerror=alert(1)>{{ link }}")).html
        assert "&lt;img src=x onerror=alert(1)&gt;{{ link }}" in html

    def test_link_cannot_leave_its_attribute(self, templates: Templates) -> None:
        values = {**text_message().values, "link": 'https://x/"onclick="alert(1)'}
        message = Message(MessageKind.VALIDATE_TO_ADD, Medium.EMAIL, "a@example.org", values)
        assert not any("onclick" in attributes for _, attributes in Tags(templates.mail(message).html).tags)
