"""The media path of a synthetic participant: ICE, DTLS and SRTP on one UDP socket (RFC 7983)."""

import asyncio
import random
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aioice import stun
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session as Srtp

from loadtest import rtcp
from loadtest.dtls_client import DtlsClient, SrtpProfile
from loadtest.errors import MediaFailed
from loadtest.lean_sdp import Answer
from loadtest.reception import Reception
from loadtest.synthetic_media import Audio, TransportCounter, Video, read_stamp

CHECK_AGAIN_S = 0.05
CONSENT_S = 4.0  # RFC 7675 §5.1 asks for 5 s or so
MEDIA_TIMEOUT_S = 10.0
SO_TIMESTAMPNS = 35  # Linux; the socket module does not name it. Its clock is the one of time_ns
TIMESPEC = struct.Struct("@ll")
ANCILLARY = socket.CMSG_SPACE(TIMESPEC.size)
ROUND = 32  # datagrams read before the event loop gets its turn
PRIORITY = 0x6E7F1EFF  # a peer-reflexive host candidate's (RFC 8445 §5.1.2)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a participant publishes. Sizes are RTP payload bytes."""

    kinds: tuple[str, ...] = ("audio", "video")
    video_bps: int = 1_200_000
    frames_per_s: int = 30
    answers_nack: bool = True
    answers_pli: bool = True


@dataclass(slots=True)
class Counters:
    sent: int = 0
    received: int = 0
    rtcp_received: int = 0
    nacks: int = 0
    keyframe_requests: int = 0
    retransmitted: int = 0
    refused_by_srtp: int = 0
    unsent: int = 0
    receptions: dict[int, Reception] = field(default_factory=dict)  # by SSRC, as we receive it


