/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of a simulated provider: connections, what it records, what it tells tests.
 */
#include "tests/unit/sim/fleet.h"

#include "codec/json.h"

static struct sim *fleet;

#define HELLO                                                                                      \
    "{\"model\":\"gpt-4\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello there.\"}]}"

static uint16_t port(void)
{
    return sim_port(fleet, 0);
}

static int status_of(int fd, const char *method, const char *target, struct buf *ret_body)
{
    struct fleet_answer answer;

    fleet_request(fd, method, target);
    fleet_read(fd, &answer);
    int status = answer.ending == ENDING_WHOLE ? answer.status : -1;
    if (ret_body != NULL) {
        buf_clear(ret_body);
        buf_append(ret_body, buf_slice(&answer.body));
    }
    fleet_answer_release(&answer);
    return status;
}

static void forget(void)
{
    int fd = fleet_connect(port());

    EXPECT_INT(status_of(fd, "DELETE", "/sim/requests", NULL), 200);
    (void)close(fd);
}

static void put_behaviour(const char *chain, int status)
{
    int fd = fleet_connect(port());
    struct buf request = BUF_INIT(4096);
    struct fleet_answer answer;

    buf_printf(&request, "PUT /sim/behaviour HTTP/1.1\r\nHost: u\r\nContent-Length: %zu\r\n\r\n%s",
               strlen(chain), chain);
    fleet_send(fd, buf_slice(&request));
    fleet_read(fd, &answer);
    EXPECT_INT(answer.status, status);
    fleet_answer_release(&answer);
    buf_release(&request);
    (void)close(fd);
}

static int64_t counter(const char *name)
{
    int fd = fleet_connect(port());
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    struct json_doc doc;
    int64_t value = -1;

    json_doc_init(&doc);
    EXPECT_INT(status_of(fd, "GET", "/sim/stats", &body), 200);
    if (!json_parse(&doc, buf_slice(&body), NULL, NULL) ||
        !json_int64(&doc, json_path(&doc, JSON_ROOT, name), &value)) {
        value = -1;
    }
    json_doc_release(&doc);
    buf_release(&body);
    (void)close(fd);
    return value;
}

/* --- connections --- */

static void keeps_connections(void)
{
    int fd = fleet_connect(port());

    for (int i = 0; i < 5; i++) {
        struct fleet_answer answer;
        fleet_post(fd, "/v1/chat/completions", SLICE(HELLO));
        fleet_read(fd, &answer);
        EXPECT_INT(answer.ending, ENDING_WHOLE);
        EXPECT_INT(answer.status, 200);
        fleet_answer_release(&answer);
    }
    (void)close(fd);
}

static void answers_pipelined_requests(void)
{
    static const char three[] = "GET /v1/models HTTP/1.1\r\nHost: u\r\n\r\n"
                                "GET /api/version HTTP/1.1\r\nHost: u\r\n\r\n"
                                "GET /nosuch HTTP/1.1\r\nHost: u\r\nConnection: close\r\n\r\n";
    struct fleet_answer answer = {.raw = BUF_INIT(FLEET_BYTES_MAX)};
    int fd = fleet_connect(port());

    fleet_send(fd, slice_from_cstr(three));
    for (;;) {
        char *into = buf_reserve(&answer.raw, 65536);
        ssize_t got = recv(fd, into, 65536, 0);
        if (got <= 0) {
            break;
        }
        answer.raw.len += (size_t)got;
    }
    EXPECT_INT(fleet_count(buf_slice(&answer.raw), "HTTP/1.1 200 OK"), 2);
    EXPECT_INT(fleet_count(buf_slice(&answer.raw), "HTTP/1.1 404 "), 1);
    EXPECT(fleet_has(&answer.raw, "\"version\""));
    fleet_answer_release(&answer);
    (void)close(fd);
}

static void reads_requests_in_pieces(void)
{
    static const char request[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: u\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "10\r\n{\"model\":\"gpt-4\"\r\n"
                                  "1f;x=y\r\n,\"messages\":[{\"content\":\"hello\"\r\n"
                                  "3\r\n}]}\r\n0\r\nT: v\r\n\r\n";
    struct fleet_answer answer;
    int fd = fleet_connect(port());
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, 1, &on, sizeof(on)); /* TCP_NODELAY */
    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        fleet_send(fd, slice_of(request + i, 1));
    }
    fleet_read(fd, &answer);
    EXPECT_INT(answer.status, 200);
    fleet_answer_release(&answer);
    (void)close(fd);
}

