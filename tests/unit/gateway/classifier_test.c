/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's own classifier: what it says decides, whatever goes wrong leaves the rules'
 * result, and what it costs belongs to the call. The letter c is the classifier's upstream.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "store/report.h"
#include "tests/unit/gateway/answers.h"

#define COMMON                                                                                     \
    COMMON_BUT("preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/c/v1', local: false")
#define COMMON_BUT(judge)                                                                          \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  c: { " judge " }\n"                                                                         \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o' }\n"                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  llama: { provider: o, model: mo }\n"
#define JUDGE                                                                                      \
    "  judge: { provider: c, model: mc, price: { input_per_mtok: 100, output_per_mtok: 200 } }\n"
#define ROUTES                                                                                     \
    "routes:\n"                                                                                    \
    "  auto: { targets: [first, llama], max_attempts: 1, tasks: { math: [first], chat: [first] "   \
    "} }\n"
#define BY_ENDPOINT                                                                                \
    "classifier: { kind: endpoint, url: 'http://127.0.0.1:$PORT/c/classify', timeout: 200ms }\n"
#define BY_TARGET "classifier: { kind: target, target: judge, timeout: 200ms }\n"

/* 100 tokens in and 10 out at the judge cost $0.012. */
#define WORD(word)                                                                                 \
    ANSWER("{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" word    \
           "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,"                    \
           "\"completion_tokens\":10}}")
#define JUDGE_COST 12000000
#define CALL_COST 2000000
#define QUESTION_COST 13700000 /* its bytes by four, at the price of the judge */

struct classifier_case {
    const char *name;
    const char *yaml;
    const char *headers;
    const char *body;
    struct slice answer; /* of the classifier */
    enum after after;
    int asked; /* how often the classifier was */
    const char *task;
    int attempts;    /* of the call, in the ledger */
    int64_t cost_nd; /* of the call; -1: not checked */
    int status;      /* 0: 200 */
};

static const struct classifier_case cases[] = {
    {.name = "an endpoint's word decides",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = ANSWER("{\"task\":\"math\",\"complexity\":0.9}"),
     .asked = 1,
     .task = "math",
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "an endpoint that says nonsense is not heeded",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = ANSWER("{\"task\":\"sleep\",\"complexity\":1e400}"),
     .asked = 1,
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "an endpoint that answers no JSON is not heeded",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = ANSWER("[\"math\"]x"),
     .asked = 1,
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "an endpoint that fails is not heeded",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = STATUS("500 X", "{\"task\":\"math\"}"),
     .asked = 1,
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "an endpoint that resets is not heeded",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = SLICE_INIT("HTTP"),
     .after = AFTER_RESET,
     .asked = 1,
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "an endpoint that hangs costs its time only",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .answer = SLICE_INIT(""),
     .after = AFTER_HANG,
     .asked = 1,
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "a task that the caller gives is not asked about",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .headers = "x-sluice-task: math\r\n",
     .answer = ANSWER("{\"task\":\"other\"}"),
     .task = "math",
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "a target that the caller names needs no task",
     .yaml = COMMON ROUTES BY_ENDPOINT,
     .body = ASK("first", ""),
     .answer = ANSWER("{\"task\":\"math\"}"),
     .attempts = 1,
     .cost_nd = CALL_COST},
    {.name = "a target's word decides, is charged, and is no try of the plan",
     .yaml = COMMON JUDGE ROUTES BY_TARGET,
     .answer = WORD(" math.\\n"),
     .asked = 1,
     .task = "math",
     .attempts = 2,
     .cost_nd = JUDGE_COST + CALL_COST},
    {.name = "a target whose model stands in the path is asked as well",
     .yaml = COMMON_BUT("preset: gemini, base_url: 'http://127.0.0.1:$PORT/c/v1beta'")
         JUDGE ROUTES BY_TARGET,
     .answer = ANSWER("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":"
                      "\"math\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
                      "\"promptTokenCount\":100,\"candidatesTokenCount\":10}}"),
     .asked = 1,
     .task = "math",
     .attempts = 2,
     .cost_nd = JUDGE_COST + CALL_COST},
    {.name = "a target's answer without usage is estimated",
     .yaml = COMMON JUDGE ROUTES BY_TARGET,
     .answer = ANSWER("{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
                      "\"math\"},\"finish_reason\":\"stop\"}]}"),
     .asked = 1,
     .task = "math",
     .attempts = 2,
     .cost_nd = -1},
    {.name = "a target that hangs has read the question, for all we know",
     .yaml = COMMON JUDGE ROUTES BY_TARGET,
     .answer = SLICE_INIT(""),
     .after = AFTER_HANG,
     .asked = 1,
     .attempts = 2,
     .cost_nd = CALL_COST + QUESTION_COST},
    {.name = "a prompt that must stay local is not told to a remote target",
     .yaml = COMMON JUDGE ROUTES BY_TARGET,
     .headers = "x-sluice-local-only: true\r\n",
     .body = ASK("auto", ""),
     .answer = WORD("math"),
     .status = 422,
     .cost_nd = 0},
    {.name = "a classifier dearer than the limit is not asked",
     .yaml = COMMON JUDGE ROUTES BY_TARGET,
     .headers = "x-sluice-max-cost-usd: 0.002\r\n",
     .answer = WORD("math"),
     .attempts = 1,
     .cost_nd = CALL_COST},
};

