/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/export.h"

#include "base/clock.h"
#include "cli/csv.h"
#include "codec/json_write.h"
#include "gateway/rows_json.h"
#include "model/price.h"

#include <stdio.h>
#include <time.h>

#define MONTHS_PER_YEAR 12

static void put_time(struct buf *out, int64_t wall_ns)
{
    char text[CLOCK_TEXT_SIZE];
    buf_append_cstr(out, clock_format(wall_ns, text));
}

static void put_number(struct buf *out, int64_t value)
{
    buf_printf(out, "%lld", (long long)value);
}

/* Microseconds as milliseconds; empty: none. */
static void put_ms(struct buf *out, int64_t us)
{
    if (us >= 0) {
        buf_printf(out, "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
    }
}

static void put_flag(struct buf *out, bool flag)
{
    buf_append_cstr(out, flag ? "true" : "false");
}

static void put_text(struct buf *out, struct slice text)
{
    if (text.len > 0) {
        put_csv(out, text);
    }
}

/* FOCUS: whole seconds of UTC. */
static void put_second(struct buf *out, int64_t wall_s)
{
    char text[CLOCK_TEXT_SIZE];
    struct slice time = slice_from_cstr(clock_format(wall_s * NS_PER_S, text));
    size_t point = slice_find(time, '.');
    buf_append(out, slice_of(time.ptr, point == SIZE_MAX ? time.len : point));
    buf_append_cstr(out, point == SIZE_MAX ? "" : "Z");
}

/* --- csv -------------------------------------------------------------------------------------- */

static void csv_begin(struct buf *out)
{
    buf_append_cstr(out, "id,time,key,endpoint,asked_model,route,target,provider,model,task,tier,"
                         "complexity,stream,status,complete,error,attempts,input_tokens,"
                         "output_tokens,estimated,cost_usd,expected_cost_usd,baseline,"
                         "baseline_usd,first_byte_ms,total_ms\n");
}

static void csv_names(const struct call_record *call, struct buf *out)
{
    const struct slice names[] = {
        call->key_name,
        call->endpoint,
        call->asked_model,
        call->route,
        call->target,
        call->provider,
        call->model,
        slice_from_cstr(task_name(call->task)),
        slice_from_cstr(tier_name(call->tier)),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_append_char(out, ',');
        put_text(out, names[i]);
    }
}

static void csv_put(const struct call_detail *detail, struct buf *out)
{
    const struct call_record *call = &detail->row.call;
    char id[ID_TEXT_LEN + 1];
    buf_append_cstr(out, id_format(call->call, id));
    buf_append_char(out, ',');
    put_time(out, call->wall_ns);
    csv_names(call, out);
    buf_printf(out, ",%d.%03d,", call->complexity_permille / 1000,
               call->complexity_permille % 1000);
    put_flag(out, call->streamed);
    buf_printf(out, ",%d,", call->status);
    put_flag(out, call->complete);
    buf_append_char(out, ',');
    put_text(out, call->error);
    buf_printf(out, ",%u,%lld,%lld,", call->attempts, (long long)call->input_tokens,
               (long long)call->output_tokens);
    put_flag(out, detail->row.estimated);
    buf_append_char(out, ',');
    money_format(out, call->cost_nd);
    buf_append_char(out, ',');
    money_format(out, call->expected_cost_nd);
    buf_append_char(out, ',');
    put_text(out, call->baseline);
    buf_append_char(out, ',');
    money_format(out, call->baseline_nd);
    buf_append_char(out, ',');
    put_ms(out, call->first_byte_us);
    buf_append_char(out, ',');
    put_ms(out, call->total_us);
    buf_append_char(out, '\n');
}

/* --- jsonl ------------------------------------------------------------------------------------ */

static void jsonl_put(const struct call_detail *detail, struct buf *out)
{
    json_write_call(detail, out);
    buf_append_char(out, '\n');
}

/* --- focus ------------------------------------------------------------------------------------ */

struct charge {
    const struct call_record *call;
    const struct settle_record *attempt;
};

/*
 * What is exported is chosen by when its call began, so that is also when it is billed: a call that
 * goes on beyond the end of a month is all of the month in which it began.
 */
static int64_t begin_s(const struct charge *charge)
{
    int64_t wall_ns = charge->call->wall_ns;
    return wall_ns < 0 ? 0 : wall_ns / NS_PER_S;
}

/* The first second of the month that lies `months` after that of the call, UTC. */
static int64_t month_of(const struct charge *charge, int months)
{
    time_t seconds = (time_t)begin_s(charge);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    int month = tm.tm_mon + months;
    struct tm first = {.tm_year = tm.tm_year + month / MONTHS_PER_YEAR,
                       .tm_mon = month % MONTHS_PER_YEAR,
                       .tm_mday = 1};
    return (int64_t)timegm(&first);
}

static void focus_cost(const struct charge *charge, struct buf *out)
{
    money_format(out, charge->attempt->cost_nd);
}

/* Where the provider says what it charges, the list is the catalogue. */
static void focus_list_cost(const struct charge *charge, struct buf *out)
{
    const struct settle_record *attempt = charge->attempt;
    bool told = attempt->basis == CHARGE_PROVIDER && attempt->catalogue_nd >= 0;
    money_format(out, told ? attempt->catalogue_nd : attempt->cost_nd);
}

/* Columns that may not be null have a word where the ledger has none. */
static void put_present(struct buf *out, struct slice text)
{
    put_csv(out, text.len > 0 ? text : SLICE("unknown"));
}

static void focus_provider(const struct charge *charge, struct buf *out)
{
    put_present(out, charge->attempt->provider);
}

static void focus_currency(const struct charge *charge, struct buf *out)
{
    (void)charge;
    buf_append_cstr(out, "USD");
}

static void focus_period_start(const struct charge *charge, struct buf *out)
{
    put_second(out, month_of(charge, 0));
}

static void focus_period_end(const struct charge *charge, struct buf *out)
{
    put_second(out, month_of(charge, 1));
}

static void focus_usage(const struct charge *charge, struct buf *out)
{
    (void)charge;
    buf_append_cstr(out, "Usage");
}

static void focus_nothing(const struct charge *charge, struct buf *out)
{
    (void)charge;
    (void)out;
}

static void focus_description(const struct charge *charge, struct buf *out)
{
    char text[160];
    const struct usage *usage = &charge->attempt->usage;
    int len = snprintf(text, sizeof(text), "%lld input and %lld output tokens, %s",
                       (long long)usage->input, (long long)usage->output,
                       attempt_outcome_name(charge->attempt->outcome));
    put_csv(out, slice_of(text, len > 0 ? (size_t)len : 0));
}

static void focus_frequency(const struct charge *charge, struct buf *out)
{
    (void)charge;
    buf_append_cstr(out, "Usage-Based");
}

static void focus_charge_start(const struct charge *charge, struct buf *out)
{
    put_second(out, begin_s(charge));
}

/* Exclusive, so past the settlement; within the billing period. */
static void focus_charge_end(const struct charge *charge, struct buf *out)
{
    int64_t end_s = charge->attempt->wall_ns / NS_PER_S + 1;
    int64_t first_s = begin_s(charge) + 1;
    int64_t last_s = month_of(charge, 1);
    end_s = end_s < first_s ? first_s : end_s;
    put_second(out, end_s > last_s ? last_s : end_s);
}

static void focus_tokens(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->usage.input + charge->attempt->usage.output);
}

