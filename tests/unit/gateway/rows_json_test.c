/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON: names from outside are escaped, money is exact, and everything parses. */
#include "gateway/rows_json.h"

#include "base/clock.h"
#include "codec/json.h"
#include "gateway/target_state.h"

#include "tests/tap.h"

static struct buf out = {.limit = 1u << 24};
static struct json_doc doc;

static bool parses(void)
{
    struct error error;
    bool ok = !out.failed && json_parse(&doc, buf_slice(&out), NULL, &error);
    if (!ok) {
        printf("# %.*s\n", SLICE_ARG(buf_slice(&out)));
    }
    return ok;
}

static bool has(const char *what)
{
    bool found = slice_find_slice(buf_slice(&out), slice_from_cstr(what)) != SIZE_MAX;
    if (!found) {
        printf("# no %s in %.*s\n", what, SLICE_ARG(buf_slice(&out)));
    }
    return found;
}

static struct call_row row_of(void)
{
    return (struct call_row){.call = {.wall_ns = 1800000000 * NS_PER_S,
                                      .key_name = SLICE("k\"ey"),
                                      .endpoint = SLICE("/v1/chat/completions"),
                                      .asked_model = SLICE("au\nto\x01\xff"),
                                      .route = SLICE("auto"),
                                      .target = SLICE("first"),
                                      .provider = SLICE("a"),
                                      .model = SLICE("m"),
                                      .task = TASK_MATH,
                                      .tier = TIER_PREMIUM,
                                      .complexity_permille = 250,
                                      .status = 200,
                                      .attempts = 1,
                                      .cost_nd = 1,
                                      .baseline_nd = 1234567890,
                                      .input_tokens = 3,
                                      .output_tokens = 4,
                                      .first_byte_us = 1500,
                                      .total_us = 20000,
                                      .complete = true},
                             .estimated = true};
}

static void calls(void)
{
    struct call_row row = row_of();
    struct call_page page = {.rows = &row, .count = 1};
    buf_clear(&out);
    json_write_calls(&page, NULL, &out);
    EXPECT(parses());
    EXPECT(has("\"next\":null"));
    EXPECT(has("\"time\":\"2027-01-15T08:00:00.000Z\""));
    EXPECT(has("\"key\":\"k\\\"ey\""));
    EXPECT(has("\"asked_model\":\"au\\nto\\u0001\xef\xbf\xbd\""));
    EXPECT(has("\"task\":\"math\",\"tier\":\"premium\",\"complexity\":0.25"));
    EXPECT(has("\"cost_usd\":0.000000001"));
    EXPECT(has("\"baseline_usd\":1.23456789"));
    EXPECT(has("\"first_byte_ms\":1.5,\"total_ms\":20"));
    page.count = 0;
    snprintf(page.next, sizeof(page.next), "cursor");
    buf_clear(&out);
    json_write_calls(&page, NULL, &out);
    EXPECT(parses() && has("{\"calls\":[],\"next\":\"cursor\"}"));
}

static void one_call(void)
{
    struct settle_record attempts[2] = {
        {.attempt = 1,
         .outcome = ATTEMPT_FAILED,
         .error = SLICE("http_429"),
         .status = 429,
         .first_byte_us = -1,
         .lane = SLICE("edit")},
        {.attempt = 2,
         .outcome = ATTEMPT_OK,
         .status = 200,
         .usage = {.input = 10, .cache_write = 2, .cache_write_1h = 3, .reported = true},
         .released_nd = 5000000000,
         .cost_nd = INT64_MAX,
         .priced = true,
         .loss = SLICE("logit_bias"),
         .lane = SLICE("translate")},
    };
    struct call_detail detail = {.row = row_of(), .attempts = attempts, .count = 2};
    buf_clear(&out);
    json_write_call(&detail, &out);
    EXPECT(parses());
    EXPECT(has("\"outcome\":\"failed\",\"status\":429,\"error\":\"http_429\""));
    EXPECT(has("\"cache_write_tokens\":5"));
    EXPECT(has("\"first_byte_ms\":null"));
    EXPECT(has("\"held_usd\":5,\"cost_usd\":9223372036.854775807"));
    EXPECT(has("\"loss\":\"logit_bias\""));
}

static void report(void)
{
    struct report_row rows[1] = {{.name = "2027-01-15",
                                  .calls = 2,
                                  .failed = 1,
                                  .cost_nd = 3000000000,
                                  .baseline_nd = 1000000000}};
    struct report made = {.rows = rows, .count = 1, .total = rows[0]};
    buf_clear(&out);
    json_write_report(&made, REPORT_DAY, 1800000000, NULL, &out);
    EXPECT(parses());
    EXPECT(has(
        "\"schema\":\"sluice.report/1\",\"by\":\"day\",\"since\":\"2027-01-15T08:00:00.000Z\""));
    EXPECT(has("\"cost_usd\":3,\"baseline_usd\":1,\"saved_usd\":-2"));
    EXPECT(has("\"total\":{\"name\":"));
}

static void all_targets(void)
{
    static struct target_state states[3];
    struct target targets[3] = {
        {.name = SLICE("on"),
         .price = {.known = true, .base = {1000000, 2500000, 100, -1, -1, -1, -1, -1, -1, -1}},
         .capabilities = CAPABILITY_STREAMING},
        {.name = SLICE("off"), .off = true},
        {.name = SLICE("unused")},
    };
    struct snapshot snapshot = {.policy = {.targets = targets, .target_count = 3},
                                .named_targets = 2};
    for (size_t i = 0; i < 3; i++) {
        health_init(&states[i].health);
        targets[i].health = &states[i].health;
    }
    buf_clear(&out);
    json_write_targets(&snapshot, 0, &out);
    EXPECT(parses());
    EXPECT(has("\"name\":\"on\""));
    EXPECT(has("\"status\":\"on\""));
    EXPECT(has("\"input_per_mtok\":1,\"output_per_mtok\":2.5,\"cache_read_per_mtok\":0.0001}"));
    EXPECT(has("\"status\":\"off\",\"local\":false,\"price\":null"));
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("unused")) == SIZE_MAX);
}

static void prices(void)
{
    buf_clear(&out);
    json_write_prices(SLICE("no such model at all"), 1800000000, &out);
    EXPECT(parses() && has("\"prices\":[]"));
    size_t none = out.len;
    buf_clear(&out);
    json_write_prices(SLICE_EMPTY, 1800000000, &out);
    EXPECT(parses() && out.len > none + 10000);
}

int main(void)
{
    json_doc_init(&doc);
    TEST(calls, "pages of calls");
    TEST(one_call, "one call with its attempts");
    TEST(report, "a report, losses too");
    TEST(all_targets, "targets with a name of their own, with their state and price");
    TEST(prices, "the catalogue's prices by filter");
    json_doc_release(&doc);
    buf_release(&out);
    return tap_done();
}
