/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for what repeats: words, menus, and what a call and its only attempt have in common. Most
 * calls have the same words as some call before, so these are compared all at once, as they lie in
 * the journal. And offers, which have numbers of their own.
 */
#include "store/ledger_internal.h"

bool writer_number_words(struct writer *writer, const struct slice *words, int64_t *ret_names,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_names[i] = names_id(&writer->names, words[i]);
        if (ret_names[i] < 0) {
            return false;
        }
    }
    return true;
}

static bool number_words_of_call(struct writer *writer, const struct call_record *record,
                                 const struct settle_record *attempt, int64_t parts[SHAPE_PARTS])
{
    const struct slice words[SHAPE_PARTS] = {
        [SHAPE_KEY_NAME] = record->key_name,
        [SHAPE_ENDPOINT] = record->endpoint,
        [SHAPE_ASKED_MODEL] = record->asked_model,
        [SHAPE_ROUTE] = record->route,
        [SHAPE_TARGET] = record->target,
        [SHAPE_PROVIDER] = record->provider,
        [SHAPE_MODEL] = record->model,
        [SHAPE_ERROR] = record->error,
        [SHAPE_BASELINE] = record->baseline,
        [SHAPE_ATTEMPT_TARGET] = attempt->target,
        [SHAPE_ATTEMPT_PROVIDER] = attempt->provider,
        [SHAPE_ATTEMPT_MODEL] = attempt->model,
        [SHAPE_LANE] = attempt->lane,
        [SHAPE_ATTEMPT_ERROR] = attempt->error,
    };
    return writer_number_words(writer, words, parts, SHAPE_PARTS);
}

/* Where the numbers of these words may be; words that share it push each other out. */
static struct word_memo *memo_of(struct writer *writer, struct slice call, struct slice attempt)
{
    uint64_t first;
    uint64_t last;
    if (call.len < sizeof(first) || call.len + attempt.len > WORD_MEMO_BYTES) {
        return NULL;
    }
    memcpy(&first, call.ptr + call.len / 2, sizeof(first) / 2);
    memcpy((char *)&first + sizeof(first) / 2, call.ptr + call.len - sizeof(first) / 2,
           sizeof(first) / 2);
    last = (first ^ call.len << 8 ^ attempt.len) * 0x9E3779B97F4A7C15u;
    return &writer->word_memos[last >> 58];
}
_Static_assert(WORD_MEMOS == 64, "six bits");

static bool memo_has(const struct word_memo *memo, struct slice call, struct slice attempt)
{
    return memo->call_len == call.len && memo->attempt_len == attempt.len &&
           memcmp(memo->bytes, call.ptr, call.len) == 0 &&
           (attempt.len == 0 || memcmp(memo->bytes + call.len, attempt.ptr, attempt.len) == 0);
}

static void memo_keep(struct word_memo *memo, struct slice call, struct slice attempt,
                      const int64_t parts[SHAPE_PARTS])
{
    memcpy(memo->bytes, call.ptr, call.len);
    if (attempt.len > 0) {
        memcpy(memo->bytes + call.len, attempt.ptr, attempt.len);
    }
    memo->call_len = (uint32_t)call.len;
    memo->attempt_len = (uint32_t)attempt.len;
    memcpy(memo->parts, parts, sizeof(memo->parts));
}

bool writer_number_call(struct writer *writer, const struct call_record *record,
                        const struct settle_record *own, int64_t parts[SHAPE_PARTS])
{
    static const struct settle_record none;
    const struct settle_record *attempt = own == NULL ? &none : own;
    struct word_memo *memo = memo_of(writer, record->words, attempt->words);
    if (memo != NULL && memo_has(memo, record->words, attempt->words)) {
        memcpy(parts, memo->parts, sizeof(memo->parts));
    } else if (!number_words_of_call(writer, record, attempt, parts)) {
        return false;
    } else if (memo != NULL) {
        memo_keep(memo, record->words, attempt->words, parts);
    }
    parts[SHAPE_KEY] = (int64_t)record->key_id;
    parts[SHAPE_STATUS] = record->status;
    parts[SHAPE_ATTEMPT_STATUS] = attempt->status;
    parts[SHAPE_BASELINE_OFFER] = (int64_t)record->baseline_offer;
    parts[SHAPE_ATTEMPT_OFFER] = (int64_t)attempt->offer;
    parts[SHAPE_USER] = (int64_t)record->scopes[SCOPE_USER];
    parts[SHAPE_TEAM] = (int64_t)record->scopes[SCOPE_TEAM];
    parts[SHAPE_ORGANISATION] = (int64_t)record->scopes[SCOPE_ORGANISATION];
    parts[SHAPE_TAG] = names_id(&writer->names, record->tag);
    return parts[SHAPE_TAG] >= 0;
}

