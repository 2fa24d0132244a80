/* SPDX-License-Identifier: Apache-2.0 */
/* A replay in words, as JSON and as rows. */
#include "cli/replay.h"

#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "model/price.h"

#include <stdio.h>

#define KINDS_SHOWN 12
#define USD_DECIMALS 9

/* --- text --- */

static void put_change(struct table *table, int64_t before, int64_t after)
{
    if (before == 0) {
        table_cstr(table, "");
        return;
    }
    table_printf(table, "%+.1f %%", ((double)after / (double)before - 1) * 100);
}

static void put_usd_cell(struct table *table, int64_t nd, int64_t doubt_nd)
{
    const double usd = 1e-9;
    int decimals = nd < MONEY_ND_PER_USD ? 4 : 2;
    if (doubt_nd == 0) {
        table_usd(table, nd);
    } else { /* more places would say nothing */
        table_printf(table, "$%.*f -+ $%.*f", decimals, (double)nd * usd, decimals,
                     (double)doubt_nd * usd);
    }
}

static void put_share(struct table *table, int64_t part, int64_t whole)
{
    table_printf(table, "%.1f %%", whole == 0 ? 0 : (double)part * 100 / (double)whole);
}

static int64_t mean_latency(const struct replay_sum *sum)
{
    return sum->timed == 0 ? 0 : sum->latency_ms / sum->timed;
}

static void put_latency(struct table *table, const struct replay_tally *tally)
{
    const struct replay_sum *sides[] = {&tally->before, &tally->after};
    table_cstr(table, "latency, mean");
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        if (sides[i]->timed > 0) {
            table_printf(table, "%lld ms", (long long)mean_latency(sides[i]));
        } else {
            table_cstr(table, "-");
        }
    }
    put_change(table, mean_latency(sides[0]), mean_latency(sides[1]));
}

static void put_savings(struct table *table, const struct replay_tally *tally)
{
    const struct replay_sum *sides[] = {&tally->before, &tally->after};
    table_cstr(table, "saved against the baseline");
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        put_share(table, sides[i]->baseline_nd - sides[i]->cost_nd, sides[i]->baseline_nd);
    }
    table_cstr(table, "");
}

static void put_tiers(struct table *table, const struct replay_tally *tally)
{
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        table_cstr(table, tier_name((enum tier)tier));
        put_share(table, tally->before.tiers[tier], tally->calls);
        put_share(table, tally->after.tiers[tier], tally->calls);
        table_cstr(table, "");
    }
    if (tally->before.refused + tally->after.refused > 0) {
        table_cstr(table, "refused");
        put_share(table, tally->before.refused, tally->calls);
        put_share(table, tally->after.refused, tally->calls);
        table_cstr(table, "");
    }
}

static void write_sums(const struct replay *replay, struct buf *out)
{
    static const struct table_column columns[] = {
        {"", false}, {"BEFORE", true}, {"AFTER", true}, {"CHANGE", true}};
    const struct replay_tally *tally = &replay->tally;
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    table_cstr(&table, "cost");
    put_usd_cell(&table, tally->before.cost_nd, replay_tally_doubt_nd(tally, 0));
    put_usd_cell(&table, tally->after.cost_nd, replay_tally_doubt_nd(tally, 1));
    put_change(&table, tally->before.cost_nd, tally->after.cost_nd);
    if (tally->no_baseline == 0 && tally->baseline_nd > 0) {
        put_savings(&table, tally);
    }
    put_tiers(&table, tally);
    put_latency(&table, tally);
    table_write(&table, 0, out);
    table_release(&table);
}

static void put_name(struct table *table, struct slice name)
{
    table_put(table, name.len > 0 ? name : SLICE("(refused)"));
}

static void write_kinds(struct replay_tally *tally, struct buf *out)
{
    static const struct table_column columns[] = {{"FROM", false},  {"TO", false},
                                                  {"TASK", false},  {"CALLS", true},
                                                  {"BEFORE", true}, {"AFTER", true}};
    size_t count;
    const struct replay_kind **kinds = replay_tally_kinds(tally, &count);
    struct table table;
    size_t shown = 0;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; kinds != NULL && i < count && shown < KINDS_SHOWN; i++) {
        if (!slice_eq(kinds[i]->from, kinds[i]->to)) {
            put_name(&table, kinds[i]->from);
            put_name(&table, kinds[i]->to);
            table_cstr(&table, task_name(kinds[i]->task));
            table_count(&table, kinds[i]->calls);
            table_usd(&table, kinds[i]->before_nd);
            table_usd(&table, kinds[i]->after_nd);
            shown++;
        }
    }
    if (shown > 0) {
        buf_append_cstr(out, "\nWhat changes most:\n");
        table_write(&table, 0, out);
    }
    table_release(&table);
}

static void put_left_out(int64_t count, const char *why, struct buf *out)
{
    if (count > 0) {
        buf_append_cstr(out, "  ");
        put_count(out, count);
        buf_printf(out, " %s\n", why);
    }
}

static void write_left_out(const struct replay_tally *tally, struct buf *out)
{
    put_left_out(tally->named, "named their target themselves: no policy decides about them", out);
    put_left_out(tally->unanswered, "have no answer whose usage could be priced", out);
    put_left_out(tally->rerouted, "were for a route that this policy has not: auto was asked", out);
}

