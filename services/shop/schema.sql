-- Safe to repeat. Run by `python -m services.shop.migrate`.
CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.products (
    sku         text PRIMARY KEY,
    name        text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

CREATE TABLE IF NOT EXISTS shop.orders (
    -- Also the key of the stock reserved for it at inventory.
    id              uuid PRIMARY KEY,
    -- What makes a repeated request of one customer the same order.
    idempotency_key text NOT NULL,
    -- NULL: a guest's.
    user_id         uuid,
    sku             text NOT NULL REFERENCES shop.products,
    quantity        integer NOT NULL CHECK (quantity > 0),
    -- pending: meant to be placed; nobody knows yet whether stock is reserved. confirmed: placed, for good.
    -- releasing: given up; its stock is being given back, and then the row goes.
    status          text NOT NULL CHECK (status IN ('pending', 'confirmed', 'releasing')),
    -- Of a confirmed order, when it was confirmed.
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When somebody last began to work on it; an order not confirmed long after is abandoned.
    attempted_at    timestamptz NOT NULL DEFAULT now()
);

-- Until release 0.1 a key was one for all customers.
ALTER TABLE shop.orders DROP CONSTRAINT IF EXISTS orders_idempotency_key_key;
-- Guests are one customer: nobody can tell them apart, so their keys are long.
CREATE UNIQUE INDEX IF NOT EXISTS orders_key_of_customer ON shop.orders (idempotency_key, user_id) NULLS NOT DISTINCT;

CREATE INDEX IF NOT EXISTS orders_of_user ON shop.orders (user_id, created_at DESC, id DESC)
    WHERE status = 'confirmed';
-- Small, as almost every order is confirmed within milliseconds.
CREATE INDEX IF NOT EXISTS orders_unfinished ON shop.orders (attempted_at)
    WHERE status IN ('pending', 'releasing');

INSERT INTO shop.products (sku, name, price_cents)
SELECT format('sku-%s', lpad(n::text, 4, '0')), format('Product %s', n), 100 + n * 7 % 9900
FROM generate_series(1, 1000) AS n
ON CONFLICT DO NOTHING;