static void focus_unit(const struct charge *charge, struct buf *out)
{
    (void)charge;
    buf_append_cstr(out, "Tokens");
}

static void focus_model(const struct charge *charge, struct buf *out)
{
    put_present(out, charge->attempt->model);
}

static void focus_resource_type(const struct charge *charge, struct buf *out)
{
    (void)charge;
    buf_append_cstr(out, "Model");
}

static void focus_category(const struct charge *charge, struct buf *out)
{
    (void)charge;
    put_csv(out, SLICE("AI and Machine Learning"));
}

static void focus_key(const struct charge *charge, struct buf *out)
{
    if (charge->call->key_id != 0) {
        put_number(out, (int64_t)charge->call->key_id);
    }
}

static void focus_key_name(const struct charge *charge, struct buf *out)
{
    put_text(out, charge->call->key_name);
}

static void focus_subcategory(const struct charge *charge, struct buf *out)
{
    (void)charge;
    put_csv(out, SLICE("Generative AI"));
}

/* Tags are texts; what is not there has none. Those that Sluice sets begin with its name, as FOCUS
 * asks of all that users did not set; a user's own is a word without a value, which is `true`. */
#define OURS(name) SLICE("sluice/" name)

static void tag(struct json_writer *w, struct slice name, struct slice value)
{
    if (value.len > 0) {
        json_member_string(w, name, value);
    }
}

static void tag_number(struct json_writer *w, struct slice name, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    tag(w, name, number == 0 || len < 0 ? SLICE_EMPTY : slice_of(text, (size_t)len));
}

