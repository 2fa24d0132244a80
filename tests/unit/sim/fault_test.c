/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each behaviour as a client sees it on the wire: one row says what the bytes hold, what they do
 * not, and how the answer ends.
 */
#include "tests/unit/sim/fleet.h"

#include "sim/behaviour.h"

#define PIECES_MAX 3

struct row {
    const char *model;
    bool stream;
    int status; /* 0: none seen */
    enum ending ending;
    const char *has[PIECES_MAX];
    const char *lacks[PIECES_MAX];
    const char *says;
};

static struct sim *fleet;

#define WHOLE false
#define STREAM true

static const struct row refusals[] = {
    {"fault-status-401", WHOLE, 401, ENDING_WHOLE, {"\"code\":\"invalid_api_key\""}, {0}, "401"},
    {"fault-status-404", WHOLE, 404, ENDING_WHOLE, {"\"code\":\"model_not_found\""}, {0}, "404"},
    {"fault-status-429-retry-2",
     STREAM,
     429,
     ENDING_WHOLE,
     {"retry-after: 2\r\n", "rate_limit_exceeded"},
     {"data: "},
     "429 with Retry-After"},
    {"fault-status-429-retry-ms-20",
     WHOLE,
     429,
     ENDING_WHOLE,
     {"retry-after-ms: 20\r\n"},
     {"retry-after:"},
     "429 with retry-after-ms"},
    {"fault-status-503-retry-date",
     WHOLE,
     503,
     ENDING_WHOLE,
     {"retry-after: Thu, 01 Jan 2026 00:00:00 GMT\r\n"},
     {0},
     "Retry-After as a date"},
    {"fault-status-500", STREAM, 500, ENDING_WHOLE, {"\"server_error\""}, {0}, "500"},
    {"fault-status-529", WHOLE, 529, ENDING_WHOLE, {"\"overloaded\""}, {0}, "529"},
    {"fault-status-418", WHOLE, 418, ENDING_WHOLE, {"\"simulated\""}, {0}, "any other status"},
    {"fault-context-length",
     WHOLE,
     400,
     ENDING_WHOLE,
     {"\"code\":\"context_length_exceeded\"", "maximum context length is 8192"},
     {0},
     "a context window that is exceeded"},
    {"fault-quota",
     WHOLE,
     429,
     ENDING_WHOLE,
     {"\"code\":\"insufficient_quota\""},
     {"retry-after"},
     "a quota that is used up"},
    {"fault-redirect", WHOLE, 307, ENDING_WHOLE, {"location: http://"}, {0}, "a redirect"},
    {"fault-error-in-200", WHOLE, 200, ENDING_WHOLE, {"{\"error\":{"}, {0}, "an error inside 200"},
    {"fault-html",
     STREAM,
     200,
     ENDING_WHOLE,
     {"content-type: text/html", "<!DOCTYPE html>"},
     {"data: "},
     "HTML with 200"},
    {"fault-html-status-502", WHOLE, 502, ENDING_WHOLE, {"<html>"}, {0}, "HTML with a status"},
    {"fault-plain-error",
     WHOLE,
     500,
     ENDING_WHOLE,
     {"content-type: text/plain", "upstream connect error"},
     {0},
     "a refusal in plain text"},
    {"fault-nosuch",
     WHOLE,
     400,
     ENDING_WHOLE,
     {"\"code\":\"unknown_behaviour\"", "'nosuch'"},
     {0},
     "a misspelt behaviour is refused"},
};

