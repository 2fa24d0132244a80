/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could be had, and for how much. An offer is one target with its price as it was at one time;
 * its identifier is a hash of all that, so the same offer has the same identifier in every process,
 * and a price that changes makes another offer. Each is recorded once, before the first call that
 * names it; calls name offers, so what they cost, and would have cost elsewhere, can be computed
 * long after the catalogue has changed. A candidate is an offer that was weighed for a call.
 */
#ifndef SLUICE_STORE_OFFER_H
#define SLUICE_STORE_OFFER_H

#include "base/slice.h"
#include "model/price.h"

#include <endian.h>

/* Where the price is from. The numbers are in databases. */
enum offer_kind {
    OFFER_PRICED = 1, /* the target's own: of the catalogue, or configured */
    OFFER_CEILING,    /* it has none: the configured ceiling is charged */
    OFFER_FREE,       /* it has none, and is allowed to be used for nothing */
    OFFER_UNPRICED,   /* it has none, and is not used */
    OFFER_KINDS
};
const char *offer_kind_name(enum offer_kind kind);

struct offer {
    uint64_t id; /* as offer_identify() says; never 0 */
    enum offer_kind kind;
    struct slice target;
    struct slice provider;
    struct slice model;
    struct price price; /* to reckon with; .known is false for OFFER_UNPRICED only */
};
/* Fills in the identifier. Names that are too long for a record are hashed as they are cut. */
void offer_identify(struct offer *offer);

#define CANDIDATES_MAX 64
#define CANDIDATE_BYTES 16

struct candidate {
    uint64_t offer;
    int64_t expected_nd;          /* what the plan expected, up to CANDIDATE_EXPECTED_MAX */
    unsigned reason;              /* why it was taken or not, 0 .. 63: see plan_reason_code() */
    unsigned propensity_permille; /* how probable it was that it comes first, 0 .. 1000 */
    unsigned success_permille;    /* and that its answer is good enough; 0: not recorded */
};
#define CANDIDATE_EXPECTED_BITS 38
#define CANDIDATE_EXPECTED_MAX ((INT64_C(1) << CANDIDATE_EXPECTED_BITS) - 1) /* $274 */

/* Two words, the lowest byte first: the offer; then 38 bits of the expected cost, 10 of the
 * success (before there was one, of the cost: 0 below $274), 10 of the propensity, 6 of the reason.
 * Returns what is behind it. */
static inline char *candidate_put(char *out, const struct candidate *candidate)
{
    int64_t expected = candidate->expected_nd;
    expected = expected < 0 ? 0 : expected;
    expected = expected > CANDIDATE_EXPECTED_MAX ? CANDIDATE_EXPECTED_MAX : expected;
    const uint64_t words[2] = {
        htole64(candidate->offer),
        htole64((uint64_t)expected |
                (uint64_t)(candidate->success_permille & 1023) << CANDIDATE_EXPECTED_BITS |
                (uint64_t)(candidate->propensity_permille & 1023) << 48 |
                (uint64_t)(candidate->reason & 63) << 58),
    };
    memcpy(out, words, sizeof(words));
    return out + sizeof(words);
}

static inline struct candidate candidate_get(const char *at)
{
    uint64_t words[2];
    memcpy(words, at, sizeof(words));
    uint64_t packed = le64toh(words[1]);
    return (struct candidate){
        .offer = le64toh(words[0]),
        .expected_nd = (int64_t)(packed & (uint64_t)CANDIDATE_EXPECTED_MAX),
        .propensity_permille = (unsigned)(packed >> 48 & 1023),
        .success_permille = (unsigned)(packed >> CANDIDATE_EXPECTED_BITS & 1023),
        .reason = (unsigned)(packed >> 58),
    };
}

/* The same in two parts, as the ledger keeps them: what many calls have in common (the menu: for
 * each candidate its offer, then reason and propensity), and what each expects to pay and to be
 * worth (varints of seven bits, the lowest first). Returns the bytes of the menu and, in
 * *ret_expected, of the other part; there is room for CANDIDATES_MAX of both. */
#define MENU_BYTES 10
#define EXPECTED_BYTES 7
size_t candidates_split(struct slice candidates, char *menu, char *expected, size_t *ret_expected);
/* The inverse; `out` has room for CANDIDATE_BYTES times the candidates of the menu. False: they do
 * not belong together. */
MUST_USE bool candidates_join(struct slice menu, struct slice expected, char *out);

#endif
