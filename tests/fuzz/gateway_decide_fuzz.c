/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anything a client may send, as a body and as wishes in headers, through the decision: what is
 * accepted keeps every constraint, is decided the same way twice, and is explained in valid JSON.
 * The input: header lines "name: value", an empty line, the body.
 */
#include "config/config.h"
#include "dialect/dialect.h"
#include "gateway/decide.h"
#include "gateway/target_state.h"

#include <stdint.h>

#define HEADERS_MAX 16

static const char yaml[] =
    "providers:\n"
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:1/v1' }\n"
    "  home: { preset: ollama, base_url: 'http://127.0.0.1:2' }\n"
    "  openrouter: { preset: openrouter, api_key: x }\n"
    "targets:\n"
    "  cheap: { provider: a, model: small, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"
    "  dear: { provider: openrouter, model: large, price: { input_per_mtok: 10, output_per_mtok: "
    "20 "
    "}, latency_ms: 900 }\n"
    "  llama: { provider: home, model: llama2, latency_ms: 150, tier: budget }\n"
    "routes:\n"
    "  auto: { targets: [cheap, dear, llama], max_cost_usd: 0.05, tasks: { math: [dear, cheap], "
    "chat: { prefer: [llama] } } }\n"
    "  near: { targets: [cheap, dear], max_latency_ms: 10, on_infeasible: nearest }\n"
    "ledger: { enabled: false }\n";

static struct snapshot *snapshot;
static struct target_states states;
static struct features features;

static const char *no_environment(const struct config_environment *environment, const char *name)
{
    (void)environment;
    (void)name;
    return NULL;
}

static void load(void)
{
    static const struct config_environment environment = {.get = no_environment};
    const struct config_options options = {
        .file = "/t.yaml", .environment = &environment, .wall_s = 1800000000, .generation = 1};
    struct diagnostics diagnostics;
    snapshot = config_load(slice_from_cstr(yaml), &options, &diagnostics);
    diagnostics_release(&diagnostics);
    target_states_init(&states);
    CHECK(snapshot != NULL && target_states_attach(&states, snapshot));
}

/* Takes the header lines off the input; what no server would let pass is left out. */
static size_t take_headers(struct slice *input, struct http_header *headers)
{
    size_t count = 0;
    while (input->len > 0) {
        struct slice line = slice_cut(input, '\n');
        if (line.len == 0) {
            break;
        }
        struct slice name = slice_cut(&line, ':');
        if (count < HEADERS_MAX && http_name_valid(name) && http_value_valid(line)) {
            headers[count++] = (struct http_header){name, line};
        }
    }
    return count;
}

static bool is_named(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(names[i], name)) {
            return true;
        }
    }
    return false;
}

static void check_taken(const struct decision *d, const struct plan_entry *entry)
{
    const struct constraints *c = &d->constraints;
    const struct target *target = &snapshot->policy.targets[entry->target];
    CHECK(!c->local_only || target->local);
    CHECK(c->min_tier < 0 || (int)target->tier >= c->min_tier);
    CHECK(c->only == NULL || is_named(c->only, c->only_count, target->provider_name));
    CHECK(!is_named(c->ignore, c->ignore_count, target->provider_name));
    CHECK(entry->expected_cost_nd >= 0 && entry->worst_cost_nd >= entry->expected_cost_nd);
    CHECK(c->max_cost_nd != 0 || entry->high_cost_nd == 0);
    CHECK(d->plan.relaxed || d->plan.max_cost_nd == NO_LIMIT ||
          entry->high_cost_nd <= d->plan.max_cost_nd);
}

static void check_plan(const struct decision *d)
{
    const struct plan *plan = &d->plan;
    CHECK(plan->count <= PLAN_TARGETS_MAX && plan->taken <= plan->count);
    CHECK(d->constraints.allow_fallbacks || plan->taken <= 1);
    for (size_t i = 0; i < plan->count; i++) {
        CHECK(plan->entries[i].taken == (i < plan->taken));
        if (i < plan->taken) {
            check_taken(d, &plan->entries[i]);
        }
    }
}

static bool decide(const struct chat *chat, const struct http_request *request, struct arena *arena,
                   struct decision *decision)
{
    struct error error;
    error_clear(&error);
    if (!decide_begin(snapshot, NULL, chat, DIALECT_OPENAI_CHAT, request, 0, arena, decision,
                      &error)) {
        CHECK(error.kind != ERROR_NONE && error.code != NULL && error.text[0] != '\0');
        return false;
    }
    CHECK(decision->route != NULL || decision->model_count > 0);
    decide_classify(snapshot, chat, &features, decision);
    decide_plan(snapshot, chat, &features, 1, decision);
    check_plan(decision);
    return true;
}

static void check_explanation(const struct chat *chat, const struct decision *decision)
{
    struct buf out = BUF_INIT(1u << 20);
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    decide_write_json(snapshot, chat, &features, decision, &out);
    CHECK(!out.failed && json_parse(&doc, buf_slice(&out), NULL, &error));
    json_doc_release(&doc);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decision first;
    static struct decision second;
    struct slice body = slice_of((const char *)data, size);
    struct http_header headers[HEADERS_MAX];
    struct arena arena;
    struct json_doc doc;
    struct chat chat = {.stream = false};
    struct error error;
    if (snapshot == NULL) {
        load();
    }
    const struct http_request request = {.headers = headers,
                                         .header_count = take_headers(&body, headers)};
    arena_init(&arena, 1u << 22);
    json_doc_init(&doc);
    if (dialect_of(DIALECT_OPENAI_CHAT)->read_request(body, &doc, &arena, &chat, &error)) {
        bool ok = decide(&chat, &request, &arena, &first);
        CHECK(decide(&chat, &request, &arena, &second) == ok);
        if (ok) {
            CHECK(first.plan.count == second.plan.count && first.plan.taken == second.plan.taken);
            CHECK(first.plan.count == 0 ||
                  first.plan.entries[0].target == second.plan.entries[0].target);
            check_explanation(&chat, &first);
        }
    }
    json_doc_release(&doc);
    arena_release(&arena);
    return 0;
}
