"""Certificates for Concentrators by EST (RFC 7030); invitations and revocation."""

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from smartmeter_cloud.api import openapi, schemas, serializers
from smartmeter_cloud.api.access import Admin, Authenticator
from smartmeter_cloud.api.accounts import ConcentratorId
from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.fields import NUMBER, Id
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.serializers import Json
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.pki.authority import CSR_MAX, BadRequest
from smartmeter_cloud.pki.enrolment import HOURS_MAX, Enrolment, UnknownToken

EST = "/.well-known/est"

_CSR: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The base64 of a DER PKCS#10 request, its common name the concentratorId. "
        "The key is P-256, P-384 or RSA with 2048 to 4096 bits.",
        "content": {"application/pkcs10": {"schema": {"type": "string"}}},
    }
}

_PKCS7 = openapi.document(
    "The base64 of a certs-only PKCS#7: the certificate and its chain.", "application/pkcs7-mime"
)
_Token = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(
        HTTPBearer(
            scheme_name="oneTimeToken", description="A token of an invitation.", auto_error=False
        )
    ),
]

router = APIRouter(tags=[openapi.ENROLMENT])


async def _csr(request: Request) -> bytes:
    """The decoded content of the body."""
    body = await request.body()
    try:
        data = base64.b64decode(body)
    except binascii.Error:
        raise BadRequest("the body must be the base64 of a PKCS#10 request") from None
    if len(data) > CSR_MAX:
        raise BadRequest(f"the request must have at most {CSR_MAX} bytes")
    return data


def _enrolment(request: Request) -> Enrolment:
    found: Enrolment = request.app.state.enrolment
    return found


Csr = Annotated[bytes, Depends(_csr)]
Enrols = Annotated[Enrolment, Depends(_enrolment)]


@router.get(f"{EST}/cacerts", responses=_PKCS7 | refusals(403), response_class=Response)
def get_ca_certificates(enrolment: Enrols) -> Response:
    """The CA's own certificates (RFC 7030, 4.1).

    A Concentrator trusts servers whose certificate was issued by this CA.
    """
    return _certificates(enrolment.chain())


@router.post(
    f"{EST}/simpleenroll",
    openapi_extra=_CSR,
    responses=_PKCS7 | refusals(401, 403),
    response_class=Response,
)
def enroll(request: Request, enrolment: Enrols, csr: Csr, token: _Token) -> Response:
    """A Concentrator's first certificate, by a one-time token (RFC 7030, 4.2.1).

    The name in it is the one that the token was made for. The same key may ask again with the
    same token while it is valid, should the answer have been lost.
    """
    if token is None:
        raise UnknownToken("send the one-time token as: Authorization: Bearer TOKEN")
    authenticator: Authenticator = request.app.state.authenticator
    try:
        return _certificates(enrolment.enrol(token.credentials.strip(), csr))
    except UnknownToken as why:
        problem = Problem(401, str(why), {"WWW-Authenticate": "Bearer"})
        raise authenticator.wrong(request, problem) from None


@router.post(
    f"{EST}/simplereenroll",
    openapi_extra=_CSR,
    responses=_PKCS7 | refusals(403),
    response_class=Response,
)
def reenroll(enrolment: Enrols, csr: Csr) -> Response:
    """A new certificate for a key and name that have a valid one (RFC 7030, 4.2.2).

    The request is signed by that key, which authenticates it. In the first half of a
    certificate's life the answer is that certificate again.
    """
    return _certificates(enrolment.renew(csr))


@router.get(
    "/v1/authority/crl",
    responses=openapi.document("A list in PEM.", "application/x-pem-file") | refusals(403),
    response_class=Response,
)
def get_revocation_list(enrolment: Enrols) -> Response:
    """The list of revoked certificates (PEM), for the broker: mosquitto's crlfile.

    It is valid for 90 days, and signed again every day.
    """
    return Response(enrolment.revocations(), media_type="application/x-pem-file")


class NewInvitation(BaseModel):
    """household: the Concentrator's new household; null keeps the present one."""

    model_config = ConfigDict(extra="forbid")
    hours: Annotated[
        float, Field(gt=0, le=HOURS_MAX, description="how long the token is valid"), NUMBER
    ] = 24
    household: Id | None = None


@router.post(
    "/v1/concentrators/{concentrator}/invitations",
    response_model=schemas.Invitation,
    responses=refusals(401, 403, 409, 422),
)
def invite_concentrator(
    concentrator: ConcentratorId,
    body: NewInvitation,
    caller: Admin,
    enrolment: Enrols,
    request: Request,
) -> Json:
    """Creates a line for `smartmeter-gateway enroll`. It is only shown in this answer.

    The Concentrator uses it once, within the hours that you choose.
    """
    household = caller.household_of_invited(concentrator, body.household)
    token, until = enrolment.invite(concentrator, body.hours, household)
    if household is not None:
        caller.place_invited(concentrator, household)
    caller.note(f"invited Concentrator {concentrator}", household)
    line = enrolment.line(str(request.base_url), concentrator, token)
    return Json({"line": line, "token": token, "expires": rfc3339(until)})


@router.get(
    "/v1/concentrators",
    response_model=list[schemas.Concentrator],
    responses=refusals(401, 403),
)
def list_concentrators(caller: Admin) -> Json:
    """The caller's Concentrators with their certificates and open invitations.

    Expired invitations are left out.
    """
    return Json(_concentrators(caller))


@router.delete(
    "/v1/concentrators/{concentrator}/certificates",
    response_model=schemas.Revoked,
    responses=refusals(401, 403, 404, 422),
)
def revoke_certificates(concentrator: ConcentratorId, caller: Admin, enrolment: Enrols) -> Json:
    """Revokes a Concentrator's certificates and invitations.

    Within 10 s, ingest accepts nothing more from it. Its readings wait until it is invited again.
    """
    caller.check_concentrator(concentrator)
    revoked = enrolment.revoke(concentrator)
    household = caller.concentrators().get(concentrator)
    caller.note(f"revoked {revoked} certificates of Concentrator {concentrator}", household)
    return Json({"revoked": revoked})


def _concentrators(caller: Caller) -> list[serializers.Fields]:
    found: dict[str, serializers.Fields] = {
        name: {"id": name, "household": household, "certificates": [], "invitations": []}
        for name, household in caller.concentrators().items()
    }

    def entry(name: str, kind: str) -> list[serializers.Fields]:
        empty: serializers.Fields = {
            "id": name,
            "household": None,
            "certificates": [],
            "invitations": [],
        }
        entries: list[serializers.Fields] = found.setdefault(name, empty)[kind]
        return entries

    for c in caller.store.certificates():
        entry(c.concentrator, "certificates").append(
            {
                "serial": c.serial,
                "issued": rfc3339(c.issued),
                "expires": rfc3339(c.expires),
                "revoked": None if c.revoked is None else rfc3339(c.revoked),
            }
        )
    for i in caller.store.invitations(serializers.now()):
        if i.enrolled is None:
            entry(i.concentrator, "invitations").append({"expires": rfc3339(i.expires)})
    own = found if caller.households is None else caller.concentrators()
    return [found[name] for name in sorted(found) if name in own]


def _certificates(found: Iterable[x509.Certificate]) -> Response:
    data = pkcs7.serialize_certificates(list(found), Encoding.DER)
    return Response(
        base64.encodebytes(data),
        media_type="application/pkcs7-mime; smime-type=certs-only",
        headers={"Content-Transfer-Encoding": "base64"},
    )