static const struct row endings[] = {
    {"fault-refused", WHOLE, 0, ENDING_RESET, {0}, {"HTTP"}, "refused: reset without an answer"},
    {"fault-reset-before", WHOLE, 0, ENDING_RESET, {0}, {"HTTP"}, "reset before the answer"},
    {"fault-fin-before", WHOLE, 0, ENDING_FIN, {0}, {"HTTP"}, "closed before the answer"},
    {"fault-reset-head",
     WHOLE,
     0,
     ENDING_RESET,
     {"HTTP/1.1 200 OK\r\ncontent-ty"},
     {"\r\n\r\n"},
     "reset inside the head"},
    {"fault-reset-mid",
     WHOLE,
     200,
     ENDING_RESET,
     {"\"choices\""},
     {"\"usage\""},
     "a whole answer is reset at half"},
    {"fault-fin-mid",
     WHOLE,
     200,
     ENDING_FIN,
     {"\"choices\""},
     {"\"usage\""},
     "a whole answer is closed at half"},
    {"fault-hang", WHOLE, 0, ENDING_HANG, {0}, {"HTTP"}, "no answer ever"},
    {"fault-hang-mid-2",
     STREAM,
     200,
     ENDING_HANG,
     {"data: "},
     {"[DONE]", "\r\n0\r\n"},
     "a stream that stops for ever"},
    {"fault-close", WHOLE, 200, ENDING_WHOLE, {"connection: close\r\n"}, {0}, "an announced close"},
    {"fault-stale",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"usage\""},
     {"connection:"},
     "a close that is not announced"},
    {"fault-drip-100000",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"usage\""},
     {0},
     "a slow drip arrives in full"},
};

static const struct row framings[] = {
    {"fault-truncated-chunk",
     STREAM,
     200,
     ENDING_FIN,
     {"[DONE]"},
     {"\r\n0\r\n\r\n"},
     "a chunk that is cut short"},
    {"fault-truncated-chunk",
     WHOLE,
     200,
     ENDING_FIN,
     {"transfer-encoding: chunked", "\"usage\""},
     {"\r\n0\r\n\r\n"},
     "a chunk that is cut short, whole"},
    {"fault-short-content-length-50",
     WHOLE,
     200,
     ENDING_FIN,
     {"content-length: ", "\"usage\""},
     {0},
     "a body shorter than announced"},
    {"fault-dup-content-length", WHOLE, 200, ENDING_WHOLE, {0}, {"chunked"}, "two lengths"},
    {"fault-length-and-chunked",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"content-length: ", "transfer-encoding: chunked"},
     {0},
     "a length beside chunks"},
    {"fault-bad-chunk",
     STREAM,
     200,
     ENDING_BROKEN,
     {"\r\n0x1g\r\n"},
     {0},
     "a chunk size that is none"},
    {"fault-bad-status-line", WHOLE, 0, ENDING_WHOLE, {"ICY OK\r\n"}, {"HTTP/1"}, "no status line"},
    {"fault-folded-header",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"x-folded: one\r\n two\r\n"},
     {0},
     "a folded header"},
    {"fault-no-length",
     STREAM,
     200,
     ENDING_FIN,
     {"[DONE]"},
     {"content-length", "chunked"},
     "a body that ends with the connection"},
    {"fault-http10", WHOLE, 200, ENDING_WHOLE, {"HTTP/1.0 200"}, {"chunked"}, "HTTP/1.0"},
    {"fault-trailers",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\r\n0\r\nx-trailer: after the body\r\n\r\n"},
     {0},
     "trailers"},
    {"fault-1xx-flood-50",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103"},
     {0},
     "interim answers"},
    {"fault-head-bomb-100", WHOLE, 200, ENDING_WHOLE, {"x-bomb-0000099: "}, {0}, "a huge head"},
    {"fault-extra-bytes",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"content-length: 5\r\n\r\nextra"},
     {0},
     "an answer nobody asked for"},
    {"fault-one-byte-chunks",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\r\n1\r\nd\r\n1\r\na\r\n1\r\nt\r\n1\r\na\r\n"},
     {0},
     "one byte in each chunk"},
    {"fault-split-utf8",
     STREAM,
     200,
     ENDING_WHOLE,
     {"Gr\xc3\r\n", "\r\n\xbc\xc3\x9f"},
     {0},
     "a cut inside a character"},
    {"fault-split-events",
     STREAM,
     200,
     ENDING_WHOLE,
     {"7\r\ndata: [\r\n7\r\nDONE]\n\n\r\n0\r\n\r\n"},
     {0},
     "events in two chunks"},
    {"fault-two-events-per-write",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\n\ndata: "},
     {0},
     "two events in one chunk"},
    {"fault-one-byte-writes",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"usage\""},
     {0},
     "one byte in each write"},
};

