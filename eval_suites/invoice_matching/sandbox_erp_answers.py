"""What the sandbox's ERP is asked and answers, as its description has it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from .sandbox_web import Asked, OfDocument


class Order(BaseModel):
    po_number: str
    plant: str
    material_group: str
    material: str
    po_quantity: str
    order_unit: str
    po_price: str
    po_price_unit: str
    po_currency: str
    over_delivery_pct: str
    po_freight: str
    po_terms: str
    net_value: str = Field(pattern=r"^\d+\.\d{2}$")
    changed_at: datetime


class OrderLine(BaseModel):
    po_number: str
    plant: str


class OrderPage(BaseModel):
    orders: list[OrderLine]
    next: str | None
    total: int


class Receipt(BaseModel):
    po_number: str
    delivery_number: str
    deliveries_planned: str
    receipt_date: str
    received_quantity: str
    invoiced_before: str
    entered_on: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class Receipts(BaseModel):
    receipts: list[Receipt]


AmountText = Annotated[str, Field(pattern=r"^-?\d{1,9}(\.\d{1,2})?$")]
AmountNumber = Annotated[float, Field(strict=True, ge=-1e9, le=1e9)]


class PostingAsked(OfDocument):
    amount_eur: AmountText | AmountNumber


class PostingMade(BaseModel):
    posting: int


class Posting(BaseModel):
    amount_eur: str = Field(pattern=r"^-?\d+\.\d{2}$")
    posted_at: datetime


class Postings(BaseModel):
    postings: list[Posting]


class ReturnAsked(OfDocument):
    reason: str = Field(min_length=1, max_length=200)


class ReturnMade(BaseModel):
    return_: int = Field(alias="return")


class Return(BaseModel):
    reason: str


class Returns(BaseModel):
    returns: list[Return]


class BankAccount(Asked):
    iban: str = Field(pattern=r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$")


class Done(BaseModel):
    done: bool


class Token(BaseModel):
    access_token: str
    token_type: str
    expires_in: int
    scope: str


class TokenRefused(BaseModel):
    error: str
