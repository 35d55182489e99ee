"""The shape of a notice, and what an e-mail about it says. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

# One @, a dotted domain, printable ASCII: what every mail server takes. No header can be forged.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}"
)
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class Notice:
    """One entry of a list. `sentence` is a msgid, `filling` what fills it, `link` a page of ours."""

    notice_id: int
    kind: str
    sentence: str
    filling: Mapping[str, str]
    link: str
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that is to be announced by e-mail."""

    notice_id: int
    email: str
    language: str


def is_address(text: str) -> bool:
    """Return whether `text` is an e-mail address that we write to."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


_SUBJECT = {"vi": "Bạn có một tin nhắn trên Yba", "en": "You have a message on Yba"}
_BODY = {
    "vi": "Bạn có một tin nhắn. Hãy đăng nhập để đọc:\n\n%s\n\n"
    "Thư này cố ý không ghi nội dung, để giữ kín thông tin của bạn.\n"
    "Cơ sở khám chữa bệnh không bao giờ hỏi mật khẩu qua thư điện tử.\n",
    "en": "You have a message. Please sign in to read it:\n\n%s\n\n"
    "This mail leaves out what it says on purpose, to keep your data private.\n"
    "The facility never asks for your password by e-mail.\n",
}


def announcement(waiting: Waiting, *, sender: str, site: str) -> EmailMessage:
    """Return the e-mail that says that a message waits, and nothing else."""
    language = waiting.language if waiting.language in _SUBJECT else "vi"
    message = EmailMessage()
    message["From"] = sender
    message["To"] = waiting.email
    message["Subject"] = _SUBJECT[language]
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_BODY[language] % site)
    return message
