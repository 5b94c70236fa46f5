"""Find secrets and personal values by their form, where no name marks them: known formats and random words.

A format that has a check (a checksum, a header that must be JSON) is checked, so that a pseudonym of the same shape is
not reported. No maintained detector fits, hence this module: detect-secrets, the one detector on the package index that
is a library, works on lines of source text and reports two values in every three lines of a redacted cassette.
docs/security.md weighs the libraries for telephone numbers and bank accounts too.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import ne
from string import ascii_lowercase, ascii_uppercase, digits

_WORD = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_CLASSES = str.maketrans(
    {
        **dict.fromkeys(digits, "d"),
        **dict.fromkeys(ascii_lowercase, "l"),
        **dict.fromkeys(ascii_uppercase, "u"),
        **dict.fromkeys("+/_", "-"),
    }
)
_LONG_PAIR = 16  # characters of base64
_CARD = r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d))"  # the first four digits of a card number with sixteen
_SHORTEST = 6  # characters of a value of any format
_FEWEST_DIGITS = 15  # of a format that has nothing but digits: a card number
_RESERVED = re.compile(r"[@.](?:example\.(?:com|net|org)|example|invalid|test|localhost)$")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# SWIFT's IBAN registry: countries by the length of their numbers.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
# Words that look random and are ids or digests of public things, by a form of their own.
_PUBLIC = re.compile(
    r"[0-9a-f]{40}"  # git's object ids: SHA-1
    r"|[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"  # uuid of version 4 without hyphens
    r"|(?=.*[a-z])(?=.*[A-Z])[\w-]{21}[AQgw]"  # 16 bytes in base64url: Salesforce's schema ids
    r"|[0-9A-V]{26}00[0-9A-V]{4}"  # call ids of Genesys: 26 characters of base32hex and a counter
    r"|0[0-3][0-9A-HJKMNP-TV-Z]{24}"  # ULID: 48 bits of time, 80 random ones
    r"|[56][0-9a-f]{23}"  # object id of MongoDB: a time from 2012 on, a machine, a counter
    r"|(?:sha\d{1,3}|md5)[-_].*"  # Subresource Integrity, lock files
    r"|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # W3C Trace Context
    r"|1-[0-9a-f]{8}-[0-9a-f]{24}"  # X-Amzn-Trace-Id
    r"|(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|JVBERi0|UEsDB|H4sI|d09GM).*",  # PNG, JPEG, GIF, WebP, PDF, zip, gzip, fonts
    re.DOTALL,
)
_NAMED = re.compile(
    r"(?:\b(?:commit|etag|integrity|md5|revision|sha-?\d{1,3})[\"']?\s?[:=]?\s?[\"']?|\bW/\")\Z", re.IGNORECASE
)
_LONGEST_NAME = 16  # characters
# Least values for a random word: the entropy in bits per character (Shannon), and the share of neighbouring characters
# of different classes (digit, small letter, capital). Names and paths change class less often than random words.
# tests/redaction measures how many random words are found with these values.
_ENTROPY, _TURNS, _TURNS_OF_ONE_CASE = 2.9, 0.42, 0.2


@dataclass(frozen=True, slots=True)
class Hit:
    """A suspicious value in a text.

    Attributes:
        kind: Name of its format, e.g. "JWT", or "random word".
        start: Index of its first character.
        end: Index after its last character.

    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Format:
    """A format of secret or personal values.

    Attributes:
        kind: Name of the format, for people.
        mark: A text that each value has; a text without the mark is not searched for the pattern.
        pattern: Finds a value.
        real: Checks what no pattern can, such as a checksum, so that a pseudonym of the same shape is not reported.
        shortest: Characters of the shortest value; 0 if the mark says enough.

    """

    kind: str
    mark: str
    pattern: re.Pattern[str]
    real: Callable[[str], bool]
    shortest: int = 0