class MediaSocket:
    """Controlling ICE agent towards a lite one, DTLS client, and SRTP both ways."""

    def __init__(
        self,
        answer: Answer,
        ufrag: str,
        pwd: str,
        profile: SrtpProfile,
        traffic: Traffic | None,
        mark: Callable[[str], None],
    ) -> None:
        """`mark` is told when "ice", "dtls" and "first_packet" are reached."""
        self._answer = answer
        self._username = f"{answer.ufrag}:{ufrag}"
        self._pwd = pwd
        self._traffic = traffic or Traffic()
        self._mark = mark
        self._dtls = DtlsClient(profile, answer.fingerprint)
        self._tie_breaker = secrets.randbits(64)
        self._socket: socket.socket | None = None
        self._receiving: Srtp | None = None
        self._sending: Srtp | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._dtls_timer: asyncio.TimerHandle | None = None
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reached = False  # ICE came up once, so DTLS has begun
        self._answered = False  # by the port we use now
        self._ssrc = random.getrandbits(32)
        self._highest: dict[int, int] = {}
        self._last_reports: dict[int, int] = {}
        self.first_packet = asyncio.Event()
        self.counter = TransportCounter()
        self.counters = Counters()
        self.sources: dict[int, Audio | Video] = {}
        self.on_packet: Callable[[bytes], None] | None = None

    async def connect(self) -> None:
        """ICE and DTLS. Raises MediaFailed."""
        self._open()
        self._check()
        try:
            async with asyncio.timeout(MEDIA_TIMEOUT_S):
                await self._connected
        except TimeoutError as error:
            raise MediaFailed("ICE and DTLS took too long") from error

    def move(self) -> None:
        """Go on from another local port, as behind a NAT that forgot us; the next check tells the server."""
        self._shut()
        self._answered = False
        self._open()
        self._check()

    def _open(self) -> None:
        # IPv4 first: a loopback-only server has it, and the clients' cost is the same.
        candidates = sorted(self._answer.candidates, key=lambda candidate: ":" in candidate[0])
        if not candidates:
            raise MediaFailed("no UDP candidate")
        opened = socket.socket(
            socket.AF_INET6 if ":" in candidates[0][0] else socket.AF_INET, socket.SOCK_DGRAM
        )
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        opened.connect(candidates[0])
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened, self._readable)

    def _shut(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        """Read a round of datagrams, not all there are: timers must get their turn."""
        for _ in range(ROUND):
            if self._socket is None:
                return
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2048, ANCILLARY)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error; the next check will show whether the server is back
            self._receive(data, _arrival_ns(ancillary))

    def close(self) -> None:
        for timer in (self._timer, self._dtls_timer):
            if timer is not None:
                timer.cancel()
        if self._dtls.connected:
            self._send_all(self._dtls.goodbye())
        self._shut()
        if not self._connected.done():
            self._connected.cancel()

    def send(self, packet: bytes) -> None:
        """Protect and send one RTP packet."""
        if self._sending is not None:
            self._send_all([self._sending.protect(packet)])
            self.counters.sent += 1

    def send_rtcp(self, compound: bytes) -> None:
        if self._sending is not None:
            self._send_all([self._sending.protect_rtcp(compound)])

    def send_raw(self, datagram: bytes) -> None:
        """Anything, unprotected: for tests of what the server does with it."""
        self._send_all([datagram])

    def protect(self, packet: bytes) -> bytes:
        """One RTP packet under our keys, not sent: for tests of replay."""
        assert self._sending is not None, "not connected"
        protected: bytes = self._sending.protect(packet)
        return protected

    # Datagrams in

    def _receive(self, data: bytes, arrival_ns: int) -> None:
        first = data[0] if data else 255
        try:
            if first < 4:
                self._take_stun(data)
            elif 20 <= first < 64:
                self._send_all(self._dtls.receive(data))
                self._after_dtls()
            elif 128 <= first < 192 and self._receiving is not None:
                self._take_srtp(data, self._receiving, arrival_ns)
        except MediaFailed as error:
            if not self._connected.done():
                self._connected.set_exception(error)

    def _take_stun(self, data: bytes) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if message.message_class is stun.Class.REQUEST:
            self._answer_check(message)
        if message.message_class is not stun.Class.RESPONSE:
            return
        if not message.check_message_integrity(self._answer.pwd.encode()):
            return
        self._answered = True
        if not self._reached:
            self._reached = True
            self._mark("ice")
            self._send_all(self._dtls.start())
            self._arm_dtls()

    def _answer_check(self, request: stun.Message) -> None:
        """A lite server sends none, a full agent insists on an answer."""
        if self._socket is not None and request.check_message_integrity(self._pwd.encode()):
            response = stun.Message(
                stun.Method.BINDING,
                stun.Class.RESPONSE,
                transaction_id=request.transaction_id,
                attributes={"XOR-MAPPED-ADDRESS": self._socket.getpeername()[:2]},
            )
            response.add_message_integrity(self._pwd.encode())
            self._send_all([bytes(response)])

    def _after_dtls(self) -> None:
        if self._dtls.connected and self._receiving is None:
            self._receiving, self._sending = self._dtls.srtp()
            self._mark("dtls")
            if not self._connected.done():
                self._connected.set_result(None)

    def _take_srtp(self, data: bytes, session: Srtp, arrival_ns: int) -> None:
        try:
            if rtcp.is_rtcp(data):
                self._take_rtcp(session.unprotect_rtcp(data))
                return
            packet = session.unprotect(data)
        except SrtpError:
            self.counters.refused_by_srtp += 1
            return
        counters = self.counters
        counters.received += 1
        if counters.received == 1:
            self._mark("first_packet")
            self.first_packet.set()
        ssrc = int.from_bytes(packet[8:12])
        self._highest[ssrc] = int.from_bytes(packet[2:4])
        stamp = read_stamp(packet)
        if stamp is not None:
            reception = counters.receptions.get(ssrc)
            if reception is None:
                reception = counters.receptions[ssrc] = Reception()
            reception.receive(stamp, len(packet), arrival_ns)
        if self.on_packet is not None:
            self.on_packet(packet)

    def _take_rtcp(self, compound: bytes) -> None:
        self.counters.rtcp_received += 1
        for item in rtcp.parse(compound):
            match item:
                case rtcp.Nack(ssrc, sequences):
                    self.counters.nacks += 1
                    if self._traffic.answers_nack:
                        self._retransmit(ssrc, sequences)
                case rtcp.KeyframeRequest(ssrc):
                    self.counters.keyframe_requests += 1
                    source = self.sources.get(ssrc)
                    if isinstance(source, Video) and self._traffic.answers_pli:
                        source.keyframe_wanted = True
                case rtcp.SenderReport(ssrc, middle):
                    self._last_reports[ssrc] = middle
                case rtcp.TransportFeedback():
                    pass

    def _retransmit(self, ssrc: int, sequences: Iterable[int]) -> None:
        source = self.sources.get(ssrc)
        for sequence in sequences if source is not None else ():
            packet = source.stream.again(sequence) if source is not None else None
            if packet is not None:
                self.counters.retransmitted += 1
                self.send(packet)

    # Timers

    def _check(self) -> None:
        """A binding request: soon again until answered, then to keep consent fresh; and a receiver report."""
        request = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": self._username,
                "PRIORITY": PRIORITY,
                "ICE-CONTROLLING": self._tie_breaker,
                "USE-CANDIDATE": None,
            },
        )
        request.add_message_integrity(self._answer.pwd.encode())
        self._send_all([bytes(request)])
        if self._highest:
            blocks = [
                (ssrc, highest, self._last_reports.get(ssrc, 0)) for ssrc, highest in self._highest.items()
            ]
            self.send_rtcp(rtcp.receiver_report(self._ssrc, blocks))
        again_s = CONSENT_S if self._answered else CHECK_AGAIN_S
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(again_s, self._check)

    def _arm_dtls(self) -> None:
        timeout_s = self._dtls.timeout_s()
        if timeout_s is not None:
            self._dtls_timer = asyncio.get_running_loop().call_later(timeout_s, self._expire_dtls)

    def _expire_dtls(self) -> None:
        self._send_all(self._dtls.expire())
        self._arm_dtls()

    def _send_all(self, datagrams: Iterable[bytes]) -> None:
        for datagram in datagrams:
            if self._socket is not None:
                try:
                    self._socket.send(datagram)
                except OSError:
                    self.counters.unsent += 1  # lost, as on a network: a full buffer, or an ICMP error


def _arrival_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """When the kernel got the datagram, so that our own queue is in no latency."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
