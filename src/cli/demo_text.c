/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_text.h"

#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "model/task.h"

#define USD_DECIMALS 9

struct price demo_target_price(const struct demo_fleet *fleet, size_t target)
{
    const struct demo_target *row = &fleet->workload->targets[target];
    struct price price = {.known = true,
                          .base = {.cache_read = -1,
                                   .cache_write = -1,
                                   .cache_write_1h = -1,
                                   .audio_input = -1,
                                   .audio_output = -1,
                                   .reasoning = -1,
                                   .image_input = -1,
                                   .image_output = -1}};
    const char *in = row->price_in;
    const char *out = row->price_out;
    for (size_t i = 0; i < fleet->price_count; i++) {
        struct slice name = slice_from_cstr(fleet->prices[i].target);
        if (slice_eq(slice_cut(&name, '='), slice_from_cstr(row->name))) {
            in = fleet->prices[i].in;
            out = fleet->prices[i].out;
        }
    }
    if (in == NULL || !slice_to_scaled(slice_from_cstr(in), 6, &price.base.input) ||
        !slice_to_scaled(slice_from_cstr(out), 6, &price.base.output)) {
        price.base.input = 0;
        price.base.output = 0;
    }
    return price;
}

int64_t demo_cost_at(const struct demo_fleet *fleet, const struct demo_result *result,
                     size_t target)
{
    struct price price = demo_target_price(fleet, target);
    const struct usage usage = {.input = result->total.input_tokens,
                                .output = result->total.output_tokens};
    return price_cost(&price, &usage);
}

int64_t demo_saved_bp(int64_t baseline_nd, int64_t cost_nd)
{
    if (baseline_nd <= 0) {
        return 0;
    }
    __extension__ __int128 saved = (__int128)(baseline_nd - cost_nd) * 10000;
    return (int64_t)(saved / baseline_nd);
}

bool demo_is_premium(const struct demo_fleet *fleet, size_t target)
{
    struct price price = demo_target_price(fleet, target);
    return tier_from_price(price.base.output) == TIER_PREMIUM;
}

/* Routing against the workload's labels. */
struct judgement {
    int64_t hard;
    int64_t hard_to_cheap;
    int64_t easy;
    int64_t easy_to_premium;
};

static struct judgement judge(const struct demo_fleet *fleet, const struct demo_result *result)
{
    struct judgement j = {.hard = result->total.hard, .easy = result->total.easy};
    for (size_t i = 0; i < fleet->workload->target_count; i++) {
        if (demo_is_premium(fleet, i)) {
            j.easy_to_premium += result->by_target[i].easy;
        } else {
            j.hard_to_cheap += result->by_target[i].hard;
        }
    }
    return j;
}

static void put_percent(struct buf *out, int64_t part, int64_t whole)
{
    int64_t permille = whole == 0 ? 0 : (part * 1000 + whole / 2) / whole;
    buf_printf(out, "%lld.%lld %%", (long long)(permille / 10), (long long)(permille % 10));
}

static void write_targets(const struct demo_fleet *fleet, const struct demo_result *result,
                          struct buf *out)
{
    static const struct table_column columns[] = {
        {"TARGET", false}, {"$/M IN/OUT", true}, {"CALLS", true},
        {"SHARE", true},   {"COST", true},       {"ALL THERE", true},
    };
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < fleet->workload->target_count; i++) {
        const struct demo_sum *sum = &result->by_target[i];
        struct price price = demo_target_price(fleet, i);
        struct buf text = BUF_INIT(128);
        table_cstr(&table, fleet->workload->targets[i].title);
        put_rate(&text, price.base.input);
        buf_append_char(&text, '/');
        put_rate(&text, price.base.output);
        table_put(&table, buf_slice(&text));
        table_count(&table, sum->calls);
        buf_clear(&text);
        put_percent(&text, sum->calls, result->total.calls);
        table_put(&table, buf_slice(&text));
        table_usd(&table, sum->cost_nd);
        table_usd(&table, demo_cost_at(fleet, result, i));
        buf_release(&text);
    }
    table_write(&table, 2, out);
    table_release(&table);
}

static void put_saved(struct buf *out, const struct demo_fleet *fleet, size_t target,
                      int64_t baseline_nd, int64_t cost_nd)
{
    int64_t bp = demo_saved_bp(baseline_nd, cost_nd);
    buf_printf(out, "  against %s ", fleet->workload->targets[target].title);
    put_usd(out, baseline_nd);
    buf_printf(out, ": saved %lld.%lld %%\n", (long long)(bp / 100), (long long)(bp % 100 / 10));
}

