"""What the pages say, in English and German, and which of the two a reader wants.

A text is named by its key; ``{…}`` in it is put in as it is, and made safe where the page is written.
"""

from collections.abc import Mapping
from typing import Final

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # --- The frame ---------------------------------------------------------------------------------------------------
    "home_title": ("This is a Matrix account server", "Das ist ein Matrix-Kontoserver"),
    "home_body": (
        "It looks after the accounts of {server}. Use it with a Matrix app: as the home server, enter",
        "Er verwaltet die Konten von {server}. Benutze ihn mit einer Matrix-App: trage als Heimserver ein",
    ),
    "home_register": ("Make an account", "Konto anlegen"),
    "home_about": ("What is Matrix?", "Was ist Matrix?"),
    "continue": ("Continue", "Weiter"),
    # --- What went wrong ---------------------------------------------------------------------------------------------
    "problem_title": ("That did not work", "Das hat nicht geklappt"),
    "no_page": ("There is no such page.", "Diese Seite gibt es nicht."),
    "no_session": (
        "This page has expired, or was never opened. Go back to your app and start again.",
        "Diese Seite ist abgelaufen oder nie geöffnet worden. Geh zurück zu deiner App und fang von vorn an.",
    ),
    "not_your_turn": (
        "This step is not next. Go back to your app and continue there.",
        "Dieser Schritt ist nicht an der Reihe. Geh zurück zu deiner App und mach dort weiter.",
    ),
    "forged": (
        "The form was not sent from this page. Go back, load the page again and try once more.",
        "Das Formular kam nicht von dieser Seite. Geh zurück, lade die Seite neu und versuch es noch einmal.",
    ),
    "wrong_login": ("User name or password is wrong.", "Benutzername oder Passwort ist falsch."),
    "wrong_password": ("The password is wrong.", "Das Passwort ist falsch."),
    "wrong_token": (
        "This registration token is not valid, or has been used up.",
        "Dieser Einladungscode ist nicht gültig oder schon verbraucht.",
    ),
    "wrong_code": ("The code is not the one that was sent.", "Der Code ist nicht der, der geschickt wurde."),
    "wrong_captcha": (
        "The captcha was not solved, or too long ago. Try again.",
        "Das Captcha wurde nicht gelöst, oder vor zu langer Zeit. Versuch es noch einmal.",
    ),
    "not_confirmed": (
        "The address has not been confirmed yet. Open the link in the mail, then press Continue.",
        "Die Adresse ist noch nicht bestätigt. Öffne den Link in der Mail und drücke dann auf Weiter.",
    ),
    "expired_code": (
        "The code is too old, or too many wrong ones were tried. Have another one sent.",
        "Der Code ist zu alt, oder es wurden zu viele falsche versucht. Lass dir einen neuen schicken.",
    ),
    "not_agreed": ("Please tick the box if you agree.", "Bitte setze das Häkchen, wenn du zustimmst."),
    "name_taken": ("This user name is taken. Choose another.", "Dieser Name ist vergeben. Wähle einen anderen."),
    "bad_name": (
        "A user name has only the letters a to z, digits, and . _ = - / +",
        "Ein Benutzername hat nur die Buchstaben a bis z, Ziffern und . _ = - / +",
    ),
    "weak_password": ("This password will not do: {said}.", "Dieses Passwort geht nicht: {said}."),
    "unequal_passwords": ("The two passwords are not the same.", "Die beiden Passwörter sind nicht gleich."),
    "address_refused": ("This server does not take this address.", "Dieser Server nimmt diese Adresse nicht an."),
    "bad_address": ("This is no mail address.", "Das ist keine Mailadresse."),
    "bad_number": ("This is no phone number of its country.", "Das ist keine Telefonnummer dieses Landes."),
    "address_in_use": ("An account has this address already.", "Ein Konto hat diese Adresse schon."),
    "address_unknown": ("No account has this address.", "Kein Konto hat diese Adresse."),
    "other_account": ("This is another account's.", "Das gehört zu einem anderen Konto."),
    "locked": ("This account cannot be used at present.", "Dieses Konto kann zurzeit nicht benutzt werden."),
    "closed": ("Registration is not open on this server.", "Auf diesem Server kann man kein Konto anlegen."),
    "no_password_login": (
        "On this server one does not log in with a password.",
        "Auf diesem Server meldet man sich nicht mit einem Passwort an.",
    ),
    "too_many": (
        "That was tried too often. Wait {seconds} seconds, then try again.",
        "Das wurde zu oft versucht. Warte {seconds} Sekunden und versuch es dann noch einmal.",
    ),
    "other_error": ("The server says: {said}", "Der Server sagt: {said}"),
    "bad_invitation": (
        "This invitation is not valid: it has expired, or has been used.",
        "Diese Einladung ist nicht gültig: sie ist abgelaufen oder schon benutzt worden.",
    ),
    "bad_link": (
        "This link is not valid any more. Go back to your app and have another mail sent.",
        "Dieser Link ist nicht mehr gültig. Geh zurück zu deiner App und lass dir eine neue Mail schicken.",
    ),
    # --- What is being confirmed -------------------------------------------------------------------------------------
    "do_Register": ("to make an account on {server}", "um ein Konto auf {server} anzulegen"),
    "do_ChangePassword": ("to set a new password", "um ein neues Passwort zu setzen"),
    "do_DeactivateAccount": ("to close the account for good", "um das Konto endgültig zu schließen"),
    "do_DeleteDevice": ("to sign out a device", "um ein Gerät abzumelden"),
    "do_DeleteDevices": ("to sign out devices", "um Geräte abzumelden"),
    "do_AddThirdPartyId": (
        "to add a mail address or phone number",
        "um eine Mailadresse oder Telefonnummer hinzuzufügen",
    ),
    "do_GetLoginToken": ("to let another device sign in", "um ein weiteres Gerät anzumelden"),
    "asked_by": ("An app needs this {what}.", "Eine App braucht das, {what}."),
    "asked_for": ("An app needs this {what}, for {user}.", "Eine App braucht das, {what}, für {user}."),
    "asked_warning": (
        "If this was not you, close this page.",
        "Wenn das nicht von dir kommt, schließ diese Seite.",
    ),
    # --- Stages ------------------------------------------------------------------------------------------------------
    "stage_password": ("Enter your password", "Gib dein Passwort ein"),
    "stage_dummy": ("Confirm", "Bestätigen"),
    "dummy_body": ("There is nothing to fill in here.", "Hier ist nichts auszufüllen."),
    "stage_recaptcha": ("Show that you are no robot", "Zeig, dass du kein Roboter bist"),
    "captcha_noscript": (
        "The captcha needs JavaScript. Turn it on for this page, or ask the server's administrator for help.",
        "Das Captcha braucht JavaScript. Schalte es für diese Seite ein, oder frag die Verwaltung des Servers.",
    ),
    "stage_terms": ("Read and agree", "Lesen und zustimmen"),
    "terms_body": ("To use this server you need to agree to:", "Um diesen Server zu benutzen, musst du zustimmen:"),
    "terms_agree": ("I have read this and agree", "Ich habe das gelesen und stimme zu"),
    "new_window": ("opens a new window", "öffnet ein neues Fenster"),
    "stage_registration_token": ("Enter your registration token", "Gib deinen Einladungscode ein"),
    "token_label": ("Registration token", "Einladungscode"),
    "token_hint": ("The server's administrator gives them out.", "Du bekommst ihn von der Verwaltung des Servers."),
    "stage_email": ("Confirm your mail address", "Bestätige deine Mailadresse"),
    "email_label": ("Mail address", "Mailadresse"),
    "email_send": ("Send mail", "Mail schicken"),
    "email_sent": (
        "We have sent a mail to {address}. Open the link in it, then come back here and press Continue.",
        "Wir haben eine Mail an {address} geschickt. Öffne den Link darin, komm dann zurück und drücke auf Weiter.",
    ),
    "send_again": ("Send it again", "Noch einmal schicken"),
    "other_address": ("Use another address", "Andere Adresse benutzen"),
    "other_number": ("Use another number", "Andere Nummer benutzen"),
    "stage_msisdn": ("Confirm your phone number", "Bestätige deine Telefonnummer"),
    "country_label": ("Country", "Land"),
    "number_label": ("Phone number", "Telefonnummer"),
    "number_send": ("Send code", "Code schicken"),
    "number_sent": ("We have sent a code to this number.", "Wir haben einen Code an diese Nummer geschickt."),
    "code_label": ("Code", "Code"),
    "done_title": ("Done", "Erledigt"),
    "done_body": (
        "You can close this page and go back to your app.",
        "Du kannst diese Seite schließen und zurück zu deiner App gehen.",
    ),
    # --- Links in mails ----------------------------------------------------------------------------------------------
    "validate_title": ("Is this your mail address?", "Ist das deine Mailadresse?"),
    "validate_register": (
        "Somebody wants to make an account on {server} with this address:",
        "Jemand möchte mit dieser Adresse ein Konto auf {server} anlegen:",
    ),
    "validate_add": (
        "Somebody wants to add this address to an account on {server}:",
        "Jemand möchte diese Adresse zu einem Konto auf {server} hinzufügen:",
    ),
    "validate_reset_password": (
        "Somebody wants to set a new password, or to confirm something else, for the account with this address:",
        "Jemand möchte für das Konto mit dieser Adresse ein neues Passwort setzen oder etwas anderes bestätigen:",
    ),
    "validate_warning": (
        "Confirm only if it was you who asked for it.",
        "Bestätige nur, wenn du selbst danach gefragt hast.",
    ),
    "validate_button": ("Confirm", "Bestätigen"),
    "validated_title": ("Address confirmed", "Adresse bestätigt"),
    # --- Login -------------------------------------------------------------------------------------------------------
    "login_title": ("Log in to {server}", "Anmelden bei {server}"),
    "user_label": ("User name", "Benutzername"),
    "user_hint": ("Such as alice or @alice:{server}", "Zum Beispiel alice oder @alice:{server}"),
    "password_label": ("Password", "Passwort"),
    "login_button": ("Log in", "Anmelden"),
    "logged_in_title": ("You are logged in", "Du bist angemeldet"),
    "logged_in_body": ("You are logged in as {user}.", "Du bist als {user} angemeldet."),
    # --- Registration ------------------------------------------------------------------------------------------------
    "register_title": ("Make an account on {server}", "Konto auf {server} anlegen"),
    "register_name_hint": (
        "Others find you as @name:{server}. It cannot be changed later.",
        "Andere finden dich als @name:{server}. Das lässt sich später nicht ändern.",
    ),
    "new_password_label": ("New password", "Neues Passwort"),
    "repeat_label": ("The same password again", "Dasselbe Passwort noch einmal"),
    "flow_label": ("How do you want to confirm it?", "Wie möchtest du es bestätigen?"),
    "and": (" and ", " und "),
    "invited": ("You have been invited to {server}.", "Du bist zu {server} eingeladen."),
    "step": ("Step {number} of {count}", "Schritt {number} von {count}"),
    "registered_title": ("Your account is made", "Dein Konto ist angelegt"),
    "registered_body": (
        "Your user ID is {user}. Log in with it in a Matrix app.",
        "Deine Benutzer-ID ist {user}. Melde dich damit in einer Matrix-App an.",
    ),
    "awaits_approval": (
        "An administrator has to approve of it before you can log in.",
        "Die Verwaltung muss ihm noch zustimmen, bevor du dich anmelden kannst.",
    ),
    "by_dummy": ("Without more", "Ohne Weiteres"),
    "by_recaptcha": ("Captcha", "Captcha"),
    "by_terms": ("Terms", "Bedingungen"),
    "by_registration_token": ("Registration token", "Einladungscode"),
    "by_email": ("Mail address", "Mailadresse"),
    "by_msisdn": ("Phone number", "Telefonnummer"),
}  # fmt: skip

LANGUAGES: Final = ("en", "de")
"""In the order of the texts; the first is for those who want none of them."""

_MOST_WISHES: Final = 20


class Texts:
    """The texts in one language: ``texts("key", server=…)``."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of this key."""
        text = _TEXTS[key][self._place]
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in _TEXTS


_BY_LANGUAGE: Final = {language: Texts(language) for language in LANGUAGES}


def texts_for(accept_language: bytes) -> Texts:
    """The texts in the language that a header ``Accept-Language`` wants most, of those that there are."""
    return next((_BY_LANGUAGE[one] for one in wishes(accept_language) if one in _BY_LANGUAGE), _BY_LANGUAGE["en"])


def wishes(accept_language: bytes) -> list[str]:
    """The languages of the header, dearest first, without their regions."""
    wished: list[tuple[float, str]] = []
    for item in accept_language.decode("latin-1").split(",")[:_MOST_WISHES]:
        tag, _, parameter = item.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if quality > 0:
            wished.append((-quality, tag.strip().partition("-")[0].lower()))
    return [language for _, language in sorted(wished, key=lambda one: one[0])]
