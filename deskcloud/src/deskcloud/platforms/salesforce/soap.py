"""Read and answer the SOAP method Delete, because the REST API cannot delete rows.

https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/delete.html
"""

import uuid
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from deskcloud.platforms.salesforce.errors import InvalidFormatError

PATH = "/Service.asmx"
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_PARTNER = "{http://exacttarget.com/wsdl/partnerAPI}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_TOKEN = "{http://exacttarget.com}fueloauth"  # noqa: S105 - an element's name, not a password
_ROW = "DataExtensionObject"

type Row = tuple[str, dict[str, str]]
"""The external key of a data extension, and the columns and values of a row's primary key."""


def read(content: bytes) -> tuple[str, list[Row]]:
    """Return the access token and the rows of an envelope with a DeleteRequest.

    Raises:
        InvalidFormatError: `content` is not an envelope with a DeleteRequest of rows.
    """
    if b"<!DOCTYPE" in content:
        raise InvalidFormatError("The envelope may not have a DOCTYPE.")
    try:
        envelope = ET.fromstring(content)  # noqa: S314 - no DOCTYPE, so no entity expansion
    except ET.ParseError as error:
        raise InvalidFormatError(f"The envelope is not XML: {error}.") from error
    request = envelope.find(f".//{_PARTNER}DeleteRequest")
    objects = [] if request is None else request.findall(f"{_PARTNER}Objects")
    if not objects or any((one.get(_TYPE) or "").rpartition(":")[2] != _ROW for one in objects):
        raise InvalidFormatError(f"The local Marketing Cloud takes only a DeleteRequest with objects {_ROW}.")
    return envelope.findtext(f".//{_TOKEN}", ""), [_row(one) for one in objects]


def _row(element: ET.Element) -> Row:
    keys = element.findall(f"{_PARTNER}Keys/{_PARTNER}Key")
    values = {one.findtext(f"{_PARTNER}Name", ""): one.findtext(f"{_PARTNER}Value", "") for one in keys}
    return element.findtext(f"{_PARTNER}CustomerKey", ""), values


def answer(problems: Sequence[str]) -> bytes:
    """Return the envelope of the response. `problems` has "" for each deleted row, and a reason for any other row."""
    body = ET.Element(f"{_PARTNER}DeleteResponse")
    for index, problem in enumerate(problems):
        result = ET.SubElement(body, f"{_PARTNER}Results")
        _add(result, "StatusCode", "Error" if problem else "OK")
        _add(result, "StatusMessage", problem or f"Deleted {_ROW}")
        _add(result, "OrdinalID", str(index))
    _add(body, "RequestID", str(uuid.uuid4()))
    _add(body, "OverallStatus", "Error" if any(problems) else "OK")
    return _enveloped(body)


def fault(code: str, text: str) -> bytes:
    """Return an envelope with a SOAP fault. The HTTP status of the answer is 500."""
    body = ET.Element(f"{_SOAP}Fault")
    ET.SubElement(body, "faultcode").text = code
    ET.SubElement(body, "faultstring").text = text
    return _enveloped(body)


def _enveloped(body: ET.Element) -> bytes:
    envelope = ET.Element(f"{_SOAP}Envelope")
    ET.SubElement(envelope, f"{_SOAP}Body").append(body)
    content: bytes = ET.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return content


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{_PARTNER}{name}").text = text