static void write_summary(const struct demo_fleet *fleet, const struct demo_result *result,
                          struct buf *out)
{
    const struct demo_workload *workload = fleet->workload;
    struct judgement j = judge(fleet, result);
    buf_append_cstr(out, "\n  spent ");
    put_usd(out, result->total.cost_nd);
    if (workload->per_month > 0) {
        buf_append_cstr(out, ", a month of such days ");
        put_usd(out, result->total.cost_nd * workload->per_month);
    }
    buf_append_char(out, '\n');
    for (size_t i = workload->target_count; i > 0; i--) {
        if (demo_is_premium(fleet, i - 1)) {
            put_saved(out, fleet, i - 1, demo_cost_at(fleet, result, i - 1), result->total.cost_nd);
        }
    }
    if (j.hard + j.easy > 0) {
        buf_append_cstr(out, "  under-routing: ");
        put_percent(out, j.hard_to_cheap, j.hard);
        buf_append_cstr(out,
                        " of the prompts labelled hard went to a cheap target\n  over-routing: ");
        put_percent(out, j.easy_to_premium, j.easy);
        buf_append_cstr(out, " of the prompts labelled easy went to a premium one\n");
    }
    buf_append_cstr(out, "  ");
    put_count(out, result->total.input_tokens);
    buf_append_cstr(out, " tokens in, ");
    put_count(out, result->total.output_tokens);
    buf_printf(out, " out; %lld calls in %lld ms, %lld failed\n", (long long)result->total.calls,
               (long long)(result->duration_ns / 1000000), (long long)result->failed);
}

static void write_people(const struct demo_fleet *fleet, const struct demo_result *result,
                         struct buf *out)
{
    buf_printf(out, "\nSIMULATED: %s, baseline %s\n\n", fleet->workload->title,
               fleet->workload->baseline);
    write_targets(fleet, result, out);
    write_summary(fleet, result, out);
}

static void write_sum(struct json_writer *w, const struct demo_sum *sum)
{
    json_member_int(w, SLICE("calls"), sum->calls);
    json_member_int(w, SLICE("input_tokens"), sum->input_tokens);
    json_member_int(w, SLICE("output_tokens"), sum->output_tokens);
    json_member_scaled(w, SLICE("cost_usd"), sum->cost_nd, USD_DECIMALS);
    json_member_int(w, SLICE("easy"), sum->easy);
    json_member_int(w, SLICE("hard"), sum->hard);
}

static void write_json(const struct demo_fleet *fleet, const struct demo_result *result,
                       struct buf *out)
{
    const struct demo_workload *workload = fleet->workload;
    struct judgement j = judge(fleet, result);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("workload"), slice_from_cstr(workload->name));
    json_member_bool(&w, SLICE("simulated"), true);
    json_member_string(&w, SLICE("baseline"), slice_from_cstr(workload->baseline));
    json_key(&w, SLICE("targets"));
    json_begin_array(&w);
    for (size_t i = 0; i < workload->target_count; i++) {
        json_begin_object(&w);
        json_member_string(&w, SLICE("target"), slice_from_cstr(workload->targets[i].name));
        write_sum(&w, &result->by_target[i]);
        json_member_scaled(&w, SLICE("all_there_usd"), demo_cost_at(fleet, result, i),
                           USD_DECIMALS);
        json_member_bool(&w, SLICE("premium"), demo_is_premium(fleet, i));
        json_end_object(&w);
    }
    json_end_array(&w);
    write_sum(&w, &result->total);
    json_member_scaled(&w, SLICE("baseline_usd"), result->baseline_nd, USD_DECIMALS);
    json_member_scaled(&w, SLICE("saved_percent"),
                       demo_saved_bp(result->baseline_nd, result->total.cost_nd), 2);
    json_member_int(&w, SLICE("hard_to_cheap"), j.hard_to_cheap);
    json_member_int(&w, SLICE("easy_to_premium"), j.easy_to_premium);
    json_member_int(&w, SLICE("failed"), result->failed);
    json_member_int(&w, SLICE("duration_ms"), result->duration_ns / 1000000);
    json_end_object(&w);
}

void demo_text_begin(bool json, struct buf *out)
{
    buf_append_cstr(out, json ? "{\"schema\":\"sluice.demo/1\",\"workloads\":[" : "");
}

void demo_text_write(bool json, const struct demo_fleet *fleet, const struct demo_result *result,
                     bool more, struct buf *out)
{
    if (!json) {
        write_people(fleet, result, out);
        return;
    }
    if (more) {
        buf_append_char(out, ',');
    }
    write_json(fleet, result, out);
}

void demo_text_end(bool json, struct buf *out)
{
    buf_append_cstr(
        out,
        json ? "]}\n"
             : "\nProviders and answers are simulated; decisions, prices and the ledger are the "
               "gateway's own.\nThe same for your requests: sluice explain \"your prompt\"\n");
}
