"""Takes orders: POST /orders keeps one, GET / says how many there are."""

import os

import psycopg
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI(title="Shop")
assert os.environ["STRIPE_KEY"], "STRIPE_KEY is empty"


class Order(BaseModel):
    item: str


def ask(query: str, *values: object) -> tuple[int, ...]:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as database:
        return database.execute(query, values).fetchone() or ()


@app.get("/")
def index() -> dict[str, int]:
    return {"orders": ask("SELECT count(*) FROM orders")[0]}


@app.post("/orders", status_code=201)
def order(new: Order) -> dict[str, int]:
    return {"id": ask("INSERT INTO orders (item) VALUES (%s) RETURNING id", new.item)[0]}


@app.get("/health")
def health() -> dict[str, str]:
    ask("SELECT 1 FROM orders LIMIT 1")
    return {"status": "healthy"}
