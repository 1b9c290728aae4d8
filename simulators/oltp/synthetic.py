"""A made-up past and made-up orders. The same seed makes the same ones.

Shapes are those of the real company: some twenty orders a day, seven of ten sales, six of ten paid after days.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from oltp.world import Change, Row, Step

FIRST_DAY = datetime(2022, 11, 3, 14, 20, 49, 962_000)
DAYS = 365
#: One order in so many minutes; two thirds of them are sales.
MINUTES_BETWEEN_ORDERS = 68
SHARE_OF_SALES, SHARE_OF_PAID = 0.7, 0.62
DAYS_UNTIL_PAID = 3
ORDERS_BETWEEN_DESIGNS = 30

DEPARTMENTS = (
    ("Sales", "Manchester", "Ann Marlowe"),
    ("Purchasing", "Manchester", "Idris Cole"),
    ("Production", "Leeds", "Mary O'Hara"),
    ("Dispatch", "Leds", "Jörg Weiß"),
    ("Finance", "Manchester", None),
    ("Facilities", None, "Chi Okafor"),
)
FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Efua", "Farid", "Grace", "Hana", "Ivo", "José")
LAST_NAMES = ("Ashdown", "Brontë", "Çelik", "D'Arcy", "Eze", "Fontaine", "Grünwald", "Hussain")
CITIES = (
    ("Leeds", "LS1 4AP", "United Kingdom"),
    ("Łódź", "90-001", "Poland"),
    ("São Paulo", "01000-000", "Brazil"),
    ("New Haven", "06510", "United States of America"),
    ("Αθήνα", "105 57", "Greece"),
    ("大阪", "530-0001", "Japan"),
)
COMPANIES = (
    "Bags & Sons",
    'The "Good" Tote',
    "Müller\\Partner",
    "Zoë 🌊 Surf",
    "O'Neill Ltd",
    "Čapek, a.s.",
    "Plain Co",
)
CURRENCIES = ("GBP", "USD", "EUR")
PAYMENT_TYPES = ("SALES_RECEIPT", "SALES_REFUND", "PURCHASE_PAYMENT", "PURCHASE_REFUND")
MATERIALS = ("Wooden", "Bronze", "Soft", "Plastic", "Granite", "Cotton", "Rubber", "Frozen")
FOLDERS = ("/usr", "/private", "/System", "/Users/shared designs", "/lost+found")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Known:
    """The keys that an order may refer to."""

    design: Sequence[int]
    staff: Sequence[int]
    counterparty: Sequence[int]
    currency: Sequence[int]
    address: Sequence[int]


def past(seed: int, days: int = DAYS) -> list[Change]:
    """Everything that happened in a company's first ``days``, in order."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    changes = [Change(FIRST_DAY, tuple(_standing(chance)))]
    numbers: dict[str, int] = {"design": 8}
    changes.append(Change(FIRST_DAY, tuple(Step("insert", "design", _design(chance, n)) for n in range(1, 9))))
    known = Known(list(range(1, 9)), range(1, 21), range(1, 21), range(1, 4), range(1, 31))

    def number(table: str) -> int:
        numbers[table] = numbers.get(table, 0) + 1
        return numbers[table]

    at = FIRST_DAY
    while (at := at + _pause(chance)) < FIRST_DAY + timedelta(days=days):
        changes += order(chance, at, known, number)
        if chance.random() < 1 / ORDERS_BETWEEN_DESIGNS:
            row = _design(chance, number("design"))
            changes.append(Change(at + timedelta(seconds=1), (Step("insert", "design", row),)))
            known = Known([*known.design, row["design_id"]], *(getattr(known, f) for f in Known.__slots__[1:]))
    return sorted(changes, key=lambda change: change.at)


def orders(
    chance: random.Random, start: datetime, many: int, known: Known, number: Callable[[str], int], speed: float
) -> Iterator[Change]:
    """So many further orders, and what becomes of them, ``speed`` times as dense as in real life."""
    at = start
    for _ in range(many):
        at += _pause(chance) / speed
        yield from order(chance, at, known, number, speed)


