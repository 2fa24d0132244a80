/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads: requests that were written down. Each line goes the way of a call as far as its plan,
 * under both policies. Lines that say how long each target's answer is need no prediction, and
 * teach the targets that were chosen, as answers would.
 */
#include "cli/explain.h"
#include "cli/replay.h"
#include "cli/terminal.h"
#include "dialect/dialect.h"
#include "gateway/decide.h"
#include "gateway/target_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKLOAD_FILE_MAX ((size_t)1 << 30)
#define LINE_ARENA ((size_t)64 << 20)
#define BODY_MAX ((size_t)32 << 20)
#define COMMON_SPREAD 0.4
#define HIGH_PERCENTILE 1.2816 /* standard deviations to the 90th percentile */

/* One policy and its memory. */
struct side {
    struct snapshot *snapshot;
    struct target_states states;
    struct decision decision;
};

struct workload_replay {
    struct replay *replay;
    struct side before; /* without a snapshot: the baseline of the other */
    struct side after;
    struct json_doc row; /* the line */
    struct json_doc doc; /* the body, where it was made from a prompt */
    struct buf body;
    struct arena arena;
    struct chat chat;
    struct features features;
    char id[32];
};

static bool side_begin(struct side *side, struct snapshot *snapshot)
{
    target_states_init(&side->states);
    side->snapshot = snapshot;
    return snapshot == NULL || target_states_attach(&side->states, snapshot);
}

/* --- the line --- */

static bool read_chat(struct workload_replay *w, struct slice line, struct error *error)
{
    uint32_t prompt = json_member(&w->row, JSON_ROOT, SLICE("prompt"));
    struct slice body = line;
    if (json_is(&w->row, prompt, JSON_STRING)) {
        buf_clear(&w->body);
        explain_write_body(SLICE("auto"), json_string(&w->row, prompt, &w->arena), &w->body);
        body = buf_slice(&w->body);
    }
    memset(&w->chat, 0, sizeof(w->chat));
    return dialect_of(DIALECT_OPENAI_CHAT)->read_request(body, &w->doc, &w->arena, &w->chat, error);
}

/* How long this target's answer is; negative: the line does not say. */
static int64_t known_output(const struct workload_replay *w, const struct target *target)
{
    uint32_t said = json_member(&w->row, JSON_ROOT, SLICE("output_tokens"));
    int64_t tokens = -1;
    if (json_is(&w->row, said, JSON_OBJECT)) {
        uint32_t own = json_member(&w->row, said, target->name);
        said = own != JSON_ABSENT ? own : json_member(&w->row, said, target->model);
    }
    return json_is(&w->row, said, JSON_NUMBER) && json_int64(&w->row, said, &tokens) && tokens >= 0
               ? tokens
               : -1;
}

/* --- one side --- */

static int64_t cost_of(const struct policy *policy, const struct target *target, int64_t input,
                       int64_t output)
{
    const struct usage usage = {.input = input, .output = output};
    return policy_cost(policy, target, &usage);
}

static void price_choice(const struct workload_replay *w, const struct side *side,
                         const struct plan_entry *entry, struct replay_choice *choice)
{
    const struct policy *policy = &side->snapshot->policy;
    const struct target *target = &policy->targets[entry->target];
    int64_t input = w->features.tokens.expected;
    int64_t known = known_output(w, target);
    choice->target = target->name;
    choice->tier = target->tier;
    choice->latency_ms = entry->expected_latency_ms;
    if (known >= 0) {
        choice->cost_nd = cost_of(policy, target, input, known);
        return;
    }
    int64_t input_nd = cost_of(policy, target, input, 0);
    choice->cost_nd = entry->expected_cost_nd;
    choice->output_nd = entry->expected_cost_nd > input_nd ? entry->expected_cost_nd - input_nd : 0;
    choice->common_spread = COMMON_SPREAD;
    if (choice->output_nd > 0 && entry->high_cost_nd > entry->expected_cost_nd) {
        double high = (double)(entry->high_cost_nd - input_nd) / (double)choice->output_nd;
        choice->spread = log(high) / HIGH_PERCENTILE;
    }
}

/* What the answer would have taught, where it is known. */
static void learn(const struct workload_replay *w, const struct side *side,
                  const struct plan_entry *entry)
{
    const struct target *target = &side->snapshot->policy.targets[entry->target];
    const struct experience_answer answer = {.input = w->features.tokens.expected,
                                             .output = known_output(w, target)};
    if (answer.output > 0 && target->experience != NULL) {
        struct experience_logs logs;
        experience_logs(&side->decision.plan.asked, &answer, &logs);
        experience_note(target->experience, &side->decision.plan.asked, &logs);
    }
}

