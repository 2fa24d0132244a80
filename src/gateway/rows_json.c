/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rows_json.h"

#include "base/clock.h"
#include "codec/json_write.h"
#include "gateway/savings_json.h"
#include "gateway/target_state.h"

#define USD_DECIMALS 9

static void member_cstr(struct json_writer *w, struct slice key, const char *text)
{
    json_member_string(w, key, slice_from_cstr(text));
}

/* Null: no byte came. */
static void member_first_byte(struct json_writer *w, int64_t us)
{
    if (us >= 0) {
        json_member_scaled(w, SLICE("first_byte_ms"), us, 3);
    } else {
        json_key(w, SLICE("first_byte_ms"));
        json_write_null(w);
    }
}

static void member_usd(struct json_writer *w, struct slice key, int64_t nd)
{
    json_member_scaled(w, key, nd, USD_DECIMALS);
}

static void member_time(struct json_writer *w, struct slice key, int64_t wall_ns)
{
    char text[CLOCK_TEXT_SIZE];
    member_cstr(w, key, clock_format(wall_ns, text));
}

static void write_report_row(struct json_writer *w, const struct report_row *row)
{
    json_begin_object(w);
    member_cstr(w, SLICE("name"), row->name);
    json_member_int(w, SLICE("calls"), row->calls);
    json_member_int(w, SLICE("failed"), row->failed);
    json_member_int(w, SLICE("input_tokens"), row->input_tokens);
    json_member_int(w, SLICE("output_tokens"), row->output_tokens);
    member_usd(w, SLICE("cost_usd"), row->cost_nd);
    member_usd(w, SLICE("baseline_usd"), row->baseline_nd);
    member_usd(w, SLICE("saved_usd"), row->baseline_nd - row->cost_nd);
    json_member_int(w, SLICE("estimated"), row->estimated);
    member_usd(w, SLICE("gross_usd"), row->baseline_nd - report_answers_nd(row));
    member_usd(w, SLICE("failed_usd"), row->failed_nd);
    member_usd(w, SLICE("judge_usd"), row->judge_nd);
    member_usd(w, SLICE("shadow_usd"), row->shadow_nd);
    member_usd(w, SLICE("escalation_usd"), row->escalation_nd);
    member_usd(w, SLICE("net_usd"), row->baseline_nd - row->cost_nd);
    member_usd(w, SLICE("drift_usd"), row->told_nd - row->catalogue_nd);
    member_usd(w, SLICE("drift_of_usd"), row->catalogue_nd);
    json_end_object(w);
}

void json_write_report(const struct report *report, enum report_by by, int64_t since_s,
                       const char *nodes, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    member_cstr(&w, SLICE("schema"), "sluice.report/1");
    member_cstr(&w, SLICE("by"), report_by_name(by));
    member_time(&w, SLICE("since"), since_s * NS_PER_S);
    if (nodes != NULL) {
        member_cstr(&w, SLICE("nodes"), nodes);
    }
    json_key(&w, SLICE("rows"));
    json_begin_array(&w);
    for (size_t i = 0; i < report->count; i++) {
        write_report_row(&w, &report->rows[i]);
    }
    json_end_array(&w);
    json_key(&w, SLICE("total"));
    write_report_row(&w, &report->total);
    json_end_object(&w);
}

