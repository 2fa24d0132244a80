/* SPDX-License-Identifier: Apache-2.0 */
/* Single calls of the cluster, pages of them, and the offers that a call names. */
#include "base/buf.h"
#include "store/report_cluster_internal.h"
#include "store/report_members.h"
#include "store/report_query.h"

#define CALLS "SELECT " CALL_COLUMNS_THERE " FROM calls"
static const char sql_first_page[] = CALLS " ORDER BY id DESC LIMIT $1";
static const char sql_page[] = CALLS " WHERE id < $2::uuid ORDER BY id DESC LIMIT $1";
static const char sql_own_first_page[] = CALLS " WHERE key_id = $2 ORDER BY id DESC LIMIT $1";
static const char sql_own_page[] =
    CALLS " WHERE key_id = $2 AND id < $3::uuid ORDER BY id DESC LIMIT $1";
static const char sql_call[] = CALLS " WHERE id = $1::uuid";
static const char sql_own_call[] = CALLS " WHERE id = $1::uuid AND key_id = $2";
static const char sql_attempts[] =
    "SELECT " ATTEMPT_COLUMNS_THERE " FROM attempts WHERE call = $1::uuid ORDER BY attempt";

/* --- rows --------------------------------------------------------------------------------------
 */

static int64_t number(const struct member_row *row, int column)
{
    return postgres_int64(row->from, row->at, column);
}

static struct slice bytes(const struct member_row *row, int column)
{
    return postgres_slice(row->from, row->at, column);
}

static struct slice word(const struct member_row *row, int column)
{
    struct slice text = postgres_slice(row->from, row->at, column);
    return text.len == 0 ? SLICE_EMPTY : arena_copy(row->arena, text);
}

static bool is_null(const struct member_row *row, int column)
{
    return postgres_is_null(row->from, row->at, column);
}

static struct member_row row_at(const struct postgres_rows *rows, int at, struct arena *arena)
{
    return (struct member_row){.arena = arena,
                               .from = rows,
                               .at = at,
                               .number = number,
                               .bytes = bytes,
                               .word = word,
                               .is_null = is_null,
                               .named = true};
}

/* --- pages -------------------------------------------------------------------------------------
 */

static bool read_page(const struct postgres_rows *rows, size_t limit, struct arena *arena,
                      struct call_page *page)
{
    size_t count = (size_t)rows->count > limit ? limit : (size_t)rows->count;
    *page = (struct call_page){.rows = arena_array(arena, count + 1, sizeof(page->rows[0]))};
    for (; page->rows != NULL && page->count < count; page->count++) {
        const struct member_row row = row_at(rows, (int)page->count, arena);
        member_read_call(&row, &page->rows[page->count]);
    }
    if ((size_t)rows->count > limit &&
        page->rows != NULL) { /* one more than asked for: there is a next page */
        id_format(page->rows[count - 1].call.call, page->next);
    }
    return !arena->exhausted;
}

static const char *page_sql(uint64_t key, bool first)
{
    return key == 0 ? (first ? sql_first_page : sql_page)
                    : (first ? sql_own_first_page : sql_own_page);
}

bool cluster_report_calls(struct cluster_reports *reports, uint64_t key, struct slice before,
                          size_t limit, struct arena *arena, struct call_page *ret_page,
                          struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    struct id cursor;
    char text[ID_TEXT_LEN + 1];
    if (before.len > 0 && !id_parse(before, &cursor)) {
        return error_set(error, ERROR_INVALID, "bad_cursor",
                         "this is no cursor of a list of calls");
    }
    limit = limit < 1 ? 1 : limit > REPORT_CALLS_MAX ? REPORT_CALLS_MAX : limit;
    if (!reports_begin(reports, error)) {
        return false;
    }
    params_int64(&params, (int64_t)limit + 1);
    if (key != 0) {
        params_int64(&params, (int64_t)key);
    }
    if (before.len > 0) {
        params_literal(&params, slice_from_cstr(id_format(cursor, text)));
    }
    bool done =
        postgres_query(reports->postgres, page_sql(key, before.len == 0), &params, &rows, error);
    if (done) {
        done = read_page(&rows, limit, arena, ret_page) || reports_no_memory(error);
        postgres_rows_release(&rows);
    }
    reports_end(reports);
    return done;
}

/* --- offers ------------------------------------------------------------------------------------
 */

static const char sql_offers[] = "SELECT id, kind, target, provider, model, per_request_nd"
                                 " FROM offers WHERE id = ANY($1::bigint[])";
static const char sql_rates[] =
    "SELECT offer, above_input, input_pd, output_pd, cache_read_pd, cache_write_pd,"
    " cache_write_1h_pd, audio_input_pd, audio_output_pd, reasoning_pd, image_input_pd,"
    " image_output_pd FROM offer_rates"
    " WHERE offer = ANY($1::bigint[]) ORDER BY offer, above_input";

static enum offer_kind kind_of(struct slice name)
{
    for (unsigned kind = OFFER_PRICED; kind < OFFER_KINDS; kind++) {
        if (slice_eq(name, slice_from_cstr(offer_kind_name((enum offer_kind)kind)))) {
            return (enum offer_kind)kind;
        }
    }
    return OFFER_UNPRICED; /* of a version that has more */
}

