-- Safe to repeat. Run by `python -m services.shop.migrate`.
CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.products (
    sku         text PRIMARY KEY,
    name        text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

CREATE TABLE IF NOT EXISTS shop.orders (
    id              uuid PRIMARY KEY,
    -- What makes a repeated request the same order.
    idempotency_key text NOT NULL UNIQUE,
    sku             text NOT NULL REFERENCES shop.products,
    quantity        integer NOT NULL CHECK (quantity > 0),
    reservation_id  uuid NOT NULL,
    status          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

INSERT INTO shop.products (sku, name, price_cents)
SELECT format('sku-%s', lpad(n::text, 4, '0')), format('Product %s', n), 100 + n * 7 % 9900
FROM generate_series(1, 1000) AS n
ON CONFLICT DO NOTHING;