void replay_write_text(struct replay *replay, struct buf *out)
{
    struct replay_tally *tally = &replay->tally;
    put_count(out, tally->calls);
    buf_printf(out, " calls of %s, ", replay->source);
    put_count(out, tally->changed);
    buf_printf(out, " of them answered by another target; %.1f s\n", replay->seconds);
    if (replay->wall_ns != 0) {
        char at[REPLAY_TIME_SIZE];
        replay_write_time(replay, at);
        buf_printf(out, "rules by the hour: as if all were asked at %s\n", at);
    }
    write_left_out(tally, out);
    if (tally->calls == 0) {
        return;
    }
    buf_append_char(out, '\n');
    write_sums(replay, out);
    write_kinds(tally, out);
    if (replay_tally_doubt_nd(tally, 1) > 0) {
        buf_append_cstr(out, "\nAnswers that were not given have a length that is predicted; with "
                             "80 % probability the sums are within -+.\n");
    }
    if (replay->baseline_only) {
        buf_append_cstr(out,
                        "Before is the baseline of the policy for every call; -c FILE compares "
                        "with another configuration.\n");
    }
}

/* --- JSON --- */

static void write_sum_json(struct json_writer *w, const char *name,
                           const struct replay_tally *tally, unsigned side)
{
    const struct replay_sum *sum = side == 0 ? &tally->before : &tally->after;
    json_key(w, slice_from_cstr(name));
    json_begin_object(w);
    json_member_scaled(w, SLICE("cost_usd"), sum->cost_nd, USD_DECIMALS);
    json_member_scaled(w, SLICE("cost_doubt_usd"), replay_tally_doubt_nd(tally, side),
                       USD_DECIMALS);
    json_member_scaled(w, SLICE("baseline_usd"), sum->baseline_nd, USD_DECIMALS);
    json_key(w, SLICE("tiers"));
    json_begin_object(w);
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        json_member_int(w, slice_from_cstr(tier_name((enum tier)tier)), sum->tiers[tier]);
    }
    json_end_object(w);
    json_member_int(w, SLICE("refused"), sum->refused);
    if (sum->timed > 0) {
        json_member_int(w, SLICE("mean_latency_ms"), mean_latency(sum));
    }
    json_end_object(w);
}

static void write_kinds_json(struct json_writer *w, struct replay_tally *tally)
{
    size_t count;
    const struct replay_kind **kinds = replay_tally_kinds(tally, &count);
    json_key(w, SLICE("kinds"));
    json_begin_array(w);
    for (size_t i = 0; kinds != NULL && i < count; i++) {
        json_begin_object(w);
        json_member_string(w, SLICE("from"), kinds[i]->from);
        json_member_string(w, SLICE("to"), kinds[i]->to);
        json_member_string(w, SLICE("task"), slice_from_cstr(task_name(kinds[i]->task)));
        json_member_int(w, SLICE("calls"), kinds[i]->calls);
        json_member_scaled(w, SLICE("before_usd"), kinds[i]->before_nd, USD_DECIMALS);
        json_member_scaled(w, SLICE("after_usd"), kinds[i]->after_nd, USD_DECIMALS);
        json_end_object(w);
    }
    json_end_array(w);
}

void replay_write_json(struct replay *replay, struct buf *out)
{
    struct replay_tally *tally = &replay->tally;
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.replay/1"));
    json_member_string(&w, SLICE("source"), slice_from_cstr(replay->source));
    if (replay->wall_ns != 0) {
        char at[REPLAY_TIME_SIZE];
        replay_write_time(replay, at);
        json_member_string(&w, SLICE("at"), slice_from_cstr(at));
    }
    json_member_int(&w, SLICE("calls"), tally->calls);
    json_member_int(&w, SLICE("changed"), tally->changed);
    json_member_int(&w, SLICE("named_by_caller"), tally->named);
    json_member_int(&w, SLICE("unanswered"), tally->unanswered);
    json_member_int(&w, SLICE("route_unknown"), tally->rerouted);
    json_member_scaled(&w, SLICE("baseline_usd"), tally->baseline_nd, USD_DECIMALS);
    json_member_int(&w, SLICE("without_baseline"), tally->no_baseline);
    write_sum_json(&w, "before", tally, 0);
    write_sum_json(&w, "after", tally, 1);
    write_kinds_json(&w, tally);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static void write_side(struct json_writer *w, const char *name, const struct replay_choice *choice)
{
    json_key(w, slice_from_cstr(name));
    json_begin_object(w);
    json_member_string(w, SLICE("target"), choice->target);
    json_member_scaled(w, SLICE("cost_usd"), choice->cost_nd, USD_DECIMALS);
    json_member_bool(w, SLICE("predicted"), choice->output_nd > 0);
    json_end_object(w);
}

void replay_write_row(const struct replay_call *call, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("id"), call->id);
    json_member_string(&w, SLICE("task"), slice_from_cstr(task_name(call->task)));
    write_side(&w, "before", &call->before);
    write_side(&w, "after", &call->after);
    json_end_object(&w);
    buf_append_char(out, '\n');
}
