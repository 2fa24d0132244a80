/* SPDX-License-Identifier: Apache-2.0 */
/* The plan for people and tools. */
#include "gateway/decide.h"

#include "codec/json_write.h"
#include "route/contradiction.h"
#include "route/exact.h"
#include "route/reread.h"

#define USD_DECIMALS 9

/* What it violates besides: ["over_cost", ...]. */
static void write_further(struct json_writer *w, const struct plan_input *input,
                          const struct plan_entry *entry)
{
    struct plan_entry further[PLAN_FURTHER_MAX];
    size_t count = plan_entry_further(input, entry, further);
    if (count == 0) {
        return;
    }
    json_key(w, SLICE("also"));
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        enum plan_reason reason = (enum plan_reason)further[i].reason;
        json_write_string(w, slice_from_cstr(plan_reason_name(reason)));
    }
    json_end_array(w);
}

struct written {
    const struct snapshot *snapshot;
    const struct decision *decision;
    const struct plan_input *input;
};

static void write_entry(struct json_writer *w, const struct written *of,
                        const struct plan_entry *entry, struct buf *sentence)
{
    const struct plan_input *input = of->input;
    const struct target *target = &input->policy->targets[entry->target];
    buf_clear(sentence);
    plan_entry_explain(input, entry, sentence);
    json_begin_object(w);
    json_member_string(w, SLICE("target"), target->name);
    json_member_string(w, SLICE("provider"), target->provider_name);
    json_member_string(w, SLICE("model"), decide_model(of->snapshot, of->decision, entry->target));
    json_member_string(w, SLICE("tier"), slice_from_cstr(tier_name(target->tier)));
    json_member_string(w, SLICE("reason"),
                       slice_from_cstr(plan_reason_name((enum plan_reason)entry->reason)));
    write_further(w, input, entry);
    json_member_string(w, SLICE("explanation"), buf_slice(sentence));
    json_member_scaled(w, SLICE("expected_cost_usd"), entry->expected_cost_nd, USD_DECIMALS);
    json_member_scaled(w, SLICE("high_cost_usd"), entry->high_cost_nd, USD_DECIMALS);
    if (entry->success_permille > 0) {
        json_member_scaled(w, SLICE("success"), entry->success_permille, 3);
    }
    if (entry->propensity_permille > 0) {
        json_member_scaled(w, SLICE("propensity"), entry->propensity_permille, 3);
    }
    json_member_int(w, SLICE("expected_input_tokens"), entry->expected_input);
    json_member_int(w, SLICE("expected_output_tokens"), entry->expected_output);
    unsigned answers = experience_count(target->experience, input->classification.task);
    if (answers > 0) { /* by which that was learned */
        json_member_int(w, SLICE("answers_known"), answers);
    }
    if (entry->expected_total_nd != entry->expected_cost_nd) {
        json_member_scaled(w, SLICE("expected_total_usd"), entry->expected_total_nd, USD_DECIMALS);
    }
    if (entry->expected_latency_ms > 0) {
        json_member_int(w, SLICE("expected_latency_ms"), entry->expected_latency_ms);
    }
    json_end_object(w);
}

static void write_entries(struct json_writer *w, const struct written *of, bool taken)
{
    const struct plan *plan = &of->decision->plan;
    struct buf sentence = BUF_INIT(1024);
    json_begin_array(w);
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].taken == taken) {
            write_entry(w, of, &plan->entries[i], &sentence);
        }
    }
    json_end_array(w);
    buf_release(&sentence);
}

/* What the text model held it for: {"qa_open": 0.62, ...}. */
static void write_likely(struct json_writer *w, const struct classification *c)
{
    struct task_chance likely[TASK_CHANCES];
    classification_likely(c, likely);
    if (likely[0].permille == 0) {
        return;
    }
    json_key(w, SLICE("task_likely"));
    json_begin_object(w);
    for (size_t i = 0; i < TASK_CHANCES && likely[i].permille > 0; i++) {
        json_member_scaled(w, slice_from_cstr(task_name((enum task)likely[i].task)),
                           likely[i].permille, 3);
    }
    json_end_object(w);
}

static void write_success(struct json_writer *w, const struct judgement *judged)
{
    if (judged->success_permille[TIER_BUDGET] == 0) {
        return;
    }
    json_key(w, SLICE("tier_success"));
    json_begin_object(w);
    for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
        json_member_scaled(w, slice_from_cstr(tier_name((enum tier)tier)),
                           judged->success_permille[tier], 3);
    }
    json_end_object(w);
    json_member_scaled(w, SLICE("familiarity"), judged->familiarity_permille, 3);
}

static void write_classification(struct json_writer *w, const struct snapshot *snapshot,
                                 const struct decision *decision)
{
    const struct classification *c = &decision->classification;
    json_key(w, SLICE("task"));
    json_write_string(w, slice_from_cstr(task_name(c->task)));
    json_member_string(w, SLICE("task_reason"), slice_from_cstr(c->reason));
    if (c->set_aside != 0) {
        json_member_string(w, SLICE("set_aside"), slice_from_cstr(aside_name(c->set_aside)));
    }
    json_member_scaled(w, SLICE("task_confidence"), (int64_t)(c->confidence * 1000.0 + 0.5), 3);
    json_member_scaled(w, SLICE("complexity"), (int64_t)(c->complexity * 1000.0 + 0.5), 3);
    write_likely(w, c);
    if (decision->has_learned) {
        json_member_string(w, SLICE("weights"), snapshot->classifier.weights_path);
    }
    write_success(w, &c->judged);
    json_member_string(w, SLICE("required_tier"),
                       slice_from_cstr(tier_name(decision->plan.required_tier)));
    json_member_bool(w, SLICE("tier_is_hard"), decision->plan.tier_is_hard);
}