static void says_continue(void)
{
    struct fleet_answer answer;
    int fd = fleet_connect(port());
    char interim[64];

    fleet_send(fd, SLICE("POST /v1/chat/completions HTTP/1.1\r\nHost: u\r\nExpect: 100-continue\r\n"
                         "Content-Length: 30\r\n\r\n"));
    ssize_t got = recv(fd, interim, sizeof(interim), 0);
    EXPECT(got == 25 && memcmp(interim, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0);
    fleet_send(fd, SLICE("{\"model\":\"m\",\"messages\":[]}   "));
    fleet_read(fd, &answer);
    EXPECT_INT(answer.status, 200);
    fleet_answer_release(&answer);
    (void)close(fd);
}

static void refuses_malformed_http(void)
{
    struct fleet_answer answer;
    int fd = fleet_connect(port());

    forget();
    fleet_send(fd, SLICE("POST / HTTP/1.1\r\nHost: u\r\nContent-Length: 1\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n"));
    fleet_read(fd, &answer);
    EXPECT_INT(answer.status, 400);
    EXPECT(fleet_has(&answer.raw, "Content-Length beside Transfer-Encoding"));
    EXPECT_INT(counter("malformed"), 1);
    EXPECT_INT(counter("requests"), 0);
    fleet_answer_release(&answer);
    (void)close(fd);
}

static void close_is_announced_and_done(void)
{
    struct fleet_answer answer;
    char byte;
    int fd = fleet_connect(port());

    fleet_post(fd, "/v1/chat/completions", SLICE("{\"model\":\"fault-stale\",\"messages\":[]}"));
    fleet_read(fd, &answer);
    EXPECT_INT(answer.ending, ENDING_WHOLE);
    EXPECT_INT(recv(fd, &byte, 1, 0), 0);
    fleet_answer_release(&answer);
    (void)close(fd);
}

/* --- what it tells --- */

static void records_what_came(void)
{
    struct fleet_answer answer;
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    int fd = fleet_connect(port());

    forget();
    fleet_post(fd, "/v1/chat/completions?key=secret-key-9876", SLICE(HELLO));
    fleet_read(fd, &answer);
    fleet_answer_release(&answer);
    EXPECT_INT(status_of(fd, "GET", "/sim/requests", &body), 200);
    EXPECT(
        fleet_has(&body, "\"method\":\"POST\",\"target\":\"/v1/chat/completions?key=****9876\""));
    EXPECT(fleet_has(&body, "[\"Authorization\",\"Bearer ****3456\"]"));
    EXPECT(fleet_has(&body, "\"result\":\"answered\""));
    EXPECT(fleet_has(&body, "\"body\":\"{\\\"model\\\":\\\"gpt-4\\\""));
    EXPECT(!fleet_has(&body, "sk-unit") && !fleet_has(&body, "secret-key"));
    (void)close(fd);
    buf_release(&body);
}

static void gives_back_the_bytes_of_a_body(void)
{
    struct fleet_answer answer;
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    struct json_doc doc;
    char target[64];
    int64_t number = 0;
    int fd = fleet_connect(port());

    forget();
    fleet_post(fd, "/v1/chat/completions", SLICE(" " HELLO "\n\n"));
    fleet_read(fd, &answer);
    fleet_answer_release(&answer);
    json_doc_init(&doc);
    EXPECT_INT(status_of(fd, "GET", "/sim/requests", &body), 200);
    EXPECT(json_parse(&doc, buf_slice(&body), NULL, NULL));
    uint32_t requests = json_path(&doc, JSON_ROOT, "requests");
    EXPECT(json_int64(&doc, json_path(&doc, json_first(&doc, requests), "number"), &number));
    (void)snprintf(target, sizeof(target), "/sim/requests/%lld/body", (long long)number);
    EXPECT_INT(status_of(fd, "GET", target, &body), 200);
    EXPECT_SLICE(buf_slice(&body), " " HELLO "\n\n");
    EXPECT_INT(status_of(fd, "GET", "/sim/requests/999999/body", NULL), 404);
    json_doc_release(&doc);
    (void)close(fd);
    buf_release(&body);
}

static void waits_for_requests(void)
{
    struct fleet_answer answer;
    struct fleet_answer chat;
    int waiter = fleet_connect(port());
    int client = fleet_connect(port());

    forget();
    fleet_request(waiter, "GET", "/sim/wait?requests=2");
    fleet_post(client, "/v1/chat/completions", SLICE(HELLO));
    fleet_read(client, &chat);
    fleet_answer_release(&chat);
    fleet_read_for(waiter, &answer, 20);
    EXPECT_INT(answer.ending, ENDING_HANG);
    fleet_answer_release(&answer);
    fleet_post(client, "/v1/chat/completions", SLICE(HELLO));
    fleet_read(client, &chat);
    fleet_answer_release(&chat);
    fleet_read(waiter, &answer);
    EXPECT_INT(answer.status, 200);
    EXPECT(fleet_has(&answer.body, "\"requests\":2") &&
           fleet_has(&answer.body, "\"models\":{\"gpt-4\":2}"));
    fleet_answer_release(&answer);
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?requests=3&timeout_ms=10", NULL), 408);
    (void)close(waiter);
    (void)close(client);
}

static void sees_a_client_leave(void)
{
    int waiter = fleet_connect(port());
    int client = fleet_connect(port());

    forget();
    fleet_post(client, "/v1/chat/completions", SLICE("{\"model\":\"fault-hang\",\"messages\":[]}"));
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?requests=1", NULL), 200);
    (void)close(client);
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?aborted=1", NULL), 200);
    client = fleet_connect(port());
    fleet_post(client, "/v1/chat/completions",
               SLICE("{\"model\":\"fault-event-5ms-tokens-100000\",\"stream\":true,\"messages\":"
                     "[]}"));
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?requests=2", NULL), 200);
    (void)close(client);
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?aborted=2", NULL), 200);
    (void)close(waiter);
}

static void back_pressure_holds(void)
{
    int waiter = fleet_connect(port());
    int client = fleet_connect(port());

    forget();
    fleet_post(client, "/v1/chat/completions",
               SLICE("{\"model\":\"fault-endless\",\"stream\":true,\"messages\":[]}"));
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?requests=1", NULL), 200);
    for (int i = 0; i < 50; i++) { /* nobody reads the stream, others are served */
        EXPECT_INT(status_of(waiter, "GET", "/sim/stats", NULL), 200);
    }
    (void)close(client);
    EXPECT_INT(status_of(waiter, "GET", "/sim/wait?aborted=1", NULL), 200);
    (void)close(waiter);
}

static void standing_behaviour_can_change(void)
{
    struct fleet_answer answer;

    put_behaviour("status-503", 200);
    fleet_chat(port(), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 503);
    fleet_answer_release(&answer);
    put_behaviour("nosuch", 400);
    put_behaviour("", 200);
    fleet_chat(port(), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 200);
    fleet_answer_release(&answer);
}

static void refuses_connections(void)
{
    struct fleet_answer answer;

    put_behaviour("refused-2", 200);
    for (int i = 0; i < 2; i++) {
        fleet_chat(port(), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
        EXPECT(answer.ending == ENDING_RESET || answer.ending == ENDING_FIN);
        EXPECT_INT(answer.raw.len, 0);
        fleet_answer_release(&answer);
    }
    fleet_chat(port(), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 200);
    fleet_answer_release(&answer);
    EXPECT_INT(counter("refused"), 2);
}

static void answers_early(void)
{
    struct fleet_answer answer;
    int fd = fleet_connect(port());

    put_behaviour("early-status-413", 200);
    fleet_send(fd, SLICE("POST /v1/chat/completions HTTP/1.1\r\nHost: u\r\n"
                         "Content-Length: 100000\r\n\r\n{\"model\""));
    fleet_read(fd, &answer);
    EXPECT_INT(answer.status, 413);
    EXPECT(fleet_has(&answer.raw, "connection: close\r\n"));
    fleet_answer_release(&answer);
    (void)close(fd);
    put_behaviour("", 200);
}

static void lists_behaviours(void)
{
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    int fd = fleet_connect(port());

    EXPECT_INT(status_of(fd, "GET", "/sim/behaviours", &body), 200);
    EXPECT(fleet_has(&body, "{\"name\":\"reset-mid\",\"number\":\"events\",\"default\":2,"));
    EXPECT_INT(status_of(fd, "GET", "/sim/nosuch", NULL), 404);
    (void)close(fd);
    buf_release(&body);
}

/* --- other fleets --- */

static void demands_a_key(void)
{
    static const struct sim_profile profile = {.api_key = "sk-unit-123456"};
    static const struct sim_profile other = {.api_key = "sk-other"};
    struct fleet_answer answer;
    struct sim *good = fleet_start(&profile);
    struct sim *bad = fleet_start(&other);

    fleet_chat(sim_port(good, 0), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 200);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(bad, 0), "gpt-4", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 401);
    fleet_answer_release(&answer);
    sim_stop(good);
    sim_stop(bad);
}

static void fast_answers_have_their_size(void)
{
    static const struct sim_profile profile = {
        .fast = true, .fast_body_bytes = 1500, .fast_events = 20};
    struct fleet_answer answer;
    struct sim *fast = fleet_start(&profile);

    fleet_chat(sim_port(fast, 0), "any", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.body.len, 1500);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(fast, 0), "any", true, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(fleet_count(buf_slice(&answer.body), "data: {"), 20);
    EXPECT(fleet_has(&answer.body, "data: [DONE]\n\n"));
    fleet_answer_release(&answer);
    sim_stop(fast);
}

static void rules_go_by_model(void)
{
    static const struct sim_profile profiles[] = {{.name = "one"}, {.name = "two"}};
    struct sim_options options = {
        .profiles = profiles,
        .count = 2,
        .rules = SLICE("# comment\ngpt-4* status-429 # busy\n\nexact   echo\n")};
    struct error error = {0};
    struct fleet_answer answer;
    struct sim *two = sim_start(&options, &error);

    EXPECT(two != NULL && sim_port(two, 0) != sim_port(two, 1));
    fleet_chat(sim_port(two, 0), "gpt-4o", false, FLEET_DEADLINE_MS, &answer);
    EXPECT_INT(answer.status, 429);
    fleet_answer_release(&answer);
    fleet_chat(sim_port(two, 1), "exact", false, FLEET_DEADLINE_MS, &answer);
    EXPECT(fleet_has(&answer.body, "\"content\":\"Say something, please.\""));
    fleet_answer_release(&answer);
    fleet_chat(sim_port(two, 1), "exactly", false, FLEET_DEADLINE_MS, &answer);
    EXPECT(!fleet_has(&answer.body, "\"content\":\"Say something, please.\""));
    fleet_answer_release(&answer);
    sim_stop(two);
    options.rules = SLICE("ok echo\nbad nosuch\n");
    EXPECT(sim_start(&options, &error) == NULL);
    EXPECT(strstr(error.text, "line 2") != NULL && strstr(error.text, "'nosuch'") != NULL);
}

static void bad_starts_are_errors(void)
{
    static const struct sim_profile profiles[] = {{.address = "127.0.0.1:0"},
                                                  {.address = "nowhere"}};
    struct sim_options options = {.profiles = profiles, .count = 2};
    struct error error = {0};

    EXPECT(sim_start(&options, &error) == NULL);
    EXPECT(strcmp(error.code, "address") == 0);
    options.count = 0;
    EXPECT(sim_start(&options, &error) == NULL);
    sim_stop(NULL);
}

static void stops_with_open_connections(void)
{
    struct sim *sim = fleet_start(NULL);
    int idle = fleet_connect(sim_port(sim, 0));
    int hanging = fleet_connect(sim_port(sim, 0));
    struct fleet_answer answer;

    fleet_post(hanging, "/v1/chat/completions",
               SLICE("{\"model\":\"fault-hang-mid-1\",\"stream\":true,\"messages\":[]}"));
    fleet_read_for(hanging, &answer, FLEET_HANG_MS);
    EXPECT_INT(answer.ending, ENDING_HANG);
    fleet_answer_release(&answer);
    sim_stop(sim);
    fleet_read(idle, &answer);
    EXPECT(answer.ending == ENDING_RESET || answer.ending == ENDING_FIN);
    fleet_answer_release(&answer);
    (void)close(idle);
    (void)close(hanging);
}

int main(void)
{
    fleet = fleet_start(NULL);
    if (fleet == NULL) {
        return 1;
    }
    TEST(keeps_connections, "a connection serves several requests");
    TEST(answers_pipelined_requests, "pipelined requests are answered in order");
    TEST(reads_requests_in_pieces, "a chunked request may come byte by byte");
    TEST(says_continue, "100 Continue is said when asked for");
    TEST(refuses_malformed_http, "ambiguous HTTP is refused and counted");
    TEST(close_is_announced_and_done, "a stale connection is closed behind the answer");
    TEST(records_what_came, "requests are recorded with masked credentials");
    TEST(gives_back_the_bytes_of_a_body, "the bytes of a body can be had");
    TEST(waits_for_requests, "a wait ends when the requests have come, or with 408");
    TEST(sees_a_client_leave, "a client that leaves is counted");
    TEST(back_pressure_holds, "an endless stream that nobody reads disturbs nobody");
    TEST(standing_behaviour_can_change, "the server's behaviour can be changed");
    TEST(refuses_connections, "so many connections are refused");
    TEST(answers_early, "an early answer comes before the body");
    TEST(lists_behaviours, "the table of behaviours is served");
    TEST(demands_a_key, "a key is demanded");
    TEST(fast_answers_have_their_size, "answers of the fast mode have the size asked for");
    TEST(rules_go_by_model, "rules go by the model; a bad one is an error with its line");
    TEST(bad_starts_are_errors, "a fleet that cannot start says why");
    TEST(stops_with_open_connections, "a fleet stops with connections open");
    sim_stop(fleet);
    return tap_done();
}