static const struct row bodies[] = {
    {"fault-gzip",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"content-encoding: gzip\r\n", "\x1f\x8b\x08"},
     {"\"usage\""},
     "gzip"},
    {"fault-empty", WHOLE, 200, ENDING_WHOLE, {"content-length: 0\r\n"}, {0}, "an empty body"},
    {"fault-empty", STREAM, 200, ENDING_WHOLE, {"\r\n\r\n0\r\n\r\n"}, {"data"}, "an empty stream"},
    {"fault-wrong-type",
     STREAM,
     200,
     ENDING_WHOLE,
     {"content-type: text/plain\r\n", "data: "},
     {0},
     "a wrong content type"},
    {"fault-malformed-event-2",
     STREAM,
     200,
     ENDING_WHOLE,
     {"this line is not what anybody expects\n\n", "[DONE]"},
     {0},
     "an event without a field"},
    {"fault-malformed-json",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"{\"id\""},
     {"\"usage\""},
     "a body of half a JSON"},
    {"fault-malformed-json-2",
     STREAM,
     200,
     ENDING_WHOLE,
     {"[DONE]"},
     {0},
     "an event of half a JSON"},
    {"fault-invalid-utf8", WHOLE, 200, ENDING_WHOLE, {"x\xffx"}, {0}, "a byte that is not UTF-8"},
    {"fault-deep-json-1000", WHOLE, 200, ENDING_WHOLE, {"[[[[]]]]"}, {0}, "nested arrays"},
    {"fault-huge-1", WHOLE, 200, ENDING_WHOLE, {"aaaaaaaaaa", "\"usage\""}, {0}, "a huge answer"},
    {"fault-huge-1", STREAM, 200, ENDING_WHOLE, {"aaaaaaaaaa", "[DONE]"}, {0}, "a huge stream"},
    {"fault-huge-event-1",
     STREAM,
     200,
     ENDING_WHOLE,
     {"aaaaaaaaaa", "[DONE]"},
     {0},
     "a huge event"},
};

static const struct row streams[] = {
    {"fault-error-in-stream-2",
     STREAM,
     200,
     ENDING_WHOLE,
     {"data: {\"error\":{\"message\""},
     {"[DONE]", "\"finish_reason\":\"stop\""},
     "an error in the stream"},
    {"fault-error-openrouter-1",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"error\":{", "\"finish_reason\":\"error\"", "[DONE]"},
     {0},
     "an error in OpenRouter's words"},
    {"fault-no-done",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"finish_reason\":\"stop\""},
     {"[DONE]"},
     "no last mark"},
    {"fault-no-finish", STREAM, 200, ENDING_WHOLE, {"[DONE]"}, {"\"stop\""}, "no finish reason"},
    {"fault-keepalive-comments",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\r\n: OPENROUTER PROCESSING\n\n"},
     {0},
     "comments between events"},
    {"fault-blank-lines-first",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\r\n\r\n\n\n{\"id\""},
     {0},
     "blank lines before a body"},
    {"fault-crlf",
     STREAM,
     200,
     ENDING_WHOLE,
     {"data: [DONE]\r\n\r\n"},
     {"}\n\n"},
     "CR LF in events"},
    {"fault-cr", STREAM, 200, ENDING_WHOLE, {"data: [DONE]\r\r"}, {"}\n"}, "CR in events"},
    {"fault-bom",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\xef\xbb\xbf"
      "data: "},
     {0},
     "a byte order mark"},
    {"fault-data-lines",
     STREAM,
     200,
     ENDING_WHOLE,
     {"data: {\ndata: \"id\""},
     {0},
     "data on two lines"},
    {"fault-no-space",
     STREAM,
     200,
     ENDING_WHOLE,
     {"data:{", "data:[DONE]"},
     {"data: "},
     "no space after data"},
    {"fault-event-fields",
     STREAM,
     200,
     ENDING_WHOLE,
     {"event: message\nid: 1\nretry: 1000\ndata: {"},
     {0},
     "event, id and retry lines"},
};