static const struct classifier_case *the_case;

static void expect_rows(const struct classifier_case *c, struct slice id_text)
{
    struct arena arena;
    struct call_detail detail;
    struct error error;
    struct id id;
    arena_init(&arena, 1u << 20);
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    bool found = id_parse(id_text, &id) && report_call(h.database, id, &arena, &detail, &error);
    EXPECT(found);
    if (found) {
        EXPECT_INT(detail.count, c->attempts);
        if (c->cost_nd >= 0) {
            EXPECT_INT(detail.row.call.cost_nd, c->cost_nd);
        } else {
            EXPECT(detail.row.call.cost_nd > CALL_COST);
        }
        if (c->task != NULL) {
            EXPECT_SLICE(slice_from_cstr(task_name(detail.row.call.task)), c->task);
        }
    }
    arena_release(&arena);
}

static void run_case(void)
{
    const struct classifier_case *c = the_case;
    struct client client;
    struct error error;
    struct buf request = {.limit = 1u << 20};
    struct buf body = {.limit = 1u << 20};
    harness_begin(c->yaml, true);
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    script_set('c', c->answer, c->after == AFTER_KEEP ? AFTER_CLOSE : c->after);
    struct slice ask =
        slice_from_cstr(c->body != NULL ? c->body : ASK("auto", ",\"max_tokens\":9"));
    int status =
        harness_ask(post_text("/v1/chat/completions", c->headers, ask, &request), &client, &body);
    EXPECT_INT(status, c->status == 0 ? 200 : c->status);
    EXPECT_INT(script_of('c')->requests, c->asked);
    if (c->asked > 0) {
        EXPECT(slice_find_slice(buf_slice(&script_of('c')->body), SLICE("Say zebra")) != SIZE_MAX);
    }
    expect_rows(c, client_header(&client, "x-sluice-call-id"));
    EXPECT(ledger_verify(h.database, &error));
    harness_heal();
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
}

static void client_leaves(void)
{
    struct client client;
    struct error error;
    struct buf request = {.limit = 1u << 20};
    harness_begin(COMMON JUDGE ROUTES BY_TARGET, true);
    script_set('c', (struct slice)SLICE_INIT(""), AFTER_HANG);
    client_open(&client);
    client.out =
        post_text("/v1/chat/completions", NULL, slice_from_cstr(ASK("auto", "")), &request);
    UNTIL(&client, script_of('c')->requests == 1);
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    harness_heal();
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    EXPECT(ledger_verify(h.database, &error));
    buf_release(&request);
    harness_end();
}

static void rests(void)
{
    struct client client;
    struct buf request = {.limit = 1u << 20};
    struct buf body = {.limit = 1u << 20};
    harness_begin(COMMON JUDGE ROUTES BY_TARGET, true);
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    script_set('c', (struct slice)STATUS("429 X", "{}"), AFTER_CLOSE);
    struct slice text =
        post_text("/v1/chat/completions", NULL, slice_from_cstr(ASK("auto", "")), &request);
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(harness_ask(text, &client, &body), 200);
        client_close(&client);
    }
    EXPECT_INT(script_of('c')->requests, 1);
    buf_release(&request);
    buf_release(&body);
    harness_end();
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        the_case = &cases[i];
        TEST(run_case, cases[i].name);
    }
    TEST(client_leaves, "a client that leaves meanwhile cancels the question, which is settled");
    TEST(rests, "a target that is asked too often rests");
    return tap_done();
}
