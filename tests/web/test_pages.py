"""The pages, from the first look to the last word, as people meet them. The room is `fake_room.js`."""

import re

import pytest
from playwright.async_api import Page

from tests.web.browser import PHONE, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

REFUSING = "MediaDevices.prototype.getUserMedia = async () => {{ throw new DOMException({0!r}, {1!r}); }};"
DOCTOR = "fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters')"
PATIENT = "fakeRoom.enter('p', 'patient', 'Anna Claes', { look: null })"


async def join(page: Page) -> None:
    await page.click("form button[type=submit]")
    await page.wait_for_function("() => teleconsult.state === 'connected'")


async def seen(page: Page, text: str) -> None:
    await page.get_by_text(text, exact=True).first.wait_for()


@pytest.mark.parametrize("path", ["/", "/patient", "/doctor", "/guest"])
async def test_a_page_asks_nothing_of_strangers_and_keeps_to_its_policy(site: Site, path: str) -> None:
    page = await site.open(path)
    await page.wait_for_function("() => document.querySelector('#language').options.length === 4")
    if path != "/":
        await join(page)
        await page.evaluate(DOCTOR)
        await page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")
        await page.click('[data-action="settings"]')
    assert site.strangers == []
    assert site.complaints == []


async def test_every_module_is_asked_for_at_once(site: Site) -> None:
    page = await site.open("/patient")
    await page.wait_for_selector(".lobby")
    late = await page.evaluate(
        """() => {
          const urls = (entries) => entries.map((entry) => entry.href || entry.src || entry.name);
          const early = urls([...document.querySelectorAll("link[rel=modulepreload], script[src]")]);
          const loaded = urls(performance.getEntriesByType("resource")).filter((url) => url.endsWith(".js"));
          return [loaded.filter((url) => !early.includes(url)), early.filter((url) => !loaded.includes(url))];
        }"""
    )
    assert late == [[], []]


async def test_the_doors_of_the_front_page_keep_the_room(site: Site) -> None:
    page = await site.open("/?room=blue")
    hrefs = await page.eval_on_selector_all(
        "a.door", "(doors) => doors.map(({ pathname, search }) => pathname + search)"
    )
    assert hrefs == ["/patient?room=blue", "/doctor?room=blue", "/guest?room=blue"]


async def test_a_patient_checks_the_camera_waits_and_is_let_in(site: Site) -> None:
    page = await site.open("/patient?room=blue", viewport=PHONE, has_touch=True, is_mobile=True)
    await page.wait_for_function("() => document.querySelector('.preview video').videoWidth > 0")
    await page.evaluate("fakeRoom.self.admitted = false")
    await page.fill("#name", "Anna Claes")
    await join(page)
    await seen(page, "You are in the waiting room")
    await page.evaluate("fakeRoom.tell({ type: 'queue', position: 2, estimated_wait_s: 400 })")
    await seen(page, "Number 2 in the queue · about 7 min")
    await page.evaluate(f"{DOCTOR}; fakeRoom.admit('me')")
    await page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")
    await seen(page, "Dr. Els Peeters")
    assert await page.evaluate("fakeRoom.asked") == {"role": "patient", "name": "Anna Claes", "room": "blue"}


async def test_a_doctor_lets_a_waiting_patient_in(site: Site) -> None:
    page = await site.open("/doctor")
    await join(page)
    await seen(page, "Nobody is here yet")
    await page.evaluate("fakeRoom.enter('p', 'patient', 'Anna Claes', { admitted: false })")
    await page.get_by_role("button", name="Let in").click()
    await page.wait_for_function("() => document.querySelectorAll('.tile').length === 1")
    assert await page.evaluate("fakeRoom.requests('admit')[0].participant") == "p"
    assert await page.locator(".knocks").is_hidden()


async def test_sending_somebody_away_takes_a_second_thought(site: Site) -> None:
    page = await site.open("/doctor")
    await join(page)
    await page.evaluate("fakeRoom.enter('p', 'patient', 'Anna Claes', { admitted: false })")
    await page.get_by_role("button", name="Send away").click()
    assert await page.evaluate("fakeRoom.requests('remove').length") == 0
    await page.get_by_role("button", name="Send away for sure?").click()
    await page.wait_for_function("() => fakeRoom.requests('remove').length === 1")


