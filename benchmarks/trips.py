"""Make tables to judge: trips shaped like those of New York's taxis, orders of texts, and one of 200 columns."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: The 19 columns of the yellow taxis' monthly files, with about as many different values.
_TRIPS = """
    SELECT
        (random() * 2)::INTEGER + 1 AS VendorID,
        TIMESTAMP '2024-01-01' + to_seconds((random() * 15e6)::BIGINT) AS tpep_pickup_datetime,
        TIMESTAMP '2024-01-01' + to_seconds((random() * 15e6)::BIGINT) AS tpep_dropoff_datetime,
        (random() * 6)::BIGINT AS passenger_count,
        round(random() * 40, 2) AS trip_distance,
        (random() * 5)::BIGINT + 1 AS RatecodeID,
        if(random() < 0.99, 'N', 'Y') AS store_and_fwd_flag,
        (random() * 264)::INTEGER + 1 AS PULocationID,
        (random() * 264)::INTEGER + 1 AS DOLocationID,
        (random() * 4)::BIGINT AS payment_type,
        round(random() * 90, 2) AS fare_amount,
        [0.0, 1.0, 2.5, 5.0][(random() * 3)::INTEGER + 1] AS extra,
        0.5 AS mta_tax,
        round(random() * 20, 2) AS tip_amount,
        round(random() * 30, 2) AS tolls_amount,
        1.0 AS improvement_surcharge,
        round(random() * 140, 2) AS total_amount,
        if(random() < 0.9, 2.5, 0.0) AS congestion_surcharge,
        if(random() < 0.1, 1.75, 0.0) AS Airport_fee
    FROM range({rows})
"""
TRIP_COLUMNS = (
    "VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "passenger_count", "trip_distance", "RatecodeID",
    "store_and_fwd_flag", "PULocationID", "DOLocationID", "payment_type", "fare_amount", "extra", "mta_tax",
    "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount", "congestion_surcharge", "Airport_fee",
)  # fmt: skip

#: Texts as a shop's orders hold them; all but the country and the wrapping are different in nearly every row.
_ORDERS = """
    WITH numbers AS (
        SELECT i, (random() * 1e9)::BIGINT AS a, (random() * 1e9)::BIGINT AS b, (random() * 1e4)::BIGINT AS c
        FROM range({rows}) r(i)
    )
    SELECT
        'ORD-2024-' || lpad(i::VARCHAR, 9, '0') AS order_number,
        'customer.' || a || '@' || ['mail', 'post', 'letters'][i % 3 + 1] || '-' || c % 97 || '.example' AS email,
        'https://shop.example/catalogue/' || c || '/item-' || b || '?session=' || a AS url,
        '+49 ' || 100 + c % 900 || ' ' || b AS phone,
        strftime(TIMESTAMP '2024-01-01' + to_seconds(a % 31536000), '%Y-%m-%dT%H:%M:%S') AS placed_at,
        chr((65 + c % 20)::INTEGER) || chr((65 + c % 7)::INTEGER) AS country,
        'Please leave parcel ' || b || ' with neighbour number ' || c || ' if nobody answers the door' AS note,
        '{{"customer": ' || a || ', "lines": [{{"item": ' || b || ', "pieces": ' || c % 9 + 1 || '}}], "paid": true}}'
            AS document,
        '{{"wrapping": "paper", "ribbon": ' || c % 2000 || '}}' AS wrapping
    FROM numbers
"""


def orders(folder: Path, rows: int) -> Path:
    """A Parquet file of so many orders, made once; the same each time."""
    return _made(folder / f"orders-{rows}.parquet", _ORDERS.format(rows=rows))


def trips(folder: Path, rows: int) -> Path:
    """A Parquet file of so many trips, made once; the same each time."""
    return _made(folder / f"trips-{rows}.parquet", _TRIPS.format(rows=rows))


def wide(folder: Path, columns: int = 200, rows: int = 100_000) -> Path:
    """A Parquet file of many columns: numbers, texts and floats in turn."""
    kinds = ("(random() * 1000)::INTEGER", "'v' || (random() * 50)::INTEGER", "random() * 100")
    named = ", ".join(f"{kinds[n % 3]} AS c{n}" for n in range(columns))
    return _made(folder / f"wide-{columns}-{rows}.parquet", f"SELECT {named} FROM range({rows})")


def _made(path: Path, query: str) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with duckdb.connect(config={"threads": 1}) as con:  # on one thread random numbers come in one order
            con.execute("SELECT setseed(0.5)")
            con.execute(f"COPY ({query}) TO '{partial}' (FORMAT parquet)")
        partial.replace(path)
    return path