def found(text: str, *, words: bool = True) -> list[Hit]:
    """Return the suspicious values in a text, from left to right, without overlaps.

    Args:
        text: Any text.
        words: Whether to report words that look random, beside the known formats.

    """
    hits: list[Hit] = []
    if is_too_short(text):
        return hits
    size = len(text)
    taken = bytearray(size)  # 1 where a hit is; comparing each match with each hit would take quadratic time
    for form in [form for mark, shortest, form in _MARKED if mark in text and size >= shortest]:
        for match in form.pattern.finditer(text):
            start, end = match.span()
            if taken.find(1, start, end) < 0 and form.real(match[0]):
                taken[start:end] = b"\1" * (end - start)
                hits.append(Hit(form.kind, start, end))
    if words:
        hits += [
            Hit("random word", *match.span())
            for match in _WORD.finditer(text)
            if taken.find(1, *match.span()) < 0 and is_random(match[0]) and not _NAMED.search(text, *_before(match))
        ]
    return sorted(hits, key=lambda hit: hit.start) if len(hits) > 1 else hits


def is_too_short(text: str) -> bool:
    """Return whether a text cannot hold a suspicious value, nor encode a text that does."""
    return len(text) < _SHORTEST or (len(text) < _FEWEST_DIGITS and text.isdigit())


def is_random(word: str) -> bool:
    """Return whether a word of at least 20 characters looks generated.

    Such a word has many different characters, and small letters, capitals and digits alternate in it. A word that
    contains a uuid does not count, nor does base64 of readable text, nor a public digest or id.
    """
    if _PUBLIC.fullmatch(word):
        return False
    word = "/".join([part for part in word.rstrip("=").split("/") if not _PUBLIC.fullmatch(part)])  # it may be a path
    if len(word) < 20 or _UUID.search(word) or not any(map(str.isdigit, word)) or not any(map(str.isalpha, word)):
        return False
    if _is_text(word):
        return False  # a caller decodes base64 of readable text and searches the text itself
    shares = [count / len(word) for count in Counter(word).values()]
    entropy = -sum([share * math.log2(share) for share in shares])
    one_case = word in (word.lower(), word.upper())
    runs = word.translate(_CLASSES).split("-")
    turns = sum([sum(map(ne, run, run[1:])) for run in runs])
    pairs = sum([len(run) - 1 for run in runs if run])
    return entropy >= _ENTROPY and turns >= pairs * (_TURNS_OF_ONE_CASE if one_case else _TURNS)


def is_jwt(text: str) -> bool:
    """Return whether a text is a JSON web token: its first part is base64 of a JSON object (RFC 7519).

    The first part of a pseudonym is not.
    """
    head = text.partition(".")[0]
    try:
        value = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def is_pair(text: str) -> bool:
    """Return whether a text is base64 of `user:password` (RFC 7617).

    A text of fewer than 16 characters does not count: a pseudonym that short may decode to such a pair by chance.
    """
    try:
        plain = base64.b64decode(text, validate=True) if len(text) >= _LONG_PAIR else b""
    except ValueError:
        return False
    return re.fullmatch(rb"[ -9;-~]+:[ -~]+", plain) is not None


def _always(_: str) -> bool:
    """Accept each value that the pattern of its format finds."""
    return True


def _is_mixed(text: str) -> bool:
    """Return whether a text has a digit, a small letter and a capital: no name of a file or a style has all three."""
    return any(map(str.isdigit, text)) and any(map(str.islower, text)) and any(map(str.isupper, text))


def _is_discord(text: str) -> bool:
    """Return whether the first part of a bot's token is base64 of the bot's number."""
    head = text.partition(".")[0]
    try:
        return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).isdigit()
    except ValueError:
        return False