static void read_rates(const struct postgres_rows *rows, int at, struct price *price)
{
    const struct price_rates rates = {
        .input = postgres_int64(rows, at, 2),
        .output = postgres_int64(rows, at, 3),
        .cache_read = postgres_int64(rows, at, 4),
        .cache_write = postgres_int64(rows, at, 5),
        .cache_write_1h = postgres_int64(rows, at, 6),
        .audio_input = postgres_int64(rows, at, 7),
        .audio_output = postgres_int64(rows, at, 8),
        .reasoning = postgres_int64(rows, at, 9),
        .image_input = postgres_int64(rows, at, 10),
        .image_output = postgres_int64(rows, at, 11),
    };
    int64_t above = postgres_int64(rows, at, 1);
    if (above < 0) {
        price->base = rates;
    } else if (price->tier_count < PRICE_TIERS_MAX) {
        price->tiers[price->tier_count++] = (struct price_tier){above, rates};
    }
}

static const struct offer *read_offer(const struct postgres_rows *rows, int at,
                                      const struct postgres_rows *rates, struct arena *arena)
{
    struct offer *offer = arena_alloc(arena, sizeof(*offer));
    if (offer == NULL) {
        return NULL;
    }
    *offer = (struct offer){
        .id = (uint64_t)postgres_int64(rows, at, 0),
        .kind = kind_of(postgres_slice(rows, at, 1)),
        .target = arena_copy(arena, postgres_slice(rows, at, 2)),
        .provider = arena_copy(arena, postgres_slice(rows, at, 3)),
        .model = arena_copy(arena, postgres_slice(rows, at, 4)),
        .price = {.per_request_nd = postgres_int64(rows, at, 5)},
    };
    offer->price.known = offer->kind != OFFER_UNPRICED;
    for (int i = 0; i < rates->count; i++) {
        if ((uint64_t)postgres_int64(rates, i, 0) == offer->id) {
            read_rates(rates, i, &offer->price);
        }
    }
    return offer;
}

/* "{1,2,3}", with a NUL behind it. */
static bool list_offers(struct arena *arena, const struct call_detail *detail, struct buf *out)
{
    size_t most = call_offers_most(detail);
    uint64_t *ids = arena_array(arena, most, sizeof(*ids));
    size_t count = ids == NULL ? 0 : call_offers_named(detail, ids);
    buf_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_char(out, ',');
        }
        buf_append_i64(out, (int64_t)ids[i]);
    }
    buf_append(out, slice_of("}", 2));
    return ids != NULL && !out->failed;
}

/* Calls of nodes of before there were offers here name none. */
static bool read_offers(struct cluster_reports *reports, struct arena *arena,
                        struct call_detail *detail, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows = {0};
    struct postgres_rows rates = {0};
    struct buf list = BUF_INIT(1 << 20);
    bool done = list_offers(arena, detail, &list) || reports_no_memory(error);
    if (done) {
        params_literal(&params, slice_of(list.ptr, list.len - 1));
        done = postgres_query(reports->postgres, sql_offers, &params, &rows, error);
    }
    if (done && postgres_query(reports->postgres, sql_rates, &params, &rates, error)) {
        detail->offers = arena_array(arena, (size_t)rows.count + 1, sizeof(detail->offers[0]));
        for (int i = 0; detail->offers != NULL && i < rows.count; i++) {
            const struct offer *offer = read_offer(&rows, i, &rates, arena);
            detail->offers[detail->offer_count] = offer;
            detail->offer_count += offer == NULL ? 0 : 1;
        }
        call_offers_compare(detail);
        done = !arena->exhausted || reports_no_memory(error);
    } else {
        done = false;
    }
    postgres_rows_release(&rows);
    postgres_rows_release(&rates);
    buf_release(&list);
    return done;
}

/* --- calls -------------------------------------------------------------------------------------
 */

static bool read_attempts(struct cluster_reports *reports, const struct postgres_params *params,
                          struct arena *arena, struct call_detail *detail, struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(reports->postgres, sql_attempts, params, &rows, error)) {
        return false;
    }
    detail->attempts = arena_array(arena, (size_t)rows.count + 1, sizeof(detail->attempts[0]));
    for (detail->count = 0; detail->attempts != NULL && (int)detail->count < rows.count;
         detail->count++) {
        const struct member_row row = row_at(&rows, (int)detail->count, arena);
        member_read_attempt(&row, &detail->attempts[detail->count]);
    }
    postgres_rows_release(&rows);
    return !arena->exhausted || reports_no_memory(error);
}

bool cluster_report_call(struct cluster_reports *reports, uint64_t key, struct id call,
                         struct arena *arena, struct call_detail *ret_detail, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_params of_call = {0};
    struct postgres_rows rows;
    char text[ID_TEXT_LEN + 1];
    if (!reports_begin(reports, error)) {
        return false;
    }
    params_literal(&params, slice_from_cstr(id_format(call, text)));
    params_literal(&of_call, slice_from_cstr(text));
    if (key != 0) {
        params_int64(&params, (int64_t)key);
    }
    bool done = postgres_query(reports->postgres, key == 0 ? sql_call : sql_own_call, &params,
                               &rows, error);
    if (done) {
        *ret_detail = (struct call_detail){0};
        if (rows.count == 1) {
            const struct member_row row = row_at(&rows, 0, arena);
            member_read_call(&row, &ret_detail->row);
            done = read_attempts(reports, &of_call, arena, ret_detail, error) &&
                   read_offers(reports, arena, ret_detail, error);
        } else {
            done = error_set(error, ERROR_NOT_FOUND, "not_found", "there is no call with this id");
        }
        postgres_rows_release(&rows);
    }
    reports_end(reports);
    return done;
}
