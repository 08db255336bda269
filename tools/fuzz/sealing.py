"""Removes a telegram's checks and adds them again, to reach the parser itself.

payload() takes the content out of a moment's telegram of a virtual meter. seal() puts any content
in its place, encrypts it as the meter does, and adds every sum, CRC and tag.
"""

from functools import reduce
from operator import xor

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tools.meters import amis, ciphering, crc, kmp, mbus, sml, tic
from tools.meters.amis import AmisForm
from tools.meters.dlms import DlmsForm
from tools.meters.en13757 import PolledForm
from tools.meters.form import Form, Moment
from tools.meters.iec62056 import ETX, STX, IecForm
from tools.meters.kmp import KmpForm
from tools.meters.p1 import P1Form
from tools.meters.sml import SmlForm
from tools.meters.tic import TicForm

_APDU_MOST = 3000  # bytes; more than a frame or segment of any of our virtual meters
_BLANK = b"\r\n\r\n"
_AMIS_HEAD = 19  # bytes of the M-Bus content of an AMIS meter before the encrypted part


def payload(form: Form, moment: Moment) -> bytes:
    """The content: an APDU, SML messages, text from "/" to "!", records, or groups in lines."""
    if isinstance(form, DlmsForm):
        return form.notification(moment)[0]
    wire = form.encode(moment)[0]
    if isinstance(form, SmlForm):
        fill = wire[-3]
        return wire[8 : -8 - fill].replace(sml.ESCAPE * 2, sml.ESCAPE)
    if isinstance(form, P1Form):
        lines, _ = form.data_lines(moment)
        return _head(form) + "".join(line + "\r\n" for line in lines).encode("ascii")
    if isinstance(form, IecForm):
        return form.data(moment)[0]
    if isinstance(form, AmisForm):
        sealed = wire[4 + 3 + 4 + 2 + 1 + 1 + 4 : -2]
        iv = _amis_iv(moment)
        opened = Cipher(algorithms.AES(moment.key), modes.CBC(iv)).decryptor()
        return opened.update(sealed) + opened.finalize()
    if isinstance(form, PolledForm):
        return wire[4:-2]
    if isinstance(form, KmpForm):
        return kmp.unframed(wire)
    if isinstance(form, TicForm):
        return b"\n".join(form.contents(moment)[0])
    raise TypeError(f"cannot seal {form.name}")


def seal(form: Form, moment: Moment, content: bytes) -> bytes | None:
    """The wire bytes of content; None if it is too long for the form's framing."""
    if len(content) > _APDU_MOST:
        return None
    try:
        return _seal(form, moment, content)
    except (ValueError, OverflowError):
        return None


def _seal(form: Form, moment: Moment, content: bytes) -> bytes:
    if isinstance(form, DlmsForm):
        if form.security is not None:
            title = form.title(moment.seed)
            content = ciphering.general(
                title,
                ciphering.protect(
                    content, form.security, moment.counter, title, moment.key, moment.auth_key
                ),
                ciphering.GENERAL_DED if form.ded else ciphering.GENERAL_GLO,
                form.ber,
            )
        return form.wake_up + form.framed(content)
    if isinstance(form, SmlForm):
        return sml.transport(content, form.checksum)
    if isinstance(form, P1Form):
        return _p1(form, moment, content)
    if isinstance(form, IecForm):
        if form.mode == "D":
            return form.leading + form.identification() + b"\r\n" + content
        return STX + content + ETX + bytes((reduce(xor, content + ETX),))
    if isinstance(form, AmisForm):
        content += b"\x2f" * (-len(content) % 16)
        cipher = Cipher(algorithms.AES(moment.key), modes.CBC(_amis_iv(moment))).encryptor()
        head = form.encode(moment)[0][4 : 4 + _AMIS_HEAD - 4]
        return _short_frame(head + cipher.update(content) + cipher.finalize())
    if isinstance(form, TicForm):
        return tic.frame(content.split(b"\n"), form.standard)
    if isinstance(form, KmpForm):
        return kmp.frame(kmp.FROM_METER, content)
    assert isinstance(form, PolledForm)
    return _short_frame(content)


def _short_frame(content: bytes) -> bytes:
    if len(content) > 252:
        raise ValueError
    return mbus.frame(content)


def _head(form: P1Form) -> bytes:
    return f"/{form.ident}\r\n\r\n".encode("ascii")


def _p1(form: P1Form, moment: Moment, content: bytes) -> bytes:
    value = crc.arc(content + b"!")
    written = {
        "upper": f"{value:04X}",
        "lower": f"{value:04x}",
        "unpadded": f"{value:X}",
        "none": "",
    }[form.checksum]
    close = f"!{written}\r\n".encode("ascii")
    if not form.wrap:
        wire = content + close
        return form.noise + (wire if form.crlf else wire.replace(b"\r\n", b"\n"))
    if form.wrap == "general":
        title = form.system_title + moment.seed.to_bytes(8, "big")[-3:]
        sealed = ciphering.protect(
            content + close, form.security, moment.counter, title, moment.key, moment.auth_key
        )
        return ciphering.general(title, sealed, ber="82")
    head, blank, body = content.partition(_BLANK)
    plain = body if form.trailer else body + close
    sealed = ciphering.protect(plain, form.security, 0, b"", moment.key, moment.auth_key)
    tail = close if form.trailer else b""
    return head + blank + ciphering.general(b"", sealed, ber="82")[1:] + tail


def _amis_iv(moment: Moment) -> bytes:
    access = bytes((moment.counter & 0xFF,)) * 8
    return amis.MANUFACTURER + amis.IDENTITY + amis.VERSION + amis.MEDIUM + access
