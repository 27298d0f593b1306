"""What users ask for, and how often: the load's mix, also for whoever sends it without Locust."""

import itertools

# Of 20 requests: 70 % read a product, 15 % place an order, 15 % read an order of their own.
READ_PRODUCT, PLACE_ORDER, READ_ORDER = 14, 3, 3

SKUS = [f"sku-{number:04d}" for number in range(1, 1001)]
# Zipf with exponent 1, sku-0001 in front: 10 products get 39 % of the reads, 100 get 69 %, the last 500 get 9 %.
# Caches are hit as by real customers, and some reads in every second are of a product nobody asked for lately.
POPULARITY = list(itertools.accumulate(1 / rank for rank in range(1, len(SKUS) + 1)))