static const struct row usages[] = {
    {"fault-usage-missing", WHOLE, 200, ENDING_WHOLE, {"\"choices\""}, {"usage\":"}, "no usage"},
    {"fault-usage-always",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"choices\":[],\"usage\":{"},
     {0},
     "usage unasked"},
    {"gpt-4",
     STREAM,
     200,
     ENDING_WHOLE,
     {"[DONE]"},
     {"usage"},
     "no usage in a stream that did not ask"},
    {"fault-usage-in-choice",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":"},
     {"\"choices\":[],"},
     "usage inside a choice"},
    {"fault-usage-in-finish",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"finish_reason\":\"stop\"}],\"usage\":{"},
     {"\"choices\":[],"},
     "usage in the last chunk"},
    {"fault-usage-xgroq",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"x_groq\":{\"id\":\"req_simulated\",\"usage\":{"},
     {0},
     "usage in x_groq"},
    {"fault-usage-null-chunks",
     STREAM,
     200,
     ENDING_WHOLE,
     {"],\"usage\":null}"},
     {0},
     "null usage in chunks"},
    {"fault-usage-every-chunk",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"completion_tokens\":1,", "\"completion_tokens\":2,", "\"completion_tokens\":3,"},
     {0},
     "usage so far in each chunk"},
    {"fault-usage-cached-4",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"prompt_tokens_details\":{\"cached_tokens\":4}"},
     {0},
     "cached tokens"},
    {"fault-usage-cache-hit-4",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":"},
     {0},
     "cached tokens in DeepSeek's words"},
    {"fault-usage-cost-1500", WHOLE, 200, ENDING_WHOLE, {"\"cost\":0.0015}"}, {0}, "the cost"},
    {"fault-usage-negative",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"prompt_tokens\":-"},
     {0},
     "negative counts"},
    {"fault-usage-huge",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"completion_tokens\":36893488147419103232"},
     {0},
     "counts beyond 64 bits"},
    {"fault-usage-string",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"prompt_tokens\":\""},
     {0},
     "counts as text"},
};

static const struct row answers[] = {
    {"fault-echo",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"content\":\"Say something, please.\""},
     {0},
     "an echo"},
    {"fault-echo",
     STREAM,
     200,
     ENDING_WHOLE,
     {"{\"content\":\"Say\"}", "{\"content\":\" something,\"}", "{\"content\":\" please.\"}"},
     {0},
     "an echo, streamed by words"},
    {"fault-json",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"content\":\"{\\\"answer\\\":"},
     {0},
     "JSON as text"},
    {"fault-bad-json-answer",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"content\":\"{\\\"ans"},
     {"}\",\"refusal\""},
     "broken JSON as text"},
    {"fault-refusal",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"I'm sorry, but I can't assist"},
     {0},
     "a refusal"},
    {"fault-repeat",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"and so on and so on and so on"},
     {0},
     "repetition"},
    {"fault-empty-text",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"content\":\"\"", "\"completion_tokens\":0"},
     {0},
     "no text"},
    {"fault-null-content", WHOLE, 200, ENDING_WHOLE, {"\"content\":null"}, {0}, "null content"},
    {"fault-tokens-3",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"completion_tokens\":3,"},
     {0},
     "a given length"},
    {"fault-finish-length",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"finish_reason\":\"length\""},
     {0},
     "stopped by length"},
    {"fault-content-filter",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"finish_reason\":\"content_filter\""},
     {0},
     "stopped by a filter"},
    {"fault-reasoning-content",
     STREAM,
     200,
     ENDING_WHOLE,
     {"\"delta\":{\"reasoning_content\":\""},
     {0},
     "thoughts in DeepSeek's words"},
    {"fault-reasoning-details",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"reasoning_details\":[{\"type\":\"reasoning.text\"", "\"reasoning_tokens\":20"},
     {0},
     "thoughts in OpenRouter's words"},
    {"fault-wrong-model",
     WHOLE,
     200,
     ENDING_WHOLE,
     {"\"model\":\"another-model\""},
     {0},
     "another model"},
};

