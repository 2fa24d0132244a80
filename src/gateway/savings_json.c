/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/savings_json.h"

#include "route/check.h"
#include "route/plan.h"

#define USD_DECIMALS 9
#define PD_DECIMALS 12

static void member_usd(struct json_writer *w, struct slice key, int64_t nd)
{
    json_member_scaled(w, key, nd, USD_DECIMALS);
}

static void write_line(struct json_writer *w, const struct price_line *line)
{
    json_begin_object(w);
    json_member_string(w, SLICE("part"), slice_from_cstr(price_part_name(line->part)));
    json_member_int(w, SLICE("count"), line->count);
    /* pico-dollars a token are millionths of dollars a million tokens */
    if (line->part == PRICE_REQUEST) {
        json_member_scaled(w, SLICE("usd_each"), line->rate_pd, PD_DECIMALS);
    } else {
        json_member_scaled(w, SLICE("usd_per_mtok"), line->rate_pd, 6);
    }
    json_member_scaled(w, SLICE("usd"), line->amount_pd, PD_DECIMALS);
    json_end_object(w);
}

static void write_lines(struct json_writer *w, const struct offer *offer, const struct usage *usage)
{
    struct price_line lines[PRICE_PARTS];
    size_t count = price_lines(&offer->price, usage, lines);
    json_key(w, SLICE("lines"));
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        write_line(w, &lines[i]);
    }
    json_end_array(w);
}

static void write_told(struct json_writer *w, const struct settle_record *attempt)
{
    if (attempt->usage.has_provider_cost) {
        member_usd(w, SLICE("provider_usd"), attempt->usage.provider_cost_nd);
    }
    if (attempt->catalogue_nd >= 0) {
        member_usd(w, SLICE("catalogue_usd"), attempt->catalogue_nd);
        member_usd(w, SLICE("drift_usd"), attempt->cost_nd - attempt->catalogue_nd);
    }
}

static void write_baseline(struct json_writer *w, const struct offer *offer,
                           const struct usage *usage)
{
    json_key(w, SLICE("baseline"));
    json_begin_object(w);
    json_member_string(w, SLICE("target"), offer->target);
    write_lines(w, offer, usage);
    member_usd(w, SLICE("usd"), price_cost(&offer->price, usage));
    json_end_object(w);
}

void json_savings_verdict(struct json_writer *w, int32_t packed)
{
    unsigned check = verdict_check(packed);
    if (verdict_word(packed) == CALL_UNJUDGED) {
        return;
    }
    json_member_string(w, SLICE("verdict"),
                       slice_from_cstr(call_verdict_name(verdict_word(packed))));
    if (check < CHECK_COUNT) {
        json_member_string(w, SLICE("check"),
                           slice_from_cstr(answer_check_name((enum answer_check)check)));
    }
    json_member_scaled(w, SLICE("probability"), verdict_permille(packed), 3);
}

/* An answer that failed a check, whether another one was shown instead or not. */
static void write_verdict(struct json_writer *w, const struct settle_record *attempt)
{
    if (slice_starts(attempt->error, SLICE("check_"))) {
        json_member_string(w, SLICE("verdict"), SLICE("escalate"));
        json_member_string(w, SLICE("check"), slice_from(attempt->error, SLICE("check_").len));
    }
}

void json_savings_attempt(struct json_writer *w, const struct call_detail *detail,
                          const struct settle_record *attempt)
{
    const struct offer *offer = call_detail_offer(detail, attempt->offer);
    const struct offer *baseline = call_detail_offer(detail, detail->row.call.baseline_offer);
    json_member_string(w, SLICE("purpose"),
                       slice_from_cstr(attempt_purpose_name(attempt->purpose)));
    json_member_string(w, SLICE("basis"), slice_from_cstr(charge_basis_name(attempt->basis)));
    write_verdict(w, attempt);
    write_told(w, attempt);
    if (offer != NULL && attempt->basis != CHARGE_NOTHING && attempt->basis != CHARGE_HOLD &&
        attempt->basis != CHARGE_CACHE) {
        json_member_string(w, SLICE("price"), slice_from_cstr(offer_kind_name(offer->kind)));
        write_lines(w, offer, &attempt->usage);
    }
    if (baseline != NULL && attempt_answered(attempt)) {
        write_baseline(w, baseline, &attempt->usage);
    }
}

static void write_reason(struct json_writer *w, unsigned code)
{
    enum plan_reason reason = plan_reason_of_code(code);
    json_member_bool(w, SLICE("taken"), reason <= REASON_TAKEN_LAST);
    json_member_string(w, SLICE("reason"), slice_from_cstr(plan_reason_name(reason)));
}

static void write_candidate(struct json_writer *w, const struct call_detail *detail,
                            struct candidate candidate)
{
    const struct offer *offer = call_detail_offer(detail, candidate.offer);
    json_begin_object(w);
    if (offer != NULL) {
        json_member_string(w, SLICE("target"), offer->target);
        json_member_string(w, SLICE("provider"), offer->provider);
        json_member_string(w, SLICE("model"), offer->model);
    }
    write_reason(w, candidate.reason);
    json_member_scaled(w, SLICE("propensity"), candidate.propensity_permille, 3);
    if (candidate.success_permille > 0) {
        json_member_scaled(w, SLICE("success"), candidate.success_permille, 3);
    }
    member_usd(w, SLICE("expected_cost_usd"), candidate.expected_nd);
    if (offer != NULL && offer->price.known) {
        json_member_string(w, SLICE("price"), slice_from_cstr(offer_kind_name(offer->kind)));
        member_usd(w, SLICE("cost_usd"), call_cost_at(detail, offer));
    }
    json_end_object(w);
}

static void write_candidates(struct json_writer *w, const struct call_detail *detail)
{
    struct slice candidates = detail->row.call.candidates;
    json_key(w, SLICE("candidates"));
    json_begin_array(w);
    for (size_t at = 0; at + CANDIDATE_BYTES <= candidates.len; at += CANDIDATE_BYTES) {
        write_candidate(w, detail, candidate_get(candidates.ptr + at));
    }
    json_end_array(w);
}

void json_savings_call(struct json_writer *w, const struct call_detail *detail)
{
    struct savings savings;
    call_savings(detail, &savings);
    write_candidates(w, detail);
    json_key(w, SLICE("savings"));
    json_begin_object(w);
    member_usd(w, SLICE("baseline_usd"), savings.baseline_nd);
    member_usd(w, SLICE("answers_usd"), savings.answers_nd);
    member_usd(w, SLICE("gross_usd"), savings.gross_nd);
    member_usd(w, SLICE("failed_usd"), savings.failed_nd);
    member_usd(w, SLICE("judge_usd"), savings.extra_nd[ATTEMPT_FOR_JUDGE]);
    member_usd(w, SLICE("shadow_usd"), savings.extra_nd[ATTEMPT_FOR_SHADOW]);
    member_usd(w, SLICE("escalation_usd"), savings.extra_nd[ATTEMPT_FOR_ESCALATION]);
    member_usd(w, SLICE("net_usd"), savings.net_nd);
    json_end_object(w);
}
