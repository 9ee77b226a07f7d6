"""The relay's answers to recipients and to planned faults. See RFC 5321 (SMTP) and RFC 3463 (enhanced codes)."""

ACCEPTED = "250 2.0.0 OK"
AUTHENTICATION_REQUIRED = "530 5.7.0 Authentication required"
AUTHENTICATION_FAILED = "535 5.7.8 Authentication credentials invalid"
REFUSED_RECIPIENT = "550 5.1.1 The mailbox does not exist"
DEFERRED_RECIPIENT = "451 4.3.0 The mailbox is temporarily unavailable"

REFUSALS = {
    "too_many_requests": "451 4.7.1 Rate limit exceeded; try again later",
    "blocked": "421 4.7.0 Temporarily blocked; closing the connection",
    "server_error": "554 5.3.0 Transaction failed",
    "permission_denied": "550 5.7.1 Sender refused",
    "expired_token": AUTHENTICATION_FAILED,
}
"""The answer to a message that meets a planned fault, by the kind of the fault. AUTH answers 535 to every fault."""

MAX_BYTES = 10_485_760
"""The maximum size of a message. Each relay chooses its own, and announces it in the answer to EHLO (RFC 1870)."""