static void check_pieces(const struct row *row, const struct fleet_answer *answer)
{
    for (size_t i = 0; i < PIECES_MAX; i++) {
        if (row->has[i] != NULL && !fleet_has(&answer->raw, row->has[i])) {
            printf("# %s lacks: %s\n", row->model, row->has[i]);
            EXPECT(false);
        }
        if (row->lacks[i] != NULL && fleet_has(&answer->raw, row->lacks[i])) {
            printf("# %s has: %s\n", row->model, row->lacks[i]);
            EXPECT(false);
        }
    }
}

static void check_row(const struct row *row)
{
    struct fleet_answer answer;
    int patience_ms = row->ending == ENDING_HANG ? FLEET_HANG_MS : FLEET_DEADLINE_MS;

    tap_begin();
    fleet_chat(sim_port(fleet, 0), row->model, row->stream, patience_ms, &answer);
    EXPECT_INT(answer.ending, row->ending);
    EXPECT_INT(answer.status, row->status);
    check_pieces(row, &answer);
    if (tap_point_failed) {
        printf("# %.*s\n",
               SLICE_ARG(slice_of(answer.raw.ptr, answer.raw.len < 600 ? answer.raw.len : 600)));
    }
    tap_end(row->says);
    fleet_answer_release(&answer);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i]);
    }
}

/* --- what a row cannot say --- */

static size_t events_in(const struct fleet_answer *answer)
{
    return fleet_count(buf_slice(&answer->body), "data: {");
}

static void cuts_after_n_events(void)
{
    for (size_t n = 0; n < 6; n++) {
        char model[64];
        struct fleet_answer answer;
        (void)snprintf(model, sizeof(model), "fault-reset-mid-%zu", n);
        fleet_chat(sim_port(fleet, 0), model, true, FLEET_DEADLINE_MS, &answer);
        EXPECT_INT(answer.ending, ENDING_RESET);
        EXPECT_INT(events_in(&answer), n);
        fleet_answer_release(&answer);
        (void)snprintf(model, sizeof(model), "fault-fin-mid-%zu", n);
        fleet_chat(sim_port(fleet, 0), model, true, FLEET_DEADLINE_MS, &answer);
        EXPECT_INT(answer.ending, ENDING_FIN);
        EXPECT_INT(events_in(&answer), n);
        EXPECT(!fleet_has(&answer.raw, "\r\n0\r\n"));
        fleet_answer_release(&answer);
    }
}

static void lies_about_lengths(void)
{
    struct fleet_answer answer;
    uint64_t length = 0;

    fleet_chat(sim_port(fleet, 0), "fault-short-content-length-50", false, FLEET_DEADLINE_MS,
               &answer);
    EXPECT(slice_to_u64(fleet_header(&answer, "content-length"), &length));
    EXPECT_INT(length, answer.body.len + 50);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(fleet, 0), "fault-dup-content-length", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(fleet_count(answer.head, "content-length: "), 2);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(fleet, 0), "fault-1xx-flood-50", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(fleet_count(buf_slice(&answer.raw), "HTTP/1.1 103 Early Hints\r\n\r\n"), 50);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(fleet, 0), "fault-head-bomb-100", false, FLEET_DEADLINE_MS, &answer);
    EXPECT(answer.head.len >= 100 * 1024 && answer.head.len < 101 * 1024);
    fleet_answer_release(&answer);
}

static void never_ends(void)
{
    struct fleet_answer answer = {.raw = BUF_INIT(FLEET_BYTES_MAX)};
    int fd = fleet_connect(sim_port(fleet, 0));
    size_t total = 0;

    fleet_post(fd, "/v1/chat/completions",
               SLICE("{\"model\":\"fault-endless\",\"stream\":true,\"messages\":[]}"));
    char *into = buf_reserve(&answer.raw, 65536);
    while (total < ((size_t)8 << 20)) {
        ssize_t got = recv(fd, into, 65536, 0);
        EXPECT(got > 0);
        if (got <= 0) {
            break;
        }
        total += (size_t)got;
    }
    (void)close(fd);
    fleet_answer_release(&answer);
}

