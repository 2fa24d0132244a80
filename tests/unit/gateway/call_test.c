/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls in one process, from the client's bytes to the ledger's rows: every outcome in every lane,
 * streamed and not. What a case does not name does not matter to it.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "tests/unit/gateway/answers.h"

#include "store/report.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1', api_key: "         \
    "secret-of-a, first_byte_timeout: 300ms }\n"                                                   \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1' }\n"                \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o' }\n"                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"   \
    "  llama: { provider: o, model: mo, price: { input_per_mtok: 3, output_per_mtok: 6 } }\n"      \
    "routes:\n"                                                                                    \
    "  auto: { targets: [first, second], baseline: second }\n"

#define LIST ",\"models\":[\"first\",\"second\"]"

#define UNCHECKED (-1)
#define SMALL_COST 2000000  /* of 1000 + 500 tokens at `first`: $0.002 */
#define LARGE_COST 20000000 /* at `second` */
/* What `first` may have read where it said nothing that is charged: estimated, at its price. */
#define PROMPT_COST 7000
#define STREAMED_PROMPT_COST 8000
#define LLAMA_COST 6000000

struct call_case {
    const char *name;
    const char *headers;
    const char *body;
    struct slice a, b, o; /* what the upstreams answer */
    enum after a_after;
    size_t piece;
    int status;
    bool cut; /* the answer is to look truncated */
    const char *has[3];
    const char *hasnt[2];
    int tries;          /* requests that upstreams got */
    int64_t cost_nd;    /* of the call */
    const char *target; /* header */
    const char *lane;   /* header */
    const char *error;  /* of the call's record; NULL: none */
    int outcome;        /* of the last attempt; UNCHECKED: there is none */
    bool estimated;     /* usage of the last attempt */
};

