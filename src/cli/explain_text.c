/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain.h"

#include "cli/table.h"
#include "cli/terminal.h"
#include "route/contradiction.h"
#include "route/reread.h"

#define SENTENCE_MAX 2048

static const struct table_column fact_columns[] = {{"", false}, {"", false}};
static const struct table_column taken_columns[] = {
    {"TRY", true},     {"TARGET", false}, {"TIER", false}, {"EXPECTED COST", true},
    {"LATENCY", true}, {"GOOD", true},    {"WHY", false},
};
static const struct table_column refused_columns[] = {
    {"REFUSED", false}, {"TIER", false}, {"WHY", false}};

static void put_limits(struct table *table, const struct plan *plan)
{
    struct buf text = BUF_INIT(256);
    if (plan->max_cost_nd != NO_LIMIT) {
        put_usd(&text, plan->max_cost_nd);
        buf_append_cstr(&text, " for the call");
    }
    if (plan->max_latency_ms != NO_LIMIT) {
        buf_printf(&text, "%s%lld ms", text.len > 0 ? ", " : "", (long long)plan->max_latency_ms);
    }
    if (text.len > 0) {
        table_cstr(table, "limits");
        table_put(table, buf_slice(&text));
    }
    buf_release(&text);
}

static void put_tier(struct table *table, const struct decision *decision)
{
    const struct plan *plan = &decision->plan;
    table_cstr(table, "tier");
    table_printf(table, "%s (%s)%s", tier_name(plan->required_tier),
                 plan->tier_is_hard ? "required" : "derived from the task",
                 plan->below_tier ? "; nothing feasible reaches it" : "");
}

static void put_session(struct table *table, const struct snapshot *snapshot,
                        const struct decision *decision)
{
    const struct session_view *session = &decision->session;
    enum session_state state = decision->plan.session;
    if (!decision->in_session) {
        return;
    }
    struct slice name = session->target == NO_TARGET
                            ? SLICE("a target that is gone")
                            : snapshot->policy.targets[session->target].name;
    table_cstr(table, "session");
    table_printf(table, "%u turns, the last %u with %.*s, %lld tokens warm%s; %s%s", session->turns,
                 session->stay, SLICE_ARG(name), (long long)session->warm_tokens,
                 session->in_tool_loop ? ", in a tool loop" : "",
                 session_moved(state) ? "moves: " : "", session_state_name(state));
}

/* What the text model saw. */
static void put_model(struct table *table, const struct classification *c)
{
    struct buf text = BUF_INIT(512);
    struct task_chance likely[TASK_CHANCES];
    classification_likely(c, likely);
    for (size_t i = 0; i < TASK_CHANCES && likely[i].permille > 0; i++) {
        buf_printf(&text, "%s%s %.2f", i == 0 ? "" : ", ", task_name((enum task)likely[i].task),
                   likely[i].permille / 1000.0);
    }
    if (text.len > 0) {
        buf_printf(&text, "; familiar %.2f", c->judged.familiarity_permille / 1000.0);
        table_cstr(table, "text model");
        table_put(table, buf_slice(&text));
    }
    if (c->judged.success_permille[TIER_BUDGET] > 0) {
        table_cstr(table, "good enough");
        table_printf(table, "budget %.2f, mid %.2f, premium %.2f",
                     c->judged.success_permille[TIER_BUDGET] / 1000.0,
                     c->judged.success_permille[TIER_MID] / 1000.0,
                     c->judged.success_permille[TIER_PREMIUM] / 1000.0);
    }
    buf_release(&text);
}

/* How the route, or the rule that applies, orders its targets; the default is not worth a line. */
static void put_strategy(struct table *table, const struct decision *decision)
{
    const struct route *route = decision->route;
    const struct rule *rule = decision->plan.rule;
    enum strategy strategy = rule != NULL ? rule->strategy : STRATEGY_CHEAPEST;
    if (rule == NULL && route != NULL) {
        strategy = route->strategy;
    }
    if (strategy != STRATEGY_CHEAPEST) {
        table_cstr(table, "strategy");
        table_cstr(table, strategy_name(strategy));
    }
}

