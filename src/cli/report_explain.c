/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of one call for people: what it cost, what else was weighed, what it saved. */
#include "cli/report.h"

#include "base/clock.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "route/check.h"
#include "route/plan.h"

#include <stdio.h>

static const struct table_column sum_columns[] = {{"", true}, {"", false}, {"", true}, {"", true}};
static const struct table_column candidate_columns[] = {{"TARGET", false},    {"WHY", false},
                                                        {"CHANCE", true},     {"EXPECTED", true},
                                                        {"THIS USAGE", true}, {"", false}};
static const struct table_column saving_columns[] = {{"", false}, {"", true}};

static const char *const part_words[PRICE_PARTS] = {
    [PRICE_INPUT] = "input tokens",
    [PRICE_CACHE_READ] = "tokens read from a cache",
    [PRICE_CACHE_WRITE] = "tokens written to a cache",
    [PRICE_CACHE_WRITE_1H] = "tokens written to a cache for an hour",
    [PRICE_AUDIO_INPUT] = "input tokens of audio",
    [PRICE_OUTPUT] = "output tokens",
    [PRICE_AUDIO_OUTPUT] = "output tokens of audio",
    [PRICE_REQUEST] = "request",
};

static const char *const basis_words[CHARGE_BASES] = {
    [CHARGE_UNRECORDED] = "charged; how was not recorded yet then",
    [CHARGE_NOTHING] = "nothing was answered: no charge",
    [CHARGE_PRICE] = "charged",
    [CHARGE_PROVIDER] = "charged: what the provider says that it charges",
    [CHARGE_MOST] = "charged: nobody reported it, so the most that it can be",
    [CHARGE_BOUND] = "charged: an estimate is never more than what was held",
    [CHARGE_HOLD] = "charged: what was held, as nobody knows what was used",
    [CHARGE_CACHE] = "the exact cache repeated an earlier answer: no charge",
};

/* Pico-dollars, with all of their decimals that are not zero. */
static void put_pd(struct buf *out, int64_t pd)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "$%lld.%012lld", (long long)(pd / 1000000000000),
                       (long long)(pd % 1000000000000));
    size_t end = len > 0 ? (size_t)len : 0;
    while (end > 3 && text[end - 1] == '0' && text[end - 3] != '.') {
        end--;
    }
    buf_append(out, slice_of(text, end));
}

