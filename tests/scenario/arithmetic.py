# SPDX-License-Identifier: Apache-2.0
"""Adds a call's amounts up again, from nothing but the counts and unit prices that it shows."""

from decimal import ROUND_CEILING, Decimal

NANO = Decimal("0.000000001")
MILLION = Decimal(1000000)
EXTRAS = {"judge": "judge_usd", "shadow": "shadow_usd", "escalation": "escalation_usd"}


def price_of(lines):
    """In dollars, rounded up once."""
    total = Decimal(0)
    for line in lines:
        each = line["usd_each"] if "usd_each" in line else Decimal(line["usd_per_mtok"]) / MILLION
        total += line["count"] * Decimal(each)
    return total.quantize(NANO, ROUND_CEILING)


def tokens_of(lines, parts):
    return sum(line["count"] for line in lines if line["part"] in parts)


def check_attempt(attempt, wrong):
    basis, cost, lines = attempt["basis"], attempt["cost_usd"], attempt.get("lines")
    if basis == "nothing" and cost != 0:
        wrong(f"nothing costs {cost}")
    if basis == "hold" and cost != attempt["held_usd"]:
        wrong(f"{cost} is not the hold")
    if basis == "provider" and cost != attempt["provider_usd"]:
        wrong(f"{cost} is not what the provider said")
    if lines is None:
        return
    if basis == "price" and price_of(lines) != cost:
        wrong(f"{price_of(lines)} is the sum of the lines, {cost} is charged")
    if basis == "bound" and price_of(lines) < cost:
        wrong(f"{cost} is more than the sum of the lines")
    if "catalogue_usd" in attempt and price_of(lines) != attempt["catalogue_usd"]:
        wrong(f"{price_of(lines)} is the sum of the lines, not {attempt['catalogue_usd']}")
    read = tokens_of(lines, ("cache_read",))
    if read != attempt["cache_read_tokens"]:
        wrong(f"{read} tokens are read from a cache")
    if tokens_of(lines, ("output", "audio_output")) < attempt["output_tokens"]:
        wrong("output tokens are missing")


def answered(attempt):
    return (
        attempt["purpose"] == "answer"
        and attempt["outcome"] not in ("failed", "interrupted")
        and attempt["basis"] != "nothing"
    )


def check_savings(call, wrong):
    savings = call["savings"]
    answers = failed = baseline = Decimal(0)
    extras = dict.fromkeys(EXTRAS.values(), Decimal(0))
    for attempt in call["attempts"]:
        if attempt["purpose"] != "answer":
            extras[EXTRAS[attempt["purpose"]]] += attempt["cost_usd"]
        elif answered(attempt):
            answers += attempt["cost_usd"]
            at_baseline = attempt.get("baseline")
            baseline += price_of(at_baseline["lines"]) if at_baseline else attempt["cost_usd"]
        else:
            failed += attempt["cost_usd"]
    wanted = {
        "answers_usd": answers,
        "failed_usd": failed,
        "baseline_usd": baseline,
        "gross_usd": baseline - answers,
        "net_usd": baseline - answers - failed - sum(extras.values()),
        **extras,
    }
    for name, amount in wanted.items():
        if savings[name] != amount:
            wrong(f"{name} is {savings[name]}, added up it is {amount}")
    if savings["net_usd"] != call["baseline_usd"] - call["cost_usd"]:
        wrong("the net savings are not baseline less cost")


def check(what, call, problems):
    """`call` is the JSON of one call, with Decimals."""

    def wrong(text):
        problems.append(f"{what}: the arithmetic: {text}")

    for attempt in call["attempts"]:
        check_attempt(attempt, wrong)
    if sum((a["cost_usd"] for a in call["attempts"]), Decimal(0)) != call["cost_usd"]:
        wrong("the call is not the sum of its attempts")
    check_savings(call, wrong)
    for candidate in call["candidates"]:
        if not 0 <= candidate["propensity"] <= 1:
            wrong("a propensity is not between 0 and 1")
    if call["candidates"] and sum(c["propensity"] for c in call["candidates"]) not in (0, 1):
        wrong("the propensities do not add up to 1")
