-- Safe to repeat. Run by `python -m services.inventory.migrate`.
CREATE SCHEMA IF NOT EXISTS inventory;

CREATE TABLE IF NOT EXISTS inventory.stock (
    sku       text PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0)
);

CREATE TABLE IF NOT EXISTS inventory.reservations (
    -- The caller's key: what makes a repeated request the same reservation.
    id         uuid PRIMARY KEY,
    -- NULL where the reservation was released before it was made. No foreign key: what is not stocked is refused,
    -- and the refusal is kept.
    sku        text,
    quantity   integer CHECK (quantity > 0),
    -- What every request with this key is told, for good; only 'held' may still become 'released'.
    outcome    text NOT NULL CHECK (outcome IN ('held', 'released', 'out-of-stock', 'unknown-sku')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (outcome = 'released' OR (sku IS NOT NULL AND quantity IS NOT NULL))
);

-- A thousand million of each: at 1,000 orders a second of 100 pieces each, all of the same product,
-- a load would need almost three hours to drain one. sku-0000 is there to be out of stock.
INSERT INTO inventory.stock (sku, available)
SELECT format('sku-%s', lpad(n::text, 4, '0')), CASE n WHEN 0 THEN 0 ELSE 1000000000 END
FROM generate_series(0, 1000) AS n
ON CONFLICT DO NOTHING;