static const struct call_case cases[] = {
    /* --- the good lanes --- */
    {.name = "a whole answer in the edit lane",
     .body = ASK("first", ""),
     .a = ANSWER(WHOLE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {WHOLE},
     .tries = 1,
     .cost_nd = SMALL_COST,
     .target = "first",
     .lane = "edit"},
    {.name = "a whole answer in the verbatim lane",
     .body = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"model\":\"ma\",\"models\":["
             "\"first\"]}",
     .headers = "",
     .a = ANSWER(WHOLE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {WHOLE},
     .tries = 1,
     .cost_nd = SMALL_COST,
     .target = "first"},
    {.name = "a whole answer in the translate lane",
     .body = ASK("llama", ""),
     .o = ANSWER(OLLAMA_WHOLE),
     .status = 200,
     .has = {"\"content\":\"hello\"", "\"prompt_tokens\":1000", "chat.completion"},
     .hasnt = {"eval_count"},
     .tries = 1,
     .cost_nd = LLAMA_COST,
     .target = "llama",
     .lane = "translate"},
    {.name = "a stream whose usage was not asked for hides it",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP DONE},
     .hasnt = {"prompt_tokens"},
     .tries = 1,
     .cost_nd = SMALL_COST,
     .lane = "edit"},
    {.name = "a stream in pieces of seven bytes is the same",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .piece = 7,
     .status = 200,
     .has = {HELLO STOP DONE},
     .hasnt = {"prompt_tokens"},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a stream whose usage was asked for shows it",
     .body = ASK("first", STREAMED ",\"stream_options\":{\"include_usage\":true}"),
     .a = STREAM(HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP USAGE DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a stream ends with its cost when that was asked for",
     .headers = "x-sluice-meta: true\r\n",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {STOP ": x-sluice-cost-usd 0.002 "},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a translated stream",
     .body = ASK("llama", STREAMED),
     .o = LINES(OLLAMA_PIECE OLLAMA_WHOLE),
     .status = 200,
     .has = {"\"content\":\"hel\"", "\"finish_reason\":\"stop\"", DONE},
     .hasnt = {"eval_count", "prompt_tokens"},
     .tries = 1,
     .cost_nd = LLAMA_COST,
     .lane = "translate"},
    {.name = "a whole answer to a client that wants a stream becomes one",
     .headers = "x-sluice-meta: true\r\n",
     .body = ASK("first", STREAMED),
     .a = ANSWER(WHOLE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {"\"content\":\"hello\"", "\"finish_reason\":\"stop\"", "-baseline-usd 0.002\n\n" DONE},
     .hasnt = {"chat.completion\""},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a stream without a content type is a stream",
     .body = ASK("first", STREAMED),
     .a = SLICE_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a whole answer without a content type is no stream",
     .body = ASK("first", STREAMED),
     .a = SLICE_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" WHOLE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {"\"content\":\"hello\"", DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    /* --- usage --- */
    {.name = "a whole answer without usage is estimated",
     .body = ASK("first", ""),
     .a = ANSWER("{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
                 "\"hello\"},\"finish_reason\":\"stop\"}]}"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .tries = 1,
     .cost_nd = UNCHECKED,
     .estimated = true},
    {.name = "a stream without usage is estimated",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP DONE},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .estimated = true},
    {.name = "usage before the content counts, and the last report wins",
     .body = ASK("first", STREAMED),
     .a = STREAM("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}}"
                 "\n\n" HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a cost that this provider is not known to report is not believed",
     .body = ASK("first", ""),
     .a = ANSWER("{\"choices\":[{\"index\":0,\"message\":{\"content\":\"hello\"},\"finish_reason\":"
                 "\"stop\"}],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":500,\"cost\":"
                 "0.000000001}}"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "counts beyond reason saturate",
     .body = ASK("first", ""),
     .a = ANSWER("{\"choices\":[{\"index\":0,\"message\":{\"content\":\"hello\"},\"finish_reason\":"
                 "\"stop\"}],\"usage\":{\"prompt_tokens\":9223372036854775807,"
                 "\"completion_tokens\":9223372036854775807}}"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .tries = 1,
     .cost_nd = UNCHECKED},
    /* --- streams at their edges --- */
    {.name = "a stream with two [DONE] ends once",
     .headers = "x-sluice-meta: true\r\n",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {"\n\n" DONE DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "bytes behind [DONE] reach the client and change nothing",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE DONE ": bye\n\ndata: {\"error\":{\"message\":\"late\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP DONE ": bye\n\n"},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a finished stream without [DONE] is complete",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO STOP USAGE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO STOP},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "comments before an answer are kept",
     .body = ASK("first", STREAMED),
     .a = STREAM(": wait\n\n: wait\n\n" HELLO STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {": wait\n\n: wait\n\n" HELLO STOP DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "a malformed event in a verbatim stream passes",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO "data: {broken\n\n" STOP USAGE DONE),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .has = {HELLO "data: {broken\n\n" STOP DONE},
     .tries = 1,
     .cost_nd = SMALL_COST},
    {.name = "an empty stream is no answer",
     .body = ASK("first", STREAMED),
     .a = STREAM(""),
     .a_after = AFTER_CLOSE,
     .status = 502,
     .has = {"truncated_stream", "upstream_failed"},
     .tries = 1,
     .cost_nd = STREAMED_PROMPT_COST,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    {.name = "a stream of comments is no answer",
     .body = ASK("first", STREAMED),
     .a = STREAM(": wait\n\n: wait\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 502,
     .has = {"truncated_stream"},
     .tries = 1,
     .cost_nd = STREAMED_PROMPT_COST,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    {.name = "[DONE] alone is no answer",
     .body = ASK("first", STREAMED LIST),
     .a = STREAM(DONE),
     .a_after = AFTER_CLOSE,
     .b = STREAM(HELLO STOP USAGE DONE),
     .status = 200,
     .has = {HELLO STOP DONE},
     .tries = 2,
     .cost_nd = LARGE_COST + STREAMED_PROMPT_COST,
     .target = "second"},
    /* --- failures after the first byte --- */
    {.name = "a stream that is cut looks cut, is charged, and says so",
     .body = ASK("first", STREAMED),
     .a = SLICE_INIT(SSE_HEAD "Transfer-Encoding: chunked\r\n\r\n5c\r\n" HELLO "\r\n"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .cut = true,
     .has = {"hello", "\"code\":\"upstream_cut\""},
     .hasnt = {"[DONE]", "secret-of-a"},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    {.name = "an error in a stream that has begun",
     .body = ASK("first", STREAMED LIST),
     .a = STREAM(HELLO "data: {\"error\":{\"message\":\"melted\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .b = STREAM(HELLO STOP USAGE DONE),
     .status = 200,
     .cut = true,
     .has = {HELLO, "melted", "upstream_cut"},
     .hasnt = {"[DONE]"},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    {.name = "a prompt that is too long, said in a stream that has begun",
     .body = ASK("first", STREAMED LIST),
     .a = STREAM(HELLO "data: {\"error\":{\"message\":\"too long\",\"type\":\"server_error\","
                       "\"code\":\"context_length_exceeded\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .cut = true,
     .has = {HELLO,
             "{\"error\":{\"message\":\"too long\",\"type\":\"invalid_request_error\",\"param\""
             ":null,\"code\":\"context_length_exceeded\""},
     .hasnt = {"[DONE]", "upstream_cut"},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    {.name = "a rate limit, said in a stream that has begun",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO
                 "data: {\"error\":{\"message\":\"slower\",\"code\":\"rate_limit_exceeded\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .cut = true,
     .has = {HELLO,
             "{\"error\":{\"message\":\"slower\",\"type\":\"rate_limit_error\",\"param\":null,"
             "\"code\":\"rate_limit_exceeded\""},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    {.name = "a stream that ends unfinished",
     .body = ASK("first", STREAMED),
     .a = STREAM(HELLO),
     .a_after = AFTER_CLOSE,
     .status = 200,
     .cut = true,
     .has = {HELLO, "upstream_cut"},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    {.name = "a translated stream that ends unfinished",
     .body = ASK("llama", STREAMED),
     .o = LINES(OLLAMA_PIECE),
     .status = 200,
     .cut = true,
     .has = {"\"content\":\"hel\"", "upstream_cut"},
     .hasnt = {"[DONE]"},
     .tries = 1,
     .cost_nd = UNCHECKED,
     .error = "upstream_cut",
     .outcome = ATTEMPT_CUT,
     .estimated = true},
    /* --- failures before it --- */
    {.name = "a connection that is reset costs its prompt and is followed by the next",
     .body = "{\"model\":\"none\"" LIST ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     .a = SLICE_INIT(""),
     .a_after = AFTER_RESET,
     .b = ANSWER(WHOLE),
     .status = 200,
     .has = {WHOLE},
     .tries = 2,
     .cost_nd = LARGE_COST + PROMPT_COST,
     .target = "second"},
    {.name = "HTML with status 200",
     .body = "{\"model\":\"none\"" LIST ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     .a = SLICE_INIT(
         "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>"),
     .a_after = AFTER_CLOSE,
     .b = ANSWER(WHOLE),
     .status = 200,
     .has = {WHOLE},
     .hasnt = {"html"},
     .tries = 2,
     .cost_nd = LARGE_COST + PROMPT_COST,
     .target = "second"},
    {.name = "an error inside 200 without another target",
     .body = ASK("first", ""),
     .a = ANSWER("{\"error\":{\"message\":\"melted\",\"code\":\"x\"}}"),
     .a_after = AFTER_CLOSE,
     .status = 502,
     .has = {"error_in_answer (melted)", "\"sluice\":{"},
     .tries = 1,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    {.name = "a rate limit inside 200 without another target",
     .body = ASK("first", STREAMED),
     .a = STREAM("data: {\"error\":{\"message\":\"slower\",\"code\":\"rate_limit_exceeded\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 429,
     .has = {"rate_limit_error", "upstream_rate_limited"},
     .tries = 1,
     .error = "upstream_rate_limited",
     .outcome = ATTEMPT_FAILED},
    {.name = "a prompt that is too long, said inside 200",
     .body = ASK("first", STREAMED),
     .a = STREAM(
         "data: {\"error\":{\"message\":\"long\",\"code\":\"context_length_exceeded\"}}\n\n"),
     .a_after = AFTER_CLOSE,
     .status = 400,
     .has = {"\"message\":\"long\"", "\"code\":\"context_length_exceeded\""},
     .tries = 1,
     .error = "context_length_exceeded",
     .outcome = ATTEMPT_FAILED},
    {.name = "a refusal of the request inside 200 goes nowhere else",
     .body = ASK("first", LIST),
     .a = ANSWER("{\"error\":{\"message\":\"no such role\",\"type\":\"invalid_request_error\"}}"),
     .a_after = AFTER_CLOSE,
     .b = ANSWER(WHOLE),
     .status = 400,
     .has = {"\"message\":\"no such role\""},
     .tries = 1,
     .error = "upstream_rejected",
     .outcome = ATTEMPT_FAILED},
    {.name = "no answer in time",
     .body = ASK("first", ""),
     .a = SLICE_INIT(""),
     .a_after = AFTER_HANG,
     .status = 504,
     .has = {"upstream_timeout", "first_byte_timeout"},
     .tries = 1,
     .cost_nd = STREAMED_PROMPT_COST,
     .error = "upstream_timeout",
     .outcome = ATTEMPT_FAILED},
    {.name = "too many requests, with the provider's advice",
     .body = ASK("first", ""),
     .a = SLICE_INIT("HTTP/1.1 429 X\r\nRetry-After: 7\r\nConnection: close\r\n\r\n{}"),
     .a_after = AFTER_CLOSE,
     .status = 429,
     .has = {"upstream_rate_limited"},
     .tries = 1,
     .error = "upstream_rate_limited",
     .outcome = ATTEMPT_FAILED},
    {.name = "credentials of ours that are refused are not the client's fault",
     .body = ASK("first", ""),
     .a = STATUS("401 X", "{\"error\":{\"message\":\"bad key secret-of-a\"}}"),
     .a_after = AFTER_CLOSE,
     .status = 502,
     .has = {"upstream_refused_credentials"},
     .hasnt = {"secret-of-a"},
     .tries = 1,
     .error = "upstream_refused_credentials",
     .outcome = ATTEMPT_FAILED},
    {.name = "a request that the provider refuses goes nowhere else",
     .body = "{\"model\":\"none\"" LIST ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     .a = STATUS("400 X", "{\"error\":{\"message\":\"bad \\\"temperature\\\"\"}}"),
     .a_after = AFTER_CLOSE,
     .b = ANSWER(WHOLE),
     .status = 400,
     .has = {"bad \\\"temperature\\\"", "upstream_rejected"},
     .tries = 1,
     .error = "upstream_rejected",
     .outcome = ATTEMPT_FAILED},
    {.name = "a refusal's member and code reach a client of the same dialect",
     .body = ASK("first", ""),
     .a = STATUS("400 X", "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\","
                          "\"param\":\"top_p\",\"code\":\"invalid_value\"}}"),
     .a_after = AFTER_CLOSE,
     .status = 400,
     .has = {"\"param\":\"top_p\",\"code\":\"invalid_value\""},
     .tries = 1,
     .error = "upstream_rejected",
     .outcome = ATTEMPT_FAILED},
    {.name = "a redirect is no answer",
     .body = ASK("first", ""),
     .a =
         SLICE_INIT("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
     .status = 502,
     .tries = 1,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    {.name = "gzip that is none",
     .body = ASK("first", ""),
     .a = SLICE_INIT(JSON_HEAD "Content-Encoding: gzip\r\nConnection: close\r\n\r\n" WHOLE),
     .a_after = AFTER_CLOSE,
     .status = 502,
     .has = {"corrupt_encoding"},
     .tries = 1,
     .cost_nd = STREAMED_PROMPT_COST,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    {.name = "framing that is ambiguous",
     .body = ASK("first", ""),
     .a = SLICE_INIT(JSON_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
     .status = 502,
     .has = {"malformed"},
     .tries = 1,
     .cost_nd = STREAMED_PROMPT_COST,
     .error = "upstream_failed",
     .outcome = ATTEMPT_FAILED},
    /* --- nothing is sent --- */
    {.name = "malformed JSON",
     .body = "{\"model\":",
     .status = 400,
     .has = {"invalid_json", "call_id"},
     .error = "invalid_json",
     .outcome = UNCHECKED},
    {.name = "an unknown model",
     .body = ASK("nobody\\r\\nx: y", ""),
     .status = 404,
     .has = {"model_not_found", "\"param\":\"/model\""},
     .error = "model_not_found",
     .outcome = UNCHECKED},
    {.name = "a model list without end",
     .body = "{\"models\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
             "\"a\",\"a\","
             "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
             "\"a\",\"a\","
             "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
             "\"a\",\"a\","
             "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
             "\"a\",\"a\","
             "\"a\",\"a\",\"a\",\"a\"],\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     .status = 400,
     .has = {"invalid_option", "/models"},
     .error = "invalid_option",
     .outcome = UNCHECKED},
    {.name = "a wish that does not exist",
     .headers = "x-sluice-max-cost: 1\r\n",
     .body = ASK("first", ""),
     .status = 400,
     .has = {"invalid_header", "x-sluice-max-cost"},
     .error = "invalid_header",
     .outcome = UNCHECKED},
    {.name = "a limit of 0 dollars where nothing is free",
     .headers = "x-sluice-max-cost-usd: 0\r\n",
     .body = ASK("auto", ""),
     .status = 422,
     .has = {"no_feasible_target", "over_cost", "\"refused\":[{"},
     .error = "no_feasible_target",
     .outcome = UNCHECKED},
    {.name = "a loss that strict refuses",
     .headers = "x-sluice-strict: true\r\n",
     .body = ASK("llama", ",\"logit_bias\":{\"1\":2}"),
     .status = 422,
     .has = {"lossy_translation"},
     .error = "lossy_translation",
     .outcome = UNCHECKED},
};

static void expect_text(const struct call_case *c, const struct buf *body)
{
    for (size_t i = 0; i < ARRAY_LEN(c->has); i++) {
        if (c->has[i] != NULL &&
            slice_find_slice(buf_slice(body), slice_from_cstr(c->has[i])) == SIZE_MAX) {
            printf("# the body lacks %s\n", c->has[i]);
            tap_point_failed = true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(c->hasnt); i++) {
        if (c->hasnt[i] != NULL &&
            slice_find_slice(buf_slice(body), slice_from_cstr(c->hasnt[i])) != SIZE_MAX) {
            printf("# the body has %s\n", c->hasnt[i]);
            tap_point_failed = true;
        }
    }
    if (tap_point_failed) {
        printf("# body: %.*s\n", (int)body->len, body->ptr == NULL ? "" : body->ptr);
    }
}

static void expect_attempts(const struct call_case *c, const struct call_detail *detail)
{
    EXPECT_INT(detail->count, c->tries);
    EXPECT_INT(detail->row.call.attempts, c->tries);
    if (detail->count == 0 || c->outcome == UNCHECKED) {
        return;
    }
    const struct settle_record *last = &detail->attempts[detail->count - 1];
    EXPECT_INT(last->outcome, c->outcome);
    if (c->outcome != ATTEMPT_FAILED) {
        EXPECT_INT(!last->usage.reported, c->estimated);
        EXPECT(last->cost_nd > 0);
    }
}

/* The ledger's view of the call whose id the client got. */
static void expect_rows(const struct call_case *c, struct slice id_text)
{
    struct arena arena;
    struct call_detail detail;
    struct error error;
    struct id id;
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    arena_init(&arena, 1u << 20);
    bool found = id_parse(id_text, &id) && report_call(h.database, id, &arena, &detail, &error);
    EXPECT(found);
    if (found) {
        EXPECT_INT(detail.row.call.status, c->status);
        EXPECT_SLICE(detail.row.call.error, c->error == NULL ? "" : c->error);
        EXPECT_INT(detail.row.call.complete, c->status == 200 && !c->cut);
        if (c->cost_nd != UNCHECKED) {
            EXPECT_INT(detail.row.call.cost_nd, c->cost_nd);
        }
        expect_attempts(c, &detail);
    }
    arena_release(&arena);
}

static void expect_header(const struct client *client, const char *name, const char *value)
{
    if (value != NULL) {
        EXPECT_SLICE(client_header(client, name), value);
    }
}

static const struct call_case *the_case;

static void run_case(void)
{
    const struct call_case *c = the_case;
    struct client client;
    struct buf request = BUF_INIT(1u << 20);
    struct buf body = BUF_INIT(1u << 24);
    harness_heal();
    script_set('a', c->a, c->a_after);
    script_set('b', c->b, AFTER_CLOSE);
    script_set('o', c->o, AFTER_CLOSE);
    script_of('a')->piece = c->piece;
    client_open(&client);
    client.out = post_text("/v1/chat/completions", c->headers, slice_from_cstr(c->body), &request);
    UNTIL(&client, client_done(&client));
    bool complete = client_body(&client, &body);
    EXPECT_INT(complete, !c->cut);
    EXPECT_INT(client_status(&client), c->status);
    expect_header(&client, "x-sluice-target", c->target);
    expect_header(&client, "x-sluice-lane", c->lane);
    expect_text(c, &body);
    EXPECT_INT(script_of('a')->requests + script_of('b')->requests + script_of('o')->requests,
               c->tries);
    expect_rows(c, client_header(&client, "x-sluice-call-id"));
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
}

int main(void)
{
    struct error error;
    harness_begin(YAML, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        the_case = &cases[i];
        TEST(run_case, cases[i].name);
    }
    tap_begin();
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    EXPECT(ledger_verify(h.database, &error));
    harness_heal();
    tap_end("the ledger's invariants hold and nothing is in flight");
    tap_begin();
    harness_end();
    tap_end("the worker drains");
    return tap_done();
}