static void put_facts(const struct snapshot *snapshot, const struct features *features,
                      const struct decision *decision, struct buf *out)
{
    const struct classification *c = &decision->classification;
    const struct plan *plan = &decision->plan;
    struct table table;
    table_init(&table, fact_columns, ARRAY_LEN(fact_columns));
    table_cstr(&table, "route");
    table_put(&table,
              decision->route != NULL ? decision->route->name : SLICE("(named by the caller)"));
    if (plan->rule != NULL) {
        table_cstr(&table, "rule");
        table_put(&table, plan->rule->name);
    }
    put_strategy(&table, decision);
    if (decision->tag.len > 0) {
        table_cstr(&table, "tag");
        table_put(&table, decision->tag);
    }
    table_cstr(&table, "task");
    table_printf(&table, "%s (%s; confidence %.2f)", task_name(c->task), c->reason, c->confidence);
    if (c->set_aside != 0) {
        table_cstr(&table, "not read");
        table_cstr(&table, aside_name(c->set_aside));
    }
    put_model(&table, c);
    if (decision->has_learned) {
        table_cstr(&table, "weights");
        table_put(&table, snapshot->classifier.weights_path);
    }
    table_cstr(&table, "complexity");
    table_printf(&table, "%.2f", c->complexity);
    put_tier(&table, decision);
    table_cstr(&table, "tokens");
    table_printf(&table, "%lld in (%lld to %lld), about %lld out",
                 (long long)features->tokens.expected, (long long)features->tokens.low,
                 (long long)features->tokens.high, (long long)plan->expected_output_tokens);
    put_limits(&table, plan);
    put_session(&table, snapshot, decision);
    if (plan->baseline != NO_TARGET) {
        table_cstr(&table, "baseline");
        table_put(&table, snapshot->policy.targets[plan->baseline].name);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

static void put_reason(struct table *table, const struct plan_input *input,
                       const struct plan_entry *entry)
{
    struct buf sentence = BUF_INIT(SENTENCE_MAX);
    plan_entry_explain(input, entry, &sentence);
    size_t cost = entry->taken ? slice_find_slice(buf_slice(&sentence), SLICE("; expected to cost"))
                               : SIZE_MAX; /* it has a column of its own */
    table_put(table, slice_of(sentence.ptr, cost != SIZE_MAX ? cost : sentence.len));
    buf_release(&sentence);
}

static void put_taken(const struct plan_input *input, const struct plan *plan, struct buf *out)
{
    struct table table;
    table_init(&table, taken_columns, ARRAY_LEN(taken_columns));
    for (size_t i = 0; i < plan->taken; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct target *target = &input->policy->targets[entry->target];
        table_printf(&table, "%zu", i + 1);
        table_put(&table, target->name);
        table_cstr(&table, tier_name(target->tier));
        if (target->price.known || input->policy->unknown_price == UNKNOWN_PRICE_CEILING) {
            table_usd(&table, entry->expected_cost_nd);
        } else {
            table_cstr(&table, "unknown");
        }
        if (entry->expected_latency_ms > 0) {
            table_printf(&table, "%lld ms", (long long)entry->expected_latency_ms);
        } else {
            table_cstr(&table, "-");
        }
        if (entry->success_permille > 0) {
            table_printf(&table, "%.2f", entry->success_permille / 1000.0);
        } else {
            table_cstr(&table, "-");
        }
        put_reason(&table, input, entry);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

/* That nothing is left, and why, where that can be said of one constraint or of two. */
static void put_refusal(const struct plan_input *input, const struct plan *plan, struct buf *out)
{
    struct buf sentence = BUF_INIT(SENTENCE_MAX);
    buf_append_cstr(out, "No target satisfies this request: it would be answered with 422.\n");
    contradiction_explain(input, plan, &sentence);
    if (sentence.len > 0) {
        buf_append(out, buf_slice(&sentence));
        buf_append_char(out, '\n');
    }
    buf_release(&sentence);
}

static void put_refused(const struct plan_input *input, const struct plan *plan, struct buf *out)
{
    struct table table;
    table_init(&table, refused_columns, ARRAY_LEN(refused_columns));
    for (size_t i = plan->taken; i < plan->count; i++) {
        const struct target *target = &input->policy->targets[plan->entries[i].target];
        table_put(&table, target->name);
        table_cstr(&table, tier_name(target->tier));
        put_reason(&table, input, &plan->entries[i]);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

void explain_write_text(const struct snapshot *snapshot, const struct chat *chat,
                        const struct features *features, int64_t now_ns,
                        const struct decision *decision, struct buf *out)
{
    const struct plan *plan = &decision->plan;
    struct plan_input input;
    decide_plan_input(snapshot, chat, features, now_ns, decision, &input);
    put_facts(snapshot, features, decision, out);
    buf_append_char(out, '\n');
    if (plan->taken > 0) {
        put_taken(&input, plan, out);
    } else {
        put_refusal(&input, plan, out);
    }
    if (plan->count > plan->taken) {
        buf_append_char(out, '\n');
        put_refused(&input, plan, out);
    }
    if (plan->overflow > 0) {
        buf_printf(out, "\n%zu more targets were not considered.\n", plan->overflow);
    }
}