static void write_call_members(struct json_writer *w, const struct call_row *row)
{
    const struct call_record *call = &row->call;
    char id[ID_TEXT_LEN + 1];
    member_cstr(w, SLICE("id"), id_format(call->call, id));
    member_time(w, SLICE("time"), call->wall_ns);
    json_member_string(w, SLICE("key"), call->key_name);
    if (call->tag.len > 0) {
        json_member_string(w, SLICE("tag"), call->tag);
    }
    json_member_string(w, SLICE("endpoint"), call->endpoint);
    json_member_string(w, SLICE("asked_model"), call->asked_model);
    json_member_string(w, SLICE("route"), call->route);
    json_member_string(w, SLICE("target"), call->target);
    json_member_string(w, SLICE("provider"), call->provider);
    json_member_string(w, SLICE("model"), call->model);
    member_cstr(w, SLICE("task"), task_name(call->task));
    member_cstr(w, SLICE("tier"), tier_name(call->tier));
    json_member_scaled(w, SLICE("complexity"), call->complexity_permille, 3);
    json_member_bool(w, SLICE("stream"), call->streamed);
    json_member_int(w, SLICE("status"), call->status);
    json_member_bool(w, SLICE("complete"), call->complete);
    if (call->error.len > 0) {
        json_member_string(w, SLICE("error"), call->error);
    }
    json_savings_verdict(w, call->verdict);
    json_member_int(w, SLICE("attempt_count"), call->attempts);
    json_member_int(w, SLICE("input_tokens"), call->input_tokens);
    json_member_int(w, SLICE("output_tokens"), call->output_tokens);
    json_member_bool(w, SLICE("estimated"), row->estimated);
    member_usd(w, SLICE("cost_usd"), call->cost_nd);
    member_usd(w, SLICE("expected_cost_usd"), call->expected_cost_nd);
    json_member_string(w, SLICE("baseline"), call->baseline);
    member_usd(w, SLICE("baseline_usd"), call->baseline_nd);
    member_first_byte(w, call->first_byte_us);
    json_member_scaled(w, SLICE("total_ms"), call->total_us, 3);
}

void json_write_calls(const struct call_page *page, const char *nodes, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("calls"));
    json_begin_array(&w);
    for (size_t i = 0; i < page->count; i++) {
        json_begin_object(&w);
        write_call_members(&w, &page->rows[i]);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, SLICE("next"));
    if (page->next[0] == '\0') {
        json_write_null(&w);
    } else {
        json_write_string(&w, slice_from_cstr(page->next));
    }
    if (nodes != NULL) {
        member_cstr(&w, SLICE("nodes"), nodes);
    }
    json_end_object(&w);
}

/* Beside what it was. */
static void write_forecast(struct json_writer *w, const struct settle_forecast *forecast)
{
    if (!forecast->given) {
        return;
    }
    json_key(w, SLICE("expected"));
    json_begin_object(w);
    json_member_int(w, SLICE("input_tokens"), forecast->input);
    json_member_int(w, SLICE("output_tokens"), forecast->output);
    json_member_int(w, SLICE("output_tokens_p90"), forecast->output_high);
    member_usd(w, SLICE("cost_usd"), forecast->cost_nd);
    if (forecast->latency_ms > 0) {
        json_member_int(w, SLICE("latency_ms"), forecast->latency_ms);
    }
    json_end_object(w);
}

/* Few have any. */
static void member_count(struct json_writer *w, struct slice name, int64_t count)
{
    if (count > 0) {
        json_member_int(w, name, count);
    }
}

static void write_attempt(struct json_writer *w, const struct call_detail *detail,
                          const struct settle_record *attempt)
{
    const struct usage *usage = &attempt->usage;
    json_begin_object(w);
    json_member_int(w, SLICE("attempt"), attempt->attempt);
    json_member_string(w, SLICE("target"), attempt->target);
    json_member_string(w, SLICE("provider"), attempt->provider);
    json_member_string(w, SLICE("model"), attempt->model);
    json_member_string(w, SLICE("lane"), attempt->lane);
    member_cstr(w, SLICE("outcome"), attempt_outcome_name(attempt->outcome));
    json_member_int(w, SLICE("status"), attempt->status);
    if (attempt->error.len > 0) {
        json_member_string(w, SLICE("error"), attempt->error);
    }
    if (attempt->loss.len > 0) {
        json_member_string(w, SLICE("loss"), attempt->loss);
    }
    json_member_int(w, SLICE("input_tokens"), usage->input);
    json_member_int(w, SLICE("output_tokens"), usage->output);
    json_member_int(w, SLICE("cache_read_tokens"), usage->cache_read);
    json_member_int(w, SLICE("cache_write_tokens"), usage->cache_write + usage->cache_write_1h);
    json_member_int(w, SLICE("reasoning_tokens"), usage->reasoning);
    member_count(w, SLICE("audio_input_tokens"), usage->audio_input);
    member_count(w, SLICE("audio_output_tokens"), usage->audio_output);
    member_count(w, SLICE("image_input_tokens"), usage->image_input);
    member_count(w, SLICE("image_output_tokens"), usage->image_output);
    json_member_bool(w, SLICE("estimated"), !usage->reported);
    json_member_bool(w, SLICE("priced"), attempt->priced);
    member_usd(w, SLICE("held_usd"), attempt->released_nd);
    member_usd(w, SLICE("cost_usd"), attempt->cost_nd);
    member_first_byte(w, attempt->first_byte_us);
    json_member_scaled(w, SLICE("total_ms"), attempt->total_us, 3);
    write_forecast(w, &attempt->forecast);
    json_savings_attempt(w, detail, attempt);
    json_end_object(w);
}