static void put_line(struct table *table, const struct price_line *line)
{
    struct buf text = BUF_INIT(64);
    table_count(table, line->count);
    table_cstr(table, part_words[line->part]);
    buf_append_cstr(&text, "x ");
    if (line->part == PRICE_REQUEST) {
        put_pd(&text, line->rate_pd);
    } else {
        put_usd(&text, line->rate_pd > INT64_MAX / 1000 ? INT64_MAX : line->rate_pd * 1000);
        buf_append_cstr(&text, " per million");
    }
    table_put(table, buf_slice(&text));
    buf_clear(&text);
    buf_append_cstr(&text, "= ");
    put_pd(&text, line->amount_pd);
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void put_sum(struct table *table, const char *what, int64_t nd)
{
    table_cstr(table, "");
    table_cstr(table, what);
    table_cstr(table, "");
    table_usd(table, nd);
}

static void put_usage(struct table *table, const struct offer *offer, const struct usage *usage)
{
    struct price_line lines[PRICE_PARTS];
    size_t count = price_lines(&offer->price, usage, lines);
    for (size_t i = 0; i < count; i++) {
        put_line(table, &lines[i]);
    }
}

static const char *price_note(const struct offer *offer)
{
    switch (offer->kind) {
    case OFFER_CEILING:
        return ", at the ceiling, as its price is not known";
    case OFFER_FREE:
        return ", for nothing, as its price is not known";
    default:
        return "";
    }
}

static void put_attempt_head(const struct settle_record *attempt, const struct offer *offer,
                             struct buf *out)
{
    static const char *const purposes[ATTEMPT_PURPOSES] = {
        [ATTEMPT_FOR_ANSWER] = "attempt",
        [ATTEMPT_FOR_JUDGE] = "classifier or judge",
        [ATTEMPT_FOR_SHADOW] = "shadow",
        [ATTEMPT_FOR_ESCALATION] = "answer that was too poor",
    };
    buf_printf(out, "\n  %u. %s: ", attempt->attempt, purposes[attempt->purpose]);
    put_harmless(out, attempt->target);
    buf_append_cstr(out, " (");
    put_harmless(out, attempt->provider);
    buf_append_cstr(out, ", ");
    put_harmless(out, attempt->model);
    buf_printf(out, "), %s%s%s\n", attempt_outcome_name(attempt->outcome),
               attempt->usage.reported ? "" : ", usage estimated",
               offer == NULL ? "" : price_note(offer));
    if (slice_starts(attempt->error, SLICE("check_"))) {
        buf_append_cstr(out, "     failed the check ");
        put_harmless(out, slice_from(attempt->error, SLICE("check_").len));
        buf_append_char(out, '\n');
    }
}

/* What the catalogue says beside what the provider charges. */
static void put_drift(struct table *table, const struct settle_record *attempt)
{
    if (attempt->catalogue_nd >= 0) {
        put_sum(table, "the same at the catalogue's price", attempt->catalogue_nd);
        put_sum(table, "difference", attempt->cost_nd - attempt->catalogue_nd);
    }
}

static void put_attempt(const struct call_detail *detail, const struct settle_record *attempt,
                        struct buf *out)
{
    const struct offer *offer = call_detail_offer(detail, attempt->offer);
    struct table table;
    put_attempt_head(attempt, offer, out);
    table_init(&table, sum_columns, ARRAY_LEN(sum_columns));
    if (offer != NULL && (attempt->basis == CHARGE_PRICE || attempt->basis == CHARGE_BOUND ||
                          attempt->basis == CHARGE_MOST)) {
        put_usage(&table, offer, &attempt->usage);
    }
    put_sum(&table, basis_words[attempt->basis], attempt->cost_nd);
    put_drift(&table, attempt);
    table_write(&table, 5, out);
    table_release(&table);
}

static void put_cost(const struct call_detail *detail, struct buf *out)
{
    buf_append_cstr(out, "\nWhat it cost\n");
    for (size_t i = 0; i < detail->count; i++) {
        put_attempt(detail, &detail->attempts[i], out);
    }
    if (detail->count == 0) {
        buf_append_cstr(out, "  no provider was asked\n");
    }
    if (detail->count > 0) {
        buf_append_cstr(out, "\n  all together: ");
        put_usd(out, detail->row.call.cost_nd);
        buf_append_char(out, '\n');
    }
}

static void put_candidate(struct table *table, const struct call_detail *detail,
                          struct candidate candidate)
{
    const struct offer *offer = call_detail_offer(detail, candidate.offer);
    enum plan_reason reason = plan_reason_of_code(candidate.reason);
    table_put(table, offer == NULL ? SLICE("(not recorded)") : offer->target);
    table_printf(table, "%s: %s", reason <= REASON_TAKEN_LAST ? "taken" : "refused",
                 plan_reason_name(reason));
    table_printf(table, "%u.%u %%", candidate.propensity_permille / 10,
                 candidate.propensity_permille % 10);
    bool priced = offer != NULL && offer->price.known;
    if (priced) {
        table_usd(table, candidate.expected_nd);
    }
    if (priced) {
        table_usd(table, call_cost_at(detail, offer));
    } else {
        table_cstr(table, "unknown");
        table_cstr(table, "unknown");
    }
    table_cstr(table, offer != NULL && slice_eq(offer->target, detail->row.call.target)
                          ? "<- answered"
                          : "");
}

static void put_candidates(const struct call_detail *detail, struct buf *out)
{
    struct slice candidates = detail->row.call.candidates;
    struct table table;
    if (candidates.len == 0) {
        return;
    }
    buf_append_cstr(out, "\nWhat was weighed, at the prices of that moment\n\n");
    table_init(&table, candidate_columns, ARRAY_LEN(candidate_columns));
    for (size_t at = 0; at + CANDIDATE_BYTES <= candidates.len; at += CANDIDATE_BYTES) {
        put_candidate(&table, detail, candidate_get(candidates.ptr + at));
    }
    table_write(&table, 2, out);
    table_release(&table);
}

static void put_saving(struct table *table, const char *what, int64_t nd)
{
    table_cstr(table, what);
    table_usd(table, nd);
}

/* Only what there is. */
static void put_less(struct table *table, const char *what, int64_t nd)
{
    if (nd != 0) {
        put_saving(table, what, -nd);
    }
}

static void put_baseline(const struct call_detail *detail, struct buf *out)
{
    const struct call_record *call = &detail->row.call;
    const struct offer *offer = call_detail_offer(detail, call->baseline_offer);
    struct table table;
    if (offer == NULL) {
        return;
    }
    table_init(&table, sum_columns, ARRAY_LEN(sum_columns));
    for (size_t i = 0; i < detail->count; i++) {
        if (attempt_answered(&detail->attempts[i])) {
            put_usage(&table, offer, &detail->attempts[i].usage);
        }
    }
    put_sum(&table, "the answer at the baseline", call->baseline_nd);
    buf_append_cstr(out, "\n  baseline: ");
    put_harmless(out, offer->target);
    buf_append_char(out, '\n');
    table_write(&table, 5, out);
    table_release(&table);
    buf_append_char(out, '\n');
}

static void put_savings(const struct call_detail *detail, struct buf *out)
{
    struct savings savings;
    struct table table;
    call_savings(detail, &savings);
    buf_append_cstr(out, "\nWhat it saved\n");
    put_baseline(detail, out);
    table_init(&table, saving_columns, ARRAY_LEN(saving_columns));
    put_saving(&table, "baseline", savings.baseline_nd);
    put_saving(&table, "less the answer", -savings.answers_nd);
    put_saving(&table, "= gross savings", savings.gross_nd);
    put_less(&table, "less attempts that failed", savings.failed_nd);
    put_less(&table, "less classifiers and judges", savings.extra_nd[ATTEMPT_FOR_JUDGE]);
    put_less(&table, "less shadow calls", savings.extra_nd[ATTEMPT_FOR_SHADOW]);
    put_less(&table, "less answers that were too poor", savings.extra_nd[ATTEMPT_FOR_ESCALATION]);
    put_saving(&table, "= net savings", savings.net_nd);
    table_write(&table, 2, out);
    table_release(&table);
}

static void put_verdict(int32_t packed, struct buf *out)
{
    static const char *const words[CALL_VERDICTS] = {
        [CALL_ACCEPTED] = "accepted",
        [CALL_EARLY] = "let go by its first words",
        [CALL_ESCALATED] = "not good enough, and nothing better came",
    };
    const char *word = words[verdict_word(packed)];
    unsigned check = verdict_check(packed);
    unsigned permille = verdict_permille(packed);
    if (word == NULL) {
        return;
    }
    buf_printf(out, "  the answer was %s: good with %u.%u %%", word, permille / 10, permille % 10);
    if (check < CHECK_COUNT) {
        buf_printf(out, ", %s found fault with it", answer_check_name((enum answer_check)check));
    }
    buf_append_char(out, '\n');
}

void report_explain_call(const struct call_detail *detail, struct buf *out)
{
    const struct call_record *call = &detail->row.call;
    char text[CLOCK_TEXT_SIZE];
    char id[ID_TEXT_LEN + 1];
    buf_printf(out, "Call %s of %s\n", id_format(call->call, id),
               clock_format(call->wall_ns, text));
    buf_printf(out, "  task %s, tier %s, asked for ", task_name(call->task), tier_name(call->tier));
    put_harmless(out, call->asked_model);
    buf_append_cstr(out, call->target.len > 0 ? ", answered by " : ", answered by nobody");
    put_harmless(out, call->target);
    buf_printf(out, ", status %d\n", call->status);
    put_verdict(call->verdict, out);
    put_cost(detail, out);
    put_candidates(detail, out);
    put_savings(detail, out);
}
