/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, histograms, and the text that a scrape reads. */
#include "tests/unit/gateway/gateway_harness.h"

#include "tests/unit/gateway/answers.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf text = {.limit = 1u << 24};

static void histogram_bounds(void)
{
    struct histogram histogram;
    memset(&histogram, 0, sizeof(histogram));
    histogram_add(&histogram, 1000, -5);
    histogram_add(&histogram, 1000, 1000);
    histogram_add(&histogram, 1000, 1001);
    histogram_add(&histogram, 1000, 2000);
    histogram_add(&histogram, 1000, INT64_MAX / 4);
    EXPECT_INT(atomic_load(&histogram.buckets[0]), 2);
    EXPECT_INT(atomic_load(&histogram.buckets[1]), 2);
    EXPECT_INT(atomic_load(&histogram.buckets[METRICS_BUCKETS - 1]), 1);
    EXPECT_INT(atomic_load(&histogram.sum_ns), 4001 + INT64_MAX / 4);
}

static void odd_requests(void)
{
    static struct metrics metrics;
    uint64_t all = 0;
    metrics_request(&metrics, SIZE_MAX, 777);
    metrics_request(&metrics, 3, 0);
    metrics_request(&metrics, 3, 200);
    for (size_t e = 0; e < METRICS_ENDPOINTS; e++) {
        for (size_t c = 0; c < METRICS_CODES; c++) {
            all += atomic_load(&metrics.requests[e][c]);
        }
    }
    EXPECT_INT(all, 3);
}

static void scrape(void)
{
    buf_clear(&text);
    metrics_write(&h.gateway, &text);
    EXPECT(!text.failed);
}

static bool has(const char *line)
{
    bool found = slice_find_slice(buf_slice(&text), slice_from_cstr(line)) != SIZE_MAX;
    if (!found) {
        printf("# no %s", line);
    }
    return found;
}

static int ask(const char *path, const char *body_text)
{
    struct buf body = {.limit = 1u << 20};
    buf_clear(&request);
    client_close(&client);
    int status =
        harness_ask(post_text(path, NULL, slice_from_cstr(body_text), &request), &client, &body);
    buf_release(&body);
    return status;
}

static void counts_calls(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", ASK("first", "")), 200);
    EXPECT_INT(ask("/v1/chat/completions", "{"), 400);
    EXPECT_INT(ask("/nowhere", "{}"), 404);
    EXPECT_INT(ask("/sluice/v1/explain", ASK("first", "")), 200);
    EXPECT_INT(ask("/sluice/v1/explain", "{"), 400);
    scrape();
    EXPECT(has("sluice_http_requests_total{route=\"/v1/chat/completions\",method=\"POST\",code="
               "\"200\"} 1\n"));
    EXPECT(has("route=\"/v1/chat/completions\",method=\"POST\",code=\"400\"} 1\n"));
    EXPECT(has("route=\"/sluice/v1/explain\",method=\"POST\",code=\"200\"} 1\n"));
    EXPECT(has("route=\"/sluice/v1/explain\",method=\"POST\",code=\"400\"} 1\n"));
    EXPECT(has("route=\"other\",method=\"other\",code=\"404\"} 1\n"));
    EXPECT(has("sluice_cost_usd_total 0.002\n"));
    EXPECT(has("sluice_upstream_tokens_total{type=\"input\"} 1000\n"));
    EXPECT(has("sluice_upstream_tokens_total{type=\"output\"} 500\n"));
    EXPECT(
        has("sluice_upstream_requests_total{target=\"first\",provider=\"a\",outcome=\"ok\"} 1\n"));
    EXPECT(has("sluice_http_request_duration_seconds_count 2\n"));
    EXPECT(has("sluice_overhead_seconds_count 1\n"));
    EXPECT(has("sluice_upstream_ttft_seconds_count 1\n"));
}

/* A body over the limit is answered by the server itself, and counted all the same. */
static void counts_refused_bodies(void)
{
    client_close(&client);
    client_open(&client);
    client.out = SLICE("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Length: 99999999999\r\n\r\n");
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 413);
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    scrape();
    EXPECT(has("route=\"/v1/chat/completions\",method=\"POST\",code=\"413\"} 1\n"));
}

/* Every line is a comment or `name{labels} value`, every metric is announced once. */
static void well_formed(void)
{
    struct slice rest = buf_slice(&text);
    int announced = 0;
    scrape();
    for (rest = buf_slice(&text); rest.len > 0;) {
        struct slice line = slice_cut(&rest, '\n');
        if (slice_starts(line, SLICE("# "))) {
            announced += slice_starts(line, SLICE("# TYPE "));
            continue;
        }
        size_t space = line.len;
        while (space > 0 && line.ptr[space - 1] != ' ') {
            space--;
        }
        char number[64];
        char *end = NULL;
        slice_to_cstr(slice_from(line, space), number, sizeof(number));
        (void)strtod(number, &end);
        EXPECT(space > 1 && end != number && *end == '\0');
        EXPECT(slice_starts(line, SLICE("sluice_")) || slice_starts(line, SLICE("process_")));
        EXPECT((slice_find(line, '{') == SIZE_MAX) == (slice_find(line, '}') == SIZE_MAX));
    }
    EXPECT(announced > 15);
}

int main(void)
{
    harness_begin(YAML, false);
    client.fd = -1;
    TEST(histogram_bounds, "durations fall into doubling buckets");
    TEST(odd_requests, "unknown endpoints and codes have a row");
    TEST(counts_calls, "calls, tokens and money are counted");
    TEST(counts_refused_bodies, "bodies that were refused are counted");
    TEST(well_formed, "the exposition is well formed");
    client_close(&client);
    buf_release(&request);
    buf_release(&text);
    harness_end();
    return tap_done();
}
