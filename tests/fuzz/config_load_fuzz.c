/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration: the result is a snapshot or at least one error, never both; places
 * are inside the text; both outputs can be written, and hold no control character and no value of
 * the environment. The same text loads the same way twice, and what loads names things that exist.
 */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CANARY "CaNaRyVaLuE"

static const char *get(const struct config_environment *environment, const char *name)
{
    (void)environment;
    if (strcmp(name, "KEY") == 0 || strcmp(name, "OPENAI_API_KEY") == 0) {
        return CANARY;
    }
    return strcmp(name, "NUMBER") == 0 ? "4" : NULL;
}

static const struct config_environment environment = {.get = get};

static size_t count_lines(struct slice text)
{
    size_t lines = 2; /* the end of the text may count as a line of its own */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        lines += c == '\n' || c == '\r' || c == 0x85 || c == 0xa8 || c == 0xa9 ? 1 : 0;
    }
    return lines;
}

static void check_diagnostics(const struct diagnostics *diagnostics, struct slice text)
{
    struct buf out = BUF_INIT(16u << 20);
    size_t lines = count_lines(text);
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];
        CHECK(item->message[0] != '\0');
        CHECK(item->line <= lines);
        CHECK(item->line == 0 || (item->column > 0 && item->column <= text.len + 2));
        CHECK(item->line == 0 || item->length > 0);
    }
    diagnostics_write_text(diagnostics, "f", text, false, &out);
    CHECK(!out.failed);
    for (size_t i = 0; i < out.len; i++) {
        CHECK((unsigned char)out.ptr[i] >= 0x20 || out.ptr[i] == '\n');
    }
    if (slice_find_slice(text, SLICE(CANARY)) == SIZE_MAX) {
        CHECK(slice_find_slice(buf_slice(&out), SLICE(CANARY)) == SIZE_MAX);
    }
    diagnostics_write_json(diagnostics, "f", &out);
    CHECK(!out.failed);
    buf_release(&out);
}

static void check_list(const struct policy *policy, const uint16_t *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(targets[i] < policy->target_count);
    }
}

static void check_snapshot(const struct snapshot *snapshot)
{
    const struct policy *policy = &snapshot->policy;
    CHECK(snapshot->provider_count > 0 && snapshot->named_targets > 0);
    CHECK(snapshot->server.listen_count > 0);
    CHECK(policy_find_route(policy, SLICE("auto")) != NULL);
    for (size_t i = 0; i < policy->target_count; i++) {
        CHECK(policy->targets[i].provider < snapshot->provider_count);
        CHECK(policy->targets[i].dialects != 0 && policy->targets[i].tier < TIER_COUNT);
    }
    for (size_t i = 0; i < policy->route_count; i++) {
        const struct route *route = &policy->routes[i];
        CHECK(route->max_attempts > 0);
        CHECK(route->baseline == NO_TARGET || route->baseline < policy->target_count);
        check_list(policy, route->candidates, route->candidate_count);
        for (int t = 0; t < TASK_COUNT; t++) {
            if (route->task_policy[t] != NULL) {
                check_list(policy, route->task_policy[t]->targets, route->task_policy[t]->count);
            }
        }
    }
}

/* Files of this machine are none of the fuzzer's business. */
static bool names_files(struct slice text)
{
    return slice_find_slice(text, SLICE("file:")) != SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config_options options = {
        .file = "f", .environment = &environment, .wall_s = 1795000000, .generation = 1};
    struct slice text = slice_of((const char *)data, size);
    struct diagnostics diagnostics;
    struct diagnostics again;
    if (names_files(text)) {
        return 0;
    }
    struct snapshot *snapshot = config_load(text, &options, &diagnostics);
    CHECK((snapshot == NULL) == (diagnostics.errors > 0));
    check_diagnostics(&diagnostics, text);
    if (snapshot != NULL) {
        check_snapshot(snapshot);
    }
    struct snapshot *second = config_load(text, &options, &again);
    CHECK((snapshot == NULL) == (second == NULL));
    CHECK(again.count == diagnostics.count && again.errors == diagnostics.errors);
    snapshot_unref(second);
    snapshot_unref(snapshot);
    diagnostics_release(&again);
    diagnostics_release(&diagnostics);
    return 0;
}
