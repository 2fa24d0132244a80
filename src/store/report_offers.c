/* SPDX-License-Identifier: Apache-2.0 */
/* Offers, and what a call saved by them. */
#include "store/report_query.h"

static void read_rates(sqlite3_stmt *row, struct price_rates *rates)
{
    *rates = (struct price_rates){
        .input = sqlite3_column_int64(row, 1),
        .output = sqlite3_column_int64(row, 2),
        .cache_read = sqlite3_column_int64(row, 3),
        .cache_write = sqlite3_column_int64(row, 4),
        .cache_write_1h = sqlite3_column_int64(row, 5),
        .audio_input = sqlite3_column_int64(row, 6),
        .audio_output = sqlite3_column_int64(row, 7),
        .reasoning = sqlite3_column_int64(row, 8),
        .image_input = sqlite3_column_int64(row, 9),
        .image_output = sqlite3_column_int64(row, 10),
    };
}

bool offer_read(sqlite3_stmt *row, sqlite3_stmt *rates, struct offer *ret_offer)
{
    int64_t id = sqlite3_column_int64(row, 0);
    *ret_offer = (struct offer){
        .id = (uint64_t)id,
        .kind = (enum offer_kind)sqlite3_column_int64(row, 1),
        .price = {.per_request_nd = sqlite3_column_int64(row, 5)},
    };
    struct price *price = &ret_offer->price;
    price->known = ret_offer->kind != OFFER_UNPRICED;
    sqlite3_bind_int64(rates, 1, id);
    while (sqlite3_step(rates) == SQLITE_ROW) {
        int64_t above = sqlite3_column_int64(rates, 0);
        if (above < 0) {
            read_rates(rates, &price->base);
        } else if (price->tier_count < PRICE_TIERS_MAX) {
            struct price_tier *tier = &price->tiers[price->tier_count++];
            tier->above_input = above;
            read_rates(rates, &tier->rates);
        }
    }
    return sqlite3_reset(rates) == SQLITE_OK;
}

/* NULL: it is not there, or the query failed. */
static const struct offer *load(struct report_query *query, uint64_t id)
{
    struct offer *offer = arena_alloc(query->arena, sizeof(*offer));
    bool found = false;
    sqlite3_bind_int64(query->offer, 1, (int64_t)id);
    if (offer != NULL && sqlite3_step(query->offer) == SQLITE_ROW) {
        found = offer_read(query->offer, query->rates, offer);
        query->failed |= !found;
        offer->target = report_word(query, sqlite3_column_int64(query->offer, 2));
        offer->provider = report_word(query, sqlite3_column_int64(query->offer, 3));
        offer->model = report_word(query, sqlite3_column_int64(query->offer, 4));
    }
    query->failed |= sqlite3_reset(query->offer) != SQLITE_OK;
    return found ? offer : NULL;
}

static const struct offer *find(struct report_query *query, uint64_t id)
{
    const struct offer **memo = &query->offers[id % REPORT_OFFER_MEMOS];
    if (*memo == NULL || (*memo)->id != id) {
        *memo = load(query, id);
    }
    return *memo;
}

/* --- those of a call --- */

size_t call_offers_most(const struct call_detail *detail)
{
    return 1 + detail->count + detail->row.call.candidates.len / CANDIDATE_BYTES;
}

static size_t add(uint64_t *ids, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return count;
        }
    }
    ids[count] = id;
    return count + (id == 0 ? 0 : 1);
}

size_t call_offers_named(const struct call_detail *detail, uint64_t *ids)
{
    struct slice candidates = detail->row.call.candidates;
    size_t count = add(ids, 0, detail->row.call.baseline_offer);
    for (size_t i = 0; i < detail->count; i++) {
        count = add(ids, count, detail->attempts[i].offer);
    }
    for (size_t at = 0; at < candidates.len; at += CANDIDATE_BYTES) {
        count = add(ids, count, candidate_get(candidates.ptr + at).offer);
    }
    return count;
}

void call_offers_compare(const struct call_detail *detail)
{
    for (size_t i = 0; i < detail->count; i++) {
        struct settle_record *attempt = &detail->attempts[i];
        const struct offer *offer = call_detail_offer(detail, attempt->offer);
        if (attempt->basis == CHARGE_PROVIDER && attempt->catalogue_nd < 0 && offer != NULL &&
            offer->kind == OFFER_PRICED) {
            attempt->catalogue_nd = price_cost(&offer->price, &attempt->usage);
        }
    }
}

bool report_read_offers(struct report_query *query, struct call_detail *detail)
{
    size_t most = call_offers_most(detail);
    uint64_t *ids = arena_array(query->arena, most, sizeof(*ids));
    detail->offer_count = 0;
    detail->offers = arena_array(query->arena, most, sizeof(const struct offer *));
    if (ids == NULL || detail->offers == NULL) {
        return false;
    }
    size_t count = call_offers_named(detail, ids);
    for (size_t i = 0; i < count; i++) {
        const struct offer *offer = find(query, ids[i]);
        detail->offers[detail->offer_count] = offer;
        detail->offer_count += offer == NULL ? 0 : 1;
    }
    call_offers_compare(detail);
    return !query->failed && !query->arena->exhausted;
}

const struct offer *call_detail_offer(const struct call_detail *detail, uint64_t id)
{
    for (size_t i = 0; i < detail->offer_count; i++) {
        if (detail->offers[i]->id == id) {
            return detail->offers[i];
        }
    }
    return NULL;
}

bool attempt_answered(const struct settle_record *attempt)
{
    return attempt->purpose == ATTEMPT_FOR_ANSWER && attempt->outcome != ATTEMPT_FAILED &&
           attempt->outcome != ATTEMPT_INTERRUPTED && attempt->basis != CHARGE_NOTHING;
}

void call_savings(const struct call_detail *detail, struct savings *ret_savings)
{
    struct savings *s = ret_savings;
    *s = (struct savings){.baseline_nd = detail->row.call.baseline_nd};
    int64_t besides = 0;
    for (size_t i = 0; i < detail->count; i++) {
        const struct settle_record *attempt = &detail->attempts[i];
        int64_t *sum = attempt->purpose != ATTEMPT_FOR_ANSWER ? &s->extra_nd[attempt->purpose]
                       : attempt_answered(attempt)            ? &s->answers_nd
                                                              : &s->failed_nd;
        *sum = money_add(*sum, attempt->cost_nd);
        besides = sum == &s->answers_nd ? besides : money_add(besides, attempt->cost_nd);
    }
    s->gross_nd = s->baseline_nd - s->answers_nd; /* both are sums of amounts >= 0 */
    s->net_nd = s->gross_nd < INT64_MIN + besides ? INT64_MIN : s->gross_nd - besides;
}

int64_t call_cost_at(const struct call_detail *detail, const struct offer *offer)
{
    int64_t sum = 0;
    for (size_t i = 0; i < detail->count; i++) {
        if (attempt_answered(&detail->attempts[i])) {
            sum = money_add(sum, price_cost(&offer->price, &detail->attempts[i].usage));
        }
    }
    return sum;
}
