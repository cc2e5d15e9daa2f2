"""Budget of bytes: bounded, first come first served, and whole again after a cancelled wait."""

from __future__ import annotations

import asyncio

import pytest

from engine.rewarding.serving.budget import Budget


async def test_what_waits_is_served_in_order_and_the_budget_is_never_exceeded() -> None:
    budget, held, served = Budget(10), 0, list[int]()

    async def use(number: int, amount: int) -> None:
        nonlocal held
        async with budget.hold(amount):
            held += amount
            assert held <= 10
            served.append(number)
            await asyncio.sleep(0)
            held -= amount

    await asyncio.gather(*(use(number, amount) for number, amount in enumerate([6, 6, 1, 10, 3, 3, 3, 1])))
    assert served == list(range(8))


async def test_a_cancelled_wait_and_an_error_give_everything_back() -> None:
    budget = Budget(10)

    async def wait() -> None:
        async with budget.hold(5):
            raise AssertionError

    async def fail() -> None:
        async with budget.hold(8):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with asyncio.timeout(5), budget.hold(10):
        pass


async def test_more_than_there_will_ever_be_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="11 bytes of a budget of 10"):
        async with Budget(10).hold(11):
            raise AssertionError
