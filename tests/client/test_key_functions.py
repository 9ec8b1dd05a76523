"""`api_key=` a function: asked before each request, apart from whoever waits, and never for longer than the call may
last."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Budget, HFRouter, Limit, RouterSettings, Target, errors
from shared_core.testing import OfflineRouter, Status, StreamError, offline_router
from tests.client.conftest import HELLO, Maker

TENANT: contextvars.ContextVar[str] = contextvars.ContextVar("TENANT", default="nobody")


class Vault:
    """Gives hf_vault_1, hf_vault_2 and so on."""

    def __init__(self) -> None:
        self.given = 0
        self.asked_in: list[int] = []

    def token(self) -> str:
        self.given += 1
        self.asked_in.append(threading.get_ident())
        return f"hf_vault_{self.given:08}"

    async def coming(self) -> str:
        await asyncio.sleep(0)
        return self.token()


def sent_to(host: OfflineRouter) -> list[str | None]:
    """The tokens that arrived there."""
    return [(request.headers.get("authorization") or "").removeprefix("Bearer ") for request in host.requests]


@pytest.fixture(scope="module")
def other_server() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture
def other(other_server: OfflineRouter) -> OfflineRouter:
    other_server.forget()
    return other_server


# -- when it is asked ----------------------------------------------------------------------------------------------


def test_each_call_asks_anew(make: Maker, offline_url: OfflineRouter) -> None:
    caller = make(api_key=Vault().token)
    caller.chat()
    caller.stream()
    caller.embed(["a text"], model="offline/embed-16")
    assert sent_to(offline_url)[:2] == ["hf_vault_00000001", "hf_vault_00000002"]
    assert sent_to(offline_url)[-1] == "hf_vault_00000003"


def test_each_retry_asks_anew(make_plain: Maker, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(429, headers={"retry-after": "0"}))
    make_plain(api_key=Vault().token).chat()
    assert sent_to(offline_url) == ["hf_vault_00000001", "hf_vault_00000002"]


def test_what_needs_the_account_before_the_request_goes_by_the_same_answer(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    vault = Vault()
    caller = make_plain(
        api_key=vault.token, chat_cache=True, budgets=[Budget(requests=9, per="day", of="key")]
    )
    caller.chat(temperature=0)
    assert vault.given == len(offline_url.requests) == 1


def test_making_printing_and_leaving_a_client_asks_nobody() -> None:
    vault = Vault()
    with HFRouter("org/name", api_key=vault.token) as router:
        assert repr(router) == "HFRouter(model='org/name', api_key=ApiKey(function))"
    assert vault.given == 0


COROUTINES: dict[str, Callable[[Vault], Callable[[], Awaitable[str]]]] = {
    "a method": lambda vault: vault.coming,
    "a partial of one": lambda vault: functools.partial(vault.coming),
    "a lambda around one": lambda vault: lambda: vault.coming(),
}
each_coroutine = pytest.mark.parametrize("coroutine", COROUTINES.values(), ids=COROUTINES.keys())


@each_coroutine
async def test_asynchronous_clients_await_coroutine_functions(
    coroutine: Any, offline_url: OfflineRouter
) -> None:
    async with AsyncHFRouter("offline/echo", base_url=offline_url, api_key=coroutine(Vault())) as router:
        await router.chat(HELLO)
        async with router.stream(HELLO) as stream:
            assert [delta async for delta in stream]
    assert sent_to(offline_url) == ["hf_vault_00000001", "hf_vault_00000002"]


@each_coroutine
def test_blocking_clients_refuse_them_and_say_what_to_do(coroutine: Any, offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key=coroutine(Vault()))
    with pytest.raises(errors.ConfigError, match="coroutine function") as caught:
        router.chat(HELLO)
    assert "AsyncHFRouter" in caught.value.hint
    assert not offline_url.requests


async def test_a_plain_function_holds_up_no_event_loop(offline_url: OfflineRouter) -> None:
    release, vault = threading.Event(), Vault()

    def slow() -> str:
        release.wait(10)
        return vault.token()

    async with AsyncHFRouter("offline/echo", base_url=offline_url, api_key=slow) as router:
        calls = [asyncio.create_task(router.chat(HELLO)) for _ in range(3)]
        await asyncio.sleep(0.01)  # the loop goes round, or nobody would ever release them
        release.set()
        await asyncio.gather(*calls)
    assert vault.given == 3
    assert threading.get_ident() not in vault.asked_in


def of_tenant() -> str:
    return f"hf_of_{TENANT.get()}"


def test_the_function_sees_the_callers_context(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key=of_tenant)
    for tenant in ("ada", "bob"):
        TENANT.set(tenant)
        router.chat(HELLO)
    assert sent_to(offline_url) == ["hf_of_ada", "hf_of_bob"]


async def test_so_it_does_in_tasks(offline_url: OfflineRouter) -> None:
    async with AsyncHFRouter("offline/echo", base_url=offline_url, api_key=of_tenant) as router:

        async def call(tenant: str) -> None:
            TENANT.set(tenant)
            await router.chat(HELLO)

        await asyncio.gather(call("ada"), call("bob"))
    assert sorted(map(str, sent_to(offline_url))) == ["hf_of_ada", "hf_of_bob"]


def test_many_threads_may_ask_at_once(offline_url: OfflineRouter) -> None:
    vault = Vault()
    router = HFRouter("offline/echo", base_url=offline_url, api_key=vault.token)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: router.chat(HELLO), range(24)))
    assert vault.given == 24
    assert len(offline_url.requests) == 24


def test_one_client_serves_two_event_loops(offline_url: OfflineRouter) -> None:
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key=Vault().coming)

    async def call() -> None:
        await router.chat(HELLO)
        await router.close()

    asyncio.run(call())
    asyncio.run(call())
    assert sent_to(offline_url) == ["hf_vault_00000001", "hf_vault_00000002"]


# -- how long ------------------------------------------------------------------------------------------------------


def test_a_function_that_hangs_is_left_at_the_deadline(make_plain: Maker, offline_url: OfflineRouter) -> None:
    release = threading.Event()
    try:
        caller = make_plain(api_key=lambda: release.wait(30) and "hf_late_00000000", timeout=0.05)
        with pytest.raises(errors.TimedOut, match=r"gave no token in time"):
            caller.chat()
    finally:
        release.set()
    assert not offline_url.requests


async def test_so_is_a_coroutine_function(offline_url: OfflineRouter) -> None:
    ended: list[bool] = []

    async def hangs() -> str:
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key=hangs, timeout=0.05)
    with pytest.raises(errors.TimedOut):
        await router.chat(HELLO)
    assert ended == [True]


async def test_a_cancelled_call_cancels_the_coroutine(offline_url: OfflineRouter) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hangs() -> str:
        begun.set()
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key=hangs)
    call = asyncio.create_task(router.chat(HELLO))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


def test_a_stream_that_is_closed_elsewhere_does_not_wait_for_the_token(offline_url: OfflineRouter) -> None:
    begun, release = threading.Event(), threading.Event()

    def hangs() -> str:
        begun.set()
        release.wait(30)
        return "hf_late_00000000"

    stream = HFRouter("offline/echo", base_url=offline_url, api_key=hangs).stream(HELLO)
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    try:
        assert begun.wait(10)
        stream.close()
        reader.join(10)
        assert not reader.is_alive()
    finally:
        release.set()


# -- what it gives -------------------------------------------------------------------------------------------------

NO_TOKENS: dict[str, Any] = {
    "nothing": None,
    "a number": 5,
    "bytes": b"hf_secret_0123456789",
    "another function": lambda: "hf_secret_0123456789",
    "two lines": "hf_secret_0123456789\nX-Other: 1",
    "a blank in it": "hf_secret 0123456789",
    "letters that no header holds": "hf_secret_é0123456789",
}


@pytest.mark.parametrize("result", NO_TOKENS.values(), ids=NO_TOKENS.keys())
def test_what_is_no_token_is_refused_without_being_shown(
    make_plain: Maker, result: Any, offline_url: OfflineRouter
) -> None:
    def vault_token() -> Any:
        return result

    with pytest.raises(errors.ConfigError, match=r"vault_token\(\) was asked for the token") as caught:
        make_plain(api_key=vault_token).chat()
    told = "".join(traceback.format_exception(caught.value, chain=True))
    assert "hf_secret" not in told + repr(caught.value) + caught.value.hint
    assert not offline_url.requests


def test_an_empty_text_sends_no_token_and_blanks_around_one_are_none_of_it(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    texts = iter(["", " hf_framed_00000000\n"])
    caller = make_plain(api_key=lambda: next(texts))
    caller.chat()
    caller.chat()
    assert sent_to(offline_url) == ["", "hf_framed_00000000"]


def test_the_ambient_token_never_stands_in_for_it(
    make_plain: Maker, offline_url: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    with pytest.raises(errors.ConfigError):
        make_plain(api_key=lambda: None).chat()


class VaultIsSealed(Exception):
    pass


FAILURES: dict[str, Exception] = {
    "its own class": VaultIsSealed("sealed"),
    "an error without words": KeyError(),
    "the end of an iterator": StopIteration("no more"),
    "a time limit of its own": TimeoutError("the vault is slow"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_its_failure_is_ours_with_its_own_as_the_cause(
    failure: Exception, kind: str, offline_url: OfflineRouter
) -> None:
    def plain() -> str:
        raise failure

    async def coroutine() -> str:
        raise failure

    function = plain if kind == "plain" else coroutine
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key=function)
    with pytest.raises(
        errors.Unauthorized, match=rf"{kind}\(\) was asked for the token, and failed"
    ) as caught:
        await router.chat(HELLO)
    cause = caught.value.__cause__
    assert cause is failure or isinstance(cause, RuntimeError)  # which Python makes of StopIteration
    assert not offline_url.requests


def test_a_cause_that_quotes_a_token_is_told_in_other_words(
    make_plain: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    def vault_token() -> str:
        try:
            raise LookupError("no lease for hf_secret_0123456789")
        except LookupError as error:
            raise ValueError("look at the cause") from error

    caplog.set_level(logging.DEBUG)
    with pytest.raises(errors.Unauthorized) as caught:
        make_plain(api_key=vault_token).chat()
    written = io.StringIO()
    traceback.print_exception(caught.value, file=written)
    assert "hf_secret" not in written.getvalue() + caplog.text
    assert "ValueError: look at the cause" in str(caught.value.__cause__)
    assert caught.value.__context__ is caught.value.__cause__ or caught.value.__context__ is None


def test_an_error_of_ours_that_it_raises_is_passed_on_as_it_is(make_plain: Maker) -> None:
    def vault_token() -> str:
        raise errors.Unauthorized("This tenant has no token.", hint="Ask the admins.")

    with pytest.raises(errors.Unauthorized, match="This tenant has no token"):
        make_plain(api_key=vault_token).chat()


def test_a_provider_that_quotes_the_token_is_not_repeated(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(400, {"error": {"message": "The key looks-like-nothing-known is bad"}}))
    with pytest.raises(errors.BadRequest, match=r"The key \*\*\* is bad"):
        make_plain(api_key=lambda: "looks-like-nothing-known").chat()


# -- after a refusal -----------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Any], Any]] = {
    "chat": lambda caller: caller.chat(),
    "stream": lambda caller: caller.stream(),
    "embed": lambda caller: caller.embed(["a text"], model="offline/embed-16"),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@each_call
def test_a_token_that_was_rotated_meanwhile_is_replaced_once(
    make_plain: Maker, offline_url: OfflineRouter, call: Any
) -> None:
    caller = make_plain(api_key=Vault().token, max_retries=0, embedding_api="openai")
    offline_url.queue(Status(401), path="*")
    call(caller)
    assert sent_to(offline_url) == ["hf_vault_00000001", "hf_vault_00000002"]


@each_call
def test_one_that_is_refused_again_is_not(make_plain: Maker, offline_url: OfflineRouter, call: Any) -> None:
    caller = make_plain(api_key=Vault().token, embedding_api="openai")
    offline_url.queue(Status(401), times=2, path="*")
    with pytest.raises(errors.Unauthorized) as caught:
        call(caller)
    assert len(offline_url.requests) == caught.value.attempts == 2


def test_the_same_token_is_not_sent_again(make_plain: Maker, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(401))
    with pytest.raises(errors.Unauthorized):
        make_plain(api_key=lambda: "hf_always_the_same").chat()
    assert len(offline_url.requests) == 1


def test_nor_is_a_token_that_no_function_gave(make_plain: Maker, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(401))
    with pytest.raises(errors.Unauthorized):
        make_plain(api_key="hf_given_once").chat()
    assert len(offline_url.requests) == 1


def test_a_function_that_fails_then_leaves_the_refusal_as_it_was(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    tokens = iter(["hf_first_00000000"])
    offline_url.queue(Status(401))
    with pytest.raises(errors.Unauthorized) as caught:
        make_plain(api_key=lambda: next(tokens)).chat()
    assert caught.value.status == 401
    assert caught.value.__cause__ is None


def test_a_refusal_for_another_reason_is_none_of_the_tokens(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(403))
    with pytest.raises(errors.PermissionDenied):
        make_plain(api_key=Vault().token).chat()
    assert len(offline_url.requests) == 1


def test_a_stream_that_has_begun_is_not_sent_again(make_plain: Maker, offline_url: OfflineRouter) -> None:
    offline_url.queue(StreamError(after=2))
    with pytest.raises(errors.StreamInterrupted):
        make_plain(api_key=Vault().token).stream()
    assert len(offline_url.requests) == 1


def test_a_picture_that_was_refused_is_asked_for_once_more_since_nobody_began_it(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    caller = make_plain(api_key=Vault().token, hub_url=offline_url.root, embedding_api="router")
    offline_url.queue(Status(401), path="/fal-ai/*")
    caller._wait(caller.router.text_to_image("A red bicycle", model="offline/painter:fal-ai"))
    paid = [
        token
        for token, sent in zip(sent_to(offline_url), offline_url.requests, strict=True)
        if sent.method == "POST"
    ]
    assert len(paid) == 2
    assert paid[0] != paid[1]


def test_a_vault_that_hangs_then_leaves_the_refusal_as_it_was(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    release, vault = threading.Event(), Vault()
    offline_url.queue(Status(401))

    def token() -> str:
        if vault.given:
            release.wait(30)
        return vault.token()

    try:
        with pytest.raises(errors.Unauthorized):
            make_plain(api_key=token, timeout=0.3).chat()
    finally:
        release.set()
    assert len(offline_url.requests) == 1


# -- several of them -----------------------------------------------------------------------------------------------


def test_each_target_has_a_function_of_its_own(
    make_plain: Maker, offline_url: OfflineRouter, other: OfflineRouter
) -> None:
    offline_url.queue(Status(402), times=2)
    there = Target(model="offline/echo", base_url=str(other), api_key=lambda: "hf_for_the_other_host")
    same = Target(model="offline/echo", api_key=lambda: "hf_of_another_team")
    caller = make_plain(api_key=Vault().token, fallback=[same, there])
    assert caller.chat().meta.moves == 2
    assert sent_to(offline_url) == ["hf_vault_00000001", "hf_of_another_team"]
    assert sent_to(other) == ["hf_for_the_other_host"]


@pytest.mark.parametrize("chat_cache", [None, True], ids=["plain", "with a cache"])
def test_a_vault_that_is_down_leaves_the_targets_that_need_it_not(
    make_plain: Maker, offline_url: OfflineRouter, other: OfflineRouter, chat_cache: Any
) -> None:
    def down() -> str:
        raise ConnectionError("no vault")

    there = Target(model="offline/echo", base_url=str(other), api_key="hf_for_the_other_host")
    caller = make_plain(api_key=down, fallback=[there], chat_cache=chat_cache)
    assert caller.chat(temperature=0).meta.moves == 1
    assert not offline_url.requests


def test_one_function_is_one_account(make_plain: Maker, offline_url: OfflineRouter) -> None:
    vault = Vault()
    offline_url.queue(Status(402))
    caller = make_plain(
        api_key=vault.token, fallback=[Target(model="offline/echo", provider="other", api_key=vault.token)]
    )
    with pytest.raises(errors.AllRoutesFailed, match="the same account"):
        caller.chat()
    assert len(offline_url.requests) == 1


def test_answers_are_remembered_by_the_token_and_not_by_the_function(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key=of_tenant, chat_cache=True)
    for tenant in ("ada", "ada", "bob"):
        TENANT.set(tenant)
        router.chat(HELLO, temperature=0)
    assert sent_to(offline_url) == ["hf_of_ada", "hf_of_bob"]


def test_budgets_of_a_key_outlive_its_tokens(make_plain: Maker, offline_url: OfflineRouter) -> None:
    caller = make_plain(api_key=Vault().token, budgets=[Budget(requests=2, per="day", of="key", name="keys")])
    caller.chat()
    caller.chat()
    with pytest.raises(errors.BudgetExceeded):
        caller.chat()
    assert len(offline_url.requests) == 2


def test_so_do_limits(make_plain: Maker, offline_url: OfflineRouter) -> None:
    caller = make_plain(
        api_key=Vault().token, limits=[Limit(requests=2, per="day", burst=1, of="key")], timeout=1
    )
    caller.chat()
    caller.chat()
    with pytest.raises(errors.LimitReached):
        caller.chat()
    assert len(offline_url.requests) == 2


def test_a_name_for_a_model_may_have_one(make_plain: Maker, offline_url: OfflineRouter) -> None:
    table = {"coder": {"model": "offline/echo", "api_key": lambda: "hf_of_the_coder"}}
    make_plain(models=table).chat(model="coder")
    assert sent_to(offline_url) == ["hf_of_the_coder"]


def test_settings_may_hold_one_and_never_show_what_it_gives(offline_url: OfflineRouter) -> None:
    settings = RouterSettings(model="offline/echo", base_url=str(offline_url), api_key=Vault().token)
    HFRouter.from_settings(settings).chat(HELLO)
    assert sent_to(offline_url) == ["hf_vault_00000001"]
    assert "Vault.token" in str(settings)
    assert "hf_vault" not in str(settings) + repr(settings)


def test_the_hub_and_the_catalogue_are_asked_with_it_too(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    make_plain(api_key=Vault().token).models()
    assert sent_to(offline_url) == ["hf_vault_00000001"]


def test_a_found_file_may_not_lead_it_elsewhere(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hfrouter.toml").write_text('base_url = "https://stranger.example/v1"\n')
    with pytest.raises(errors.ConfigError, match=r"stranger\.example"):
        HFRouter("org/name", api_key=Vault().token).chat(HELLO)


def test_a_cause_may_be_a_group_with_notes(make_plain: Maker) -> None:
    def vault_token() -> str:
        error = ValueError("no")
        error.add_note("the lease was hf_secret_0123456789")
        raise ExceptionGroup("two replicas", [error])

    with pytest.raises(errors.Unauthorized) as caught:
        make_plain(api_key=vault_token).chat()
    assert "hf_secret" not in "".join(traceback.format_exception(caught.value.__cause__))