static void write_feedback(struct json_writer *w, const struct call_detail *detail)
{
    json_key(w, SLICE("feedback"));
    json_begin_object(w);
    json_member_scaled(w, SLICE("score"), detail->feedback_ppm, 6);
    if (detail->feedback_label.len > 0) {
        json_member_string(w, SLICE("label"), detail->feedback_label);
    }
    member_time(w, SLICE("time"), detail->feedback_wall_ns);
    json_end_object(w);
}

void json_write_call(const struct call_detail *detail, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    write_call_members(&w, &detail->row);
    json_key(&w, SLICE("attempts"));
    json_begin_array(&w);
    for (size_t i = 0; i < detail->count; i++) {
        write_attempt(&w, detail, &detail->attempts[i]);
    }
    json_end_array(&w);
    json_savings_call(&w, detail);
    if (detail->has_feedback) {
        write_feedback(&w, detail);
    }
    json_end_object(&w);
}

/* Rates that are not known are not there. */
static void write_row_of_rates(struct json_writer *w, const struct price_rates *rates, bool speaks,
                               bool draws)
{
    const struct {
        struct slice name;
        int64_t rate;
    } rows[] = {
        {SLICE_INIT("input_per_mtok"), rates->input < 0 ? 0 : rates->input},
        {SLICE_INIT("output_per_mtok"), rates->output < 0 ? 0 : rates->output},
        {SLICE_INIT("cache_read_per_mtok"), rates->cache_read},
        {SLICE_INIT("cache_write_per_mtok"), rates->cache_write},
        {SLICE_INIT("cache_write_1h_per_mtok"), rates->cache_write_1h},
        {SLICE_INIT("audio_input_per_mtok"), rates->audio_input},
        {SLICE_INIT("audio_output_per_mtok"), speaks ? rates->audio_output : -1},
        {SLICE_INIT("reasoning_per_mtok"), rates->reasoning},
        {SLICE_INIT("image_input_per_mtok"), rates->image_input},
        {SLICE_INIT("image_output_per_mtok"), draws ? rates->image_output : -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].rate >= 0) {
            json_member_scaled(w, rows[i].name, rows[i].rate, 6);
        }
    }
}

/* `speaks`, `draws`: its rates of audio and images that it makes are its own (struct target). */
static void write_rates(struct json_writer *w, const struct price *price, bool speaks, bool draws)
{
    if (!price->known) {
        json_key(w, SLICE("price"));
        json_write_null(w);
        return;
    }
    json_key(w, SLICE("price"));
    json_begin_object(w);
    write_row_of_rates(w, &price->base, speaks, draws);
    if (price->per_request_nd > 0) {
        member_usd(w, SLICE("per_request_usd"), price->per_request_nd);
    }
    if (price->tier_count > 0) {
        json_key(w, SLICE("tiers"));
        json_begin_array(w);
        for (size_t i = 0; i < price->tier_count; i++) {
            json_begin_object(w);
            json_member_int(w, SLICE("above_input"), price->tiers[i].above_input);
            write_row_of_rates(w, &price->tiers[i].rates, speaks, draws);
            json_end_object(w);
        }
        json_end_array(w);
    }
    json_end_object(w);
}

static const char *target_status(const struct target *target, int64_t now_ns)
{
    if (target->off || atomic_load(&target->health->switched_off)) {
        return "off";
    }
    return health_alive(target->health, now_ns) ? "on" : "resting";
}