/* "input_counted": only where a limit lies between the bounds (route/exact.h). */
static void write_counted(struct json_writer *w, const struct plan_input *input,
                          const struct decision *decision)
{
    if (decision->counted != 0) {
        json_member_int(w, SLICE("input_counted"), decision->counted_tokens.expected);
    } else if (exact_wanted(input, &decision->plan) != 0) {
        json_member_string(
            w, SLICE("input_not_counted"),
            SLICE("a limit lies between input_low and input_high, but the vocabulary "
                  "is not loaded yet or too many texts are being counted: the "
                  "estimate decides"));
    }
}

static void write_tokens(struct json_writer *w, const struct plan_input *input,
                         const struct decision *decision)
{
    const struct features *features = input->features;
    json_key(w, SLICE("tokens"));
    json_begin_object(w);
    json_member_int(w, SLICE("input_low"), features->tokens.low);
    json_member_int(w, SLICE("input_expected"), features->tokens.expected);
    json_member_int(w, SLICE("input_high"), features->tokens.high);
    write_counted(w, input, decision);
    json_member_int(w, SLICE("output_expected"), decision->plan.expected_output_tokens);
    json_end_object(w);
}

static void write_limits(struct json_writer *w, const struct plan *plan)
{
    if (plan->max_latency_ms != NO_LIMIT) {
        json_member_int(w, SLICE("max_latency_ms"), plan->max_latency_ms);
    }
    if (plan->max_cost_nd != NO_LIMIT) {
        json_member_scaled(w, SLICE("max_cost_usd"), plan->max_cost_nd, USD_DECIMALS);
    }
}

/* Other targets whose prompt caches are warm: {"opus": 4100, ...}. */
static void write_elsewhere(struct json_writer *w, const struct snapshot *snapshot,
                            const struct session_view *session)
{
    if (session->elsewhere_count == 0) {
        return;
    }
    json_key(w, SLICE("warm_elsewhere"));
    json_begin_object(w);
    for (size_t i = 0; i < session->elsewhere_count; i++) {
        json_member_int(w, snapshot->policy.targets[session->elsewhere[i].target].name,
                        session->elsewhere[i].tokens);
    }
    json_end_object(w);
}

/* Where the conversation is, and whether it stays. */
static void write_session(struct json_writer *w, const struct snapshot *snapshot,
                          const struct decision *decision)
{
    const struct session_view *session = &decision->session;
    enum session_state state = decision->plan.session;
    if (!decision->in_session) {
        return;
    }
    json_key(w, SLICE("session"));
    json_begin_object(w);
    if (session->target != NO_TARGET) {
        json_member_string(w, SLICE("target"), snapshot->policy.targets[session->target].name);
    }
    if (state != SESSION_NONE) {
        json_member_string(w, SLICE("state"),
                           session_moved(state) ? SLICE("moved") : SLICE("kept"));
    }
    if (session_moved(state)) {
        json_member_string(w, SLICE("reason"), slice_from_cstr(session_state_name(state)));
    }
    json_member_int(w, SLICE("turns"), session->turns);
    json_member_int(w, SLICE("turns_there"), session->stay);
    json_member_int(w, SLICE("warm_tokens"), session->warm_tokens);
    write_elsewhere(w, snapshot, session);
    json_member_bool(w, SLICE("in_tool_loop"), session->in_tool_loop);
    json_end_object(w);
}

/* Why nothing is left, where that can be said of one constraint or of two. */
static void write_contradiction(struct json_writer *w, const struct plan_input *input,
                                const struct plan *plan)
{
    struct buf sentence = BUF_INIT(1024);
    contradiction_explain(input, plan, &sentence);
    if (sentence.len > 0) {
        json_member_string(w, SLICE("contradiction"), buf_slice(&sentence));
    }
    buf_release(&sentence);
}

void decide_write_json(const struct snapshot *snapshot, const struct chat *chat,
                       const struct features *features, const struct decision *decision,
                       struct buf *out)
{
    struct plan_input input;
    decide_plan_input(snapshot, chat, features, 0, decision, &input);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.explain/1"));
    if (decision->route != NULL) {
        json_member_string(&w, SLICE("route"), decision->route->name);
    }
    if (decision->plan.rule != NULL) {
        json_member_string(&w, SLICE("rule"), decision->plan.rule->name);
    }
    if (decision->tag.len > 0) {
        json_member_string(&w, SLICE("tag"), decision->tag);
    }
    write_classification(&w, snapshot, decision);
    json_member_scaled(&w, SLICE("conservative"), (int64_t)(decision->plan.dial * 1000 + 0.5), 3);
    write_tokens(&w, &input, decision);
    write_limits(&w, &decision->plan);
    if (decision->plan.baseline != NO_TARGET) {
        json_member_string(&w, SLICE("baseline"),
                           snapshot->policy.targets[decision->plan.baseline].name);
    }
    const struct written written = {snapshot, decision, &input};
    json_key(&w, SLICE("plan"));
    write_entries(&w, &written, true);
    json_key(&w, SLICE("refused"));
    write_entries(&w, &written, false);
    write_session(&w, snapshot, decision);
    write_contradiction(&w, &input, &decision->plan);
    json_member_bool(&w, SLICE("below_tier"), decision->plan.below_tier);
    json_member_bool(&w, SLICE("relaxed"), decision->plan.relaxed);
    json_end_object(&w);
}
