"""The order system's tables, and the records in which its past and its traffic are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Row = dict[str, Any]

#: Every table with its columns, those before it that it refers to coming first. The key is ``<table>_id``.
TABLES: dict[str, tuple[str, ...]] = {
    "department": ("department_id", "department_name", "location", "manager"),
    "staff": ("staff_id", "first_name", "last_name", "department_id", "email_address"),
    "address": (
        "address_id",
        "address_line_1",
        "address_line_2",
        "district",
        "city",
        "postal_code",
        "country",
        "phone",
    ),
    "currency": ("currency_id", "currency_code"),
    "counterparty": (
        "counterparty_id",
        "counterparty_legal_name",
        "legal_address_id",
        "commercial_contact",
        "delivery_contact",
    ),
    "design": ("design_id", "design_name", "file_location", "file_name"),
    "payment_type": ("payment_type_id", "payment_type_name"),
    "sales_order": (
        "sales_order_id",
        "design_id",
        "staff_id",
        "counterparty_id",
        "units_sold",
        "unit_price",
        "currency_id",
        "agreed_delivery_date",
        "agreed_payment_date",
        "agreed_delivery_location_id",
    ),
    "purchase_order": (
        "purchase_order_id",
        "staff_id",
        "counterparty_id",
        "item_code",
        "item_quantity",
        "item_unit_price",
        "currency_id",
        "agreed_delivery_date",
        "agreed_payment_date",
        "agreed_delivery_location_id",
    ),
    "transaction": ("transaction_id", "transaction_type", "sales_order_id", "purchase_order_id"),
    "payment": (
        "payment_id",
        "transaction_id",
        "counterparty_id",
        "payment_amount",
        "currency_id",
        "payment_type_id",
        "paid",
        "payment_date",
        "company_ac_number",
        "counterparty_ac_number",
    ),
}
#: Columns that hold a day as text, and move with the times.
DAYS = ("agreed_delivery_date", "agreed_payment_date", "payment_date")
#: What of a past is there before anybody orders; everything else happens.
STANDING = ("department", "staff", "address", "currency", "counterparty", "payment_type")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: a row that comes, or the new values of one that is there. Times are the change's own."""

    op: Literal["insert", "update"]
    table: str
    row: Row

    @property
    def key(self) -> str:
        """The name of the table's key."""
        return f"{self.table}_id"


@dataclass(frozen=True, slots=True)
class Change:
    """What the application does in one transaction, and when: an order with its transaction and payment, say."""

    at: datetime
    steps: tuple[Step, ...]