def _is_xml(text: str) -> bool:
    """Return whether base64 holds a SAML message: XML with the namespace of SAML 1 or 2."""
    body = text[: len(text) // 4 * 4]
    try:
        return b"urn:oasis:names:tc:SAML" in base64.b64decode(
            body, altchars=b"-_" if "-" in body or "_" in body else None
        )
    except ValueError:
        return False


def _before(match: re.Match[str]) -> tuple[int, int]:
    """Return the span of the few characters in front of a word."""
    return max(0, match.start() - _LONGEST_NAME), match.start()


def _is_text(word: str) -> bool:
    alphabet = b"-_" if "-" in word or "_" in word else b"+/"
    try:
        plain = base64.b64decode(word + "=" * (-len(word) % 4), altchars=alphabet, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return all(char.isprintable() or char.isspace() for char in plain)


def _is_basic(text: str) -> bool:
    return _is_text(text.split()[1].rstrip("="))


def _has_owner(address: str) -> bool:
    """Return whether an e-mail address may belong to a person.

    The domains of RFC 2606 belong to no person; pseudonyms use one of them.
    """
    return _RESERVED.search(address.lower()) is None


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _real_phone(text: str) -> bool:
    number = re.sub(r"\D", "", text)
    return 7 <= len(number) <= 15 and not number.startswith("999")  # no country has this code; pseudonyms begin with it


def _luhn(text: str) -> bool:
    number = [int(char) for char in text if char.isdigit()]
    total = sum(d if place % 2 == 0 else d * 2 - 9 * (d > 4) for place, d in enumerate(reversed(number)))
    return total % 10 == 0 and len(set(number)) > 1


def _is_iban(text: str) -> bool:
    """Return whether a text has the length of an IBAN of its country, and the right check digits (ISO 13616)."""
    plain = text.replace(" ", "")
    if len(plain) != _IBAN_LENGTHS.get(plain[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


_MAIL = r"[\w.!#$%&'*+/=?^`{|}~-]"

# Each pattern begins at the start of a word, otherwise a long word takes quadratic time. The lengths are those that the
# issuers give, or somewhat less where an issuer says that lengths may change.
TOKENS = [
    Format(kind, mark, re.compile(pattern, re.ASCII), real)
    for kind, mark, pattern, real in (
        # RFC 7468; keys of OpenSSH have the same frame
        ("private key", "-----BEGIN ", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\sA-Za-z0-9+/=,:\\-]{40,}", _always),
        # RFC 7515 (three parts) and RFC 7516 (five parts, of which the second may be empty)
        ("JWT", "eyJ", r"(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*\.[\w-]{8,}\.[\w-]+\.[\w-]+|\.[\w-]{8,}\.[\w-]*)", is_jwt),
        # OASIS saml-bindings-2.0, 3.5: the POST binding sends base64 of <samlp:Response … or <saml2p:Response …
        ("SAML assertion", "PHNhbW", r"(?<![\w+/-])PHNhbW[\w+/-]{40,}={0,2}", _is_xml),
        ("SAML assertion", "PD94bWwg", r"(?<![\w+/-])PD94bWwg[\w+/-]{40,}={0,2}", _is_xml),
        # docs.github.com: About authentication to GitHub, "GitHub's token formats"
        ("GitHub token", "gh", r"(?<!\w)gh[pousr]_\w{36,255}", _always),
        ("GitHub token", "github_pat_", r"(?<!\w)github_pat_\w{22,255}", _always),
        # docs.gitlab.com: Security, token overview, "Token prefixes"
        (
            "GitLab token",
            "gl",
            r"(?<!\w)gl(?:pat|ptt|oas|dt|rt|rtr|cbt|ft|imt|soat|agent|ffct|wt)-[\w.-]{20,}",
            _always,
        ),
        # docs.slack.dev: Tokens; Sending messages using incoming webhooks
        ("Slack token", "xox", r"(?<!\w)xox[abceoprs][.-][\w.-]{10,}", _always),
        ("Slack token", "xapp-", r"(?<!\w)xapp-\d-[\w-]{20,}", _always),
        (
            "Slack webhook",
            "hooks.slack.com/",
            r"hooks\.slack\.com/(?:services|workflows|triggers)/\w{6,}/\w{6,}/\w{16,}",
            _always,
        ),
        # docs.stripe.com: API keys; Webhooks, "Verify webhook signatures"
        ("Stripe key", "k_", r"(?<!\w)[rsp]k_(?:live|test)_\w{10,}", _always),
        ("Stripe key", "whsec_", r"(?<!\w)whsec_[A-Za-z0-9+/]{24,}={0,2}", _is_mixed),
        # docs.aws.amazon.com: IAM identifiers, "Understanding unique ID prefixes"
        ("AWS key", "A", r"(?<![A-Z0-9])A(?:KI|SI|BI|CC)A[0-9A-Z]{16}(?![A-Z0-9])", _always),
        # cloud.google.com: Manage API keys; developers.google.com: Using OAuth 2.0, "Token size"
        ("Google key", "AIza", r"(?<![\w-])AIza[\w-]{35}(?![\w-])", _always),
        ("Google token", "ya29.", r"(?<![\w-])ya29\.[\w-]{30,}", _always),
        ("Google token", "1//", r"(?<![\w/:-])1//0[\w-]{30,}", _is_mixed),
        ("Google client secret", "GOCSPX-", r"(?<![\w-])GOCSPX-[\w-]{28}(?![\w-])", _always),
        # learn.microsoft.com: Configure Azure Storage connection strings; Create a service SAS; Purview's entities
        ("Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}", _always),
        ("Azure key", "SharedAccessKey=", r"SharedAccessKey=[A-Za-z0-9+/]{40,}={0,2}", _always),
        ("Azure signature", "sig=", r"(?<![\w-])sig=[A-Za-z0-9+/]{43}=", _always),
        ("Azure client secret", "Q~", r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])", _always),
        # help.salesforce.com: a session id is the organization's id (00D…, 15 or 18 characters), "!" and the token
        ("Salesforce session", "00D", r"(?<!\w)00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![\w.]{20,}", _always),
        # docs.npmjs.com: About access tokens; PyPI's help: API tokens (macaroons in base64)
        ("npm token", "npm_", r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)", _always),
        ("PyPI token", "pypi-AgE", r"(?<![\w-])pypi-AgE[\w-]{50,}", _always),
        # guides.rubygems.org: API key; doc.rust-lang.org/cargo: crates.io tokens
        ("RubyGems key", "rubygems_", r"(?<!\w)rubygems_[0-9a-f]{48}(?!\w)", _always),
        # www.twilio.com/docs: API keys; www.twilio.com/docs/sendgrid: API keys
        ("Twilio key", "SK", r"(?<!\w)SK[0-9a-f]{32}(?!\w)", _always),
        ("SendGrid key", "SG.", r"(?<![\w.-])SG\.[\w-]{16,32}\.[\w-]{16,64}", _always),
        # mailchimp.com/developer: Quick start; documentation.mailgun.com: API keys
        ("Mailchimp key", "-us", r"(?<!\w)[0-9a-f]{32}-us\d{1,2}(?!\w)", _always),
        ("Mailgun key", "key-", r"(?<![\w-])key-[0-9a-z]{32}(?!\w)", _always),
        # platform.openai.com: API keys; docs.anthropic.com: Admin API; openrouter.ai/docs: Authentication
        ("API key", "sk-", r"(?<![\w-])sk-[\w-]{20,}", _is_mixed),
        ("API key", "gsk_", r"(?<!\w)gsk_[A-Za-z0-9]{40,}", _is_mixed),
        # huggingface.co/docs/hub: User access tokens
        ("Hugging Face token", "hf_", r"(?<!\w)hf_[A-Za-z0-9]{30,}(?!\w)", _always),
        # docs.databricks.com: Personal access tokens; docs.digitalocean.com: API tokens
        ("Databricks token", "dapi", r"(?<!\w)dapi[0-9a-f]{32}(?:-\d)?(?!\w)", _always),
        ("DigitalOcean token", "_v1_", r"(?<!\w)do[opr]_v1_[0-9a-f]{64}(?!\w)", _always),
        # core.telegram.org/bots: "Authorizing your bot"; discord.com/developers/docs: Authentication, Webhook
        ("Telegram token", ":AA", r"(?<![\w:-])\d{8,10}:AA[\w-]{33}(?![\w-])", _always),
        ("Discord token", ".", r"(?<![\w.-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])", _is_discord),
        ("Discord webhook", "/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,}", _always),
        # shopify.dev: Authentication; developer.squareup.com: Access tokens
        ("Shopify token", "shp", r"(?<!\w)shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}(?!\w)", _always),
        ("Square token", "sq0", r"(?<![\w-])sq0(?:atp|csp)-[\w-]{22,43}(?![\w-])", _always),
        # developer.hashicorp.com: Vault tokens; grafana.com/docs: Service accounts; docs.docker.com: Access tokens
        ("Vault token", "hv", r"(?<!\w)hv[sbr]\.[\w-]{24,}", _always),
        ("Grafana token", "gl", r"(?<!\w)gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}", _is_mixed),
        ("Docker token", "dckr_pat_", r"(?<!\w)dckr_pat_[\w-]{27,}", _always),
        # support.atlassian.com: API tokens; www.figma.com/developers; developers.notion.com; developers.linear.app
        ("Atlassian token", "ATATT3", r"(?<![\w-])ATATT3[\w=-]{40,}", _always),
        ("Figma token", "figd_", r"(?<!\w)figd_[\w-]{36,}", _always),
        ("Notion token", "ntn_", r"(?<!\w)ntn_[A-Za-z0-9]{40,}", _always),
        ("Linear key", "lin_api_", r"(?<!\w)lin_api_[A-Za-z0-9]{32,}", _always),
        # docs.newrelic.com: API keys; learning.postman.com: API keys; docs.sentry.io: Auth tokens
        ("New Relic key", "NRAK-", r"(?<!\w)NRAK-[A-Z0-9]{27}(?!\w)", _always),
        ("Postman key", "PMAK-", r"(?<!\w)PMAK-[0-9a-f]{24}-[0-9a-f]{34}(?!\w)", _always),
        ("Sentry token", "sntry", r"(?<!\w)sntry[su]_[\w+/=]{32,}", _always),
    )
]
_FORMATS = [
    *TOKENS,
    *(
        Format(kind, mark, re.compile(pattern), real, shortest)
        for kind, mark, pattern, real, shortest in (
            ("user and password in a URL", "://", r"://[^\s/:@\"¤¶§]{1,200}:[^\s/@\"¤¶§]{1,200}@", _always, 0),
            ("bearer token", "earer", r"\b[Bb]earer\s+[\w.~+/-]{12,}=*", _has_digit, 0),
            ("basic credentials", "asic", r"\b[Bb]asic\s+[A-Za-z0-9+/]{8,}={0,2}", _is_basic, 0),
            (
                "e-mail",
                "@",
                rf"(?<!{_MAIL}){_MAIL}{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}})*\.[A-Za-z]{{2,}}",
                _has_owner,
                0,
            ),
            (
                "IBAN",
                "",
                r"(?<![\w-])[A-Z]{2}\d{2}(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?|[A-Z0-9]{11,29})(?![\w-])",
                _is_iban,
                15,
            ),
            ("payment card", "", rf"(?<![\w.-]){_CARD}(?:([ -]?)\d{{4}}(?:\1\d{{4}}){{2}})(?![\w.-])", _luhn, 16),
            ("payment card", "3", r"(?<![\w.-])3[47]\d\d([ -]?)\d{6}\1\d{5}(?![\w.-])", _luhn, 15),
            (
                "social security number",
                "-",
                r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w.-])",
                _always,
                0,
            ),
            ("telephone number", "+", r"(?<![\w+])\+\d[\d ()./-]{5,22}\d(?!\w)", _real_phone, 0),
            ("telephone number", ":", r"(?:\btel|\bsips?):\+?\d[\d().-]{5,20}\d(?!\w)", _real_phone, 0),
            *(  # each has one of these marks before its last four digits
                (
                    "telephone number",
                    mark,
                    r"(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w.-])",
                    _real_phone,
                    12,
                )
                for mark in "-. "
            ),
        )
    ),
]
_MARKED = [(form.mark, form.shortest, form) for form in _FORMATS]