def order(
    chance: random.Random, at: datetime, known: Known, number: Callable[[str], int], speed: float = 1.0
) -> Iterator[Change]:
    """An order with its transaction and payment, which often is paid later."""
    at = _to_the_millisecond(at)
    sale = chance.random() < SHARE_OF_SALES
    agreed = at + timedelta(days=chance.randint(0, 6))
    common = {
        "staff_id": chance.choice(known.staff),
        "counterparty_id": chance.choice(known.counterparty),
        "currency_id": chance.choice(known.currency),
        "agreed_delivery_date": f"{at + timedelta(days=chance.randint(0, 30)):%Y-%m-%d}",
        "agreed_payment_date": f"{agreed:%Y-%m-%d}",
        "agreed_delivery_location_id": chance.choice(known.address),
    }
    if sale:
        table, quantity, price = "sales_order", chance.randint(1000, 100_000), Decimal(chance.randint(200, 400)) / 100
        own: Row = {"design_id": chance.choice(known.design), "units_sold": quantity, "unit_price": price}
    else:
        table, quantity, price = "purchase_order", chance.randint(1, 1000), Decimal(chance.randint(300, 99_999)) / 100
        code = "".join(chance.choice(LETTERS) for _ in range(7))
        own = {"item_code": code, "item_quantity": quantity, "item_unit_price": price}
    order_id, transaction_id, payment_id = number(table), number("transaction"), number("payment")
    transaction = {
        "transaction_id": transaction_id,
        "transaction_type": "SALE" if sale else "PURCHASE",
        "sales_order_id": order_id if sale else None,
        "purchase_order_id": None if sale else order_id,
    }
    payment = {
        "payment_id": payment_id,
        "transaction_id": transaction_id,
        "counterparty_id": common["counterparty_id"],
        "payment_amount": quantity * price,
        "currency_id": common["currency_id"],
        "payment_type_id": 1 if sale else 3,
        "paid": False,
        "payment_date": common["agreed_payment_date"],
        "company_ac_number": chance.randint(10_000_000, 99_999_999),
        "counterparty_ac_number": chance.randint(10_000_000, 99_999_999),
    }
    yield Change(
        at,
        (
            Step("insert", table, {f"{table}_id": order_id, **common, **own}),
            Step("insert", "transaction", transaction),
            Step("insert", "payment", payment),
        ),
    )
    if chance.random() < SHARE_OF_PAID:
        later = timedelta(days=chance.uniform(0.2, 2 * DAYS_UNTIL_PAID)) / speed
        yield Change(
            _to_the_millisecond(at + later), (Step("update", "payment", {"payment_id": payment_id, "paid": True}),)
        )


def _standing(chance: random.Random) -> Iterator[Step]:
    for n, (name, location, manager) in enumerate(DEPARTMENTS, 1):
        row: Mapping[str, object] = {"department_name": name, "location": location, "manager": manager}
        yield Step("insert", "department", {"department_id": n, **row})
    for n in range(1, 21):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        mail = f"staff.{n}@terrifictotes.example"
        row = {"first_name": first, "last_name": last, "department_id": chance.randint(1, len(DEPARTMENTS))}
        yield Step("insert", "staff", {"staff_id": n, **row, "email_address": mail})
    for n in range(1, 31):
        city, code, country = chance.choice(CITIES)
        row = {
            "address_line_1": f"{chance.randint(1, 999)} Canal Street",
            "address_line_2": f"Floor {chance.randint(1, 9)}" if chance.random() < 0.3 else None,
            "district": "Riverside" if chance.random() < 0.5 else None,
            "city": city,
            "postal_code": code,
            "country": country,
            "phone": f"{chance.randint(1000, 9999)} {chance.randint(100_000, 999_999)}",
        }
        yield Step("insert", "address", {"address_id": n, **row})
    for n, currency in enumerate(CURRENCIES, 1):
        yield Step("insert", "currency", {"currency_id": n, "currency_code": currency})
    for n in range(1, 21):
        row = {
            "counterparty_legal_name": f"{chance.choice(COMPANIES)} {n}",
            "legal_address_id": chance.randint(1, 30),
            "commercial_contact": chance.choice(FIRST_NAMES) if chance.random() < 0.8 else None,
            "delivery_contact": chance.choice(FIRST_NAMES) if chance.random() < 0.8 else None,
        }
        yield Step("insert", "counterparty", {"counterparty_id": n, **row})
    for n, kind in enumerate(PAYMENT_TYPES, 1):
        yield Step("insert", "payment_type", {"payment_type_id": n, "payment_type_name": kind})


def _design(chance: random.Random, number: int) -> Row:
    name = chance.choice(MATERIALS)
    file = f"{name.lower()}-{2021 + number % 4}{chance.randint(1, 12):02}01-{chance.getrandbits(16):04x}.json"
    return {"design_id": number, "design_name": name, "file_location": chance.choice(FOLDERS), "file_name": file}


def _pause(chance: random.Random) -> timedelta:
    return timedelta(minutes=chance.expovariate(1 / MINUTES_BETWEEN_ORDERS))


def _to_the_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
