"""What users ask for, and how often: the load's mix, also for whoever sends it without Locust.

Every fifth user is a member, with a session and a cart; the others are guests. Of all requests 60 % read a product,
15 % place an order, 15 % read an order, 10 % are about sessions and carts.
"""

import itertools

MEMBER_EVERY = 5
# Of 16 requests of a guest.
READ_PRODUCT, PLACE_ORDER, READ_ORDER = 10, 3, 3
# Of 8 requests of a member.
MEMBER_READS_PRODUCT, MEMBER_USES_SESSION = 4, 4
# What a member does with an open session, of 5 times.
PUT_ITEM, READ_CART, READ_SESSION = 2, 2, 1
# After so many uses a member logs in anew, so that log-ins, too, meet the fault.
USES_A_SESSION = 5
# Different products a cart is made of; so few that most are put there more than once.
CART_SKUS = 2

# Carries a session's token.
COOKIE = "session"

SKUS = [f"sku-{number:04d}" for number in range(1, 1001)]
# Zipf with exponent 1, sku-0001 in front: 10 products get 39 % of the reads, 100 get 69 %, the last 500 get 9 %.
# Caches are hit as by real customers, and some reads in every second are of a product nobody asked for lately.
POPULARITY = list(itertools.accumulate(1 / rank for rank in range(1, len(SKUS) + 1)))
