/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation of a call fails, for every n: no crash, no call without an end, no answer
 * that looks complete and is not, nothing left in flight, and no leak (the sanitizer tells). The
 * call after it is served as ever.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "tests/unit/gateway/answers.h"

#ifdef SLUICE_FAULTS

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1' }\n"                \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o' }\n"                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"     \
    "  llama: { provider: o, model: mo, price: { input_per_mtok: 3, output_per_mtok: 6 } }\n"

#define FAILURES_MAX 2000

struct memory_case {
    const char *name;
    const char *path;
    const char *body;
    struct slice a, b, o;
    const char *has;  /* in an answer that is complete and has status 200 */
    const char *last; /* ... and at its end */
};

static const struct memory_case cases[] = {
    {.name = "a whole answer",
     .path = "/v1/chat/completions",
     .body = ASK("first", ""),
     .a = ANSWER(WHOLE),
     .has = "hello",
     .last = "}"},
    {.name = "a stream",
     .path = "/v1/chat/completions",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE),
     .has = HELLO,
     .last = DONE},
    {.name = "a whole answer for a client that wants a stream",
     .path = "/v1/chat/completions",
     .body = ASK("first", STREAMED),
     .a = ANSWER(WHOLE),
     .has = "hello",
     .last = DONE},
    {.name = "a translated answer",
     .path = "/v1/chat/completions",
     .body = ASK("llama", ",\"stop\":[\"x\"]"),
     .o = ANSWER(OLLAMA_WHOLE),
     .has = "hello",
     .last = "}"},
    {.name = "a translated stream",
     .path = "/v1/chat/completions",
     .body = ASK("llama", STREAMED),
     .o = LINES(OLLAMA_PIECE OLLAMA_WHOLE),
     .has = "hel",
     .last = DONE},
    {.name = "a second attempt",
     .path = "/v1/chat/completions",
     .body = ASK("first", ",\"models\":[\"second\"],\"provider\":{\"order\":[\"\\u0062\"]}"),
     .a = STATUS("503 X", "{}"),
     .b = ANSWER(WHOLE),
     .has = "hello",
     .last = "}"},
    {.name = "an explanation",
     .path = "/sluice/v1/explain",
     .body = ASK("auto", ""),
     .has = "\"plan\":[",
     .last = "}"},
    {.name = "a refusal with its list",
     .path = "/v1/chat/completions",
     .body = ASK("auto", ",\"sluice\":{\"max_cost_usd\":0}"),
     .has = "nothing has status 200"},
};

static const struct memory_case *the_case;

static void expect_whole(const struct client *client)
{
    struct buf body = {.limit = 1u << 20};
    bool complete = client_body(client, &body);
    if (complete && client_status(client) == 200) {
        struct slice text = buf_slice(&body);
        EXPECT(slice_find_slice(text, slice_from_cstr(the_case->has)) != SIZE_MAX);
        EXPECT(slice_ends(text, slice_from_cstr(the_case->last)));
    }
    if (tap_point_failed) {
        printf("# %d: %.*s\n", client_status(client), SLICE_ARG(buf_slice(&body)));
    }
    buf_release(&body);
}

/* Returns whether an allocation failed. */
static bool run_with(struct slice request, int64_t nth)
{
    struct client client;
    harness_heal();
    script_set('a', the_case->a, AFTER_CLOSE);
    script_set('b', the_case->b, AFTER_CLOSE);
    script_set('o', the_case->o, AFTER_CLOSE);
    memory_fail_nth(nth);
    client_open(&client);
    client.out = request;
    UNTIL(&client, client_done(&client));
    bool happened = memory_fault_happened();
    memory_fail_nth(-1);
    expect_whole(&client);
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    return happened;
}

static void run_case(void)
{
    struct buf request = {.limit = 1u << 20};
    int64_t nth = 0;
    (void)post_text(the_case->path, NULL, slice_from_cstr(the_case->body), &request);
    while (nth < FAILURES_MAX && !tap_point_failed && run_with(buf_slice(&request), nth)) {
        nth++;
    }
    EXPECT(nth > 2 && nth < FAILURES_MAX);
    if (tap_point_failed) {
        printf("# at allocation %lld\n", (long long)nth);
    }
    buf_release(&request);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        harness_begin(YAML, false); /* a fresh worker: nothing is kept from the case before */
        the_case = &cases[i];
        TEST(run_case, cases[i].name);
        harness_end();
    }
    return tap_done();
}

#else

int main(void)
{
    printf("ok 1 - # SKIP allocations fail only in builds with SLUICE_FAULTS\n1..1\n");
    return 0;
}

#endif