static void writes_byte_by_byte(void)
{
    struct fleet_answer slow;
    struct fleet_answer once;

    fleet_chat(sim_port(fleet, 0), "fault-drip-2000-tokens-8", false, FLEET_DEADLINE_MS, &slow);
    fleet_chat(sim_port(fleet, 0), "fault-tokens-8", false, FLEET_DEADLINE_MS, &once);
    EXPECT(slow.reads > 50);
    EXPECT(once.reads < 5);
    EXPECT(slow.raw.len > 300 && once.raw.len > 300);
    fleet_answer_release(&slow);
    fleet_answer_release(&once);
}

/* --- all of them --- */

/* Reads until the end, 4 MB, or a short silence. */
static void read_some(int fd)
{
    static char block[65536];
    size_t total = 0;

    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, FLEET_HANG_MS) <= 0) {
            return;
        }
        ssize_t got = recv(fd, block, sizeof(block), 0);
        if (got <= 0 || (total += (size_t)got) > ((size_t)4 << 20)) {
            return;
        }
    }
}

static void ask_for(uint16_t port, const char *path, struct slice behaviour, const char *members)
{
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    struct buf request = BUF_INIT(FLEET_BYTES_MAX);
    int fd = fleet_connect(port);

    buf_printf(
        &body,
        "{\"model\":\"fault-%.*s\",%s\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
        "\"f\"}}],\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"prompt\":\"x\"}",
        SLICE_ARG(behaviour), members);
    buf_printf(&request,
               "POST %s HTTP/1.1\r\nHost: u\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
               path, body.len);
    buf_append(&request, buf_slice(&body));
    fleet_send(fd, buf_slice(&request));
    read_some(fd);
    buf_release(&request);
    (void)close(fd);
    buf_release(&body);
}

/* Of two behaviours together none may do harm either: each one with its neighbour in the table. */
static void nothing_brings_it_down(void)
{
    static const char *const paths[] = {"/v1/chat/completions", "/v1/completions", "/api/chat",
                                        "/api/generate"};
    static const struct sim_profile profile = {.name = "walk"};
    const struct sim_options options = {.profiles = &profile, .count = 1, .time_divisor = 20};
    struct sim *sim = sim_start(&options, NULL);
    struct fleet_answer answer;

    EXPECT(sim != NULL);
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        char pair[128];
        const struct slice *name = &sim_behaviour_rows[i].name;
        const struct slice *next = &sim_behaviour_rows[(i + 1) % SIM_BEHAVIOURS].name;
        int len = snprintf(pair, sizeof(pair), "%.*s+%.*s", SLICE_ARG(*name), SLICE_ARG(*next));
        ask_for(sim_port(sim, 0), paths[i % ARRAY_LEN(paths)], *name, "\"stream\":true,");
        ask_for(sim_port(sim, 0), paths[(i + 1) % ARRAY_LEN(paths)], *name, "\"stream\":false,");
        ask_for(sim_port(sim, 0), paths[i % 3 == 0 ? 0 : 2], slice_of(pair, (size_t)len),
                i % 2 == 0 ? "\"stream\":true," : "\"stream\":false,");
    }
    fleet_chat(sim_port(sim, 0), "gpt-4", true, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.ending, ENDING_WHOLE);
    fleet_answer_release(&answer);
    sim_stop(sim);
}

int main(void)
{
    fleet = fleet_start(NULL);
    if (fleet == NULL) {
        return 1;
    }
    check_rows(refusals, ARRAY_LEN(refusals));
    check_rows(endings, ARRAY_LEN(endings));
    check_rows(framings, ARRAY_LEN(framings));
    check_rows(bodies, ARRAY_LEN(bodies));
    check_rows(streams, ARRAY_LEN(streams));
    check_rows(usages, ARRAY_LEN(usages));
    check_rows(answers, ARRAY_LEN(answers));
    TEST(cuts_after_n_events, "reset and FIN come after exactly so many events");
    TEST(lies_about_lengths, "lengths and floods have the size that was asked for");
    TEST(never_ends, "an endless stream goes on");
    TEST(writes_byte_by_byte, "a drip arrives in many reads");
    TEST(nothing_brings_it_down, "no behaviour, alone or with another, brings the server down");
    sim_stop(fleet);
    return tap_done();
}
