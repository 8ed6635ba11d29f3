"""How a login ends without an identity, split by who has to do something about it."""

from enum import Enum

from auth.errors import AuthError


class LoginFault(Enum):
    """What was wrong: a closed set, fit for a metric's label and a log; the person learns none of it."""

    # What came back with the browser.
    STATE = "state"
    RESPONSE = "response"
    ISSUER_OF_RESPONSE = "issuer-of-response"
    PROVIDER_ERROR = "provider-error"
    # The provider's answers.
    TOKEN_ENDPOINT = "token-endpoint"
    USERINFO_ENDPOINT = "userinfo-endpoint"
    CLOCK = "clock"
    # The envelope: JWE, RFC 7516.
    NOT_ENCRYPTED = "not-encrypted"
    TOO_LARGE = "too-large"
    ENCRYPTION_ALGORITHM = "encryption-algorithm"
    ENCRYPTION_HEADER = "encryption-header"
    ENCRYPTION_KEY = "encryption-key"
    DECRYPTION = "decryption"
    # The letter inside: JWS, RFC 7515.
    NOT_SIGNED = "not-signed"
    SIGNATURE_ALGORITHM = "signature-algorithm"
    SIGNATURE_KEY = "signature-key"
    SIGNATURE = "signature"
    PROVIDER_KEYS = "provider-keys"
    # What it says.
    CLAIMS = "claims"
    HEADER_CLAIMS = "header-claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    AUTHORIZED_PARTY = "authorized-party"
    TIME = "time"
    NONCE = "nonce"
    ACR = "acr"
    SUBJECT = "subject"
    NATIONAL_NUMBER = "national-number"


class ItsmeError(AuthError):
    """Base of all that a login raises on purpose. Its text never holds a token, a code or a person's data."""


class ProviderUnreachable(ItsmeError):
    """The provider does not answer, or not as HTTP does."""


class LoginExpired(ItsmeError):
    """The login is not known (any more) or was begun in another browser; the person may try again."""


class LoginRefused(ItsmeError):
    """The person said no."""


class LoginFailed(ItsmeError):
    """Something that came back is not as it has to be; nobody is believed to be anybody."""

    def __init__(self, fault: LoginFault) -> None:
        super().__init__(f"login failed: {fault.value}")
        self.fault = fault
