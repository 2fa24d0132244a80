/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many calls at once, with upstreams that do anything, clients that leave at any time, and
 * configurations that come and go: a fixed seed decides. Afterwards nothing is left in flight and
 * the ledger's sums are right.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "base/random.h"
#include "tests/unit/gateway/answers.h"

#define YAML(extra)                                                                                \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1', "                  \
    "first_byte_timeout: 20ms, idle_timeout: 20ms }\n"                                             \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1', "                  \
    "total_timeout: 30ms }\n"                                                                      \
    "  c: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/c/v1' }\n"                \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o', idle_timeout: 20ms }\n"          \
    "  gone: { preset: openai-compatible, base_url: 'http://127.0.0.1:1/v1' }\n"                   \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"   \
    "  llama: { provider: o, model: mo, price: { input_per_mtok: 3, output_per_mtok: 6 } }\n"      \
    "  judge: { provider: c, model: mc, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  nowhere: { provider: gone, model: mn, price: { input_per_mtok: 1, output_per_mtok: 1 } }\n" \
    "routes:\n"                                                                                    \
    "  auto: { targets: [nowhere, first, llama, second], max_attempts: 4 }\n" extra

#define CLIENTS 24
#define ROUNDS 4000

static const char *const configurations[] = {
    YAML(""),
    YAML("classifier: { kind: target, target: judge, timeout: 15ms }\n"),
    YAML("classifier: { kind: endpoint, url: 'http://127.0.0.1:$PORT/c/x', timeout: 15ms }\n"),
};

static const struct slice answers[] = {
    ANSWER(WHOLE),
    ANSWER(WHOLE),
    STREAM(HELLO STOP USAGE DONE),
    STREAM(HELLO STOP USAGE DONE),
    STREAM(HELLO STOP DONE DONE),
    STREAM(HELLO),
    STREAM(""),
    STREAM(DONE),
    STREAM(HELLO "data: {\"error\":{\"message\":\"melted\"}}\n\n"),
    STREAM("data: {\"error\":{\"message\":\"melted\"}}\n\n"),
    STREAM(HELLO "data: {broken\n\n" STOP DONE),
    STREAM("data: {broken\n\n"),
    ANSWER("{\"error\":{\"message\":\"melted\"}}"),
    ANSWER("<html>"),
    ANSWER("{\"task\":\"math\"}"),
    ANSWER(OLLAMA_WHOLE),
    LINES(OLLAMA_PIECE OLLAMA_WHOLE),
    LINES(OLLAMA_PIECE),
    LINES(OLLAMA_PIECE "{\"error\":\"melted\"}\n"),
    STATUS("500 X", "{}"),
    STATUS("429 X", "{}"),
    STATUS("400 X", "{\"error\":{\"message\":\"no\"}}"),
    STATUS("400 X", "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"no\"}}"),
    STATUS("401 X", "{}"),
    STATUS("204 X", ""),
    SLICE_INIT("HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    SLICE_INIT(SSE_HEAD "Transfer-Encoding: chunked\r\n\r\nffffff\r\n" HELLO),
    SLICE_INIT(SSE_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" HELLO),
    SLICE_INIT(JSON_HEAD "Content-Encoding: gzip\r\n\r\n" WHOLE),
    SLICE_INIT(JSON_HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" HELLO STOP DONE),
    SLICE_INIT("HTTP/1.1 200"),
    SLICE_INIT("rubbish\r\n\r\n"),
    SLICE_INIT(""),
};

static const char *const requests[] = {
    ASK("auto", ""),
    ASK("auto", STREAMED),
    ASK("auto", STREAMED ",\"stream_options\":{\"include_usage\":true}"),
    ASK("first", STREAMED),
    ASK("llama", STREAMED),
    ASK("llama", ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
    ASK("nowhere", ",\"models\":[\"first\",\"second\",\"llama\"]"),
    ASK("auto", ",\"sluice\":{\"max_cost_usd\":0.003,\"meta\":true},\"stream\":true"),
    ASK("auto", ",\"n\":3"),
    ASK("nobody", ""),
    "{",
};

static struct client clients[CLIENTS];
static struct buf sent[CLIENTS];
static struct random dice;

static size_t below(size_t limit)
{
    return (size_t)(random_next(&dice) % limit);
}

static void throw_scripts(void)
{
    static const char letters[] = "abco";
    for (size_t i = 0; i < 4; i++) {
        struct script *script = script_of(letters[i]);
        script->bytes = answers[below(ARRAY_LEN(answers))];
        script->after = below(8) == 0 ? (enum after)below(4) : AFTER_CLOSE;
        script->piece = below(3) == 0 ? 1 + below(40) : 0;
    }
}

static void throw_client(size_t i)
{
    static const char *const paths[] = {"/v1/chat/completions", "/v1/chat/completions",
                                        "/v1/chat/completions", "/sluice/v1/explain"};
    static const char *const headers[] = {"", "Connection: close\r\n", "x-sluice-meta: true\r\n",
                                          "x-sluice-strict: true\r\n"};
    if (clients[i].fd >= 0) {
        client_close(&clients[i]);
        return;
    }
    buf_clear(&sent[i]);
    client_open(&clients[i]);
    for (size_t n = 1 + below(2); n > 0; n--) { /* two are pipelined */
        (void)post_text(paths[below(4)], headers[below(4)],
                        slice_from_cstr(requests[below(ARRAY_LEN(requests))]), &sent[i]);
    }
    clients[i].out = buf_slice(&sent[i]);
    clients[i].out.len -= below(10) == 0 ? below(clients[i].out.len) : 0;
}

static void throw_all(bool faults)
{
    size_t i = below(CLIENTS);
    if (below(4) == 0) {
        throw_client(i);
    }
    if (below(20) == 0) {
        throw_scripts();
    }
    if (below(400) == 0) {
        EXPECT(harness_publish(configurations[below(3)], 2));
    }
    if (below(40) == 0) {
        struct policy *policy = &h.gateway.snapshot->policy;
        struct target_health *health = policy->targets[below(policy->target_count)].health;
        atomic_store(&health->retry_at_ns, 0);
        atomic_store(&health->probing, false);
    }
#ifdef SLUICE_FAULTS
    if (faults && below(10) == 0) {
        memory_fail_nth((int64_t)below(60));
    }
#endif
    (void)faults;
    uv_run(&h.worker->loop.uv, UV_RUN_NOWAIT);
#ifdef SLUICE_FAULTS
    memory_fail_nth(-1);
#endif
    if (below(4) != 0) {
        client_turn(&clients[below(CLIENTS)]);
    }
}

static void run(uint64_t seed, bool faults)
{
    struct error error;
    harness_begin(configurations[0], !faults);
    random_seed(&dice, seed);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i].fd = -1;
        buf_init(&sent[i], 1u << 16);
    }
    throw_scripts();
    for (int round = 0; round < ROUNDS; round++) {
        throw_all(faults);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(&clients[i]);
        buf_release(&sent[i]);
    }
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    harness_heal();
    if (!faults) {
        EXPECT(ledger_flush(h.gateway.ledger, 5000));
        EXPECT(ledger_verify(h.database, &error));
        struct ledger_stats stats;
        ledger_stats(h.gateway.ledger, &stats);
        EXPECT(stats.rows > 100);
        EXPECT_INT(stats.anomalies, 0);
        EXPECT_INT(stats.open_calls, 0);
    }
    EXPECT_INT(atomic_load(&h.worker->metrics.ledger_refused), 0);
    harness_end();
}

static void orderly(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run(seed, false);
    }
}

static void without_memory(void)
{
    for (uint64_t seed = 101; seed <= 103; seed++) {
        run(seed, true);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* one seed, for whoever looks for more */
        uint64_t seed = strtoull(argv[1], NULL, 10);
        run(seed, argc > 2);
        return tap_point_failed ? 1 : 0;
    }
    TEST(orderly, "whatever upstreams and clients do, calls end and sums are right");
    TEST(without_memory, "... also while allocations fail");
    return tap_done();
}