static void focus_tags(const struct charge *charge, struct buf *out)
{
    struct buf json = BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &json);
    json_begin_object(&w);
    const struct call_record *call = charge->call;
    tag(&w, OURS("key"), call->key_name);
    tag_number(&w, OURS("user"), call->scopes[SCOPE_USER]);
    tag_number(&w, OURS("team"), call->scopes[SCOPE_TEAM]);
    tag_number(&w, OURS("organisation"), call->scopes[SCOPE_ORGANISATION]);
    if (slice_starts(call->tag, OURS(""))) { /* not to be taken for one of ours */
        tag(&w, OURS("tag"), call->tag);
    } else if (call->tag.len > 0) {
        json_member_bool(&w, call->tag, true);
    }
    tag(&w, OURS("purpose"), slice_from_cstr(attempt_purpose_name(charge->attempt->purpose)));
    tag(&w, OURS("route"), call->route);
    tag(&w, OURS("target"), charge->attempt->target);
    tag(&w, OURS("task"), slice_from_cstr(task_name(call->task)));
    json_end_object(&w);
    put_csv(out, buf_slice(&json));
    buf_release(&json);
}

static void focus_call_id(const struct charge *charge, struct buf *out)
{
    char id[ID_TEXT_LEN + 1];
    buf_append_cstr(out, id_format(charge->call->call, id));
}

static void focus_attempt(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->attempt);
}

static void focus_input(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->usage.input);
}

static void focus_output(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->usage.output);
}

static void focus_cache_read(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->usage.cache_read);
}

static void focus_cache_write(const struct charge *charge, struct buf *out)
{
    const struct usage *usage = &charge->attempt->usage;
    put_number(out, usage->cache_write + usage->cache_write_1h);
}

static void focus_reasoning(const struct charge *charge, struct buf *out)
{
    put_number(out, charge->attempt->usage.reasoning);
}

static void focus_estimated(const struct charge *charge, struct buf *out)
{
    put_flag(out, !charge->attempt->usage.reported);
}

/*
 * FOCUS 1.2 (focus.finops.org): the 21 mandatory columns, and of the others those of which there is
 * something to say. A row has tokens at several prices, so there are no columns of unit prices and
 * SKUs, which are those of a published list with one price each. Those of FOCUS come first, each
 * with the values that its definition allows (export_test.c).
 */
static const struct focus_column {
    const char *name;
    void (*put)(const struct charge *charge, struct buf *out);
} focus_columns[] = {
    {"BilledCost", focus_cost},
    {"BillingAccountId", focus_provider},
    {"BillingAccountName", focus_provider},
    {"BillingCurrency", focus_currency},
    {"BillingPeriodEnd", focus_period_end},
    {"BillingPeriodStart", focus_period_start},
    {"ChargeCategory", focus_usage},
    {"ChargeClass", focus_nothing},
    {"ChargeDescription", focus_description},
    {"ChargeFrequency", focus_frequency},
    {"ChargePeriodEnd", focus_charge_end},
    {"ChargePeriodStart", focus_charge_start},
    {"ConsumedQuantity", focus_tokens},
    {"ConsumedUnit", focus_unit},
    {"ContractedCost", focus_cost},
    {"EffectiveCost", focus_cost},
    {"InvoiceId", focus_nothing},
    {"InvoiceIssuerName", focus_provider},
    {"ListCost", focus_list_cost},
    {"PricingQuantity", focus_tokens},
    {"PricingUnit", focus_unit},
    {"ProviderName", focus_provider},
    {"PublisherName", focus_provider},
    {"ResourceId", focus_model},
    {"ResourceName", focus_model},
    {"ResourceType", focus_resource_type},
    {"ServiceCategory", focus_category},
    {"ServiceName", focus_model},
    {"ServiceSubcategory", focus_subcategory},
    {"SubAccountId", focus_key},
    {"SubAccountName", focus_key_name},
    {"Tags", focus_tags},
    {"x_CallId", focus_call_id},
    {"x_Attempt", focus_attempt},
    {"x_InputTokens", focus_input},
    {"x_OutputTokens", focus_output},
    {"x_CacheReadTokens", focus_cache_read},
    {"x_CacheWriteTokens", focus_cache_write},
    {"x_ReasoningTokens", focus_reasoning},
    {"x_Estimated", focus_estimated},
};

static void focus_begin(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(focus_columns); i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ",", focus_columns[i].name);
    }
    buf_append_char(out, '\n');
}

static void focus_put(const struct call_detail *detail, struct buf *out)
{
    for (size_t i = 0; i < detail->count; i++) {
        const struct charge charge = {&detail->row.call, &detail->attempts[i]};
        for (size_t k = 0; k < ARRAY_LEN(focus_columns); k++) {
            buf_append_cstr(out, k == 0 ? "" : ",");
            focus_columns[k].put(&charge, out);
        }
        buf_append_char(out, '\n');
    }
}

static const struct export_format formats[] = {
    {"csv", csv_begin, csv_put},
    {"jsonl", NULL, jsonl_put},
    {"focus", focus_begin, focus_put},
};

const struct export_format *export_format_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}