async def test_a_doctor_ends_the_consultation_after_being_asked(site: Site) -> None:
    page = await site.open("/doctor")
    await join(page)
    await page.evaluate(PATIENT)
    await page.click('[data-action="leave"]')
    await page.get_by_role("button", name="End for everybody").click()
    await seen(page, "The consultation has ended")
    assert await page.evaluate("fakeRoom.requests('end').length") == 1


async def test_devices_are_let_go_of_when_the_consultation_ends(site: Site) -> None:
    keeping = """const ask = MediaDevices.prototype.getUserMedia; window.given = [];
    MediaDevices.prototype.getUserMedia = async function (...args) {
      const stream = await ask.apply(this, args); given.push(...stream.getTracks()); return stream; };"""
    page = await site.open("/patient", before=keeping)
    await page.wait_for_function("() => given.length === 2")
    await join(page)
    await page.evaluate("fakeRoom.end()")
    await seen(page, "The consultation has ended")
    assert await page.evaluate("given.map(({ readyState }) => readyState)") == ["ended", "ended"]


async def test_muting_and_the_camera_button_are_told_and_shown(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.wait_for_function(
        "() => teleconsult.publications.filter(({ id }) => id !== null).length === 2"
    )
    await page.get_by_role("button", name="Mute", exact=True).click()
    await page.get_by_role("button", name="Unmute").wait_for()
    await page.get_by_role("button", name="Stop video").click()
    await page.get_by_role("button", name="Start video").wait_for()
    await page.wait_for_function("() => fakeRoom.requests('mute').length === 2")
    assert await page.evaluate("fakeRoom.requests('mute').map(({ track, muted }) => [track, muted])") == [
        ["own-microphone", True],
        ["own-camera", True],
    ]
    camera = "teleconsult.publications.find(({ source }) => source === 'camera').track"
    assert await page.evaluate(f"{camera} === null"), "the camera's light is off"
    await page.get_by_role("button", name="Start video").click()
    await page.wait_for_function(f"() => {camera}?.readyState === 'live'")


async def test_a_broken_connection_is_announced_and_so_is_its_return(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.evaluate("fakeRoom.refuseConnections = true; fakeRoom.current.end(1006)")
    await seen(page, "The connection is interrupted. Reconnecting …")
    await page.evaluate("fakeRoom.refuseConnections = false")
    await page.wait_for_function(
        "() => document.querySelector('#announcer').textContent === 'Connected again'"
    )
    assert await page.locator(".banner").is_hidden()


async def test_autostart_joins_without_a_click_and_without_a_token_in_the_address(site: Site) -> None:
    page = await site.open("/patient?auto=1&codec=h264")
    await page.wait_for_function("() => teleconsult.publications.length === 2")
    await page.wait_for_function("() => teleconsult.mediaState === 'connected'")
    assert await page.evaluate("location.search") == "?auto=1&codec=h264"
    assert await page.evaluate("performance.getEntries().some(({ name }) => name.includes('t1'))") is False


@pytest.mark.parametrize(
    ("message", "error", "title", "todo"),
    [
        (
            "Permission denied",
            "NotAllowedError",
            "Your browser does not allow camera or microphone here",
            "Allow",
        ),
        ("Permission dismissed", "NotAllowedError", "The question was closed without an answer", "Try again"),
        (
            "Permission denied by system",
            "NotAllowedError",
            "Your device does not let the browser use",
            "privacy",
        ),
        ("Requested device not found", "NotFoundError", "We find no Camera / Microphone", "Connect one"),
        (
            "Could not start video source",
            "NotReadableError",
            "is being used by another program",
            "Close other",
        ),
        ("", "UnknownError", "does not start", "Unplug it"),
    ],
)
async def test_a_device_that_fails_is_explained_and_one_can_go_on_without(
    site: Site, message: str, error: str, title: str, todo: str
) -> None:
    page = await site.open("/patient", permissions=[], before=REFUSING.format(message, error))
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    alert = page.get_by_role("alert")
    await alert.wait_for()
    text = await alert.inner_text()
    assert title in text
    assert todo in text
    await page.get_by_role("button", name="Join without camera and microphone").click()
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    await page.evaluate(DOCTOR)
    await page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")


async def test_a_missing_camera_does_not_cost_the_microphone(site: Site) -> None:
    no_camera = """const ask = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = async function (wanted) {
      if (wanted.video) throw new DOMException("", "NotFoundError"); return ask.call(this, wanted); };"""
    page = await site.open("/patient", before=no_camera)
    await page.get_by_role("button", name="Join without camera").click()
    await page.wait_for_function(
        "() => teleconsult.publications.map(({ source }) => source).join() === 'microphone'"
    )


async def test_an_insecure_address_is_explained(site: Site) -> None:
    insecure = "Object.defineProperty(window, 'isSecureContext', { value: false });"
    page = await site.open("/patient", permissions=[], before=insecure)
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await seen(page, "This address is not secure")


@pytest.mark.parametrize(
    ("how", "title", "again"),
    [
        ("fakeRoom.current.end(4403)", "You are not, or no longer, admitted", True),
        ("fakeRoom.current.end(4409)", "The consultation was opened elsewhere", True),
        ("fakeRoom.current.end(4404)", "This consultation does not exist", False),
        ("fakeRoom.current.end(4410)", "The consultation has ended", False),
        ("fakeRoom.current.end(4400)", "Something went wrong", True),
        ("teleconsult.leave()", "You have left the consultation", True),
        ("fakeRoom.ticketStatus = 409; fakeRoom.current.end(4503)", "The consultation has ended", False),
    ],
)
async def test_every_end_says_what_happened_and_what_to_do(
    site: Site, how: str, title: str, again: bool
) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.evaluate(f"{{ {how} }}")
    await page.get_by_role("heading", name=title).wait_for()
    buttons = page.locator(".ended button")
    assert await buttons.count() == (1 if again else 0)
    if again:
        await buttons.click()
        await page.get_by_role("button", name="Join the call").wait_for()


async def test_a_closed_entrance_is_explained_at_once(site: Site) -> None:
    page = await site.open("/patient")
    await page.evaluate("fakeRoom.ticketStatus = 404")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="This entrance is closed").wait_for()
    assert await page.evaluate("fakeRoom.tickets") == 1


async def test_a_shared_screen_takes_the_stage(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.evaluate(f"{DOCTOR}; fakeRoom.share('d')")
    await seen(page, "Screen of Dr. Els Peeters")
    await page.wait_for_function("() => document.querySelector('.tile.screen video')?.videoWidth > 0")
    screen = await page.locator(".tile.screen").bounding_box()
    camera = await page.locator(".tile:not(.screen)").bounding_box()
    assert screen is not None
    assert camera is not None
    assert screen["width"] > 2 * camera["width"]


async def test_ones_own_picture_moves_with_the_arrow_keys(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    own = page.get_by_role("group", name=re.compile("Your picture"))
    await own.focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowUp")
    assert await own.get_attribute("data-corner") == "top-left"


async def test_a_person_picks_another_language_in_the_middle_of_a_call(site: Site) -> None:
    page = await site.open("/patient", locale="nl-BE")
    await page.get_by_role("button", name="Deelnemen").click()
    await page.get_by_role("button", name="Microfoon uit").wait_for()
    await page.select_option("#language", "fr")
    await page.get_by_role("button", name="Couper micro").wait_for()
    assert await page.evaluate("[document.documentElement.lang, teleconsult.state]") == ["fr", "connected"]
    await page.reload()
    await page.get_by_role("button", name=re.compile("Rejoindre")).wait_for()


NO_CAMERA = """const ask = MediaDevices.prototype.getUserMedia; window.camera = false;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  if (wanted.video && !camera) throw new DOMException("", "NotReadableError");
  return ask.call(this, wanted); };"""
OWN_CAMERA = "teleconsult.publications.some(({ source, id }) => source === 'camera' && id)"


async def test_only_who_must_wait_hears_of_a_waiting_room(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await seen(page, "Nobody else is here yet")
    await page.evaluate(DOCTOR)
    await page.wait_for_function("() => document.querySelectorAll('.tile').length === 1")
    await page.evaluate("fakeRoom.leave('d')")
    await seen(page, "Nobody else is here any more")


async def test_a_camera_that_sends_nothing_is_told_until_it_does(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.wait_for_function(f"() => {OWN_CAMERA}")
    await page.evaluate("fakeRoom.tell({ type: 'track-silent', id: 'own-camera' })")
    await seen(page, "The others cannot see you. Check your camera under Settings.")
    await page.evaluate("fakeRoom.tell({ type: 'track-silent', id: 'own-camera', silent: false })")
    await page.locator(".banner").wait_for(state="hidden")


async def test_a_camera_that_does_not_obey_is_not_said_to_be_on(site: Site) -> None:
    page = await site.open("/patient", before=NO_CAMERA)
    await page.get_by_role("button", name="Join without camera").click()
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    assert await page.locator(".banner").is_hidden(), "what was said in the lobby is not said again"
    said = "document.querySelector('#announcer').textContent"
    await page.get_by_role("button", name="Start video").click()
    await page.get_by_text("Your Camera is being used by another program").wait_for()
    assert "is on" not in await page.evaluate(said)
    await page.evaluate("window.camera = true")
    await page.get_by_role("button", name="Start video").click()
    await page.wait_for_function(f"() => {said} === 'Your camera is on' && {OWN_CAMERA}")
    assert await page.locator(".banner").is_hidden()


async def test_refused_permission_is_told_in_a_call_that_began_by_itself(site: Site) -> None:
    refusing = REFUSING.format("Permission denied", "NotAllowedError")
    page = await site.open("/patient?auto=1", permissions=[], before=refusing)
    await page.get_by_text("Your browser does not allow camera or microphone here").wait_for()
    await page.locator(".banner").get_by_role("button", name="Close").click()
    assert await page.locator(".banner").is_hidden()


async def test_a_device_that_the_server_refuses_is_told_and_offered_again_when_switched(site: Site) -> None:
    page = await site.open("/patient", before="fakeRoom.replies.offer = [{ code: 'unsupported-codec' }]")
    await join(page)
    await page.get_by_text("The others do not receive this device: Camera / Microphone").wait_for()
    await page.get_by_role("button", name="Stop video").click()
    await page.get_by_text("The others do not receive this device: Microphone").wait_for()
    await page.get_by_role("button", name="Start video").click()
    await page.wait_for_function(f"() => {OWN_CAMERA}")


async def test_going_back_in_keeps_the_choice_of_camera_and_microphone(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.get_by_role("button", name="Stop video").click()
    await page.get_by_role("button", name="Start video").wait_for()
    await page.click('[data-action="leave"]')
    await page.get_by_role("button", name="Go back in").click()
    await page.get_by_role("button", name="Start video").wait_for()
    await page.get_by_role("button", name="Mute").wait_for()
    await join(page)
    await page.wait_for_function(
        "() => teleconsult.publications.map(({ source }) => source).join() === 'microphone'"
    )


async def test_after_an_end_the_next_visit_begins_afresh(site: Site) -> None:
    page = await site.open("/patient")
    await join(page)
    await page.evaluate(DOCTOR)
    await page.wait_for_function("() => document.querySelectorAll('.tile').length === 1")
    await page.click('[data-action="leave"]')
    await page.get_by_role("button", name="Go back in").click()
    await page.evaluate("fakeRoom.delayMs = 1000; fakeRoom.others.clear()")
    await page.click("form button[type=submit]")
    await seen(page, "Connecting …")
    assert await page.locator(".tile").count() == 0
    await seen(page, "Nobody else is here yet")


async def test_a_browser_without_webrtc_is_told_so(site: Site) -> None:
    page = await site.open("/patient", before="delete window.RTCPeerConnection;")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="This browser cannot make video calls").wait_for()


async def test_a_network_that_lets_no_media_through_is_named_and_then_given_up(site: Site) -> None:
    page = await site.open("/patient", before="fakeRoom.walled = true; fakeRoom.hurry(8);")
    await page.click("form button[type=submit]")
    await page.get_by_text("Sound and picture do not get through this network").wait_for()
    await page.get_by_role("heading", name="Sound and picture cannot get through").wait_for()


async def test_an_entrance_that_does_not_answer_is_given_up(site: Site) -> None:
    page = await site.open("/patient", before="fakeRoom.ticketStatus = null; fakeRoom.hurry(20);")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="We cannot reach the service").wait_for()