static bool decide(struct workload_replay *w, struct side *side, struct error *error)
{
    if (!decide_begin(side->snapshot, NULL, &w->chat, DIALECT_OPENAI_CHAT, NULL, w->replay->wall_ns,
                      &w->arena, &side->decision, error)) {
        return false;
    }
    decide_classify(side->snapshot, &w->chat, &w->features, &side->decision);
    decide_plan(side->snapshot, &w->chat, &w->features, 0, &side->decision);
    return true;
}

static bool choose(struct workload_replay *w, struct side *side, struct replay_choice *choice,
                   struct error *error)
{
    if (!decide(w, side, error)) {
        return false;
    }
    const struct plan *plan = &side->decision.plan;
    if (plan->taken > 0) {
        price_choice(w, side, &plan->entries[0], choice);
        learn(w, side, &plan->entries[0]);
    }
    return true;
}

/* --- the baseline --- */

static const struct plan_entry *entry_of(const struct plan *plan, uint16_t target)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].target == target) {
            return &plan->entries[i];
        }
    }
    return NULL;
}

static void price_baseline(const struct workload_replay *w, struct replay_call *call)
{
    const struct plan *plan = &w->after.decision.plan;
    const struct plan_entry *entry =
        plan->baseline == NO_TARGET ? NULL : entry_of(plan, plan->baseline);
    struct replay_choice choice = {.cost_nd = 0};
    call->baseline_nd = -1;
    if (entry == NULL) {
        return;
    }
    price_choice(w, &w->after, entry, &choice);
    call->baseline_nd = choice.cost_nd;
    if (w->before.snapshot == NULL) {
        call->before = choice;
    }
}

/* --- all lines --- */

static bool replay_line(struct workload_replay *w, struct slice line, size_t number,
                        struct error *error)
{
    struct replay_call call = {.baseline_nd = -1};
    arena_reset(&w->arena);
    if (!json_parse(&w->row, line, NULL, error) || !read_chat(w, line, error) ||
        !choose(w, &w->after, &call.after, error) ||
        (w->before.snapshot != NULL && !choose(w, &w->before, &call.before, error))) {
        return false;
    }
    uint32_t id = json_member(&w->row, JSON_ROOT, SLICE("id"));
    snprintf(w->id, sizeof(w->id), "%zu", number);
    call.id = json_is(&w->row, id, JSON_STRING) ? json_string(&w->row, id, &w->arena)
                                                : slice_from_cstr(w->id);
    call.task = w->after.decision.classification.task;
    price_baseline(w, &call);
    replay_take(w->replay, &call);
    return true;
}

static bool replay_lines(struct workload_replay *w, struct slice text, const char *path,
                         struct error *error)
{
    for (size_t number = 1; text.len > 0; number++) {
        struct slice line = slice_trim(slice_cut(&text, '\n'));
        if (line.len > 0 && !replay_line(w, line, number, error)) {
            struct error why = *error;
            return error_set(error, ERROR_INVALID, "bad_row", "%.120s:%zu: %.240s", path, number,
                             why.text);
        }
    }
    return true;
}

static bool replay_text(struct workload_replay *w, struct slice text, const char *path,
                        struct error *error)
{
    buf_init(&w->body, BODY_MAX);
    json_doc_init(&w->row);
    json_doc_init(&w->doc);
    arena_init(&w->arena, LINE_ARENA);
    bool begun = side_begin(&w->after, w->replay->policy);
    begun &= side_begin(&w->before, w->replay->present);
    bool ok = begun && replay_lines(w, text, path, error);
    if (!begun) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    target_states_release(&w->before.states);
    target_states_release(&w->after.states);
    arena_release(&w->arena);
    json_doc_release(&w->doc);
    json_doc_release(&w->row);
    buf_release(&w->body);
    return ok;
}

bool replay_workload(struct replay *replay, const char *path, struct error *error)
{
    struct buf text = BUF_INIT(WORKLOAD_FILE_MAX);
    struct workload_replay *w = calloc(1, sizeof(*w));
    bool ok = w != NULL && read_input(path, &text, error);
    if (w == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    } else if (ok) {
        w->replay = replay;
        ok = replay_text(w, buf_slice(&text), path, error);
    }
    buf_release(&text);
    free(w);
    return ok;
}