static void write_capabilities(struct json_writer *w, capability_set set)
{
    json_key(w, SLICE("capabilities"));
    json_begin_array(w);
    for (int bit = 0; bit < CAPABILITY_COUNT; bit++) {
        if ((set >> bit & 1) != 0) {
            json_write_string(w, slice_from_cstr(capability_name((enum capability_bit)bit)));
        }
    }
    json_end_array(w);
}

static void write_target(struct json_writer *w, const struct target *target, int64_t now_ns)
{
    const struct target_health *health = target->health;
    json_begin_object(w);
    json_member_string(w, SLICE("name"), target->name);
    json_member_string(w, SLICE("provider"), target->provider_name);
    json_member_string(w, SLICE("model"), target->model);
    member_cstr(w, SLICE("tier"), tier_name(target->tier));
    member_cstr(w, SLICE("status"), target_status(target, now_ns));
    json_member_bool(w, SLICE("local"), target->local);
    write_rates(w, &target->price, target->speaks, target->draws);
    json_member_int(w, SLICE("context_tokens"), target->context_tokens);
    write_capabilities(w, target->capabilities);
    json_member_int(w, SLICE("configured_latency_ms"), target->latency_ms);
    json_member_int(w, SLICE("requests"), (int64_t)atomic_load(&health->requests));
    json_member_int(w, SLICE("failures"), (int64_t)atomic_load(&health->failures));
    json_member_int(w, SLICE("in_flight"), atomic_load(&health->in_flight));
    json_member_int(w, SLICE("input_tokens"), (int64_t)atomic_load(&health->input_tokens));
    json_member_int(w, SLICE("output_tokens"), (int64_t)atomic_load(&health->output_tokens));
    member_usd(w, SLICE("cost_usd"), atomic_load(&health->cost_nd));
    json_member_int(w, SLICE("first_byte_p50_ms"), health_first_byte_ms(health, 50));
    json_member_int(w, SLICE("first_byte_p90_ms"), health_first_byte_ms(health, 90));
    json_member_int(w, SLICE("total_p50_ms"), health_total_ms(health, 50));
    json_member_int(w, SLICE("total_p90_ms"), health_total_ms(health, 90));
    json_member_int(w, SLICE("retry_in_ms"), health_retry_in_ms(health, now_ns));
    json_end_object(w);
}

/* The targets that have a name of their own, in a route or not; and those of the catalogue that
 * were addressed. */
void json_write_targets(const struct snapshot *snapshot, int64_t now_ns, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("targets"));
    json_begin_array(&w);
    for (size_t i = 0; i < snapshot->policy.target_count; i++) {
        const struct target *target = &snapshot->policy.targets[i];
        if (i < snapshot->named_targets || atomic_load(&target->health->requests) > 0) {
            write_target(&w, target, now_ns);
        }
    }
    json_end_array(&w);
    json_end_object(&w);
}

static void write_price(struct json_writer *w, const struct catalogue_model *model)
{
    json_begin_object(w);
    json_member_string(w, SLICE("provider"), model->provider);
    json_member_string(w, SLICE("model"), model->id);
    write_rates(w, &model->price, true, true);
    if (model->context_tokens > 0) {
        json_member_int(w, SLICE("context_tokens"), model->context_tokens);
    }
    json_end_object(w);
}

static bool contains_nocase(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (slice_eq_nocase(slice_of(text.ptr + i, part.len), part)) {
            return true;
        }
    }
    return false;
}

void json_write_prices(struct slice filter, int64_t wall_s, struct buf *out)
{
    const struct catalogue_info *info = catalogue_info();
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    member_cstr(&w, SLICE("source"), info->source);
    member_cstr(&w, SLICE("date"), info->date);
    json_key(&w, SLICE("prices"));
    json_begin_array(&w);
    for (size_t i = 0; i < info->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, wall_s, &model);
        if (filter.len == 0 || contains_nocase(model.id, filter) ||
            contains_nocase(model.provider, filter)) {
            write_price(&w, &model);
        }
    }
    json_end_array(&w);
    json_end_object(&w);
}