int64_t writer_number_menu(struct writer *writer, const struct call_record *record,
                           struct slice *ret_expected)
{
    char menu[CANDIDATES_MAX * MENU_BYTES];
    size_t len;
    *ret_expected = SLICE_EMPTY;
    if (record->candidates.len == 0) {
        return 0;
    }
    struct buf *expected = &writer->expected;
    if (expected->len + (size_t)CANDIDATES_MAX * EXPECTED_BYTES > EXPECTED_KEPT) {
        size_t added;
        if (!writer_write_rows(writer, &writer->calls, &added)) {
            return -1;
        }
    }
    char *out = expected->ptr + expected->len;
    size_t menu_len = candidates_split(record->candidates, menu, out, &len);
    expected->len += len;
    *ret_expected = slice_of(out, len);
    return names_id(&writer->menus, slice_of(menu, menu_len));
}

static bool add_rates(struct writer *writer, const struct offer *offer, int64_t above_input,
                      const struct price_rates *rates)
{
    sqlite3_stmt *sql = writer->sql[SQL_RATES_ADD];
    const int64_t values[] = {
        (int64_t)offer->id,  above_input,        rates->input,          rates->output,
        rates->cache_read,   rates->cache_write, rates->cache_write_1h, rates->audio_input,
        rates->audio_output, rates->reasoning,   rates->image_input,    rates->image_output,
    };
    bind_numbers(sql, 1, values, ARRAY_LEN(values));
    return database_run(sql);
}

bool writer_add_offer(struct writer *writer, const struct offer *offer)
{
    const struct slice words[ATTEMPT_WORDS] = {
        [WORD_TARGET] = offer->target,
        [WORD_PROVIDER] = offer->provider,
        [WORD_MODEL] = offer->model,
    };
    const struct price *price = &offer->price;
    int64_t names[ATTEMPT_WORDS];
    sqlite3_stmt *sql = writer->sql[SQL_OFFER_ADD];
    if (!writer_number_words(writer, words, names, ATTEMPT_WORDS)) {
        return false;
    }
    const int64_t values[] = {
        (int64_t)offer->id,   offer->kind,       names[WORD_TARGET],
        names[WORD_PROVIDER], names[WORD_MODEL], price->per_request_nd,
    };
    bind_numbers(sql, 1, values, ARRAY_LEN(values));
    bool done = database_run(sql) && add_rates(writer, offer, -1, &price->base);
    for (size_t i = 0; done && i < price->tier_count; i++) {
        done = add_rates(writer, offer, price->tiers[i].above_input, &price->tiers[i].rates);
    }
    return done;
}

bool writer_tally(struct writer *writer, const struct settle_record *settle)
{
    bool told = settle->outcome == ATTEMPT_OK && settle->usage.reported && settle->forecast.given;
    int64_t target = told ? names_id(&writer->names, settle->target) : 0;
    return target >= 0 && (!told || tallies_add(&writer->tallies, target, settle));
}

void writer_agree_on_scopes(struct open_call *call, int64_t parts[SHAPE_PARTS])
{
    static const enum shape_part of_kind[SCOPE_KINDS] = {
        [SCOPE_KEY] = SHAPE_KEY,
        [SCOPE_USER] = SHAPE_USER,
        [SCOPE_TEAM] = SHAPE_TEAM,
        [SCOPE_ORGANISATION] = SHAPE_ORGANISATION,
    };
    parts[SHAPE_COUNTED] = call == NULL ? 0 : call->limited_model;
    for (unsigned kind = 0; call != NULL && kind < SCOPE_KINDS; kind++) {
        int64_t *part = &parts[of_kind[kind]];
        *part = *part != 0 ? *part : call->scopes[kind];
        call->scopes[kind] = *part;
    }
}

struct sums writer_attempt_sums(const struct open_attempt *attempt, int64_t hour)
{
    int64_t cost = attempt->cost_nd;
    struct sums sums = {.hour = hour, .cost_nd = cost};
    bool failed = attempt->outcome == ATTEMPT_FAILED || attempt->outcome == ATTEMPT_INTERRUPTED;
    switch (attempt->purpose) {
    case ATTEMPT_FOR_ANSWER:
        sums.failed_nd = failed ? cost : 0;
        break;
    case ATTEMPT_FOR_JUDGE:
        sums.judge_nd = cost;
        break;
    case ATTEMPT_FOR_SHADOW:
        sums.shadow_nd = cost;
        break;
    case ATTEMPT_FOR_ESCALATION:
        sums.escalation_nd = cost;
        break;
    case ATTEMPT_PURPOSES:
        break;
    }
    sums.told_nd = attempt->told ? cost : 0;
    sums.catalogue_nd = attempt->told ? attempt->catalogue_nd : 0;
    return sums;
}
