"""Named queues: their order, what a failure does to the rest, storing, giving up."""

import asyncio
import json
import threading
from typing import Any

import pytest

from ostiary.api.device_management import GetDevice
from ostiary.api.errors import Forbidden
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.login import PASSWORD_LOGIN, Login
from ostiary.api.secret import Secret
from ostiary.client import (
    CANCEL_REST,
    GO_ON,
    AsyncClient,
    Client,
    Prepared,
    QueuePolicy,
    RequestCancelled,
    SessionRecord,
    prepare,
)
from ostiary.client.limits import Timeouts
from tests.client.scripted import BASE, Reply, Script, refusal, reply

LOGIN = Login(type=PASSWORD_LOGIN, password=Secret("p"))


def device(name: str) -> Prepared[Any, str]:
    return prepare(GetDevice(device_id=name), BASE, Secret("t")).with_data(name)


def answer(request: HttpRequest) -> Reply:
    name = request.path.rsplit("/", 1)[1]
    return refusal(403, "M_FORBIDDEN") if name.startswith("bad") else reply(200, {"device_id": name})


class Gate:
    """Lets one exchange after another through, when it is told to; the synchronous transport of a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.arrived = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.inside = self.most = 0

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.arrived.release()
        assert self.go_on.acquire(timeout=20)
        self.inside -= 1
        return self.script.answer(request, base_url)

    def close(self) -> None:
        pass


class AsyncGate:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.arrived = asyncio.Semaphore(0)
        self.go_on = asyncio.Semaphore(0)

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        self.arrived.release()
        await self.go_on.acquire()
        return self.script.answer(request, base_url)

    async def close(self) -> None:
        pass


def gated(script: Script) -> tuple[Client, Gate]:
    world = script.world()
    gate = world.transport = Gate(script)
    return Client(BASE, world=world), gate


def async_gated(script: Script) -> tuple[AsyncClient, AsyncGate]:
    world = script.async_world()
    gate = world.transport = AsyncGate(script)
    return AsyncClient(BASE, world=world), gate


def names(script: Script) -> list[str]:
    return [request.path.rsplit("/", 1)[1] for request in script.asked]


class TestWithThreads:
    def test_order_is_that_of_adding_and_data_comes_back(self) -> None:
        client = Client(BASE, world=(script := Script(by=answer)).world())
        queue = client.queue("devices")
        pending = [queue.add(device(f"d{number}")) for number in range(30)]
        assert [one.result(timeout_ms=20_000).data for one in pending] == [f"d{number}" for number in range(30)]
        assert names(script) == [f"d{number}" for number in range(30)]

    def test_one_at_a_time_whoever_adds(self) -> None:
        client, gate = gated(Script(by=answer))
        for _ in range(40):
            gate.go_on.release()

        def add(number: int) -> None:
            client.queue("q").send(device(f"d{number}"))

        threads = [threading.Thread(target=add, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert gate.most == 1
        assert len(gate.script.asked) == 40

    @pytest.mark.parametrize(("policy", "asked"), [(GO_ON, ["a", "bad", "c", "d"]), (CANCEL_REST, ["a", "bad", "d"])])
    def test_failure_and_the_rest(
        self, policy: QueuePolicy, asked: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "ostiary.client")
        client, gate = gated(Script(by=answer))
        queue = client.queue("q", policy)
        first, bad, rest = (queue.add(device(name)) for name in ("a", "bad", "c"))
        for _ in range(4):
            gate.go_on.release()
        assert first.result(timeout_ms=20_000).data == "a"
        with pytest.raises(Forbidden):
            bad.result(timeout_ms=20_000)
        if policy is GO_ON:
            assert rest.result(timeout_ms=20_000).data == "c"
        else:
            with pytest.raises(RequestCancelled, match="GetDevice") as caught:
                rest.result(timeout_ms=20_000)
            assert caught.value.cause_id == bad.prepared.id
        assert queue.send(device("d")).data == "d"
        assert names(gate.script) == asked
        assert f"GetDevice ({bad.prepared.id}) in the queue q failed: Forbidden" in caplog.messages

    def test_what_runs_is_not_cancelled(self) -> None:
        client, gate = gated(Script(by=answer))
        queue = client.queue("q")
        running, waiting = queue.add(device("a")), queue.add(device("b"))
        gate.arrived.acquire()
        queue.cancel()
        assert not running.cancel()
        gate.go_on.release()
        assert running.result(timeout_ms=20_000).data == "a"
        with pytest.raises(RequestCancelled):
            waiting.result()

    def test_one_can_be_taken_out(self) -> None:
        client, gate = gated(Script(by=answer))
        queue = client.queue("q")
        pending = [queue.add(device(name)) for name in "abc"]
        gate.arrived.acquire()
        assert pending[1].cancel()
        assert [one.data for one in queue.contents()] == ["a", "c"]
        gate.go_on.release(2)
        assert queue.wait(timeout_ms=20_000)
        assert names(gate.script) == ["a", "c"]
        with pytest.raises(RequestCancelled):
            pending[1].result()

    def test_closing_the_client_cancels_what_waits_and_lets_the_running_end(self) -> None:
        client, gate = gated(Script(by=answer))
        queue = client.queue("q")
        running, waiting = queue.add(device("a")), queue.add(device("b"))
        gate.arrived.acquire()
        closing = threading.Thread(target=client.close)
        closing.start()
        with pytest.raises(RequestCancelled):
            waiting.result(timeout_ms=20_000)
        gate.go_on.release()
        closing.join(timeout=20)
        assert running.result(timeout_ms=0).data == "a"
        with pytest.raises(RequestCancelled):
            queue.add(device("c"))

    def test_queues_of_sessions_are_closed_with_the_client(self) -> None:
        client = Client(BASE, world=Script(by=answer).world())
        session = client.restore(SessionRecord(BASE, "@a:b", "D", Secret("t")))
        assert session.queue("q") is not client.queue("q")
        assert session.queue("q").send(device("a")).data == "a"
        client.close()
        with pytest.raises(RequestCancelled):
            session.queue("q").add(device("b"))

    def test_contents_survive_a_restart(self) -> None:
        client, gate = gated(Script(by=answer))
        queue = client.queue("q", CANCEL_REST)
        queue.add(device("a"))
        queue.add(device("b"))
        gate.arrived.acquire()
        stored = json.loads(json.dumps(queue.to_json()))
        other = Client(BASE, world=(script := Script(by=answer)).world())
        restored = other.queue("q", CANCEL_REST).restore(stored)
        assert [one.data for one in restored.waiting] == ["a", "b"]
        other.queue("q", CANCEL_REST).wait()
        assert names(script) == ["a", "b"]
        gate.go_on.release(2)
        queue.wait()

    def test_what_may_have_arrived_and_does_harm_twice_is_not_sent_again(self) -> None:
        client, gate = gated(Script(by=lambda _: refusal(403, "M_FORBIDDEN")))
        queue = client.queue("q")
        one, two = queue.add(prepare(LOGIN, BASE)), queue.add(prepare(LOGIN, BASE))
        gate.arrived.acquire()
        stored = queue.to_json()
        gate.go_on.release(2)
        queue.wait()
        other = Client(BASE, world=(script := Script(by=lambda _: refusal(403, "M_FORBIDDEN"))).world())
        secrets = {pending.prepared.id: {"password": Secret("p")} for pending in (one, two)}
        restored = other.queue("q").restore(stored, secrets=secrets)
        other.queue("q").wait()
        assert [prepared.id for prepared in restored.uncertain] == [one.prepared.id]
        assert len(script.asked) == 1

    def test_what_is_no_stored_queue_is_told_and_queues_nothing(self) -> None:
        queue = Client(BASE, world=Script().world()).queue("q")
        good = {"running": False, "request": device("a").to_json()}
        for stored in ({}, {"format": 2}, {"format": 1, "requests": [good, {}]}, {"format": 1, "requests": 3}):
            with pytest.raises(ValueError, match=r"stored queue|stored by"):
                queue.restore(stored)
        assert queue.contents() == []

    def test_queue_keeps_its_policy_and_sessions_have_their_own(self) -> None:
        client = Client(BASE, world=Script().world())
        assert client.queue("q") is client.queue("q", GO_ON)
        with pytest.raises(ValueError, match="GO_ON"):
            client.queue("q", CANCEL_REST)


class TestWithTasks:
    async def test_order_is_that_of_adding(self) -> None:
        client = AsyncClient(BASE, world=(script := Script(by=answer)).async_world())
        answers = await asyncio.gather(*(client.queue("q").send(device(f"d{number}")) for number in range(30)))
        assert [one.data for one in answers] == names(script) == [f"d{number}" for number in range(30)]

    @pytest.mark.parametrize(("policy", "asked"), [(GO_ON, ["a", "bad", "c"]), (CANCEL_REST, ["a", "bad"])])
    async def test_failure_and_the_rest(
        self, policy: QueuePolicy, asked: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "ostiary.client")
        client = AsyncClient(BASE, world=(script := Script(by=answer)).async_world())
        queue = client.queue("q", policy)
        first, bad, rest = (queue.add(device(name)) for name in ("a", "bad", "c"))
        assert (await first).data == "a"
        with pytest.raises(Forbidden):
            await bad
        if policy is GO_ON:
            assert (await rest).data == "c"
        else:
            with pytest.raises(RequestCancelled) as caught:
                await rest
            assert caught.value.cause_id == bad.prepared.id
        assert names(script) == asked
        assert f"GetDevice ({bad.prepared.id}) in the queue q failed: Forbidden" in caplog.messages

    async def test_who_gives_up_takes_out_what_waits_and_not_what_runs(self) -> None:
        client, gate = async_gated(Script(by=answer))
        queue = client.queue("q", CANCEL_REST)
        tasks = [asyncio.create_task(queue.send(device(name))) for name in "abc"]
        await gate.arrived.acquire()
        for task in tasks[:2]:
            task.cancel()
        await asyncio.wait(tasks[:2])
        assert [one.data for one in queue.contents()] == ["a", "c"]
        for _ in range(2):
            gate.go_on.release()
        assert (await tasks[2]).data == "c"
        assert names(gate.script) == ["a", "c"]

    async def test_giving_up_on_the_answer_leaves_the_request(self) -> None:
        client, gate = async_gated(Script(by=answer))
        pending = client.queue("q").add(device("a"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pending.result(), 0.01)
        gate.go_on.release()
        assert (await pending).data == "a"

    async def test_closing_the_client_lets_the_running_end(self) -> None:
        client, gate = async_gated(Script(by=answer))
        running, waiting = (client.queue("q").add(device(name)) for name in "ab")
        await gate.arrived.acquire()
        closing = asyncio.create_task(client.close())
        with pytest.raises(RequestCancelled):
            await waiting
        gate.go_on.release()
        await closing
        assert (await running).data == "a"

    async def test_loop_that_ends_fails_what_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.client.drivers.CLOSING_S", 0.01)
        client, gate = async_gated(Script(by=answer))
        running = client.queue("q").add(device("a"))
        await gate.arrived.acquire()
        await client.close()
        with pytest.raises(RequestCancelled, match="closed"):
            await running

    async def test_contents_survive_a_restart(self) -> None:
        client, gate = async_gated(Script(by=answer))
        for name in "ab":
            client.queue("q").add(device(name))
        await gate.arrived.acquire()
        stored = client.queue("q").to_json()
        gate.go_on.release()
        gate.go_on.release()
        await client.close()
        other = AsyncClient(BASE, world=(script := Script(by=answer)).async_world())
        assert [one.data for one in other.queue("q").restore(stored).waiting] == ["a", "b"]
        await other.queue("q").wait()
        assert names(script) == ["a", "b"]
